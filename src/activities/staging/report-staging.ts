import { gateReport, parseHostReport } from '../../collector';
import type { SqlPool } from '../../contracts/sql';
import type { StagingWriter } from '../../contracts/stores';
import { createStagingWriter } from './staging-writer';

/**
 * Puts reports of hosts into staging, redacted: what a collector of any version left in one is not even
 * kept for the moments until it is taken in. The digest of the report is checked first, so that nothing
 * is staged that was changed on its way; the staged one has a digest of its own.
 *
 * @idempotency the same report gives the same staged text; see createStagingWriter.
 * @throws LetheError INVALID_INPUT, UNKNOWN_KIND or DIGEST_MISMATCH naming the field of the report.
 * @source SD-1
 */
export function createReportStaging(stager: SqlPool): StagingWriter {
  const writer = createStagingWriter(stager, 'host-report');
  return {
    stage: (tenantId, report) => writer.stage(tenantId, gateReport(parseHostReport(report))),
  };
}
