import { createHash } from 'node:crypto';
import {
  actor,
  integer,
  matching,
  objectOf,
  refuse,
  type Check,
} from '../../contracts/field-checks';
import type { Sql, SqlPool } from '../../contracts/sql';
import type { EvidenceLedger } from '../../contracts/stores';
import { DEFAULT_THROTTLE, type QuietHours, type Throttle } from '../../domain/pacing';
import { appendAgain } from './append-again';
import { insertRow } from './command-context';
import { required, textRow, toInstant, toSqlTime } from './sql-text';
import { databaseNow } from './tenant-facts';
import { againIfTaken } from '../taken';

/** Stores that a throttle is recorded in. */
export interface ThrottlePorts {
  readonly control: SqlPool;
  readonly ledger: EvidenceLedger;
}

/** What an operator changes; what is left out stays as it is. */
export interface SetThrottle extends Partial<Throttle> {
  readonly setBy: string;
}

/** The throttle that counts, and since when. */
export interface ThrottleInForce extends Throttle {
  /** From 1; 0: nobody has set one. */
  readonly number: number;
  readonly setAt: string | null;
  readonly setBy: string | null;
}

/** An hour behind is no replica that anybody reads from. */
const REPLICA_LAG_SECONDS_MAX = 3600;
const ROWS_PER_SECOND_MAX = 10_000_000;
const THREADS_MAX = 10_000;

const time = matching(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be HH:MM');
const zone: Check = (value, field) => {
  if (value === null) return;
  try {
    if (typeof value !== 'string') throw new TypeError();
    new Intl.DateTimeFormat('en', { timeZone: value });
  } catch {
    refuse('INVALID_ZONE', field, 'must be a time zone, for example Asia/Shanghai');
  }
};
const orNull =
  (check: Check): Check =>
  (value, field) => {
    if (value !== null) check(value, field);
  };
const boolean: Check = (value, field) => {
  if (typeof value !== 'boolean') refuse('INVALID_INPUT', field, 'must be true or false');
};
const shape = objectOf({
  paused: boolean,
  rowsPerSecondMax: orNull(integer(1, ROWS_PER_SECOND_MAX)),
  threadsRunningMax: integer(1, THREADS_MAX),
  quietHours: orNull(objectOf({ from: time, to: time, zone })),
  replicaLagMaxSeconds: integer(1, REPLICA_LAG_SECONDS_MAX),
  replicaLagResumeSeconds: integer(1, REPLICA_LAG_SECONDS_MAX),
  setBy: actor,
});

/**
 * Sets how fast live rows may be moved away; it takes effect before the next batch, in every worker. It
 * moves no deadline: what becomes late under it is late, and is warned of.
 *
 * Effect: one row in control.
 * @idempotency setting the same again adds a row that says the same.
 * Evidence: `throttle-set` with what counts from now on.
 * @throws LetheError INVALID_INPUT or INVALID_ZONE naming the field; nothing is changed then.
 */
export async function setThrottle(
  ports: ThrottlePorts,
  order: SetThrottle,
): Promise<ThrottleInForce> {
  const set = await againIfTaken(() =>
    ports.control.transaction(async (sql) => {
      const { number, ...inForce } = await readThrottle(sql);
      const next = { ...throttleOf(inForce), ...order };
      shape(next, '');
      if (next.replicaLagResumeSeconds > next.replicaLagMaxSeconds) {
        refuse(
          'INVALID_INPUT',
          'replicaLagResumeSeconds',
          'must not be above replicaLagMaxSeconds',
        );
      }
      const setAt = await databaseNow(sql);
      // Two people at once: the number is taken, and what the second changes is put over what counts then.
      await insertRow(sql, 'throttles', {
        throttle_number: number + 1,
        paused: next.paused ? 1 : 0,
        rows_per_second_max: next.rowsPerSecondMax,
        threads_running_max: next.threadsRunningMax,
        quiet_from: next.quietHours?.from ?? null,
        quiet_to: next.quietHours?.to ?? null,
        quiet_zone: next.quietHours?.zone ?? null,
        replica_lag_max_seconds: next.replicaLagMaxSeconds,
        replica_lag_resume_seconds: next.replicaLagResumeSeconds,
        set_at: toSqlTime(setAt),
        set_by: next.setBy,
      });
      return { ...next, number: number + 1, setAt };
    }),
  );
  const act = {
    ...{ tenantId: null, kind: 'throttle-set', subject: String(set.number) },
    details: evidenceOf(set),
  };
  await appendAgain(ports.ledger, act, set.setAt);
  return set;
}

/** What of a throttle in force somebody may set. */
const throttleOf = ({
  paused,
  rowsPerSecondMax,
  threadsRunningMax,
  quietHours,
  replicaLagMaxSeconds,
  replicaLagResumeSeconds,
}: Throttle): Throttle => ({
  ...{ paused, rowsPerSecondMax, threadsRunningMax, quietHours },
  ...{ replicaLagMaxSeconds, replicaLagResumeSeconds },
});

/** What the ledger takes: numbers, and the digest of the hours with their zone. */
function evidenceOf({ quietHours, ...set }: ThrottleInForce): Readonly<Record<string, unknown>> {
  return quietHours === null ? set : { ...set, quietHoursDigest: digestOfHours(quietHours) };
}

/** Digest of quiet hours with their zone, as the evidence has it. */
export function digestOfHours({ from, to, zone: where }: QuietHours): string {
  return createHash('sha256')
    .update(`${from}-${to} ${where ?? ''}`)
    .digest('hex');
}

/** The throttle that counts now. */
export async function readThrottle(sql: Sql): Promise<ThrottleInForce> {
  const row = await textRow(sql, 'SELECT * FROM throttles ORDER BY throttle_number DESC LIMIT 1');
  if (row === null) return { ...DEFAULT_THROTTLE, number: 0, setAt: null, setBy: null };
  const rate = row['rows_per_second_max'] ?? null;
  const from = row['quiet_from'] ?? null;
  const quietHours: QuietHours | null =
    from === null ? null : { from, to: required(row, 'quiet_to'), zone: row['quiet_zone'] ?? null };
  return {
    paused: required(row, 'paused') === '1',
    rowsPerSecondMax: rate === null ? null : Number(rate),
    threadsRunningMax: Number(required(row, 'threads_running_max')),
    quietHours,
    replicaLagMaxSeconds: Number(required(row, 'replica_lag_max_seconds')),
    replicaLagResumeSeconds: Number(required(row, 'replica_lag_resume_seconds')),
    number: Number(required(row, 'throttle_number')),
    setAt: toInstant(required(row, 'set_at')),
    setBy: required(row, 'set_by'),
  };
}

/** `HH:MM` of an instant in a zone. */
export const localTimeIn = (zoneName: string, instant: string): string =>
  new Intl.DateTimeFormat('en-GB', {
    timeZone: zoneName,
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).format(new Date(Date.parse(instant)));
