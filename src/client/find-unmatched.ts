import {
  WorkflowNotFoundError,
  type WorkflowClient,
  type WorkflowExecutionDescription,
} from '@temporalio/client';
import type { ControlReader } from '../contracts/control-reader';
import type { Unmatched, UnmatchedReport } from '../contracts/unmatched';
import { SWEEP_WORKFLOW_ID } from '../contracts/sweep';
import {
  holdOfProcess,
  holdWorkflowId,
  lifecycleWorkflowId,
  parseId,
  tenantOfLifecycle,
} from '../domain/identifiers';

/** What comparing reads. */
export interface UnmatchedPorts {
  readonly workflows: WorkflowClient;
  readonly control: Pick<ControlReader, 'status' | 'listTenants' | 'hold' | 'listHoldsInForce'>;
}

/** Ids that one page of control and one question to the engine hold. */
const PAGE = 100;
/** More is not kept in memory; whoever sees so many has one cause to look for. */
const FOUND_MAX = 500;

const LIFECYCLE = 'tenantLifecycle';
const HOLD = 'holdPlacement';

/**
 * Compares the registry of tenants and the holds in force with the open processes, both ways. The list of
 * processes is behind the truth for a moment, so what it lacks or has too much is looked up by name before
 * it is reported, and control is asked after the engine.
 *
 * Bounds: one page of ids in memory, at most 500 findings.
 * @idempotency it only reads.
 * @throws whatever the engine or control answers with.
 */
export async function findUnmatched(ports: UnmatchedPorts): Promise<UnmatchedReport> {
  const found: Unmatched[] = [];
  const counts = { tenants: 0, processes: 0, holds: 0 };
  const looks = [
    tenantsWithoutProcess(ports, counts),
    processesWithoutTenant(ports, counts),
    holdsWithoutProcess(ports, counts),
    holdProcessesWithoutHold(ports, counts),
    sweepWithoutProcess(ports),
  ];
  for (const look of looks) {
    for await (const one of look) {
      if (found.length === FOUND_MAX) return { ...counts, unmatched: found, complete: false };
      found.push(one);
    }
  }
  return { ...counts, unmatched: found, complete: true };
}

type Counts = { -readonly [K in 'tenants' | 'processes' | 'holds']: number };

async function* tenantsWithoutProcess(
  { workflows, control }: UnmatchedPorts,
  counts: Counts,
): AsyncGenerator<Unmatched> {
  for await (const tenantIds of pagesOf((page) => tenantPage(control, page))) {
    counts.tenants += tenantIds.length;
    const listed = await openAmong(workflows, LIFECYCLE, tenantIds.map(lifecycleOf));
    for (const tenantId of tenantIds) {
      if (listed.has(lifecycleOf(tenantId))) continue;
      const one = await lookUpTenant({ workflows, control }, tenantId);
      if (one !== null) yield one;
    }
  }
}

async function lookUpTenant(
  { workflows, control }: UnmatchedPorts,
  tenantId: string,
): Promise<Unmatched | null> {
  const workflowId = lifecycleOf(tenantId);
  const described = await describe(workflows, workflowId);
  const taken = described !== null && isOpen(described);
  if (taken && described.type === LIFECYCLE) return null;
  const status = await control.status(tenantId);
  if (status === null || status.ended) return null;
  return { kind: taken ? 'name-taken' : 'tenant-without-process', id: tenantId, workflowId };
}

async function* processesWithoutTenant(
  { workflows, control }: UnmatchedPorts,
  counts: Counts,
): AsyncGenerator<Unmatched> {
  for await (const { workflowId, startTime } of openOf(workflows, LIFECYCLE)) {
    counts.processes += 1;
    const tenantId = tenantOfLifecycle(workflowId);
    const status = tenantId === null ? null : await control.status(tenantId);
    if (status !== null && !status.ended) continue;
    // One that works is about to accept its first command, or to end.
    const isOld = status === null && isLongAgo(startTime);
    if (!(await isLeftOver(workflows, workflowId, isOld))) continue;
    if (tenantId === null) yield { kind: 'process-of-no-tenant', id: null, workflowId };
    else {
      const kind = status === null ? 'process-of-unknown-tenant' : 'process-of-ended-tenant';
      yield { kind, id: tenantId, workflowId };
    }
  }
}

async function* holdsWithoutProcess(
  { workflows, control }: UnmatchedPorts,
  counts: Counts,
): AsyncGenerator<Unmatched> {
  for await (const holdIds of pagesOf((page) => holdPage(control, page))) {
    counts.holds += holdIds.length;
    const listed = await openAmong(workflows, HOLD, holdIds.map(processOfHold));
    for (const holdId of holdIds) {
      const workflowId = processOfHold(holdId);
      if (listed.has(workflowId)) continue;
      const described = await describe(workflows, workflowId);
      if (described?.type === HOLD && isOpen(described)) continue;
      if ((await control.hold(holdId))?.release !== null) continue;
      yield { kind: 'hold-without-process', id: holdId, workflowId };
    }
  }
}

