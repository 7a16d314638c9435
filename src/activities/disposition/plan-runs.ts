import type { Progress } from '../../contracts/activities';
import type { Sql, SqlPool } from '../../contracts/sql';
import type { RecordClass } from '../../domain/record-class';
import { derivedId, insertRow } from '../control/command-context';
import {
  required,
  textRow,
  textRows,
  toInstant,
  toSqlTime,
  type TextRow,
} from '../control/sql-text';
import { activeServices, readTenantFacts, type TenantFacts } from '../control/tenant-facts';
import { closeEvent } from './run-rows';
import { generationsOfRef, isOfArchive } from '../control/strays';

/** What planning reads and writes. */
export interface PlanPorts {
  readonly control: SqlPool;
  /** The archiver's login: reads live links. */
  readonly assets: SqlPool;
}

interface EventRow {
  readonly eventId: string;
  readonly kind: string;
  readonly ref: string;
  readonly at: string;
  readonly recordClass: RecordClass;
}

/** A run that follows from an event. */
interface Draft {
  readonly subjects: readonly string[];
  readonly eventAt: string;
  readonly cutoffAt: string | null;
  readonly generations: readonly [number, number] | null;
}

const done = (counts: Progress['counts'] = {}): Progress => ({
  done: true,
  blockedOn: null,
  counts,
});

/**
 * Plans the runs of an event, one per set of linked services, after every writer in flight has ended:
 * what is sealed next is complete.
 *
 * @idempotency run ids follow from event and subjects; a repetition finds them, and every run of the event
 * that was planned before and is not through, however much of its live data is gone by now.
 * @source AB-2, CC-2, CC-3
 */
export async function planRuns(
  ports: PlanPorts,
  input: { readonly tenantId: string; readonly eventId: string },
): Promise<{ readonly runIds: readonly string[]; readonly progress: Progress }> {
  const event = await readEvent(ports.control, input);
  if (event.kind === 'restore') return { runIds: [event.ref], progress: done() };
  if (await hasWriters(ports.control, input.tenantId)) return waitForWriters();
  const linkSets =
    event.recordClass === 'asset-basic-data'
      ? await readLinkSets(ports.assets, input.tenantId)
      : [];
  return ports.control.transaction(async (sql) => {
    await sql.execute('CALL lock_tenant(?)', [input.tenantId]);
    // A writer that began since the first look found no plan; one that begins now waits for this lock.
    if (await hasWriters(sql, input.tenantId)) return waitForWriters();
    const facts = await readTenantFacts(sql, input.tenantId);
    if (facts === null) throw new Error('an event without a tenant');
    const drafts = await draftsOf(sql, { facts, event, linkSets });
    // A run whose rows are moved has no live links any more and would not be drafted a second time.
    const runIds = new Set(await readOpenRuns(sql, input));
    for (const draft of drafts) runIds.add(await ensureRun(sql, { facts, event, draft }));
    if (runIds.size === 0) await closeEvent(sql, input.tenantId, input.eventId);
    return { runIds: [...runIds], progress: done({ runs: runIds.size }) };
  });
}

/** Runs of the event that were neither moved nor given up. */
async function readOpenRuns(
  sql: Sql,
  input: { readonly tenantId: string; readonly eventId: string },
): Promise<readonly string[]> {
  const rows = await textRows(
    sql,
    `SELECT r.run_id FROM runs r WHERE r.tenant_id = ? AND r.event_id = ? AND NOT EXISTS (
       SELECT 1 FROM run_states s WHERE s.run_id = r.run_id
          AND s.state IN ('moved', 'superseded', 'recalled'))
      ORDER BY r.generation, r.run_id`,
    [input.tenantId, input.eventId],
  );
  return rows.map((row) => required(row, 'run_id'));
}

const waitForWriters = (): { readonly runIds: readonly string[]; readonly progress: Progress } => ({
  runIds: [],
  progress: { done: false, blockedOn: 'writers', counts: {} },
});

async function readEvent(
  sql: Sql,
  input: { readonly tenantId: string; readonly eventId: string },
): Promise<EventRow> {
  const row = await textRow(sql, 'SELECT * FROM events WHERE tenant_id = ? AND event_id = ?', [
    input.tenantId,
    input.eventId,
  ]);
  if (row === null) throw new Error(`no event ${input.eventId}`);
  return {
    eventId: input.eventId,
    kind: required(row, 'event_kind'),
    ref: required(row, 'event_ref'),
    at: toInstant(required(row, 'event_at')),
    recordClass: required(row, 'record_class') as RecordClass,
  };
}

async function hasWriters(sql: Sql, tenantId: string): Promise<boolean> {
  const row = await textRow(
    sql,
    `SELECT COUNT(*) AS writers FROM attempts WHERE tenant_id = ? AND purpose = 'ingest'
       AND ended_at IS NULL AND lease_until > lethe_now()`,
    [tenantId],
  );
  return Number(row?.['writers'] ?? 1) > 0;
}

/** Distinct sets of services that live assets are linked to. */
async function readLinkSets(sql: Sql, tenantId: string): Promise<readonly (readonly string[])[]> {
  const rows: readonly TextRow[] = await textRows(
    sql,
    `SELECT DISTINCT services FROM (
       SELECT asset_id, GROUP_CONCAT(DISTINCT service ORDER BY service SEPARATOR '|') AS services
         FROM asset_links WHERE tenant_id = ? GROUP BY asset_id) AS sets ORDER BY services`,
    [tenantId],
  );
  return rows.map((row) => required(row, 'services').split('|'));
}

