import { CAPS, type CapName } from '../../domain/caps';
import { actor, integer, objectOf, oneOf, optional } from '../../contracts/field-checks';
import type { CapRecord, CapValue } from '../../contracts/control-reader';
import { signedDecision, type SignedBy } from '../../contracts/decisions';
import type { Sql } from '../../contracts/sql';
import { appendAgain } from './append-again';
import { withDecision } from './decisions';
import type { FreezePorts } from './freeze';
import { reasonDigest, reasonText } from './lift-freeze';
import { required, textRow, textRows, toInstant, type TextRow } from './sql-text';
import { databaseNow } from './tenant-facts';

/** Stores in which a cap is set and recorded. */
export type CapPorts = Pick<FreezePorts, 'control' | 'ledger'>;

/** A person's order to set a cap. */
export interface SetCap extends SignedBy {
  readonly cap: CapName;
  readonly amount: number;
  /** Thousandths of what there is; 0 where the cap has no share. */
  readonly share: number;
  readonly setBy: string;
  readonly reason: string;
}

const AMOUNT_MAX = 1_000_000_000_000;
const SHARE_MAX = 100_000;

/**
 * Sets a cap. Stricter takes effect at once; looser after the delay that is itself a cap, and until then
 * it is shown as pending and any later setting replaces it.
 *
 * Effect: one row, one ledger entry.
 * @idempotency the same order by the same person with the same reason adds nothing.
 * @throws LetheError INVALID_INPUT naming the field, or for values out of the cap's bounds;
 *   SIGNATURE_REQUIRED for a looser one where decisions are signed, or what is wrong with the document.
 */
export async function setCap(ports: CapPorts, order: SetCap): Promise<CapRecord> {
  objectOf({
    cap: oneOf(Object.keys(CAPS)),
    amount: integer(1, AMOUNT_MAX),
    share: integer(0, SHARE_MAX),
    setBy: actor,
    reason: reasonText,
    document: optional(signedDecision),
  })(order, '');
  const { cap, amount, share, setBy, reason, document } = order;
  await withDecision(ports, { decision: 'set-cap', subject: cap, by: setBy, document }, () =>
    ports.control.execute('CALL set_cap(?, ?, ?, ?, ?)', [cap, amount, share, setBy, reason]),
  );
  const number = await textRow(
    ports.control,
    `SELECT MAX(setting_number) AS number FROM cap_settings
      WHERE cap = ? AND amount = ? AND share = ? AND set_by = ? AND reason = ?`,
    [cap, amount, share, setBy, reason],
  );
  await proveSetting(ports, cap, Number(required(number ?? {}, 'number')));
  const known = (await readCaps(ports.control)).find((record) => record.cap === cap);
  if (known === undefined) throw new Error('a cap that was set is known');
  return known;
}

/**
 * Appends evidence of a setting of a cap.
 *
 * @idempotency the same setting is recorded once.
 */
export async function proveSetting(ports: CapPorts, cap: CapName, number: number): Promise<void> {
  const row = await textRow(
    ports.control,
    `SELECT amount, share, recorded_at, effective_at, set_by, reason FROM cap_settings
      WHERE cap = ? AND setting_number = ?`,
    [cap, number],
  );
  const { amount, share, recordedAt, effectiveAt, setBy, reason } = toValue(row ?? {});
  const details = {
    ...{ cap, amount, share, setBy, reasonDigest: reasonDigest(reason) },
    ...{ recordedAt, effectiveAt },
  };
  const act = { tenantId: null, kind: 'cap-set', subject: `${cap}/${number}`, details };
  await appendAgain(ports.ledger, act, recordedAt);
}

/** Every cap: what is in force, what is pending, and how it came about. Reading, so safe to repeat. */
export async function readCaps(sql: Sql): Promise<readonly CapRecord[]> {
  const now = await databaseNow(sql);
  const rows = await textRows(
    sql,
    `SELECT cap, setting_number, amount, share, recorded_at, effective_at, set_by, reason
       FROM cap_settings ORDER BY cap, setting_number`,
  );
  return (Object.keys(CAPS) as CapName[]).map((cap) => {
    const history = rows.filter((row) => required(row, 'cap') === cap).map(toValue);
    const newest = history.at(-1);
    return {
      cap,
      inForce: inForceAt(history, now),
      pending: newest !== undefined && newest.effectiveAt > now ? newest : null,
      history,
    };
  });
}

/** The same choice as `read_cap` makes: a setting that was replaced before it took effect never counts. */
function inForceAt(history: readonly CapValue[], now: string): CapValue | null {
  const counting = history.filter(
    (value, index) =>
      value.effectiveAt <= now &&
      !history.slice(index + 1).some((later) => later.recordedAt < value.effectiveAt),
  );
  return counting.at(-1) ?? null;
}

const toValue = (row: TextRow): CapValue => ({
  amount: Number(required(row, 'amount')),
  share: Number(required(row, 'share')),
  recordedAt: toInstant(required(row, 'recorded_at')),
  effectiveAt: toInstant(required(row, 'effective_at')),
  setBy: required(row, 'set_by'),
  reason: required(row, 'reason'),
});
