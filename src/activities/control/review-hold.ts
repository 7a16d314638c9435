import type { ReleaseState } from '../../contracts/holds';
import { assertReview } from '../../contracts/validate-hold';
import { LetheError } from '../../domain/errors';
import { isDueForReview } from '../../domain/hold-scope';
import { refreshTenant } from './refresh-tenant';
import { insertRow } from './command-context';
import type { HoldPorts } from './holds';
import { readHold, releaseStateOf } from './read-holds';
import { textRow, toSqlTime } from './sql-text';
import { databaseNow } from './tenant-facts';

/** Somebody looked at a hold; it is needed until at least the next day of review. */
export interface ReviewHold {
  readonly holdId: string;
  readonly reviewedBy: string;
  readonly reviewOn: string;
}

/**
 * Records that somebody looked at a hold and when somebody must look again. Nothing is released by it.
 *
 * @idempotency the same person setting the same day again changes nothing.
 * @throws LetheError UNKNOWN_HOLD when it is not in force; INVALID_INPUT when the day has come already.
 * @source CC-4
 */
export async function reviewHold(ports: HoldPorts, order: ReviewHold): Promise<ReleaseState> {
  const { holdId, reviewedBy, reviewOn } = order;
  assertReview({ reviewedBy, reviewOn });
  const number = await ports.control.transaction(async (sql) => {
    const hold = await readHold(sql, holdId);
    if (hold?.release !== null) throw unknownHold();
    const now = await databaseNow(sql);
    if (isDueForReview(reviewOn, now)) {
      throw new LetheError('INVALID_INPUT', 'reviewOn must lie in the future', {
        field: 'reviewOn',
      });
    }
    const last = await textRow(
      sql,
      `SELECT review_number, reviewed_by, next_review_on FROM hold_reviews
        WHERE hold_id = ? ORDER BY review_number DESC LIMIT 1`,
      [holdId],
    );
    const known = Number(last?.['review_number'] ?? 0);
    if (last?.['reviewed_by'] === reviewedBy && last['next_review_on'] === reviewOn) return known;
    await insertRow(sql, 'hold_reviews', {
      hold_id: holdId,
      review_number: known + 1,
      reviewed_by: reviewedBy,
      reviewed_at: toSqlTime(now),
      next_review_on: reviewOn,
    });
    return known + 1;
  });
  const hold = await readHold(ports.control, holdId);
  if (hold === null) throw unknownHold();
  for (const tenantId of new Set(hold.scopes.map((scope) => scope.tenantId))) {
    await ports.ledger.append({
      tenantId,
      kind: 'hold-reviewed',
      subject: `${holdId}/${tenantId}/${number}`,
      details: { holdId, reviewedBy, reviewOn },
    });
    await refreshTenant(ports, tenantId);
  }
  return releaseStateOf(hold);
}

const unknownHold = (): LetheError =>
  new LetheError('UNKNOWN_HOLD', 'holdId names no hold in force', { field: 'holdId' });
