import { ApplicationFailure, defineSearchAttributeKey } from '@temporalio/common';
import type { SweepOrder, SweepRound } from '../../src/contracts/sweep';
import { TASK_QUEUES } from '../../src/contracts/task-queues';
import { until } from '../support/live-engine';
import { Ports, snapshot } from '../support/mocked-ports';
import { createTemporalEnvironment, type TemporalEnvironment } from '../support/temporal';

const DAY = 86_400;
const NEEDS_HUMAN = defineSearchAttributeKey('LetheNeedsHuman', 'BOOL');
const TENANT = 'tn_sweep00000000001';
const LIFECYCLE = `tenant-lifecycle:${TENANT}`;

let environment: TemporalEnvironment;
beforeAll(async () => {
  environment = await createTemporalEnvironment();
});
afterAll(() => environment.close());

const quiet: SweepRound = {
  asOf: '2030-01-01T00:00:00Z',
  swept: 0,
  findings: [],
  findingsTotal: 0,
  tenantsToWake: [],
  nextAt: null,
  more: false,
};

/** Activities of a tenant's process and of the sweep, whose rounds answer in turn and then stay quiet. */
function portsWith(...rounds: readonly Partial<SweepRound>[]) {
  const ports = new Ports();
  const left = [...rounds];
  let looks = 0;
  return {
    ports,
    looks: () => looks,
    activities: {
      ...ports.activities,
      sweep: () => {
        looks += 1;
        return Promise.resolve({ ...quiet, ...left.shift() });
      },
    },
  };
}

const start = (workflowId: string) =>
  environment.client.start('platformSweep', {
    workflowId,
    taskQueue: TASK_QUEUES.workflows,
    args: [{}],
  });

describe('the sweep of the platform', () => {
  it('looks again when the next look is due, and once a day in any case [ST-1]', async () => {
    const { looks, activities } = portsWith({ nextAt: '2030-01-01T06:00:00Z' });
    await environment.whileWorking(activities, async () => {
      await start('sweep-timer');
      await until(() => Promise.resolve(looks() === 1));
      await environment.fastForward('sweep-timer', 6 * 3600 - 60);
      expect(looks()).toBe(1);
      await environment.fastForward('sweep-timer', 120);
      await until(() => Promise.resolve(looks() === 2));
      await environment.fastForward('sweep-timer', DAY - 300);
      expect(looks()).toBe(2);
      await environment.fastForward('sweep-timer', 600);
      await until(() => Promise.resolve(looks() === 3));
    });
  });

  it('goes on at once while more is due than one round takes', async () => {
    const { looks, activities } = portsWith({ more: true }, { more: true });
    await environment.whileWorking(activities, async () => {
      await start('sweep-more');
      await until(() => Promise.resolve(looks() === 3));
      expect(looks()).toBe(3);
    });
  });

  it('goes on behind the tenants that the round before has woken, and begins anew later [ST-1]', async () => {
    const { activities, ...seen } = portsWith({ more: true, wokenUpTo: TENANT }, { more: true });
    const orders: unknown[] = [];
    const sweep = (order?: SweepOrder): ReturnType<typeof activities.sweep> => {
      orders.push(order);
      return activities.sweep();
    };
    await environment.whileWorking({ ...activities, sweep }, async () => {
      await start('sweep-behind');
      await until(() => Promise.resolve(seen.looks() === 3));
      expect(orders).toEqual([undefined, { wokenUpTo: TENANT }, undefined]);
    });
  });

  it('looks when an operator says so', async () => {
    const { looks, activities } = portsWith();
    await environment.whileWorking(activities, async () => {
      const handle = await start('sweep-told');
      await until(() => Promise.resolve(looks() === 1));
      await handle.signal('sweepNow');
      await until(() => Promise.resolve(looks() === 2));
      expect(await handle.query<SweepRound>('sweepStatus')).toEqual(quiet);
    });
  });

  it('begins the process of a tenant again that had ended, and tells one that runs [ST-1] [ST-2]', async () => {
    const findings = [
      { tenantId: TENANT, runId: 'rn_1', dueOn: '2030-01-01', outcome: 'reappeared', found: 3 },
    ] as const;
    const wake = { findings, findingsTotal: 1, tenantsToWake: [TENANT] };
    const { ports, activities } = portsWith(wake, wake);
    ports.state = snapshot({ stage: 'closing' });
    await environment.whileWorking(activities, async () => {
      const handle = await start('sweep-wakes');
      await until(() => Promise.resolve(ports.calls.includes('refresh')));
      const first = (await environment.client.getHandle(LIFECYCLE).describe()).runId;
      expect((await handle.describe()).typedSearchAttributes.get(NEEDS_HUMAN)).toBe(true);

      const before = ports.calls.length;
      await handle.signal('sweepNow');
      await until(() => Promise.resolve(ports.calls.length > before));
      expect(ports.calls.at(-1)).toBe('refresh');
      expect((await environment.client.getHandle(LIFECYCLE).describe()).runId).toBe(first);

      // A later look that finds nothing takes the alarm back by itself.
      await handle.signal('sweepNow');
      await until(
        async () => (await handle.describe()).typedSearchAttributes.get(NEEDS_HUMAN) === false,
      );
    });
  });

  it('lives on when a look is refused, calls a person, and looks again [ST-1]', async () => {
    const { looks, activities } = portsWith();
    let refuses = true;
    const refusing = {
      ...activities,
      sweep: () =>
        refuses
          ? Promise.reject(ApplicationFailure.nonRetryable('no login', 'ACCESS_DENIED'))
          : activities.sweep(),
    };
    await environment.whileWorking(refusing, async () => {
      const handle = await start('sweep-refused');
      const calls = async (): Promise<boolean> =>
        (await handle.describe()).typedSearchAttributes.get(NEEDS_HUMAN) === true;
      await until(calls);
      expect((await handle.describe()).status.name).toBe('RUNNING');
      refuses = false;
      await environment.fastForward('sweep-refused', 601);
      await until(() => Promise.resolve(looks() === 1));
      await until(async () => !(await calls()));
    });
  });
});
