import type { Sql } from '../../contracts/sql';
import { breakerScopeOf, isStop } from '../../domain/caps';
import { isLetheError, type FailureCode, type LetheError } from '../../domain/errors';
import { tripBreaker, type BreakerPorts } from './breaker';
import type { CohortRow } from './cohort-rows';
import { required, textRow, toInstant } from './sql-text';
import { unlessTaken } from '../taken';

/** Where a run was stopped. */
export interface StoppedAt {
  readonly tenantId: string;
  readonly runId: string;
  /** Empty for a move, which spans due days. */
  readonly dueOn: string;
}

/**
 * The code with which a cap or the circuit breaker stopped a run, recorded; null when the failure is
 * another one. The run stands still: nothing of it was trimmed to fit.
 *
 * Effect: at most one row and one ledger entry an hour; unusual volume trips the breaker.
 * @idempotency a stop of the last hour is not recorded again.
 */
export async function stopOf(
  ports: BreakerPorts,
  at: StoppedAt,
  error: unknown,
): Promise<FailureCode | null> {
  if (!isLetheError(error) || !isStop(error.code)) return null;
  if (error.code === 'BREAKER_VOLUME') {
    await tripBreaker(ports, { scope: 'all', cause: 'volume', ...at });
  }
  await recordStop(ports, at, error.code);
  return error.code;
}

/** Failures of a verification that mean something is wrong, not merely away. */
const WRONG: ReadonlySet<string> = new Set([
  'VERIFICATION_FAILED',
  'DIGEST_MISMATCH',
  'ARCHIVE_INVALID',
]);

/**
 * Runs a step and trips the circuit breaker when it finds that a store is not what is on record: another
 * number of rows than was permitted, or a verification that failed. The failure itself goes on.
 *
 * @param location - where the step works; otherwise the failure's own field says it, or all is stopped.
 */
export async function tripping<T>(
  ports: BreakerPorts,
  at: StoppedAt & { readonly location: string | undefined },
  step: () => Promise<T>,
): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (isLetheError(error)) await tripFor(ports, at, error);
    throw error;
  }
}

async function tripFor(
  ports: BreakerPorts,
  { location, ...at }: StoppedAt & { readonly location: string | undefined },
  error: LetheError,
): Promise<void> {
  const cause =
    error.code === 'COUNT_MISMATCH'
      ? 'count-mismatch'
      : WRONG.has(error.code)
        ? 'verification'
        : null;
  if (cause === null) return;
  await tripBreaker(ports, { scope: breakerScopeOf(location ?? error.field), cause, ...at });
}

async function recordStop(ports: BreakerPorts, at: StoppedAt, code: FailureCode): Promise<void> {
  await unlessTaken(() =>
    ports.control.execute(
      `INSERT INTO cap_stops (run_id, due_on, code, stopped_at)
     SELECT ?, ?, ?, lethe_now() FROM DUAL WHERE NOT EXISTS (
       SELECT 1 FROM cap_stops WHERE run_id = ? AND due_on = ? AND code = ?
         AND stopped_at > lethe_now() - INTERVAL 1 HOUR)`,
      [at.runId, at.dueOn, code, at.runId, at.dueOn, code],
    ),
  );
  const row = await textRow(
    ports.control,
    'SELECT MAX(stopped_at) AS last FROM cap_stops WHERE run_id = ? AND due_on = ? AND code = ?',
    [at.runId, at.dueOn, code],
  );
  const stoppedAt = toInstant(required(row ?? {}, 'last'));
  await ports.ledger.append({
    tenantId: at.tenantId,
    kind: 'run-stopped',
    subject: `${at.runId}/${at.dueOn === '' ? 'move' : at.dueOn}/${code}/${Date.parse(stoppedAt)}`,
    details: {
      runId: at.runId,
      dueOn: at.dueOn === '' ? null : at.dueOn,
      code: code.toLowerCase().replaceAll('_', '-'),
      stoppedAt,
    },
  });
}

/** True while a freeze covers the tenant; unknown means yes. Reading, so safe to repeat. */
export async function isFrozen(control: Sql, tenantId: string): Promise<boolean> {
  const row = await textRow(
    control,
    `SELECT COUNT(*) AS freezes FROM freezes f WHERE f.scope IN ('global', ?)
       AND (SELECT COUNT(*) FROM freeze_lifts l WHERE l.freeze_id = f.freeze_id) < 2`,
    [tenantId],
  );
  return Number(row?.['freezes'] ?? 1) > 0;
}

/**
 * What stops a tenant's run until a person or the time acts: a cap that refused and has let nothing of
 * the cohort pass since, or a freeze under which something is due. Null when nothing does.
 */
export async function readStop(
  sql: Sql,
  tenantId: string,
  due: readonly Pick<CohortRow, 'runId'>[],
): Promise<string | null> {
  if (due.length > 0 && (await isFrozen(sql, tenantId))) return 'freeze';
  const row = await textRow(
    sql,
    `SELECT s.code FROM cap_stops s JOIN runs r ON r.run_id = s.run_id
      WHERE r.tenant_id = ?
        AND NOT EXISTS (SELECT 1 FROM permits p WHERE p.run_id = s.run_id AND p.due_on = s.due_on
                         AND p.issued_at > s.stopped_at)
        AND NOT EXISTS (SELECT 1 FROM run_states t WHERE t.run_id = s.run_id
                         AND t.state IN ('superseded', 'recalled'))
        AND NOT EXISTS (SELECT 1 FROM cohort_states c WHERE c.run_id = s.run_id
                         AND c.due_on = s.due_on AND c.state IN ('destroyed', 'restored', 'superseded'))
      ORDER BY s.stopped_at DESC LIMIT 1`,
    [tenantId],
  );
  const code = row?.['code'] ?? null;
  return code === 'BREAKER_VOLUME' ? 'BREAKER_OPEN' : code;
}
