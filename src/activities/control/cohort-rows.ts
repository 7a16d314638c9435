import type { RecordClass } from '../../domain/record-class';
import type { CohortState, SplitOrigin, Withheld } from '../../contracts/snapshot';
import type { Sql } from '../../contracts/sql';
import { places, required, textRows, toInstant, toInstantOrNull, type TextRow } from './sql-text';

/** A cohort with the run it belongs to, its newest window and its state. */
export interface CohortRow {
  readonly runId: string;
  readonly dueOn: string;
  readonly recordClass: RecordClass;
  readonly eventKind: 'termination' | 'feature-end' | 'request' | 'stray';
  readonly eventRef: string;
  readonly eventAt: string;
  readonly generation: number;
  readonly records: number;
  readonly newestObservedAt: string | null;
  /** From when its records were collected, as the verifier found it; null while it has not. */
  readonly oldestObservedAt: string | null;
  readonly baseEarliestAt: string | null;
  readonly windowNumber: number;
  readonly earliestAt: string | null;
  readonly deleteNotBefore: string | null;
  readonly latestAt: string | null;
  /** From when it may go without any order, because its use ended; null while it has not. */
  readonly endedNotBefore: string | null;
  /** From when an approved order for what was requested lets it go. */
  readonly requestedNotBefore: string | null;
  /** A standing request covers it that no order in force does, and nothing else lets it go. */
  readonly waitsForOrder: boolean;
  /** Rules, dates and versions of the newest window, as plain JSON. */
  readonly derivation: Readonly<Record<string, unknown>>;
  readonly because: string;
  readonly provisional: boolean;
  /** Digest of the facts that the newest window follows from; null before there is one. */
  readonly factsDigest: string | null;
  readonly state: CohortState;
  readonly subjects: readonly string[];
  /** From when it could be split, so that what no hold covers may go; null while that is of no use. */
  readonly splitNotBefore: string | null;
  /** Holds that cover everything that is left of it, as somebody found who read it. */
  readonly wholeUnder: readonly string[];
  /** Where it was split off, when it is what a hold withheld of another due day. */
  readonly splitFrom: SplitOrigin | null;
  /** What was split off from it. */
  readonly withheld: readonly Withheld[];
}

/** Later entries win: what happened to a cohort never goes back. */
const ORDER: readonly CohortState[] = [
  'sealed',
  'archived',
  'moved',
  'destroying',
  'destroyed',
  'certified',
  'restoring',
  'returned',
  'restored',
  'superseded',
];

/** States in which a cohort waits for its window. */
export const isWaiting = (state: CohortState): boolean =>
  state === 'sealed' || state === 'archived' || state === 'moved';

/** All cohorts of a tenant with their newest windows. */
export async function readCohorts(sql: Sql, tenantId: string): Promise<readonly CohortRow[]> {
  return (await readCohortsOf(sql, [tenantId])).get(tenantId) ?? [];
}

/** All cohorts of some tenants, in as many statements as those of one; tenants without any are left out. */
export async function readCohortsOf(
  sql: Sql,
  tenantIds: readonly string[],
): Promise<ReadonlyMap<string, readonly CohortRow[]>> {
  const rows = await textRows(
    sql,
    `SELECT c.tenant_id, c.run_id, c.due_on, c.records, c.newest_observed_at, c.base_earliest_at,
            (SELECT MIN(o.oldest_observed_at) FROM cohort_spans o
              WHERE o.run_id = c.run_id AND o.due_on = c.due_on) AS oldest_observed_at,
            r.record_class, r.event_kind, r.event_ref, r.event_at, r.generation,
            w.window_number, w.earliest_at, w.delete_not_before, w.latest_at, w.derivation,
            w.ended_not_before,
            (SELECT GROUP_CONCAT(u.hold_id) FROM unsplit_cohorts u
              WHERE u.run_id = c.run_id AND u.due_on = c.due_on) AS whole_under
       FROM cohorts c
       JOIN runs r ON r.run_id = c.run_id
       LEFT JOIN cohort_windows w ON w.run_id = c.run_id AND w.due_on = c.due_on
         AND w.window_number = (SELECT MAX(n.window_number) FROM cohort_windows n
                                 WHERE n.run_id = c.run_id AND n.due_on = c.due_on)
      WHERE c.tenant_id IN (${places(tenantIds)}) ORDER BY c.due_on, c.run_id`,
    tenantIds,
  );
  const cohortStates = await statesByCohort(sql, tenantIds);
  const runStates = await statesByRun(sql, tenantIds);
  const subjects = await subjectsByRun(sql, tenantIds);
  const splits = await readSplits(sql, tenantIds);
  const found = new Map<string, CohortRow[]>();
  for (const row of rows) {
    const tenantId = required(row, 'tenant_id');
    const runId = required(row, 'run_id');
    const dueOn = required(row, 'due_on');
    const own = cohortStates.get(`${runId} ${dueOn}`) ?? [];
    const cohort = toCohort(row, {
      state: newestState([...own, ...(runStates.get(runId) ?? [])]),
      subjects: subjects.get(runId) ?? [],
      ...splitsOf({ runId, dueOn }, splits),
    });
    const cohorts = found.get(tenantId);
    if (cohorts === undefined) found.set(tenantId, [cohort]);
    else cohorts.push(cohort);
  }
  return found;
}

type Beside = Pick<CohortRow, 'state' | 'subjects' | 'splitFrom' | 'withheld'>;

