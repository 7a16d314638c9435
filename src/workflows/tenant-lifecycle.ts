import {
  allHandlersFinished,
  condition,
  continueAsNew,
  executeChild,
  ParentClosePolicy,
  patched,
  workflowInfo,
} from '@temporalio/workflow';
import { ApplicationFailure, WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type { WorkItem } from '../contracts/snapshot';
import { dispositionWorkflowId, scanWorkflowId } from '../domain/identifiers';
import { destruction } from './activity-options';
import { assertInput, isContinued } from './check-input';
import { dispositionRun } from './disposition-run';
import { answered, hearing, keepingAtIt } from './keep-going';
import { scanRun } from './scan-run';
import { now, Tenant } from './tenant';
import type { TenantLifecycleInput } from './tenant-state';

/** History length at which the process starts afresh; far below the server's limit of 51,200 events. */
const HISTORY_EVENTS_MAX = 4_000;
/** A child that an earlier process began goes on by itself, and nobody reports when it is done. */
const INHERITED_RETRY = '1 minute';
/** Histories of before let nothing else go on while a destruction was blocked. */
const OTHERS_GO_ON = 'others-go-on-beside-a-blocked-destruction';
/** Histories of before went on calling a person when nothing was left to do. */
const ALARM_ENDS_WITH_ITS_WORK = 'alarm-ends-with-its-work';

/**
 * A tenant's whole life, years of it: subscribe, use, end, archive, wait, destroy, prove.
 *
 * The facts live in control and every command is committed there before it is answered; this process
 * holds their last reading, waits for the next due instant and sets the work in motion.
 *
 * Effect: none of its own; children and activities act.
 * @idempotency a run that starts again reads the facts and goes on; work is resumed from control, and a
 * child that outlived the process before is waited for and not doubled.
 * Bounds: one timer, one child at a time, ten due days and ten holds in memory.
 * Evidence: written by the activities.
 */
export async function tenantLifecycle(input: TenantLifecycleInput): Promise<void> {
  assertInput(input);
  const tenant = new Tenant(isContinued() ? input : { tenantId: input.tenantId });
  await hearTheFirstCommand(tenant);

  // A command that is accepted in the last moment begins the life, or goes on with it.
  do {
    while (isAlive(tenant)) await goOn(tenant);
    tenant.waitFor('nothing: every promise is kept');
    await condition(allHandlersFinished);
  } while (isAlive(tenant));
}

/** A lifecycle begins with its first command; one that was started without any reads the facts. */
async function hearTheFirstCommand(tenant: Tenant): Promise<void> {
  await condition(allHandlersFinished);
  while (tenant.facts === null) await hearing(tenant, () => tenant.refresh());
}

const isAlive = ({ facts }: Tenant): boolean =>
  facts !== null && facts.stage !== 'unknown' && !facts.ended;

/** What was told is heard first, then comes what is due, then other work; otherwise it waits. */
async function goOn(tenant: Tenant): Promise<void> {
  const isHeard = await hearing(tenant, () => tenant.carryOutSignals(hasShortHistory));
  if (!hasShortHistory()) await startAfresh(tenant);
  if (!isHeard) return;
  const work = tenant.facts?.work[0];
  if (isDue(tenant, work)) await keepingAtIt(tenant, () => destroyWhatIsDue(tenant));
  else if (work !== undefined) await keepingAtWork(tenant, work);
  else await waitForSomethingToDo(tenant);
}

/** Destruction that is blocked lets one piece of other work pass before it is tried again. */
function isDue(tenant: Tenant, work: WorkItem | undefined): boolean {
  if (!tenant.timer.hasRung) return false;
  return work === undefined || !tenant.destructionFailed || !patched(OTHERS_GO_ON);
}

/** Work that is blocked does not delay what is due for destruction elsewhere. */
async function keepingAtWork(tenant: Tenant, work: WorkItem): Promise<void> {
  tenant.destructionFailed = false;
  await keepingAtIt(tenant, () => setInMotion(tenant, work), { wakesForDue: true });
}

/** Sees one piece of work through, or waits a little for the child that does so already. */
async function setInMotion(tenant: Tenant, work: WorkItem): Promise<null> {
  try {
    await runChild(tenant, work);
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    await waitForInherited(tenant);
  }
  await tenant.refresh();
  return null;
}

/** Neither what is due elsewhere nor a new command waits for it. */
async function waitForInherited(tenant: Tenant): Promise<void> {
  tenant.waitFor('a child of an earlier process');
  tenant.timer.aimAtDue(tenant.facts);
  await condition(() => tenant.isTold || tenant.timer.hasRung, INHERITED_RETRY, {
    summary: 'a child of an earlier process still runs; look again',
  });
}

/** Scans while in use; fence, archive, verify and move when a service or the Feature ended. */
async function runChild(tenant: Tenant, work: WorkItem): Promise<void> {
  const shared = {
    parentClosePolicy: ParentClosePolicy.ABANDON,
    priority: { fairnessKey: tenant.id },
  };
  if (work.kind === 'scan') {
    tenant.waitFor(`scan ${work.scanId}`);
    await executeChild(scanRun, {
      ...shared,
      workflowId: scanWorkflowId(tenant.id, work.scanId),
      args: [{ tenantId: tenant.id, scanId: work.scanId }],
      staticSummary: work.summary,
    });
  } else {
    tenant.waitFor(`${work.mode} of ${work.recordClass}`);
    await executeChild(dispositionRun, {
      ...shared,
      workflowId: dispositionWorkflowId(tenant.id, work.eventId),
      args: [{ tenantId: tenant.id, eventId: work.eventId, mode: work.mode }],
      staticSummary: `${work.mode} ${work.recordClass}`,
    });
  }
}

/** Retention: the timer stands at the next due instant; holds and commands move it. */
async function waitForSomethingToDo(tenant: Tenant): Promise<void> {
  // What it was blocked on was done by somebody else, or is not to be done any more.
  if (tenant.callsAPerson && patched(ALARM_ENDS_WITH_ITS_WORK)) tenant.raise(null);
  const dueAt = tenant.timer.aimAtDue(tenant.facts);
  tenant.waitFor(dueAt === null ? 'a command' : `the window that opens at ${dueAt}`);
  const aimedAt = tenant.facts;
  await condition(() => tenant.isBusy || tenant.timer.hasRung || tenant.facts !== aimedAt);
}

/**
 * A window is open: keys first, then copies; somebody else verifies; then the certificate. What one due day
 * is refused for keeps no other one from its certificate.
 */
async function destroyWhatIsDue(tenant: Tenant): Promise<string | null> {
  tenant.waitFor('destruction and its verification');
  const order = { tenantId: tenant.id, workflowNow: now() };
  tenant.destructionFailed = true;
  const { answer: destroyed, refusal } = await answered(
    destruction.destroyDue.executeWithOptions(
      { summary: 'destroy every cohort whose window is open' },
      [order],
    ),
  );
  if (refusal !== null && !patched(OTHERS_GO_ON)) throw refusedBecause(refusal);
  const verified = await destruction.verifyAndCertify.executeWithOptions(
    { summary: 'verify every location, certify' },
    [order],
  );
  tenant.destructionFailed = refusal !== null;
  if (refusal === null) tenant.timer.reset();
  tenant.learn(verified.snapshot);
  if (refusal !== null) throw refusedBecause(refusal);
  return destroyed.blockedOn ?? verified.progress.blockedOn;
}

const refusedBecause = (code: string): ApplicationFailure =>
  ApplicationFailure.nonRetryable('what is due was refused', code);

function hasShortHistory(): boolean {
  const info = workflowInfo();
  return !info.continueAsNewSuggested && info.historyLength <= HISTORY_EVENTS_MAX;
}

/**
 * No child runs here and every answer is given first; commands that came as signals and wait go along,
 * so that a flood of them cannot make one history grow without bounds.
 */
async function startAfresh(tenant: Tenant): Promise<void> {
  while (tenant.isFlooded || !allHandlersFinished()) {
    await tenant.carryOutSignals(() => tenant.isFlooded);
    await condition(allHandlersFinished);
  }
  await continueAsNew<typeof tenantLifecycle>({ tenantId: tenant.id, state: tenant.carry() });
}
