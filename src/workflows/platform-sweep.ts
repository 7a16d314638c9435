import { defineSearchAttributeKey, WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  getExternalWorkflowHandle,
  ParentClosePolicy,
  setCurrentDetails,
  setHandler,
  startChild,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { SIGNAL_NAMES, SWEEP_MESSAGE_NAMES } from '../contracts/messages';
import type { PlatformSweepInput, SweepOrder, SweepRound } from '../contracts/sweep';
import { lifecycleWorkflowId } from '../domain/identifiers';
import { sweeps } from './activity-options';
import { isContinued } from './check-input';
import { isGone } from './failures';
import { answered, BLOCKED_RETRY, lookedAgain, type Answered, type LastLook } from './keep-going';
import { tenantLifecycle } from './tenant-lifecycle';

/** Certificates are issued all the time; nothing certified waits longer than this to be noticed. */
const LOOK_EVERY_MS = 86_400_000;
/** Lets an operator's repeated wish never become a busy loop. */
const PAUSE_MIN_MS = 60_000;
const HISTORY_EVENTS_MAX = 4_000;

const NEEDS_HUMAN = defineSearchAttributeKey('LetheNeedsHuman', 'BOOL');
const TENANT_ID = defineSearchAttributeKey('LetheTenantId', 'KEYWORD');

/**
 * Looks again, for ever, at what was certified a day, a week and a month ago, and wakes the process of a
 * tenant in whose name something came back: it may have ended long ago.
 *
 * Effect: none of its own; activities look, the tenant's process acts.
 * @idempotency control knows which looks were clean; a second process of this kind finds nothing to do.
 * Bounds: one activity at a time, ten findings in memory.
 * @source ST-1
 */
export async function platformSweep(input: PlatformSweepInput): Promise<void> {
  let last: LastLook<SweepRound> = isContinued() ? input : {};
  let wanted = false;
  setHandler(
    defineQuery<SweepRound | null>(SWEEP_MESSAGE_NAMES.sweepStatusQuery),
    () => last.lastRound ?? null,
    {
      description:
        'The last round: what was looked at, what is there again, when the next look is due',
    },
  );
  setHandler(
    defineSignal(SWEEP_MESSAGE_NAMES.sweepNowSignal),
    () => {
      wanted = true;
    },
    { description: 'Look now at what is due, without waiting for the timer' },
  );

  while (workflowInfo().historyLength < HISTORY_EVENTS_MAX) {
    wanted = false;
    const look: Answered<SweepRound> = await answered(
      sweeps.sweep.executeWithOptions(
        { summary: 'look again at what was certified' },
        orderAfter(last),
      ),
    );
    const known = lookedAgain(last, look);
    show(known, last);
    last = known;
    for (const tenantId of look.answer?.tenantsToWake ?? []) await wake(tenantId);
    if (look.answer?.more === true) continue;
    const { pause, summary } = nextLook(look);
    await condition(() => wanted, pause, { summary });
  }
  await continueAsNew<typeof platformSweep>(last);
}

/** The next round goes on behind the tenants that this one has woken; a later one begins anew. */
function orderAfter({ lastRound }: LastLook<SweepRound>): [] | [SweepOrder] {
  const { more = false, wokenUpTo } = lastRound ?? {};
  return more && wokenUpTo !== undefined ? [{ wokenUpTo }] : [];
}

function nextLook({ answer, refusal }: Answered<SweepRound>): {
  readonly pause: number | typeof BLOCKED_RETRY;
  readonly summary: string;
} {
  if (answer === null) {
    return { pause: BLOCKED_RETRY, summary: `the look was refused: ${refusal}; look again` };
  }
  const summary = `the next look is due ${answer.nextAt ?? 'when something is certified'}`;
  return { pause: pauseAfter(answer), summary };
}

/** Something that was certified is there again, or nobody can look. */
const callsAPerson = ({ lastRound, refusal }: LastLook<SweepRound>): boolean =>
  refusal !== undefined || (lastRound?.findingsTotal ?? 0) > 0;

function pauseAfter({ asOf, nextAt }: SweepRound): number {
  if (nextAt === null) return LOOK_EVERY_MS;
  return Math.min(LOOK_EVERY_MS, Math.max(PAUSE_MIN_MS, Date.parse(nextAt) - Date.parse(asOf)));
}

/** A process that runs reads the facts again; one that has ended begins again and finds its work there. */
async function wake(tenantId: string): Promise<void> {
  const workflowId = lifecycleWorkflowId(tenantId);
  try {
    await startChild(tenantLifecycle, {
      workflowId,
      args: [{ tenantId }],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      staticSummary: `lifecycle of ${tenantId}`,
      typedSearchAttributes: [{ key: TENANT_ID, value: tenantId }],
      priority: { fairnessKey: tenantId },
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    await tell(workflowId);
  }
}

async function tell(workflowId: string): Promise<void> {
  try {
    await getExternalWorkflowHandle(workflowId).signal(SIGNAL_NAMES.factsChangedSignal);
  } catch (error) {
    // It ended between two calls; the next round finds it so.
    if (!isGone(error)) throw error;
  }
}

function show(known: LastLook<SweepRound>, before: LastLook<SweepRound>): void {
  if (callsAPerson(known) !== callsAPerson(before)) {
    upsertSearchAttributes([{ key: NEEDS_HUMAN, value: callsAPerson(known) }]);
  }
  const { lastRound, refusal } = known;
  setCurrentDetails(
    [
      ...(refusal === undefined
        ? []
        : [`**The look was refused: ${refusal}.** It is tried again.`, '']),
      ...(lastRound === undefined ? [] : linesOf(lastRound)),
    ].join('\n'),
  );
}

function linesOf(round: SweepRound): readonly string[] {
  const rows = round.findings.map(
    ({ tenantId, runId, dueOn, outcome, found }) =>
      `| ${tenantId} | ${runId} | ${dueOn} | ${outcome} | ${found} |`,
  );
  return [
    `Looked at ${round.swept} certified cohorts at ${round.asOf}.`,
    `The next look is due ${round.nextAt ?? 'when something is certified'}.`,
    '',
    ...(round.findingsTotal === 0
      ? ['Nothing came back.']
      : [
          `**${round.findingsTotal} certified cohorts are not clean.**`,
          '',
          '| tenant | run | due on | outcome | found |',
          '|---|---|---|---|---|',
          ...rows,
        ]),
  ];
}
