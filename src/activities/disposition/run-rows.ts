import type { RecordClass } from '../../domain/record-class';
import type { Sql } from '../../contracts/sql';
import { required, textRow, textRows, toInstant, toInstantOrNull } from '../control/sql-text';
import { unlessTaken } from '../taken';

/** A disposition run as recorded. */
export interface RunRow {
  readonly runId: string;
  readonly tenantId: string;
  readonly eventId: string;
  readonly recordClass: RecordClass;
  readonly eventKind: string;
  readonly eventRef: string;
  readonly eventAt: string;
  readonly generation: number;
  readonly cutoffAt: string | null;
  readonly generationFrom: number | null;
  readonly generationTo: number | null;
  readonly subjects: readonly string[];
  readonly states: ReadonlySet<string>;
}

/** Reads a run of a tenant; fails closed when it is another tenant's. */
export async function readRun(sql: Sql, tenantId: string, runId: string): Promise<RunRow> {
  const row = await textRow(sql, 'SELECT * FROM runs WHERE run_id = ? AND tenant_id = ?', [
    runId,
    tenantId,
  ]);
  if (row === null) throw new Error(`no run ${runId} of tenant ${tenantId}`);
  const subjects = await textRows(sql, 'SELECT subject FROM run_subjects WHERE run_id = ?', [
    runId,
  ]);
  const states = await textRows(sql, 'SELECT state FROM run_states WHERE run_id = ?', [runId]);
  const number = (column: string): number | null => {
    const value = row[column];
    return value === null || value === undefined ? null : Number(value);
  };
  return {
    runId,
    tenantId,
    eventId: required(row, 'event_id'),
    recordClass: required(row, 'record_class') as RecordClass,
    eventKind: required(row, 'event_kind'),
    eventRef: required(row, 'event_ref'),
    eventAt: toInstant(required(row, 'event_at')),
    generation: Number(required(row, 'generation')),
    cutoffAt: toInstantOrNull(row['cutoff_at']),
    generationFrom: number('generation_from'),
    generationTo: number('generation_to'),
    subjects: subjects.map((subject) => required(subject, 'subject')).sort(),
    states: new Set(states.map((state) => required(state, 'state'))),
  };
}

/** Records a state of a run; once. */
export async function markRun(sql: Sql, runId: string, state: string): Promise<void> {
  await unlessTaken(() =>
    sql.execute(
      `INSERT INTO run_states (run_id, state, at) SELECT ?, ?, lethe_now() FROM DUAL
      WHERE NOT EXISTS (SELECT 1 FROM run_states WHERE run_id = ? AND state = ?)`,
      [runId, state, runId, state],
    ),
  );
}

/** Records a state of a cohort; once. */
export async function markCohort(
  sql: Sql,
  cohort: { readonly runId: string; readonly dueOn: string },
  state: string,
): Promise<void> {
  await unlessTaken(() =>
    sql.execute(
      `INSERT INTO cohort_states (run_id, due_on, state, at) SELECT ?, ?, ?, lethe_now() FROM DUAL
      WHERE NOT EXISTS (SELECT 1 FROM cohort_states WHERE run_id = ? AND due_on = ? AND state = ?)`,
      [cohort.runId, cohort.dueOn, state, cohort.runId, cohort.dueOn, state],
    ),
  );
}

/** Closes an event; once. */
export async function closeEvent(sql: Sql, tenantId: string, eventId: string): Promise<void> {
  await unlessTaken(() =>
    sql.execute(
      `INSERT INTO event_closings (tenant_id, event_id, closed_at) SELECT ?, ?, lethe_now() FROM DUAL
      WHERE NOT EXISTS (SELECT 1 FROM event_closings WHERE tenant_id = ? AND event_id = ?)`,
      [tenantId, eventId, tenantId, eventId],
    ),
  );
}