async function draftsOf(
  sql: Sql,
  {
    facts,
    event,
    linkSets,
  }: {
    readonly facts: TenantFacts;
    readonly event: EventRow;
    readonly linkSets: readonly (readonly string[])[];
  },
): Promise<readonly Draft[]> {
  if (event.kind === 'stray') return strayDrafts(sql, facts, event);
  if (event.recordClass !== 'asset-basic-data') return configurationDrafts(sql, facts, event);
  return assetDrafts(facts, event, linkSets);
}

/**
 * What was found counts from its discovery. Live records belong to the services of the run that found them,
 * configuration to the Feature, and what lies in the archive to everything that the tenant used.
 */
async function strayDrafts(
  sql: Sql,
  facts: TenantFacts,
  event: EventRow,
): Promise<readonly Draft[]> {
  const draft = { eventAt: event.at, cutoffAt: null, generations: null };
  const generations = generationsOfRef(event.ref);
  if (generations !== null) return [{ ...draft, subjects: ['Feature'], generations }];
  if (isOfArchive({ eventKind: event.kind, eventRef: event.ref })) {
    const used = facts.periods.map(({ subject }) => subject).filter((name) => name !== 'Feature');
    return [{ ...draft, subjects: [...new Set(used)].sort() }];
  }
  const rows = await textRows(
    sql,
    'SELECT subject FROM run_subjects WHERE run_id = ? ORDER BY subject',
    [event.ref],
  );
  const subjects = rows.map((row) => required(row, 'subject'));
  return [{ ...draft, subjects }];
}

function assetDrafts(
  facts: TenantFacts,
  event: EventRow,
  linkSets: readonly (readonly string[])[],
): readonly Draft[] {
  if (event.kind === 'request') {
    return linkSets.map((subjects) => ({
      subjects,
      eventAt: event.at,
      cutoffAt: event.at,
      generations: null,
    }));
  }
  const active = activeServices(facts);
  const service = facts.periods.find((period) => period.subscriptionId === event.ref)?.subject;
  const concerned = (subjects: readonly string[]): boolean =>
    service !== undefined && subjects.includes(service);
  return linkSets
    .filter((subjects) => concerned(subjects) && !subjects.some((name) => active.includes(name)))
    .map((subjects) => ({
      subjects,
      eventAt: lastEnd(facts, subjects) ?? event.at,
      cutoffAt: null,
      generations: null,
    }));
}

function lastEnd(facts: TenantFacts, subjects: readonly string[]): string | null {
  const ends = facts.periods.filter((period) => subjects.includes(period.subject));
  return (
    ends
      .flatMap(({ endedAt }) => (endedAt === null ? [] : [endedAt]))
      .sort()
      .at(-1) ?? null
  );
}

/** Generations up to the event that no standing run covers, in contiguous stretches. */
async function configurationDrafts(
  sql: Sql,
  facts: TenantFacts,
  event: EventRow,
): Promise<readonly Draft[]> {
  const bound = event.kind === 'request' ? '<' : '<=';
  const rows = await textRows(
    sql,
    `SELECT g.generation FROM configuration_generations g
      WHERE g.tenant_id = ? AND g.opened_at ${bound} ? AND NOT EXISTS (
        SELECT 1 FROM runs r LEFT JOIN cohort_states s
            ON s.run_id = r.run_id AND s.state = 'superseded'
         WHERE r.tenant_id = g.tenant_id AND r.record_class = 'console-configuration-data'
           AND g.generation BETWEEN r.generation_from AND r.generation_to
           AND s.run_id IS NULL AND r.event_id <> ?)
      ORDER BY g.generation`,
    [facts.tenantId, toSqlTime(event.at), event.eventId],
  );
  const stretches: [number, number][] = [];
  for (const row of rows) {
    const generation = Number(required(row, 'generation'));
    const last = stretches.at(-1);
    if (last?.[1] === generation - 1) last[1] = generation;
    else stretches.push([generation, generation]);
  }
  const subjects = event.kind === 'request' ? [] : ['Feature'];
  return stretches.map((generations) => ({
    subjects,
    eventAt: event.at,
    cutoffAt: null,
    generations,
  }));
}

async function ensureRun(
  sql: Sql,
  {
    facts,
    event,
    draft,
  }: { readonly facts: TenantFacts; readonly event: EventRow; readonly draft: Draft },
): Promise<string> {
  const parts = [...draft.subjects, ...(draft.generations ?? []).map(String)];
  const runId = derivedId('rn', facts.tenantId, event.eventId, ...parts);
  const known = await textRow(sql, 'SELECT run_id FROM runs WHERE run_id = ?', [runId]);
  if (known !== null) return runId;
  await insertRun(sql, { facts, event, draft }, runId);
  for (const subject of draft.subjects) {
    await insertRow(sql, 'run_subjects', { run_id: runId, subject });
  }
  return runId;
}

async function insertRun(
  sql: Sql,
  {
    facts,
    event,
    draft,
  }: { readonly facts: TenantFacts; readonly event: EventRow; readonly draft: Draft },
  runId: string,
): Promise<void> {
  const earlier = await textRow(
    sql,
    'SELECT COUNT(*) AS runs FROM runs WHERE tenant_id = ? AND record_class = ?',
    [facts.tenantId, event.recordClass],
  );
  const [generationFrom, generationTo] = draft.generations ?? [null, null];
  await insertRow(sql, 'runs', {
    run_id: runId,
    tenant_id: facts.tenantId,
    event_id: event.eventId,
    record_class: event.recordClass,
    event_kind: event.kind,
    event_ref: event.ref,
    event_at: toSqlTime(draft.eventAt),
    generation: Number(earlier?.['runs'] ?? 0) + 1,
    cutoff_at: draft.cutoffAt === null ? null : toSqlTime(draft.cutoffAt),
    generation_from: generationFrom,
    generation_to: generationTo,
    created_at: toSqlTime(facts.now),
  });
}
