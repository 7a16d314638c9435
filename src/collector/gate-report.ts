import { BOUNDS } from '../contracts/schemas/fingerprint-fields';
import type { Fingerprint } from '../contracts/schemas/fingerprints';
import type { HostReport } from '../contracts/schemas/host-report';
import { createJsonRedaction, harmlessValue } from '../sensitive-values';
import { withDigest } from './report-digest';

/**
 * Redacts every text of a report and leaves values of variables out that are not harmless by rule,
 * whoever made it. A report in which nothing was found is the very same; another one gets a digest of
 * its own, because it is another one. Safe to repeat. @source SD-1
 */
export function gateReport(report: HostReport): HostReport {
  // A mark may be longer than what it stands for; the shortest bound holds for every text.
  const redact = createJsonRedaction(BOUNDS.name);
  const { host, fingerprints, containers, clusters, unread, collector } = report;
  const before = {
    ...{ host, containers, clusters, unread, collector },
    fingerprints: withoutValues(fingerprints),
  };
  const passed = redact(before);
  if (passed === before && before.fingerprints === fingerprints) return report;
  return withDigest({ ...report, ...passed });
}

function withoutValues(fingerprints: Fingerprint[]): Fingerprint[] {
  const passed = fingerprints.map((record): Fingerprint => {
    if (record.kind !== 'environment-variable' || record.value === null) return record;
    if (harmlessValue(record.name, record.value) !== null) return record;
    return { ...record, value: null, valueState: 'withheld' };
  });
  return passed.every((record, index) => record === fingerprints[index]) ? fingerprints : passed;
}
