import { ApplicationFailure, defineSearchAttributeKey } from '@temporalio/common';
import type { NoticeActivities, NoticeRound } from '../../src/contracts/notices';
import { TASK_QUEUES } from '../../src/contracts/task-queues';
import { until } from '../support/live-engine';
import { createTemporalEnvironment, type TemporalEnvironment } from '../support/temporal';

const HOUR = 3_600;
const NEEDS_HUMAN = defineSearchAttributeKey('LetheNeedsHuman', 'BOOL');

let environment: TemporalEnvironment;
beforeAll(async () => {
  environment = await createTemporalEnvironment();
});
afterAll(() => environment.close());

const quiet: NoticeRound = {
  asOf: '2030-01-01T00:00:00Z',
  receivers: 2,
  due: [],
  nextAt: null,
  failing: [],
  failingTotal: 0,
  more: false,
};

/** Activities whose looks answer in turn and then say what `rest` holds; deliveries are noted. */
function portsWith(rounds: readonly Partial<NoticeRound>[], rest: Partial<NoticeRound> = {}) {
  const left = [...rounds];
  const then = { rest };
  const looks: boolean[] = [];
  const delivered: string[] = [];
  const hanging = new Set<string>();
  const activities: NoticeActivities = {
    orderNotices: ({ thorough }) => {
      looks.push(thorough);
      return Promise.resolve({ ...quiet, ...(left.shift() ?? then.rest) });
    },
    deliverNotices: async ({ receiver }) => {
      delivered.push(receiver);
      await until(() => Promise.resolve(!hanging.has(receiver)));
      return { delivered: 1, more: false };
    },
  };
  return { looks, delivered, hanging, then, activities };
}

const start = (workflowId: string) =>
  environment.client.start('noticeDelivery', {
    workflowId,
    taskQueue: TASK_QUEUES.workflows,
    args: [{}],
  });

describe('the delivery of notices', () => {
  it('goes on telling others while one receiver hangs, and begins nothing twice', async () => {
    const both = { due: ['hangs', 'quick'] };
    const { delivered, hanging, activities } = portsWith([both, both, both], both);
    hanging.add('hangs');
    const quick = () => delivered.filter((receiver) => receiver === 'quick').length;
    const hangs = () => delivered.filter((receiver) => receiver === 'hangs').length;
    await environment.whileWorking(activities, async () => {
      const handle = await start('notices-hang');
      for (let turn = 1; turn <= 3; turn += 1) {
        await until(() => Promise.resolve(quick() >= turn));
        await handle.signal('deliverNow');
      }
      expect(hangs()).toBe(1);
      hanging.clear();
      await until(async () => {
        await handle.signal('deliverNow');
        return hangs() > 1;
      });
      await handle.terminate();
    });
  });

  it('looks every ten seconds while somebody is to be told, and once an hour while nobody is', async () => {
    const { looks, activities } = portsWith([{}, {}], { receivers: 0 });
    await environment.whileWorking(activities, async () => {
      const handle = await start('notices-timer');
      await until(() => Promise.resolve(looks.length === 1));
      await environment.fastForward('notices-timer', 25);
      await until(() => Promise.resolve(looks.length === 3));
      // Nobody is left: an hour without a look.
      await environment.fastForward('notices-timer', HOUR - 60);
      expect(looks).toHaveLength(3);
      await environment.fastForward('notices-timer', 120);
      await until(() => Promise.resolve(looks.length === 4));
      // The first look of a run goes through everything, the usual one does not.
      expect(looks).toEqual([true, false, false, false]);
      await handle.terminate();
    });
  });

  it('goes on at once while more waits for its order, and after a delivery that stopped short', async () => {
    const { looks, activities } = portsWith([{ more: true }, { due: ['long'] }]);
    let turns = 0;
    const deliverNotices = (): ReturnType<NoticeActivities['deliverNotices']> => {
      turns += 1;
      return Promise.resolve({ delivered: 60, more: turns === 1 });
    };
    await environment.whileWorking({ ...activities, deliverNotices }, async () => {
      const handle = await start('notices-more');
      await until(() => Promise.resolve(looks.length === 3));
      expect(turns).toBe(1);
      await handle.terminate();
      const events = (await handle.fetchHistory()).events ?? [];
      const looked = events.filter(
        ({ activityTaskScheduledEventAttributes: scheduled }) =>
          scheduled?.activityType?.name === 'orderNotices',
      );
      const third = looked[2]?.eventId;
      const rung = events.filter(({ timerFiredEventAttributes: fired }) => fired != null);
      expect(Number(third)).toBeGreaterThan(0);
      expect(rung.filter(({ eventId }) => Number(eventId) < Number(third))).toEqual([]);
    });
  });

  it('shows a receiver that fails for longer, or has set a notice aside, to a person, and takes it back after', async () => {
    const failing = {
      receiver: 'console',
      since: '2029-12-31T20:00:00Z',
      attempts: 4,
      reason: 'refused',
      nextAt: '2030-01-01T02:00:00Z',
    };
    const { looks, then, activities } = portsWith([], {
      failing: [{ ...failing, attempts: 3 }],
      failingTotal: 1,
    });
    await environment.whileWorking(activities, async () => {
      const handle = await start('notices-human');
      const shown = async (): Promise<boolean | undefined> =>
        (await handle.describe()).typedSearchAttributes.get(NEEDS_HUMAN);
      await until(() => Promise.resolve(looks.length >= 1));
      expect(await shown()).toBeUndefined();
      const told = async (rest: Partial<NoticeRound>, needsHuman: boolean): Promise<void> => {
        then.rest = rest;
        await handle.signal('deliverNow');
        await until(async () => (await shown()) === needsHuman);
      };
      await told({ failing: [failing], failingTotal: 1 }, true);
      expect(await handle.query<NoticeRound>('noticeStatus')).toMatchObject({ failingTotal: 1 });
      await told({}, false);
      const since = '2030-01-01T00:00:00Z';
      await told({ setAside: [{ receiver: 'console', notices: 1, since }] }, true);
      await told({}, false);
      await handle.terminate();
    });
  });

  it('lives on when it may not look for notices, calls a person, and looks again', async () => {
    const { looks, activities } = portsWith([]);
    let refuses = true;
    const refusing: NoticeActivities = {
      ...activities,
      orderNotices: (order) =>
        refuses
          ? Promise.reject(ApplicationFailure.nonRetryable('no login', 'ACCESS_DENIED'))
          : activities.orderNotices(order),
    };
    await environment.whileWorking(refusing, async () => {
      const handle = await start('notices-refused');
      const calls = async (): Promise<boolean> =>
        (await handle.describe()).typedSearchAttributes.get(NEEDS_HUMAN) === true;
      await until(calls);
      expect((await handle.describe()).status.name).toBe('RUNNING');
      refuses = false;
      await environment.fastForward('notices-refused', 601);
      await until(() => Promise.resolve(looks.length > 0));
      await until(async () => !(await calls()));
      await handle.terminate();
    });
  });
});
