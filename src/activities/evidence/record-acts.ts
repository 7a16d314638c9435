import { LetheError } from '../../domain/errors';
import {
  LEDGER_START,
  entryText,
  positionAfter,
  type EvidenceAct,
  type EvidenceClock,
  type LedgerEntry,
  type LedgerPosition,
} from '../../domain/evidence';
import type { Sql, SqlValue } from '../../contracts/sql';
import { required, textRow, textRows, toInstant, toSqlTime } from '../control/sql-text';
import { parseEntry, toPosition } from './read-ledger';
import { canonicalText, sha256 } from './text';

/** Acts of one transaction. */
export interface ActBatch {
  readonly acts: readonly EvidenceAct[];
  readonly alongside: ((sql: Sql, at: string) => Promise<void>) | undefined;
  readonly clock: EvidenceClock;
}

/** Longest text of an entry, in characters. */
const TEXT_MAX = 65_536;
/** Rows of one statement. */
const ROWS_MAX = 512;

/**
 * Appends the acts that are not in the ledger, inside the caller's transaction and in a few statements.
 *
 * @throws LetheError DIGEST_MISMATCH when one is there with other details; INVALID_INPUT when one is too
 *   long.
 */
export async function recordActs(sql: Sql, batch: ActBatch): Promise<void> {
  const distinct = distinctActs(batch.acts);
  const recorded = await readRecorded(sql, distinct);
  const unrecorded = distinct.filter((act) => {
    const earlier = recorded.get(nameOf(act));
    if (earlier === undefined) return true;
    if (earlier === null || !isSameAct(earlier, act)) throw otherDetails();
    return false;
  });
  if (unrecorded.length === 0) return;
  const { head, at } = await readPlace(sql);
  let position = head;
  const rows = unrecorded.map((act) => {
    const entry = entryOf(act, { sequence: position.sequence + 1, at, clock: batch.clock });
    const text = textOf(entry);
    position = positionAfter(position, text, sha256);
    const { sequence, hash } = position;
    return [sequence, act.tenantId, act.kind, toSqlTime(at), act.subject, text, hash];
  });
  await insertRows(sql, rows);
  await batch.alongside?.(sql, at);
}

/** Where the ledger ends and what the time is, in one look. */
async function readPlace(
  sql: Sql,
): Promise<{ readonly head: LedgerPosition; readonly at: string }> {
  const row = await textRow(
    sql,
    `SELECT lethe_now() AS instant, last.sequence, last.hash FROM (SELECT 1) AS one
       LEFT JOIN (SELECT sequence, hash FROM entries ORDER BY sequence DESC LIMIT 1) AS last
         ON TRUE`,
  );
  const place = row ?? {};
  return {
    at: toInstant(required(place, 'instant')),
    head: (place['sequence'] ?? null) === null ? LEDGER_START : toPosition(place),
  };
}

/** Instant of the evidence database. */
export async function readInstant(sql: Sql): Promise<string> {
  const row = await textRow(sql, 'SELECT lethe_now() AS instant');
  return toInstant(required(row ?? {}, 'instant'));
}

const nameOf = ({ kind, subject }: Pick<EvidenceAct, 'kind' | 'subject'>): string =>
  `${kind} ${subject}`;

function distinctActs(acts: readonly EvidenceAct[]): readonly EvidenceAct[] {
  const named = new Map<string, EvidenceAct>();
  for (const act of acts) {
    const twin = named.get(nameOf(act));
    if (twin !== undefined && !isSameAct(twin, act)) throw otherDetails();
    named.set(nameOf(act), twin ?? act);
  }
  return [...named.values()];
}

/** Earlier entries of the acts by their names; null for one that is not readable. */
async function readRecorded(
  sql: Sql,
  acts: readonly EvidenceAct[],
): Promise<ReadonlyMap<string, LedgerEntry | null>> {
  const found = new Map<string, LedgerEntry | null>();
  for (const kind of new Set(acts.map((act) => act.kind))) {
    const subjects = acts.filter((act) => act.kind === kind).map(({ subject }) => subject);
    for (const some of inPowersOfTwo(subjects)) {
      const rows = await textRows(
        sql,
        `SELECT kind, subject, entry FROM entries
          WHERE kind = ? AND subject IN (${some.map(() => '?').join(', ')})`,
        [kind, ...some],
      );
      for (const row of rows) {
        const name = { kind: required(row, 'kind'), subject: required(row, 'subject') };
        found.set(nameOf(name), parseEntry(required(row, 'entry')));
      }
    }
  }
  return found;
}

async function insertRows(sql: Sql, rows: readonly (readonly SqlValue[])[]): Promise<void> {
  for (const some of inPowersOfTwo(rows)) {
    await sql.execute(
      `INSERT INTO entries (sequence, tenant_id, kind, at, subject, entry, hash)
       VALUES ${some.map(() => '(?, ?, ?, ?, ?, ?, ?)').join(', ')}`,
      some.flat(),
    );
  }
}

/** Pieces whose lengths are few, because the server prepares one statement for each of them. */
function inPowersOfTwo<T>(items: readonly T[]): readonly (readonly T[])[] {
  const pieces: T[][] = [];
  for (let at = 0; at < items.length;) {
    let length = ROWS_MAX;
    while (length > items.length - at) length /= 2;
    pieces.push(items.slice(at, at + length));
    at += length;
  }
  return pieces;
}

const isSameAct = (a: EvidenceAct, b: EvidenceAct): boolean =>
  canonicalText([a.tenantId, a.details]) === canonicalText([b.tenantId, b.details]);

const otherDetails = (): LetheError =>
  new LetheError(
    'DIGEST_MISMATCH',
    'the act is in the ledger with other details; it is kept as it is',
    { field: 'details' },
  );

const entryOf = (
  act: EvidenceAct,
  place: Pick<LedgerEntry, 'sequence' | 'at' | 'clock'>,
): LedgerEntry => ({
  version: 1,
  ...place,
  tenantId: act.tenantId,
  kind: act.kind,
  subject: act.subject,
  details: act.details,
});

function textOf(entry: LedgerEntry): string {
  const text = entryText(entry, canonicalText);
  if (text.length <= TEXT_MAX) return text;
  throw new LetheError('INVALID_INPUT', `details must have at most ${TEXT_MAX} characters`, {
    field: 'details',
  });
}
