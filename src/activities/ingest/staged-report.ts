import { LetheError } from '../../domain/errors';
import type { StagedBody } from '../../contracts/commands';
import type { Sql } from '../../contracts/sql';
import { sha256 } from './content';

/**
 * Reads a delivered report from staging.
 *
 * @throws LetheError INVALID_INPUT when it is not there any more, is another tenant's or no report;
 * DIGEST_MISMATCH when it is not what was ordered.
 */
export async function readReport(
  control: Sql,
  tenantId: string,
  report: StagedBody,
): Promise<Buffer> {
  const rows = await control.query('SELECT staged_report(?, ?) AS body', [
    tenantId,
    report.stagingId,
  ]);
  const body = rows[0]?.['body'];
  if (!Buffer.isBuffer(body)) {
    throw new LetheError(
      'INVALID_INPUT',
      'report.stagingId names no staged report of the tenant; deliver it again',
      { field: 'report.stagingId' },
    );
  }
  if (sha256(body) !== report.digest) {
    throw new LetheError('DIGEST_MISMATCH', 'the staged report is not the one that was ordered', {
      field: 'report.digest',
    });
  }
  return body;
}

/**
 * Erases a report once the result of its scan is on record; nobody needs it any more. Only the tenant's
 * own: an order that names somebody else's body must not remove it. Safe to repeat.
 */
export async function eraseReport(
  control: Sql,
  tenantId: string,
  report: StagedBody,
): Promise<void> {
  await control.execute('CALL erase_staged_report(?, ?, ?)', [
    tenantId,
    report.stagingId,
    report.digest,
  ]);
}
