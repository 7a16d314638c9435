import { temporal } from '@temporalio/proto';
import { readHistories, type Engine } from './administrator/history-search';

type HistoryEvent = temporal.api.history.v1.IHistoryEvent;

/** Kinds of billable actions that a history shows. */
export type ActionKind =
  | 'starts'
  | 'continuations'
  | 'children'
  | 'activities'
  | 'localActivities'
  | 'timers'
  | 'signals'
  | 'updates'
  | 'attributes'
  | 'resets'
  | 'options';

/** Actions by kind and their sum. */
export interface ActionCount {
  readonly total: number;
  readonly byKind: Readonly<Record<ActionKind, number>>;
}

const { EventType, WorkflowTaskFailedCause } = temporal.api.enums.v1;

/** A child costs two: its start and the command that starts it. */
const PER_CHILD = 2;

const NOTHING: Readonly<Record<ActionKind, number>> = Object.freeze({
  starts: 0,
  continuations: 0,
  children: 0,
  activities: 0,
  localActivities: 0,
  timers: 0,
  signals: 0,
  updates: 0,
  attributes: 0,
  resets: 0,
  options: 0,
});

/** What one event costs: a kind and how many of it. */
type Price = readonly [ActionKind, number];

/**
 * What each type of event costs. A run that continues another or was started by a parent is paid for
 * there. An activity costs each attempt: the start event, written when it is over, says which one it was.
 * An activity that was never started counts once: rather too much than too little.
 */
const PRICES: Readonly<Partial<Record<number, (event: HistoryEvent) => Price | null>>> = {
  [EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED]: ({
    workflowExecutionStartedEventAttributes: start,
  }) =>
    (start?.continuedExecutionRunId ?? '') === '' && !start?.parentWorkflowExecution?.workflowId
      ? ['starts', 1]
      : null,
  [EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW]: () => ['continuations', 1],
  [EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED]: () => ['children', PER_CHILD],
  [EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED]: () => ['activities', 1],
  [EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED]: (event) => [
    'activities',
    Math.max(0, (event.activityTaskStartedEventAttributes?.attempt ?? 1) - 1),
  ],
  [EventType.EVENT_TYPE_TIMER_STARTED]: () => ['timers', 1],
  [EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED]: () => ['signals', 1],
  [EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED]: () => ['updates', 1],
  [EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES]: () => ['attributes', 1],
  [EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED]: (event) =>
    event.workflowTaskFailedEventAttributes?.cause ===
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW
      ? ['resets', 1]
      : null,
  // The simulator's own commands; in production nobody sends them.
  [EventType.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED]: (event) =>
    event.workflowExecutionOptionsUpdatedEventAttributes?.timeSkippingConfigUpdated === true
      ? null
      : ['options', 1],
};

const LOCAL_ACTIVITY = 'core_local_activity';

/**
 * Counts the actions of one history. Queries, heartbeats and refused Updates leave no event and are not
 * counted; replay and the server's own time skipping cost nothing.
 */
export function countActions(events: readonly HistoryEvent[]): ActionCount {
  const byKind = { ...NOTHING };
  for (const event of events) {
    const price = PRICES[event.eventType ?? 0]?.(event) ?? null;
    if (price !== null) byKind[price[0]] += price[1];
  }
  byKind.localActivities = tasksWithLocalActivities(events);
  return { byKind, total: sum(byKind) };
}

/** All local activities of one workflow task are one action. */
function tasksWithLocalActivities(events: readonly HistoryEvent[]): number {
  const tasks = new Set<string>();
  for (const { markerRecordedEventAttributes: marker } of events) {
    if (marker?.markerName === LOCAL_ACTIVITY) {
      tasks.add(String(marker.workflowTaskCompletedEventId));
    }
  }
  return tasks.size;
}

const sum = (byKind: Readonly<Record<ActionKind, number>>): number =>
  Object.values(byKind).reduce((total, count) => total + count, 0);

/**
 * Counts the actions of a tenant's whole life: every run of every execution whose workflow id contains
 * the tenant's id, and those named in `alsoIds` (holds have ids of their own).
 *
 * @throws Error when no history is found: a count of nothing is not a count of zero.
 */
export async function countTenantActions(
  engine: Engine,
  tenantId: string,
  alsoIds: readonly string[] = [],
): Promise<ActionCount> {
  const byKind = { ...NOTHING };
  let histories = 0;
  for await (const { workflowId, events } of readHistories(engine)) {
    if (!workflowId.includes(tenantId) && !alsoIds.includes(workflowId)) continue;
    histories += 1;
    for (const [kind, count] of Object.entries(countActions(events).byKind)) {
      byKind[kind as ActionKind] += count;
    }
  }
  if (histories === 0) throw new Error(`no history of ${tenantId} was found`);
  return { byKind, total: sum(byKind) };
}