async function* holdProcessesWithoutHold(
  { workflows, control }: UnmatchedPorts,
  counts: Counts,
): AsyncGenerator<Unmatched> {
  for await (const { workflowId } of openOf(workflows, HOLD)) {
    counts.processes += 1;
    const holdId = holdOfProcess(workflowId);
    const hold = holdId === null ? null : await control.hold(holdId);
    if (hold?.release === null) continue;
    // One that works is placing its hold, however long that takes, or telling tenants of the release.
    if (!(await isLeftOver(workflows, workflowId, false))) continue;
    yield { kind: 'hold-process-without-hold', id: holdId, workflowId };
  }
}

async function* sweepWithoutProcess({ workflows }: UnmatchedPorts): AsyncGenerator<Unmatched> {
  if (!(await isOpenNow(workflows, SWEEP_WORKFLOW_ID))) {
    yield { kind: 'sweep-without-process', id: null, workflowId: SWEEP_WORKFLOW_ID };
  }
}

interface Page {
  readonly ids: readonly string[];
  readonly next: string | null;
}
type Paging = { readonly after?: string; readonly limit: number };

const tenantPage = async (control: UnmatchedPorts['control'], page: Paging): Promise<Page> => {
  const { tenantIds, next } = await control.listTenants(page);
  return { ids: tenantIds, next };
};
const holdPage = async (control: UnmatchedPorts['control'], page: Paging): Promise<Page> => {
  const { holdIds, next } = await control.listHoldsInForce(page);
  return { ids: holdIds, next };
};

async function* pagesOf(read: (page: Paging) => Promise<Page>): AsyncGenerator<readonly string[]> {
  for (let after: string | null = null; ;) {
    const page: Page = await read({ limit: PAGE, ...(after !== null && { after }) });
    yield page.ids;
    after = page.next;
    if (after === null) return;
  }
}

/** Open processes of a kind, page by page as they are read. */
const openOf = (workflows: WorkflowClient, type: string): ReturnType<WorkflowClient['list']> =>
  workflows.list({ query: ofType(type), pageSize: PAGE });

async function openAmong(
  workflows: WorkflowClient,
  type: string,
  names: readonly string[],
): Promise<ReadonlySet<string>> {
  const open = new Set<string>();
  if (names.length === 0) return open;
  // Ids come from control and hold letters, digits, `_` and `:` only.
  const query = `${ofType(type)} AND WorkflowId IN (${names.map((name) => `'${name}'`).join(',')})`;
  for await (const { workflowId } of workflows.list({ query, pageSize: PAGE })) {
    open.add(workflowId);
  }
  return open;
}

const ofType = (type: string): string => `WorkflowType = '${type}' AND ExecutionStatus = 'Running'`;

async function describe(
  workflows: WorkflowClient,
  workflowId: string,
): Promise<WorkflowExecutionDescription | null> {
  try {
    return await workflows.getHandle(workflowId).describe();
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  }
}

const isOpen = (described: WorkflowExecutionDescription): boolean =>
  described.status.name === 'RUNNING' || described.status.name === 'PAUSED';

/** True while a process has that name, whatever it is. */
export async function isOpenNow(workflows: WorkflowClient, workflowId: string): Promise<boolean> {
  const described = await describe(workflows, workflowId);
  return described !== null && isOpen(described);
}

/** True for an open process that is not at work on anything, or has been for far too long. */
async function isLeftOver(
  workflows: WorkflowClient,
  workflowId: string,
  isOld: boolean,
): Promise<boolean> {
  const described = await describe(workflows, workflowId);
  if (described === null || !isOpen(described)) return false;
  const { pendingActivities, pendingChildren, pendingWorkflowTask } = described.raw;
  const work = [...(pendingActivities ?? []), ...(pendingChildren ?? [])];
  return isOld || (work.length === 0 && (pendingWorkflowTask ?? null) === null);
}

const lifecycleOf = (tenantId: string): string =>
  lifecycleWorkflowId(parseId('TenantId', tenantId, 'tenantId'));
const processOfHold = (holdId: string): string =>
  holdWorkflowId(parseId('HoldId', holdId, 'holdId'));

/** Far longer than a first command takes, in milliseconds. */
const BEGINNING_MAX_MS = 15 * 60_000;
const isLongAgo = (instant: Date): boolean => instant.getTime() < Date.now() - BEGINNING_MAX_MS;
