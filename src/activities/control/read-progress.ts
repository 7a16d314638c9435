import type { RunProgress } from '../../contracts/control-reader';
import type { Sql } from '../../contracts/sql';
import { estimatedEnd, isQuiet, moveBy, paceWarning, stillHolds } from '../../domain/pacing';
import { readFreezes } from './read-interlocks';
import { required, textRow, textRows, toInstant, toInstantOrNull, type TextRow } from './sql-text';
import { databaseNow } from './tenant-facts';
import { localTimeIn, readThrottle } from './throttle';

/** The present rate is that of this many seconds. */
const RATE_SECONDS = 60;

/**
 * How far the archive and the move of a tenant's runs are, from what is on record: parts, batches and
 * permits. Reading, so safe to repeat; it asks no worker and works while all of them are away.
 */
export async function readProgress(sql: Sql, tenantId: string): Promise<readonly RunProgress[]> {
  const runs = await textRows(
    sql,
    `SELECT r.run_id, r.event_at, m.sealed_at,
            (SELECT GROUP_CONCAT(s.state) FROM run_states s WHERE s.run_id = r.run_id) AS states
       FROM runs r LEFT JOIN manifests m ON m.run_id = r.run_id
      WHERE r.tenant_id = ? AND r.record_class = 'asset-basic-data'
      ORDER BY r.created_at, r.run_id`,
    [tenantId],
  );
  const now = await databaseNow(sql);
  const waitsFor = await reasonOf(sql, tenantId, now);
  const shown: RunProgress[] = [];
  for (const run of runs) {
    const states = new Set((run['states'] ?? '').split(','));
    if (states.has('superseded')) continue;
    shown.push(await progressOf(sql, { run, phase: phaseOf(run, states), now, waitsFor }));
  }
  return shown;
}

type Phase = RunProgress['phase'];

function phaseOf(run: TextRow, states: ReadonlySet<string>): Phase {
  if (states.has('moved')) return 'moved';
  if (states.has('archived')) return 'moving';
  return run['sealed_at'] === null ? 'sealing' : 'verifying';
}

async function progressOf(
  sql: Sql,
  given: {
    readonly run: TextRow;
    readonly phase: Phase;
    readonly now: string;
    readonly waitsFor: string | null;
  },
): Promise<RunProgress> {
  const { run, phase, now } = given;
  const runId = required(run, 'run_id');
  const eventAt = toInstant(required(run, 'event_at'));
  const work = phase === 'sealing' ? await sealedSoFar(sql, runId) : await movedSoFar(sql, runId);
  const isOver = phase === 'moved';
  const rate = isOver ? 0 : work.recentRows / RATE_SECONDS;
  const left = work.rowsLeft;
  const estimatedEndAt = estimatedEnd({ now, rowsLeft: left, rowsPerSecond: rate });
  const latestAt = await latestOf(sql, runId);
  const promise = { moveBy: moveBy(eventAt), latestAt };
  const warning = isOver ? null : paceWarning({ now, estimatedEndAt, ...promise });
  const stop = isOver ? null : ((await stopOfMove(sql, runId)) ?? (await waitOfMove(sql, runId)));
  const pace = { now, moveBy: promise.moveBy, rowsLeft: left, rowsPerSecond: rate };
  const holding = [given.waitsFor, stop].find((one) => one !== null && stillHolds(one, pace));
  return {
    runId,
    phase,
    rows: { done: work.rowsDone, left },
    bytes: { done: work.bytesDone, left: work.bytesLeft },
    rowsPerSecond: Math.round(rate),
    estimatedEndAt,
    ...promise,
    waitsFor: isOver ? null : (holding ?? null),
    warning,
    isLate: warning === 'too-late',
  };
}

interface Work {
  readonly rowsDone: number;
  readonly rowsLeft: number | null;
  readonly bytesDone: number;
  readonly bytesLeft: number | null;
  /** Rows of the last minute. */
  readonly recentRows: number;
}

/** While a run is sealed nobody has counted yet what is left. */
async function sealedSoFar(sql: Sql, runId: string): Promise<Work> {
  const row = await textRow(
    sql,
    `SELECT COALESCE(SUM(p.records), 0) AS records, COALESCE(SUM(p.bytes), 0) AS bytes,
            COALESCE(SUM(IF(p.finished_at > lethe_now() - INTERVAL ${RATE_SECONDS} SECOND, p.records, 0)), 0)
              AS recent
       FROM seal_parts p WHERE p.run_id = ? AND p.attempt_id = (
         SELECT n.attempt_id FROM seal_parts n WHERE n.run_id = p.run_id
          ORDER BY n.finished_at DESC, n.attempt_id LIMIT 1)`,
    [runId],
  );
  return {
    rowsDone: numberIn(row, 'records'),
    rowsLeft: null,
    bytesDone: numberIn(row, 'bytes'),
    bytesLeft: null,
    recentRows: numberIn(row, 'recent'),
  };
}

