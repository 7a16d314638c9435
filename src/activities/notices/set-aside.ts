import type { SetAsideTotal } from '../../contracts/notices';
import type { Sql } from '../../contracts/sql';
import { parseInstant } from '../../domain/instants';
import { isSetAside } from '../../domain/notices';
import { insertRow } from '../control/command-context';
import { required, textRow, textRows, toInstant } from '../control/sql-text';

/** A notice that one receiver refuses for good, as people see it. */
export interface SetAsideNotice {
  readonly receiver: string;
  /** Its place in the order, by which it is delivered again. */
  readonly sequence: number;
  readonly id: string;
  readonly type: string;
  readonly tenantId: string | null;
  readonly setAsideAt: string;
  /** What the receiver answered last; null for mail. */
  readonly httpStatus: number | null;
  /** Somebody asked for it since, and it is not delivered yet. */
  readonly askedAgain: boolean;
}

/** Notices that are shown or asked for again at a time. */
const SET_ASIDE_MAX = 100;
const PER_SECOND = 1_000_000_000n;

/** The line that an attempt belongs to. */
interface Refused {
  readonly line: string;
  readonly sequence: number;
  readonly attempt: number;
}

/**
 * Sets a notice aside when it was refused often and long enough. Called in the transaction that records a
 * refusal, so the row about it and the decision are there together.
 *
 * Effect: at most one row, which moves the line on.
 * @idempotency the row has the number of the next attempt, which is taken once.
 */
export async function setAside(
  sql: Sql,
  receiver: string,
  { line, sequence, attempt }: Refused,
): Promise<boolean> {
  const rejected = await textRow(
    sql,
    `SELECT COUNT(*) AS count, MIN(attempted_at) AS first, MAX(attempted_at) AS last,
            MAX(http_status) AS http_status
       FROM notice_attempts WHERE receiver = ? AND line = ? AND sequence = ? AND notices = 1
        AND outcome = 'failed' AND reason = 'rejected'`,
    [receiver, line, sequence],
  );
  if (rejected === null) return false;
  const instant = (column: string): bigint =>
    parseInstant(toInstant(required(rejected, column)), column);
  const refusals = {
    count: Number(required(rejected, 'count')),
    overSeconds: Number((instant('last') - instant('first')) / PER_SECOND),
    setAsideInARow: await countInARow(sql, receiver, line),
  };
  if (!isSetAside(refusals)) return false;
  await insertRow(sql, 'notice_attempts', {
    receiver,
    line,
    sequence,
    attempt: attempt + 1,
    notices: 1,
    outcome: 'set-aside',
    reason: 'rejected',
    http_status: rejected['http_status'] ?? null,
    attempted_at: required(rejected, 'last'),
  });
  return true;
}

async function countInARow(sql: Sql, receiver: string, line: string): Promise<number> {
  const row = await textRow(
    sql,
    `SELECT COUNT(*) AS count FROM notice_attempts
      WHERE receiver = ? AND line = ? AND outcome = 'set-aside' AND sequence > (
        SELECT COALESCE(MAX(d.sequence), 0) FROM notice_attempts d
         WHERE d.receiver = ? AND d.line = ? AND d.outcome = 'delivered')`,
    [receiver, line, receiver, line],
  );
  return Number(row?.['count'] ?? 0);
}

/**
 * The last time that a notice was set aside, unless a replay delivered it since. A replay goes in order: what
 * it delivered at or behind the place is the notice itself or came after it, except when it was set aside there too.
 */
const IS_OUTSTANDING = `a.receiver = ? AND a.outcome = 'set-aside' AND NOT EXISTS (
    SELECT 1 FROM notice_attempts b
     WHERE b.receiver = a.receiver AND b.outcome = 'set-aside' AND b.sequence = a.sequence
       AND b.attempted_at > a.attempted_at)
  AND NOT EXISTS (
    SELECT 1 FROM notice_replays r
      JOIN notice_attempts d ON d.receiver = r.receiver AND d.line = r.replay_id
     WHERE r.receiver = a.receiver AND a.sequence BETWEEN r.from_sequence AND r.to_sequence
       AND d.outcome = 'delivered' AND d.sequence >= a.sequence AND d.attempted_at > a.attempted_at
       AND NOT EXISTS (SELECT 1 FROM notice_attempts c WHERE c.receiver = r.receiver
         AND c.line = r.replay_id AND c.sequence = a.sequence AND c.outcome = 'set-aside'))`;

/** Nothing, or how much waits for a person. Reading, so safe to repeat. */
export async function totalSetAside(sql: Sql, receiver: string): Promise<readonly SetAsideTotal[]> {
  const row = await textRow(
    sql,
    `SELECT COUNT(*) AS notices, MIN(a.attempted_at) AS since
       FROM notice_attempts a WHERE ${IS_OUTSTANDING}`,
    [receiver],
  );
  const notices = Number(row?.['notices'] ?? 0);
  if (row === null || notices === 0) return [];
  return [{ receiver, notices, since: toInstant(required(row, 'since')) }];
}

/** The first hundred notices that a receiver has set aside, in order. Reading, so safe to repeat. */
export async function readSetAside(sql: Sql, receiver: string): Promise<readonly SetAsideNotice[]> {
  const rows = await textRows(
    sql,
    `SELECT a.sequence, a.http_status, a.attempted_at, n.notice_id, n.notice_type, n.tenant_id,
            EXISTS (SELECT 1 FROM notice_replays r WHERE r.receiver = a.receiver
              AND a.sequence BETWEEN r.from_sequence AND r.to_sequence
              AND r.requested_at > a.attempted_at) AS asked
       FROM notice_attempts a
       JOIN notice_order o ON o.sequence = a.sequence
       JOIN notices n ON n.notice_id = o.notice_id
      WHERE ${IS_OUTSTANDING} ORDER BY a.sequence LIMIT ${SET_ASIDE_MAX}`,
    [receiver],
  );
  return rows.map((row) => ({
    receiver,
    sequence: Number(required(row, 'sequence')),
    id: required(row, 'notice_id'),
    type: required(row, 'notice_type'),
    tenantId: row['tenant_id'] ?? null,
    setAsideAt: toInstant(required(row, 'attempted_at')),
    httpStatus: row['http_status'] == null ? null : Number(row['http_status']),
    askedAgain: required(row, 'asked') === '1',
  }));
}
