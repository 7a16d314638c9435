import type { CapRecord } from '../../contracts/control-reader';
import type { Sql, SqlPool } from '../../contracts/sql';
import type { EvidenceLedger } from '../../contracts/stores';
import type { CapName, CapSetting } from '../../domain/caps';
import type { Throttle } from '../../domain/pacing';
import { proveSetting, readCaps } from '../control/caps';
import { required, textRow, textRows, toInstant, toSqlTime } from '../control/sql-text';
import { databaseNow } from '../control/tenant-facts';
import { digestOfHours, readThrottle, setThrottle } from '../control/throttle';
import {
  openTrips,
  settingInForce,
  stricterOf,
  unreadableEntries,
  type Limits,
  type SaidSetting,
  type SaidThrottle,
  type SaidTrip,
  type UnreadableEntry,
} from './limits-in-evidence';

/** A cap that the evidence knows as stricter than control does. */
export interface LostCap extends CapSetting {
  readonly cap: CapName;
  /** Highest number of a setting that the evidence knows. */
  readonly number: number;
}

/** A setting of the throttle that control has forgotten, and what of it was stricter. */
export interface LostThrottle {
  readonly number: number;
  readonly setAt: string;
  readonly stricter: Partial<Throttle>;
  /** It had other quiet hours; the evidence has their digest alone, so a person sets them again. */
  readonly hasOtherQuietHours: boolean;
}

/** What bounds destruction and its pace, which the evidence knows and control does not. */
export interface LostLimits {
  readonly caps: readonly LostCap[];
  readonly trips: readonly SaidTrip[];
  readonly throttle: LostThrottle | null;
  /** While there is one, nobody can say what else control has lost. */
  readonly unreadable: readonly UnreadableEntry[];
}

/** Stores in which limits are put back. */
interface LimitPorts {
  readonly control: SqlPool;
  readonly keys: SqlPool;
  readonly ledger: EvidenceLedger;
}

/** What the row of a cap says that was put back; nobody's words are in the evidence. */
const REASON = 'put back from the evidence after a restore';

/** Compares what the evidence says about limits with control. Reading, so safe to repeat. */
export async function lostLimits(control: Sql, limits: Limits): Promise<LostLimits> {
  const rows = await textRows(control, 'SELECT trip_id FROM breaker_trips');
  const known = new Set(rows.map((row) => row['trip_id']));
  return {
    caps: await lostCaps(control, limits.caps),
    trips: openTrips(limits).filter(({ tripId }) => !known.has(tripId)),
    throttle: limits.throttle === null ? null : await lostThrottle(control, limits.throttle),
    unreadable: unreadableEntries(limits),
  };
}

/**
 * A cap is lost when the evidence has a setting that control does not have, and what is in force here, or waits here,
 * is looser for it. One that control has stricter stays.
 */
async function lostCaps(control: Sql, said: Limits['caps']): Promise<readonly LostCap[]> {
  const now = await databaseNow(control);
  const lost: LostCap[] = [];
  for (const record of await readCaps(control)) {
    const { cap, inForce } = record;
    const settings = said.get(cap) ?? [];
    const forgotten = settings.filter((setting) => !record.history.some(isSame(setting)));
    // Without any setting nothing passes.
    if (forgotten.length === 0 || inForce === null) continue;
    const decided = settingInForce(cap, settings, now) ?? inForce;
    const { amount, share } = stricterOf(cap, decided, inForce);
    const isLooser = amount !== inForce.amount || share !== inForce.share;
    if (!isLooser && !(await isReplaced(control, record, forgotten))) continue;
    lost.push({ cap, amount, share, number: Math.max(...settings.map((one) => one.number)) });
  }
  return lost;
}

const isSame =
  (said: SaidSetting) =>
  (row: CapRecord['history'][number]): boolean =>
    (['amount', 'share', 'setBy', 'effectiveAt'] as const).every(
      (part) => row[part] === said[part],
    );

/** Whether what waits here was replaced by a setting that is forgotten. */
async function isReplaced(
  control: Sql,
  { cap, pending }: CapRecord,
  forgotten: readonly SaidSetting[],
): Promise<boolean> {
  if (pending === null) return false;
  const row = await textRow(
    control,
    'SELECT MAX(setting_number) AS number FROM cap_settings WHERE cap = ?',
    [cap],
  );
  const newest = Number(required(row ?? {}, 'number'));
  return forgotten.some(({ number }) => number >= newest);
}

async function lostThrottle(control: Sql, said: SaidThrottle): Promise<LostThrottle | null> {
  const row = await textRow(control, 'SELECT set_at FROM throttles WHERE throttle_number = ?', [
    said.number,
  ]);
  if (row !== null && toInstant(required(row, 'set_at')) === said.setAt) return null;
  const inForce = await readThrottle(control);
  const hours = inForce.quietHours === null ? null : digestOfHours(inForce.quietHours);
  const hasOtherQuietHours = said.quietHoursDigest !== null && said.quietHoursDigest !== hours;
  const stricter = stricterParts(said, inForce);
  if (Object.keys(stricter).length === 0 && !hasOtherQuietHours) return null;
  const { number, setAt } = said;
  return { number, setAt, stricter, hasOtherQuietHours };
}

function stricterParts(said: SaidThrottle, inForce: Throttle): Partial<Throttle> {
  const { paused, rowsPerSecondMax } = said;
  const bounds = ['threadsRunningMax', 'replicaLagMaxSeconds', 'replicaLagResumeSeconds'] as const;
  return {
    ...(paused && !inForce.paused ? { paused } : {}),
    ...(rowsPerSecondMax !== null && rowsPerSecondMax < (inForce.rowsPerSecondMax ?? Infinity)
      ? { rowsPerSecondMax }
      : {}),
    ...Object.fromEntries(
      bounds.filter((part) => said[part] < inForce[part]).map((part) => [part, said[part]]),
    ),
  };
}

/**
 * Puts back caps that were tightened, open trips and the stricter parts of the throttle. It never lets more pass than
 * before, so it takes nobody's signature: what was looser is set again by people.
 *
 * Effect: rows in control; trips make older permits of keys void. Evidence: `cap-set`, `throttle-set`.
 * @idempotency what is as strict already stays as it is, and a trip is there once.
 * @source AB-1, CC-4
 */
export async function replayLimits(
  ports: LimitPorts,
  lost: LostLimits,
  replayedBy: string,
): Promise<void> {
  const { control } = ports;
  for (const { cap, number, amount, share } of lost.caps) {
    await control.execute('CALL replay_cap(?, ?, ?, ?, ?, ?)', [
      ...[cap, number, amount, share, replayedBy, REASON],
    ]);
    const row = await textRow(
      control,
      'SELECT MAX(setting_number) AS number FROM cap_settings WHERE cap = ? AND reason = ?',
      [cap, REASON],
    );
    const put = row?.['number'] ?? null;
    if (put !== null) await proveSetting(ports, cap, Number(put));
  }
  for (const trip of lost.trips) {
    const { tripId, scope, cause, tenantId, runId, trippedAt } = trip;
    await control.execute('CALL replay_trip(?, ?, ?, ?, ?, ?)', [
      ...[tripId, scope, cause, tenantId, runId, toSqlTime(trippedAt)],
    ]);
  }
  if (lost.trips.length > 0) await ports.keys.execute('CALL bump_key_epoch(?)', ['global']);
  if (lost.throttle !== null) {
    await setThrottle(ports, { ...lost.throttle.stricter, setBy: replayedBy });
  }
}
