import type { FailingReceiver, Receiver } from '../../contracts/notices';
import type { Sql, SqlValue } from '../../contracts/sql';
import { formatInstant, parseInstant } from '../../domain/instants';
import { isFor, isNoticeKind, retryAfterSeconds, type Notice } from '../../domain/notices';
import {
  required,
  textRow,
  textRows,
  toInstant,
  toSqlTime,
  type TextRow,
} from '../control/sql-text';

/** Notices that are read at a time; with thin bodies a page has at most some hundred kilobytes. */
export const PAGE_MAX = 200;
const PER_SECOND = 1_000_000_000n;

/** What a receiver is to get next. */
export interface NextDelivery {
  /** Empty: what is new. Otherwise the replay that it belongs to. */
  readonly line: string;
  /** In order, at most a page; empty when nothing up to `passTo` is for the receiver. */
  readonly notices: readonly Notice[];
  readonly passTo: number;
  /** Number of the next attempt. */
  readonly attempt: number;
  /** The first of them may have been rejected: each is sent by itself, to know which one it is. */
  readonly alone: boolean;
  /** Since when it fails; null when it does not. */
  readonly failing: FailingReceiver | null;
}

interface Line {
  readonly id: string;
  readonly after: number;
  /** Null: to the end of the order. */
  readonly to: number | null;
}

/**
 * What a receiver gets next: first what is new, then what somebody asked to have again. Null when nothing
 * waits. Reading, so safe to repeat.
 */
export async function readNext(sql: Sql, receiver: Receiver): Promise<NextDelivery | null> {
  const fresh = await readLine(sql, receiver, { id: '', after: receiver.fromSequence, to: null });
  if (fresh !== null) return fresh;
  const replay = await readOpenReplay(sql, receiver.name);
  return replay === null ? null : readLine(sql, receiver, replay);
}

async function readLine(sql: Sql, receiver: Receiver, line: Line): Promise<NextDelivery | null> {
  const after = Math.max(line.after, await readCursor(sql, receiver.name, line.id));
  const page = await readPage(sql, after, line.to);
  const last = page.at(-1);
  const notices = page.flatMap(({ notice }) =>
    notice !== null && isFor(receiver, notice) ? [notice] : [],
  );
  const isOver = notices.length === 0 && page.length < PAGE_MAX;
  // A replay says that it is over; what is new has no end.
  if (isOver && line.to === null) return null;
  const { failing, alone } = await readFailures(sql, receiver.name, { line: line.id, after });
  return {
    line: line.id,
    notices,
    passTo: isOver ? (line.to ?? after) : (last?.sequence ?? after),
    attempt: (failing?.attempts ?? 0) + 1,
    alone,
    failing,
  };
}

/** Everything up to here was delivered, or was not for the receiver. */
async function readCursor(sql: Sql, receiver: string, line: string): Promise<number> {
  const row = await textRow(
    sql,
    `SELECT sequence FROM notice_attempts WHERE receiver = ? AND line = ? AND outcome <> 'failed'
      ORDER BY sequence DESC, attempt DESC LIMIT 1`,
    [receiver, line],
  );
  return Number(row?.['sequence'] ?? 0);
}

interface PageRow {
  readonly sequence: number;
  /** Null: of a type that this build does not know. */
  readonly notice: Notice | null;
}

/** Notices behind a place, in order. */
export async function readPage(
  sql: Sql,
  after: number,
  to: number | null,
): Promise<readonly PageRow[]> {
  const bounds: SqlValue[] = to === null ? [after] : [after, to];
  const rows = await textRows(
    sql,
    `SELECT o.sequence, n.notice_id, n.tenant_id, n.notice_type, n.at, n.data
       FROM notice_order o JOIN notices n ON n.notice_id = o.notice_id
      WHERE o.sequence > ? ${to === null ? '' : 'AND o.sequence <= ?'}
      ORDER BY o.sequence LIMIT ${PAGE_MAX}`,
    bounds,
  );
  return rows.map((row) => ({
    sequence: Number(required(row, 'sequence')),
    notice: toNotice(row),
  }));
}

function toNotice(row: TextRow): Notice | null {
  const kind = required(row, 'notice_type');
  if (!isNoticeKind(kind)) return null;
  return {
    id: required(row, 'notice_id'),
    sequence: Number(required(row, 'sequence')),
    kind,
    tenantId: row['tenant_id'] ?? null,
    at: toInstant(required(row, 'at')),
    data: JSON.parse(required(row, 'data')) as Notice['data'],
  };
}

async function readFailures(
  sql: Sql,
  receiver: string,
  { line, after }: { readonly line: string; readonly after: number },
): Promise<Pick<NextDelivery, 'failing' | 'alone'>> {
  const rows = await textRows(
    sql,
    `SELECT attempted_at, reason FROM notice_attempts
      WHERE receiver = ? AND line = ? AND sequence > ? AND outcome = 'failed'
      ORDER BY attempted_at`,
    [receiver, line, after],
  );
  const [first, last] = [rows[0], rows.at(-1)];
  if (first === undefined || last === undefined) return { failing: null, alone: false };
  const lastAt = toInstant(required(last, 'attempted_at'));
  const failing = {
    receiver,
    since: toInstant(required(first, 'attempted_at')),
    attempts: rows.length,
    reason: required(last, 'reason'),
    nextAt: (await isAskedFor(sql, receiver, required(last, 'attempted_at')))
      ? lastAt
      : laterBy(lastAt, retryAfterSeconds(rows.length)),
  };
  return { failing, alone: rows.some((row) => row['reason'] === 'rejected') };
}

/** Whoever asks for anything again wants it tried now. */
async function isAskedFor(sql: Sql, receiver: string, since: string): Promise<boolean> {
  const row = await textRow(
    sql,
    'SELECT COUNT(*) AS asked FROM notice_replays WHERE receiver = ? AND requested_at > ?',
    [receiver, since],
  );
  return Number(row?.['asked'] ?? 0) > 0;
}

/** With all its digits, so that the order of texts is the order of time. */
const laterBy = (instant: string, seconds: number): string =>
  toInstant(
    toSqlTime(formatInstant(parseInstant(instant, 'attemptedAt') + BigInt(seconds) * PER_SECOND)),
  );

async function readOpenReplay(sql: Sql, receiver: string): Promise<Line | null> {
  const row = await textRow(
    sql,
    `SELECT r.replay_id, r.from_sequence, r.to_sequence FROM notice_replays r
      WHERE r.receiver = ? AND r.from_sequence IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM notice_attempts a WHERE a.receiver = r.receiver AND a.line = r.replay_id
           AND a.outcome <> 'failed' AND a.sequence >= r.to_sequence)
      ORDER BY r.requested_at, r.replay_id LIMIT 1`,
    [receiver],
  );
  if (row === null) return null;
  return {
    id: required(row, 'replay_id'),
    after: Number(required(row, 'from_sequence')) - 1,
    to: Number(required(row, 'to_sequence')),
  };
}
