import type { SqlPool } from '../contracts/sql';
import { LetheError } from '../domain/errors';
import { formatInstant, parseInstant, type Nanoseconds } from '../domain/instants';

/** Pools that log in as the simulator, one per database that has a movable clock. */
export interface ClockPools {
  readonly control: SqlPool;
  readonly keys: SqlPool;
  readonly evidence: SqlPool;
  /** Longest wait for permits and leases to be used or to run out by themselves, in milliseconds. */
  readonly quietWaitMs?: number;
}

const PER_MICROSECOND = 1_000n;
const QUIET_WAIT_MS = 90_000;
const POLL_MS = 100;

/** What the control database's clock says, microseconds kept. */
export async function readClock(control: SqlPool): Promise<Nanoseconds> {
  const rows = await control.query(
    "SELECT DATE_FORMAT(lethe_now(), '%Y-%m-%dT%H:%i:%s.%fZ') AS instant",
  );
  return parseInstant(rows[0]?.['instant'], 'the database clock');
}

/**
 * Moves the three clocks to `target` by one common offset, so that they agree as exactly as the servers
 * do. Safe to repeat after a failure in between: a clock that stands there already stays.
 *
 * @throws LetheError NOT_PERMITTED when it would go back, or when something was permitted meanwhile;
 * PERMIT_REFUSED when a permit or a lease stays live: its holder may be acting, and moving the clock
 * would make an interlock believe that it has ended.
 */
export async function moveClocks(pools: ClockPools, target: Nanoseconds): Promise<void> {
  const before = await untilQuiet(pools);
  if (target <= before) {
    throw new LetheError('NOT_PERMITTED', 'instant is not after the clock: it never goes back', {
      field: 'instant',
    });
  }
  const offset = await offsetTo(pools.control, target);
  for (const name of ['control', 'keys', 'evidence'] as const) {
    await setOffset(pools[name], { name, offset });
  }
  if ((await liveUnder(pools, before)) > 0) {
    throw new LetheError(
      'NOT_PERMITTED',
      'a permit was issued while the clock moved; let the work settle before each step',
    );
  }
}

async function untilQuiet(pools: ClockPools): Promise<Nanoseconds> {
  for (let waited = 0; ; waited += POLL_MS) {
    const now = await readClock(pools.control);
    if ((await liveUnder(pools, now)) === 0) return now;
    if (waited >= (pools.quietWaitMs ?? QUIET_WAIT_MS)) {
      throw new LetheError('PERMIT_REFUSED', 'a permit or a lease is live; the clock stays');
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** How many permits and leases that are neither used nor ended would still be valid at `now`. */
async function liveUnder(pools: ClockPools, now: Nanoseconds): Promise<number> {
  const at = sqlTime(now);
  const open = 'used_at IS NULL AND revoked_at IS NULL AND expires_at > ?';
  const [permits, keyPermits, attempts] = await Promise.all([
    count(pools.control, `permits WHERE ${open}`, at),
    count(pools.keys, `key_permits WHERE ${open}`, at),
    count(pools.control, 'attempts WHERE ended_at IS NULL AND lease_until > ?', at),
  ]);
  return permits + keyPermits + attempts;
}

async function count(pool: SqlPool, from: string, at: string): Promise<number> {
  const rows = await pool.query(`SELECT COUNT(*) AS live FROM ${from}`, [at]);
  return Number(rows[0]?.['live']);
}

async function offsetTo(control: SqlPool, target: Nanoseconds): Promise<number> {
  const rows = await control.query(
    'SELECT TIMESTAMPDIFF(MICROSECOND, SYSDATE(6), CAST(? AS DATETIME(6))) AS microseconds',
    [sqlTime(target)],
  );
  return Number(rows[0]?.['microseconds']);
}

async function setOffset(
  pool: SqlPool,
  { name, offset }: { readonly name: string; readonly offset: number },
): Promise<void> {
  await pool.execute(
    'UPDATE simulation_clock SET offset_microseconds = ? WHERE id = 1 AND offset_microseconds < ?',
    [offset, offset],
  );
  const rows = await pool.query('SELECT offset_microseconds AS found FROM simulation_clock');
  if (rows.length === 1 && Number(rows[0]?.['found']) === offset) return;
  throw new LetheError('CLOCK_DISAGREES', `the clock of ${name} did not take the common offset`);
}

/** UTC text of a DATETIME(6) column; what is finer than a microsecond is cut off. */
function sqlTime(instant: Nanoseconds): string {
  const [whole = '', fraction = ''] = formatInstant(instant - (instant % PER_MICROSECOND))
    .replace('Z', '')
    .split('.');
  return `${whole.replace('T', ' ')}.${fraction.padEnd(6, '0')}`;
}