/** Bytes are those of one archive copy, shared out over the rows alike. */
async function movedSoFar(sql: Sql, runId: string): Promise<Work> {
  const totals = await textRow(
    sql,
    `SELECT (SELECT COALESCE(SUM(id_count), 0) FROM manifest_batches
              WHERE run_id = r.run_id AND due_on = '') AS total,
            (SELECT COALESCE(SUM(bytes), 0) FROM manifest_objects
              WHERE run_id = r.run_id AND copy = 'archive') AS bytes
       FROM runs r WHERE r.run_id = ?`,
    [runId],
  );
  const moved = await textRow(
    sql,
    `SELECT COALESCE(SUM(b.id_count), 0) AS moved,
            COALESCE(SUM(IF(u.used_at > lethe_now() - INTERVAL ${RATE_SECONDS} SECOND, b.id_count, 0)), 0)
              AS recent
       FROM manifest_batches b JOIN (
         SELECT location, batch_number, MAX(used_at) AS used_at FROM permits
          WHERE run_id = ? AND kind = 'move' AND used_at IS NOT NULL
          GROUP BY location, batch_number) u
         ON u.location = b.location AND u.batch_number = b.batch_number
      WHERE b.run_id = ?`,
    [runId, runId],
  );
  const total = numberIn(totals, 'total');
  const done = numberIn(moved, 'moved');
  const bytes = numberIn(totals, 'bytes');
  const bytesDone = total === 0 ? bytes : Math.round((bytes * done) / total);
  return {
    rowsDone: done,
    rowsLeft: total - done,
    bytesDone,
    bytesLeft: bytes - bytesDone,
    recentRows: numberIn(moved, 'recent'),
  };
}

const numberIn = (row: TextRow | null, column: string): number =>
  Number(required(row ?? {}, column));

/** End of the first window of the run; null before its due days are known, and under a hold. */
async function latestOf(sql: Sql, runId: string): Promise<string | null> {
  const row = await textRow(
    sql,
    `SELECT MIN(w.latest_at) AS latest_at FROM cohort_windows w
      WHERE w.run_id = ? AND w.window_number = (SELECT MAX(n.window_number) FROM cohort_windows n
        WHERE n.run_id = w.run_id AND n.due_on = w.due_on)`,
    [runId],
  );
  return toInstantOrNull(row?.['latest_at']);
}

/** The cap or breaker that stopped the move and has let nothing of it pass since. */
async function stopOfMove(sql: Sql, runId: string): Promise<string | null> {
  const row = await textRow(
    sql,
    `SELECT s.code FROM cap_stops s WHERE s.run_id = ? AND s.due_on = ''
        AND NOT EXISTS (SELECT 1 FROM permits p WHERE p.run_id = s.run_id AND p.due_on = s.due_on
              AND p.issued_at > s.stopped_at)
      ORDER BY s.stopped_at DESC LIMIT 1`,
    [runId],
  );
  if (row === null) return null;
  const code = required(row, 'code');
  // Unusual volume has tripped the breaker, and that is what stands.
  return code === 'BREAKER_VOLUME' ? 'BREAKER_OPEN' : code;
}

/** What the worker gave its place up for, when it has let nothing of the move pass since. */
async function waitOfMove(sql: Sql, runId: string): Promise<string | null> {
  const row = await textRow(
    sql,
    `SELECT w.reason FROM pace_waits w WHERE w.run_id = ?
        AND NOT EXISTS (SELECT 1 FROM permits p WHERE p.run_id = w.run_id AND p.kind = 'move'
              AND p.used_at > w.waited_at)
      ORDER BY w.waited_at DESC LIMIT 1`,
    [runId],
  );
  return row === null ? null : required(row, 'reason');
}

/** What holds the move up by order; what its worker sees is on record. */
async function reasonOf(sql: Sql, tenantId: string, now: string): Promise<string | null> {
  const freezes = await readFreezes(sql, tenantId);
  if (freezes.some(({ inForce }) => inForce)) return 'freeze';
  const { paused, quietHours } = await readThrottle(sql);
  if (paused) return 'paused';
  if (quietHours === null) return null;
  const tenant = await textRow(sql, 'SELECT zone FROM tenants WHERE tenant_id = ?', [tenantId]);
  const zone = quietHours.zone ?? required(tenant ?? {}, 'zone');
  return isQuiet(localTimeIn(zone, now), quietHours) ? 'quiet-hours' : null;
}
