import type { DutyRound, SweepFinding } from '../../contracts/sweep';
import type { Sql } from '../../contracts/sql';
import { required, textRow, textRows, toInstantOrNull } from '../control/sql-text';
import { isComingBack } from '../verification/returned-ids';

/** Days after the certificate at which everything is looked at again. @source ST-1 */
const ROUNDS = `SELECT 1 AS round, 1 AS days UNION ALL SELECT 2, 7 UNION ALL SELECT 3, 30`;
/** How many cohorts one activity looks at; the rest comes next. */
const COHORTS_MAX = 100;
const FINDINGS_MAX = 10;

/** A certified cohort that is to be looked at again. */
export interface DueSweep {
  readonly tenantId: string;
  readonly runId: string;
  readonly dueOn: string;
  readonly round: number;
}

/**
 * A later round that was clean covers the earlier ones. While other records of the tenant are being brought back
 * nobody can tell theirs from what is there again.
 */
const OPEN_ROUNDS = `
  FROM cohort_states s
  JOIN cohorts c ON c.run_id = s.run_id AND c.due_on = s.due_on
  JOIN (${ROUNDS}) k
 WHERE s.state = 'certified' AND NOT EXISTS (
   SELECT 1 FROM sweeps w WHERE w.run_id = s.run_id AND w.due_on = s.due_on
      AND w.round >= k.round AND w.outcome = 'clean')
   AND NOT EXISTS (SELECT 1 FROM cohorts b WHERE b.tenant_id = c.tenant_id AND ${isComingBack('b')})`;

/** A look that found something is repeated after a day, until it finds nothing. */
const NOT_TODAY = `NOT EXISTS (
   SELECT 1 FROM sweeps t WHERE t.run_id = s.run_id AND t.due_on = s.due_on
      AND t.swept_at > lethe_now() - INTERVAL 1 DAY)`;

/** Cohorts whose next look is due, longest waiting first; one row per cohort, its latest round. */
export async function readDueSweeps(
  sql: Sql,
): Promise<{ readonly due: readonly DueSweep[]; readonly more: boolean }> {
  const rows = await textRows(
    sql,
    `SELECT c.tenant_id, s.run_id, s.due_on, MAX(k.round) AS round ${OPEN_ROUNDS}
        AND s.at + INTERVAL k.days DAY <= lethe_now() AND ${NOT_TODAY}
      GROUP BY c.tenant_id, s.run_id, s.due_on ORDER BY MIN(s.at), s.run_id, s.due_on
      LIMIT ${COHORTS_MAX + 1}`,
  );
  const due = rows.slice(0, COHORTS_MAX).map((row) => ({
    tenantId: required(row, 'tenant_id'),
    runId: required(row, 'run_id'),
    dueOn: required(row, 'due_on'),
    round: Number(required(row, 'round')),
  }));
  return { due, more: rows.length > COHORTS_MAX };
}

/** The next instant at which a look is due, or null. */
export async function readNextSweep(sql: Sql): Promise<string | null> {
  const row = await textRow(
    sql,
    `SELECT MIN(GREATEST(s.at + INTERVAL k.days DAY, COALESCE((
         SELECT MAX(t.swept_at) + INTERVAL 1 DAY FROM sweeps t
          WHERE t.run_id = s.run_id AND t.due_on = s.due_on), s.at))) AS next
       ${OPEN_ROUNDS}`,
  );
  return toInstantOrNull(row?.['next'] ?? null);
}

/** Cohorts whose last look was not clean. */
export async function readOpenFindings(
  sql: Sql,
): Promise<{ readonly findings: readonly SweepFinding[]; readonly findingsTotal: number }> {
  const rows = await textRows(
    sql,
    `SELECT c.tenant_id, w.run_id, w.due_on, w.outcome, w.found FROM sweeps w
       JOIN cohorts c ON c.run_id = w.run_id AND c.due_on = w.due_on
      WHERE w.outcome <> 'clean' AND w.swept_at = (
        SELECT MAX(n.swept_at) FROM sweeps n WHERE n.run_id = w.run_id AND n.due_on = w.due_on)
      ORDER BY w.swept_at DESC, w.run_id, w.due_on`,
  );
  const findings = rows.slice(0, FINDINGS_MAX).map((row) => ({
    tenantId: required(row, 'tenant_id'),
    runId: required(row, 'run_id'),
    dueOn: required(row, 'due_on'),
    outcome: required(row, 'outcome') as SweepFinding['outcome'],
    found: Number(required(row, 'found')),
  }));
  return { findings, findingsTotal: rows.length };
}

/**
 * Tenants with an event that nobody closed, a hundred behind a given one by their ids: their process may have
 * ended before it was recorded. When very much comes back, the next round goes on behind them.
 */
export async function readTenantsWithStrays(sql: Sql, wokenUpTo: string): Promise<DutyRound> {
  const rows = await textRows(
    sql,
    `SELECT DISTINCT e.tenant_id FROM events e
       LEFT JOIN event_closings c ON c.tenant_id = e.tenant_id AND c.event_id = e.event_id
      WHERE e.event_kind = 'stray' AND c.event_id IS NULL AND e.tenant_id > ?
      ORDER BY e.tenant_id LIMIT ${COHORTS_MAX}`,
    [wokenUpTo],
  );
  const tenantsToWake = rows.map((row) => required(row, 'tenant_id'));
  const last = tenantsToWake[COHORTS_MAX - 1];
  const round = { tenantsToWake, nextAt: null, more: last !== undefined };
  return last === undefined ? round : { ...round, wokenUpTo: last };
}
