import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporal } from '@temporalio/proto';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils';
import { countActions, countTenantActions } from '../../demo/actions';
import { createTemporalEnvironment } from '../support/temporal';
import { subscribe, SimulatedLife } from './simulated-life';

type HistoryEvent = temporal.api.history.v1.IHistoryEvent;

const { EventType } = temporal.api.enums.v1;

/** A life with two commands, one disposition and two due days, recorded in simulated time. */
const recorded = JSON.parse(
  readFileSync(join(__dirname, 'recorded-life.json'), 'utf8'),
) as Readonly<Record<'lifecycle' | 'disposition', unknown>>;

const eventsOf = (name: 'lifecycle' | 'disposition'): readonly HistoryEvent[] =>
  historyFromJSON(recorded[name]).events ?? [];

describe('the count of Temporal actions', () => {
  it('prices a recorded life by what its history shows', () => {
    expect(countActions(eventsOf('lifecycle'))).toEqual({
      total: 19,
      byKind: {
        starts: 1,
        continuations: 0,
        children: 2,
        activities: 7,
        localActivities: 0,
        timers: 2,
        signals: 0,
        updates: 2,
        attributes: 5,
        resets: 0,
        options: 0,
      },
    });
  });

  it('counts a child at its parent, and only its work in its own history', () => {
    expect(countActions(eventsOf('disposition'))).toMatchObject({
      total: 5,
      byKind: { starts: 0, children: 0, activities: 5 },
    });
  });

  it("leaves out the simulator's commands and the jumps of the virtual clock, and nothing else", () => {
    const events = eventsOf('lifecycle');
    const skipping = events.filter(
      ({ eventType }) =>
        eventType === EventType.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED ||
        eventType === EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIME_SKIPPING_TRANSITIONED,
    );
    expect(skipping).toHaveLength(7);
    expect(countActions(skipping).total).toBe(0);
    expect(
      countActions([
        {
          eventType: EventType.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED,
          workflowExecutionOptionsUpdatedEventAttributes: { unsetVersioningOverride: true },
        },
      ]).byKind.options,
    ).toBe(1);
  });

  it.each<[string, HistoryEvent[], object]>([
    [
      'each attempt of an activity',
      [
        { eventType: EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED },
        {
          eventType: EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED,
          activityTaskStartedEventAttributes: { attempt: 4 },
        },
      ],
      { activities: 4 },
    ],
    [
      'a continuation once, at the run that ends',
      [
        { eventType: EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW },
        {
          eventType: EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
          workflowExecutionStartedEventAttributes: { continuedExecutionRunId: 'before' },
        },
      ],
      { starts: 0, continuations: 1 },
    ],
    [
      'the local activities of one task as one',
      ['7', '7', '9'].map((task) => ({
        eventType: EventType.EVENT_TYPE_MARKER_RECORDED,
        markerRecordedEventAttributes: {
          markerName: 'core_local_activity',
          workflowTaskCompletedEventId: task as never,
        },
      })),
      { localActivities: 2 },
    ],
    [
      'a signal where it arrives',
      [
        { eventType: EventType.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED },
        { eventType: EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED },
      ],
      { signals: 1 },
    ],
    [
      'a reset, but no other failed task',
      [
        {
          eventType: EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED,
          workflowTaskFailedEventAttributes: {
            cause:
              temporal.api.enums.v1.WorkflowTaskFailedCause
                .WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW,
          },
        },
        { eventType: EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED },
      ],
      { resets: 1 },
    ],
  ])('counts %s', (...[, events, byKind]) => {
    expect(countActions(events).byKind).toMatchObject(byKind);
  });

  it("reads a tenant's histories from the server, and refuses to count none", async () => {
    const environment = await createTemporalEnvironment();
    const engine = {
      address: process.env['LETHE_TEMPORAL_ADDRESS'] ?? '',
      namespace: environment.namespace,
    };
    const life = new SimulatedLife([], () => Promise.resolve(''));
    try {
      await environment.whileWorking(life.activities, async () => {
        const workflowId = await subscribe(environment.client, 'tn_counted000000001');
        let counted = await countTenantActions(engine, 'tn_counted000000001').catch(() => null);
        // The list of workflows may be a moment late.
        for (let poll = 0; poll < 100 && counted === null; poll += 1) {
          counted = await countTenantActions(engine, 'tn_counted000000001').catch(() => null);
        }
        expect(counted?.byKind).toMatchObject({ starts: 1, updates: 1, activities: 1 });
        await environment.client.getHandle(workflowId).terminate();
      });
      await expect(countTenantActions(engine, 'tn_nobody0000000001')).rejects.toThrow('no history');
    } finally {
      await environment.close();
    }
  });
});