function toCohort(row: TextRow, beside: Beside): CohortRow {
  const derivation = JSON.parse(row['derivation'] ?? '{}') as {
    because?: string;
    provisional?: boolean;
    factsDigest?: string;
    requestedNotBefore?: string | null;
    waitsForOrder?: boolean;
    splitNotBefore?: string | null;
  } & Readonly<Record<string, unknown>>;
  return {
    runId: required(row, 'run_id'),
    dueOn: required(row, 'due_on'),
    recordClass: required(row, 'record_class') as RecordClass,
    eventKind: required(row, 'event_kind') as CohortRow['eventKind'],
    eventRef: required(row, 'event_ref'),
    eventAt: toInstant(required(row, 'event_at')),
    generation: Number(required(row, 'generation')),
    records: Number(required(row, 'records')),
    newestObservedAt: toInstantOrNull(row['newest_observed_at']),
    oldestObservedAt: toInstantOrNull(row['oldest_observed_at']),
    baseEarliestAt: toInstantOrNull(row['base_earliest_at']),
    windowNumber: Number(row['window_number'] ?? 0),
    earliestAt: toInstantOrNull(row['earliest_at']),
    deleteNotBefore: toInstantOrNull(row['delete_not_before']),
    latestAt: toInstantOrNull(row['latest_at']),
    endedNotBefore: toInstantOrNull(row['ended_not_before']),
    requestedNotBefore: derivation.requestedNotBefore ?? toInstantOrNull(row['delete_not_before']),
    waitsForOrder: derivation.waitsForOrder ?? false,
    derivation,
    because: derivation.because ?? 'AB-3',
    provisional: derivation.provisional ?? false,
    factsDigest: derivation.factsDigest ?? null,
    splitNotBefore: derivation.splitNotBefore ?? null,
    wholeUnder: splitNames(row['whole_under']),
    ...beside,
  };
}

const splitNames = (names: string | null | undefined): readonly string[] => names?.split(',') ?? [];

interface Split extends Withheld {
  readonly from: { readonly runId: string; readonly dueOn: string };
}

/** Splits that the verifier found good and that withheld something, whatever became of it since. */
async function readSplits(sql: Sql, tenantIds: readonly string[]): Promise<readonly Split[]> {
  const rows = await textRows(
    sql,
    `SELECT s.run_id, s.due_on, s.hold_id, s.withheld_run_id, s.split_at,
            (SELECT MAX(v.withheld) FROM split_verdicts v WHERE v.run_id = s.run_id
              AND v.due_on = s.due_on AND v.hold_id = s.hold_id) AS records
       FROM cohort_splits s WHERE s.tenant_id IN (${places(tenantIds)}) AND s.withheld_run_id IS NOT NULL
      ORDER BY s.split_at, s.hold_id`,
    tenantIds,
  );
  return rows.map((row) => ({
    from: { runId: required(row, 'run_id'), dueOn: required(row, 'due_on') },
    runId: required(row, 'withheld_run_id'),
    holdId: required(row, 'hold_id'),
    splitAt: toInstant(required(row, 'split_at')),
    records: Number(row['records'] ?? 0),
  }));
}

function splitsOf(
  { runId, dueOn }: { readonly runId: string; readonly dueOn: string },
  splits: readonly Split[],
): Pick<CohortRow, 'splitFrom' | 'withheld'> {
  const origin = splits.find((split) => split.runId === runId && split.from.dueOn === dueOn);
  return {
    splitFrom:
      origin === undefined
        ? null
        : { runId: origin.from.runId, holdId: origin.holdId, splitAt: origin.splitAt },
    withheld: splits
      .filter(({ from, records }) => from.runId === runId && from.dueOn === dueOn && records > 0)
      .map(({ runId: withheldRun, holdId, splitAt, records }) => ({
        ...{ runId: withheldRun, holdId, splitAt, records },
      })),
  };
}

function newestState(all: readonly string[]): CohortState {
  // The key had gone before the tenant came back: the restore was too late and the end is finished.
  const states = all.includes('irrevocable')
    ? ['destroying', ...all.filter((state) => state === 'destroyed' || state === 'certified')]
    : all;
  const indexes = states.map((state) => ORDER.indexOf(state as CohortState));
  return ORDER[Math.max(0, ...indexes)] ?? 'sealed';
}

async function statesByCohort(
  sql: Sql,
  tenantIds: readonly string[],
): Promise<Map<string, string[]>> {
  const rows = await textRows(
    sql,
    `SELECT s.run_id, s.due_on, s.state FROM cohort_states s
       JOIN cohorts c ON c.run_id = s.run_id AND c.due_on = s.due_on WHERE c.tenant_id IN (${places(tenantIds)})`,
    tenantIds,
  );
  return grouped(rows, (row) => `${required(row, 'run_id')} ${required(row, 'due_on')}`, 'state');
}

async function statesByRun(sql: Sql, tenantIds: readonly string[]): Promise<Map<string, string[]>> {
  const rows = await textRows(
    sql,
    `SELECT s.run_id, s.state FROM run_states s JOIN runs r ON r.run_id = s.run_id
      WHERE r.tenant_id IN (${places(tenantIds)}) AND s.state IN ('archived', 'moved', 'superseded')`,
    tenantIds,
  );
  return grouped(rows, (row) => required(row, 'run_id'), 'state');
}

async function subjectsByRun(
  sql: Sql,
  tenantIds: readonly string[],
): Promise<Map<string, string[]>> {
  const rows = await textRows(
    sql,
    `SELECT s.run_id, s.subject FROM run_subjects s JOIN runs r ON r.run_id = s.run_id
      WHERE r.tenant_id IN (${places(tenantIds)}) ORDER BY s.subject`,
    tenantIds,
  );
  return grouped(rows, (row) => required(row, 'run_id'), 'subject');
}

function grouped(
  rows: readonly TextRow[],
  keyOf: (row: TextRow) => string,
  column: string,
): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const row of rows) {
    const group = groups.get(keyOf(row)) ?? [];
    group.push(required(row, column));
    groups.set(keyOf(row), group);
  }
  return groups;
}
