import type { EvidenceLedger } from '../../contracts/stores';
import type { Sql } from '../../contracts/sql';
import { LetheError } from '../../domain/errors';
import { TAKEN_OUT, type Takeable, type TakenOut } from '../../domain/taken-out';
import { required, textRows } from '../control/sql-text';
import { parseEntry } from './read-ledger';

/** Who takes what of which due day out; the id names the act. */
export interface TakingOut {
  readonly tenantId: string;
  readonly runId: string;
  readonly dueOn: string;
  readonly actId: string;
  readonly what: Takeable;
  readonly takenBy: string;
}

/**
 * Puts on record that something is about to be taken out of the archive. Whoever takes it reads the key once
 * more afterwards, so that what is outside when a key ends was on record before its end.
 *
 * Effect: one ledger entry.
 * @idempotency the act's id names the entry.
 */
export async function recordTakingOut(
  ledger: EvidenceLedger,
  { tenantId, runId, dueOn, actId, what, takenBy }: TakingOut,
): Promise<void> {
  await ledger.append({
    tenantId,
    kind: TAKEN_OUT,
    subject: `${runId}/${dueOn}/${actId}`,
    details: { runId, dueOn, what, takenBy },
  });
}

/**
 * What was taken out under some keys of cohorts, in the order of the ledger. Reading, so safe to repeat.
 *
 * @throws LetheError DIGEST_MISMATCH when an entry is not readable.
 */
export async function readTakenOut(
  evidence: Sql,
  tenantId: string,
  keyRefs: readonly string[],
): Promise<readonly TakenOut[]> {
  const found: TakenOut[] = [];
  for (const keyRef of keyRefs) {
    const [kind, runId = '', dueOn = ''] = keyRef.split(':');
    if (kind !== 'asset') continue;
    const rows = await textRows(
      evidence,
      `SELECT entry FROM entries
        WHERE kind = ? AND subject >= ? AND subject < ? AND tenant_id = ? ORDER BY sequence`,
      [TAKEN_OUT, `${runId}/${dueOn}/`, `${runId}/${dueOn}0`, tenantId],
    );
    found.push(...rows.map((row) => toTakenOut(required(row, 'entry'))));
  }
  return found;
}

function toTakenOut(text: string): TakenOut {
  const entry = parseEntry(text);
  if (entry === null) throw new LetheError('DIGEST_MISMATCH', 'a ledger entry is not readable');
  const { what, takenBy } = entry.details;
  return { what: what as Takeable, at: entry.at, takenBy: String(takenBy) };
}
