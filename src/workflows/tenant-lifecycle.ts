import {
  allHandlersFinished,
  condition,
  continueAsNew,
  executeChild,
  isCancellation,
  ParentClosePolicy,
  workflowInfo,
} from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type { WorkItem } from '../contracts/snapshot';
import { destruction } from './activity-options';
import { assertInput, isContinued } from './check-input';
import { dispositionRun } from './disposition-run';
import { causeOf } from './failures';
import { scanRun } from './scan-run';
import { now, Tenant } from './tenant';
import type { TenantLifecycleInput } from './tenant-state';

/** History length at which the process starts afresh; far below the server's limit of 51,200 events. */
const HISTORY_EVENTS_MAX = 4_000;
/** How long a blocked disposition waits before it looks again. */
const BLOCKED_RETRY = '10 minutes';
/** A child that an earlier process began goes on by itself, and nobody reports when it is done. */
const INHERITED_RETRY = '1 minute';

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

  while (tenant.facts !== null && tenant.facts.stage !== 'unknown' && !tenant.facts.ended) {
    await tenant.carryOutSignals(hasShortHistory);
    if (!hasShortHistory()) await startAfresh(tenant);
    const work = tenant.facts.work[0];
    if (tenant.timer.hasRung) await keepingAtIt(tenant, () => destroyWhatIsDue(tenant));
    else if (work !== undefined) await keepingAtWork(tenant, work);
    else await waitForSomethingToDo(tenant);
  }

  tenant.waitFor('nothing: every promise is kept');
  await condition(allHandlersFinished);
}

/** A lifecycle begins with its first command; one that was started without any reads the facts. */
async function hearTheFirstCommand(tenant: Tenant): Promise<void> {
  await condition(allHandlersFinished);
  if (tenant.facts === null) await tenant.refresh();
}

/**
 * A step that cannot go on by itself is shown to a person and tried again later: the process of a tenant
 * never ends before its promises do.
 */
async function keepingAtIt(
  tenant: Tenant,
  step: () => Promise<string | null>,
  options: { readonly wakesForDue: boolean } = { wakesForDue: false },
): Promise<void> {
  let blockedOn: string | null;
  try {
    blockedOn = await step();
    tenant.raise(null);
  } catch (error) {
    if (isCancellation(error)) throw error;
    blockedOn = causeOf(error);
    // What an operator ordered, a pause or quiet hours, needs no person to look at it.
    tenant.raise(blockedOn.startsWith('throttle:') ? null : blockedOn);
  }
  if (blockedOn === null) return;
  tenant.waitFor(blockedOn);
  if (options.wakesForDue) aimTimer(tenant);
  const isAwaited = (): boolean => tenant.isTold || (options.wakesForDue && tenant.timer.hasRung);
  await condition(isAwaited, BLOCKED_RETRY, {
    summary: `blocked on ${blockedOn}; look again`,
  });
}

/** Work that is blocked does not delay what is due for destruction elsewhere. */
async function keepingAtWork(tenant: Tenant, work: WorkItem): Promise<void> {
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
  aimTimer(tenant);
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
      workflowId: `scan-run:${tenant.id}:${work.scanId}`,
      args: [{ tenantId: tenant.id, scanId: work.scanId }],
      staticSummary: work.summary,
    });
  } else {
    tenant.waitFor(`${work.mode} of ${work.recordClass}`);
    await executeChild(dispositionRun, {
      ...shared,
      workflowId: `disposition-run:${tenant.id}:${work.eventId}`,
      args: [{ tenantId: tenant.id, eventId: work.eventId, mode: work.mode }],
      staticSummary: `${work.mode} ${work.recordClass}`,
    });
  }
}

/** Retention: the timer stands at the next due instant; holds and commands move it. */
async function waitForSomethingToDo(tenant: Tenant): Promise<void> {
  const dueAt = aimTimer(tenant);
  tenant.waitFor(dueAt === null ? 'a command' : `the window that opens at ${dueAt}`);
  const aimedAt = tenant.facts;
  await condition(() => tenant.isBusy || tenant.timer.hasRung || tenant.facts !== aimedAt);
}

function aimTimer(tenant: Tenant): string | null {
  const dueAt = tenant.facts?.nextDueAt ?? null;
  const next = tenant.facts?.dueDays[0];
  tenant.timer.aim(
    dueAt,
    `${next?.because ?? 'retention'}: destroy what is due on ${next?.dueOn ?? 'time'}`,
  );
  return dueAt;
}

/** A window is open: keys first, then copies; somebody else verifies; then the certificate. */
async function destroyWhatIsDue(tenant: Tenant): Promise<string | null> {
  tenant.waitFor('destruction and its verification');
  const order = { tenantId: tenant.id, workflowNow: now() };
  const destroyed = await destruction.destroyDue.executeWithOptions(
    { summary: 'destroy every cohort whose window is open' },
    [order],
  );
  const verified = await destruction.verifyAndCertify.executeWithOptions(
    { summary: 'verify every location, certify' },
    [order],
  );
  tenant.timer.reset();
  tenant.learn(verified.snapshot);
  return destroyed.blockedOn ?? verified.progress.blockedOn;
}

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
