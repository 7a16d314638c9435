import type { SqlPool } from '../../contracts/sql';
import type { EvidenceLedger } from '../../contracts/stores';
import { DUE_FOR_REVIEW, IN_FORCE, REVIEW_ON } from '../control/read-holds';
import { required, textRow, textRows } from '../control/sql-text';

/** How many holds one round reminds of; the rest comes with the next one. */
const HOLDS_MAX = 500;
/** Processes are told on the day itself and on the next one; later they have read it long ago. */
const TOLD_FOR = 'INTERVAL 2 DAY';

/**
 * Puts every hold in force whose day of review has come into the evidence, once for each such day. Nothing
 * is released by it, and nothing is kept longer.
 *
 * @returns tenants whose process should read the facts again, so that it shows the reminder.
 * @idempotency an entry that is there is not made again.
 * @source CC-4
 */
export async function remindOfReviews(ports: {
  readonly control: SqlPool;
  readonly ledger: EvidenceLedger;
}): Promise<readonly string[]> {
  const rows = await textRows(
    ports.control,
    `SELECT DISTINCT h.hold_id, s.tenant_id, ${REVIEW_ON} AS review_on,
            ${REVIEW_ON} > DATE_FORMAT(lethe_now() - ${TOLD_FOR}, '%Y-%m-%d') AS is_new
       FROM holds h JOIN hold_scopes s ON s.hold_id = h.hold_id
      WHERE ${IN_FORCE} AND ${DUE_FOR_REVIEW}
      ORDER BY review_on DESC, h.hold_id, s.tenant_id LIMIT ${HOLDS_MAX}`,
  );
  for (const row of rows) {
    const holdId = required(row, 'hold_id');
    const tenantId = required(row, 'tenant_id');
    const reviewOn = required(row, 'review_on');
    await ports.ledger.append({
      tenantId,
      kind: 'hold-review-due',
      subject: `${holdId}/${tenantId}/${reviewOn}`,
      details: { holdId, reviewOn },
    });
  }
  const fresh = rows.filter((row) => row['is_new'] === '1');
  return [...new Set(fresh.map((row) => required(row, 'tenant_id')))];
}

/** The next day on which a hold is to be reviewed, as its first instant in UTC; null when there is none. */
export async function readNextReview(control: SqlPool): Promise<string | null> {
  const row = await textRow(
    control,
    `SELECT MIN(${REVIEW_ON}) AS next FROM holds h WHERE ${IN_FORCE} AND NOT (${DUE_FOR_REVIEW})`,
  );
  const next = row?.['next'] ?? null;
  return next === null ? null : `${next}T00:00:00.000000Z`;
}
