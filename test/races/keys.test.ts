import { createEngineHarness, newTenantId, type EngineHarness } from '../support/engine';
import { orderDeletion } from '../support/orders';
import { freeze, later, trip, type Lift } from '../support/interlocks';
import { Pauses, pausing } from '../support/paused-worker';
import {
  destroyDue,
  pausedBefore,
  ripeTenant,
  type PausedWorker,
  type Subject,
} from '../support/race-lives';
import { RACES_TIMEOUT_MS, Referee, raceSeed } from '../support/race-referee';
import {
  expectFairRaces,
  nothing,
  raceAll,
  raceOn,
  type Interleaving,
  type RaceCourse,
} from '../support/races';
import { hold, subscribed } from '../support/tenant-life';
import { missingFrom, seeEverything } from '../support/witness';

const pauses = new Pauses();
let engine: EngineHarness;
beforeAll(async () => {
  engine = await createEngineHarness((stores) => pausing(stores, pauses));
  await engine.setClock('2030-01-07T01:00:00Z');
});
afterAll(() => engine.remove());

/** Longer than a permit lives, in seconds. */
const BEYOND_LEASE = 61;
/** After a release nothing goes before the guard of two hours has passed, in seconds. */
const BEYOND_GUARD = 2 * 3600 + 1;

const destroy = (subject: Subject): Promise<string> => destroyDue(engine, subject);

/** Where a worker that ends a key can stand still. */
const PERMIT = /^issuer: CALL issue_destroy_permit/;
const KEY_PERMIT = /^issuer: CALL issue_key_permit/;
const DESTROY = /^destroyer: CALL destroy_key/;
const CLOSE = /^control: CALL close_key_permit/;
const PLACES = [
  ['before the permit', PERMIT],
  ["before the key's permit", KEY_PERMIT],
  ['before the key', DESTROY],
] as const;

const REFUSED = { endings: ['late-refused'], guard: 'held', outcomes: ['permit'] } as const;
const IN_TIME = {
  endings: ['in-time'],
  guard: 'lost',
  outcomes: ['done'],
  again: false,
  from: 'pause',
} as const;
const none = (): Promise<Lift> => Promise.resolve(nothing);

const INTERLOCKS: readonly (readonly [string, (subject: Subject) => Promise<Lift>, boolean])[] = [
  [
    'a hold',
    async ({ tenantId }) => {
      const release = await hold(engine, tenantId);
      return async () => {
        await release();
        await later(engine, BEYOND_GUARD);
      };
    },
    true,
  ],
  ['a freeze', ({ tenantId }) => freeze(engine, tenantId), true],
  ['a freeze of everything', () => freeze(engine, 'global'), true],
  [
    'a trip',
    async (subject) => {
      const reset = await trip(engine, subject.run);
      return reset;
    },
    true,
  ],
];

const AFTER_INTERLOCKS = INTERLOCKS.flatMap(([kind, place, again]) =>
  PLACES.map(([where, pattern]): Interleaving => ({
    ...{ kind: `${kind} ${where}`, ...REFUSED, again, before: () => pattern },
    outcomes: ['permit', 'BREAKER_OPEN'],
    trips: kind === 'a trip',
    meanwhile: place,
  })),
);

/** A hold that comes when the key is gone says so, and what is left of the cohort goes. */
async function heldTooLate(subject: Subject): Promise<Lift> {
  const { tenantId, run } = subject;
  const answer = await engine.activities.placeHold({
    holdId: `hd_${newTenantId().slice(3)}`,
    scopes: [{ tenantId }],
    ground: await engine.stage(tenantId, { ground: 'a court case' }, 'grounds'),
    requestedBy: 'dpo-1',
    reviewOn: '2099-12-31',
  });
  expect(answer.alreadyDestroyed.join(' ')).toContain(`asset:${run.runId}:`);
  return nothing;
}

const OTHERS: readonly Interleaving[] = [
  { kind: 'nothing', ...IN_TIME, before: () => DESTROY, meanwhile: none },
  {
    ...{ kind: 'the answer is lost', ...IN_TIME, before: () => DESTROY, meanwhile: none },
    wake: (worker: PausedWorker) => {
      worker.call.loseAnswer();
      return Promise.resolve();
    },
  },
  { kind: 'a hold after the key', ...IN_TIME, before: () => CLOSE, meanwhile: heldTooLate },
  {
    ...{ kind: 'the lease', ...REFUSED, guard: 'early', again: true, before: () => DESTROY },
    meanwhile: async () => {
      await later(engine, BEYOND_LEASE);
      return nothing;
    },
  },
  {
    // A use that begins again after the window opened brings nothing back, but it makes permits stale.
    ...{ kind: 'use again', ...REFUSED, again: false, before: () => DESTROY },
    meanwhile: async ({ tenantId }) => {
      await engine.send(tenantId, 'attachService', { service: 'CVM' });
      return nothing;
    },
  },
  ...PLACES.map(([where, pattern]): Interleaving => ({
    ...{ kind: `another worker ${where}`, ...REFUSED, guard: 'lost', again: false },
    ...{ before: () => pattern, outcomes: ['done'] },
    meanwhile: async (subject) => {
      expect(await destroy(subject)).toBe('done');
      return nothing;
    },
  })),
];
const INTERLEAVINGS = [...AFTER_INTERLOCKS, ...OTHERS];

const courseFor = (referee: Referee): RaceCourse => ({
  engine,
  pauses,
  referee,
  next: () => ripeTenant(engine),
  work: destroy,
  places: () => Promise.resolve(['keys']),
  entitledTo: ({ run }) =>
    Promise.resolve(
      (name) => name.startsWith(`key asset:${run.runId}:`) || name.includes(run.runId),
    ),
  preserves: false,
});

describe('a worker that is paused on its way to a key', () => {
  it(
    'ends no key when it wakes after an interlock, its lease or another worker, and ends its own in time [AB-3] [CC-4]',
    async () => {
      const referee = new Referee('keys', raceSeed());
      await raceAll(courseFor(referee), INTERLEAVINGS);
      expectFairRaces(referee, INTERLEAVINGS);
    },
    RACES_TIMEOUT_MS,
  );

  it('would be told from one that ends a key without a permit [AB-1] [CC-4]', async () => {
    const referee = new Referee('keys-broken', 1);
    for (const kind of ['a hold before the key', 'the lease']) {
      const interleaving = INTERLEAVINGS.find((known) => known.kind === kind) as Interleaving;
      const subject = await ripeTenant(engine);
      const wrongly = async ({ run }: Subject): Promise<void> => {
        await engine
          .root('keys')
          .execute('DELETE FROM key_wrappings WHERE key_ref LIKE ?', [`asset:${run.runId}:%`]);
      };
      await raceOn({ ...courseFor(referee), wrongly }, interleaving, { subject, place: 'keys' });
    }
    expect(referee.line()).toMatch(/lost=0 early=1 held=1/);
  });
});

describe('a withdrawal beside a worker that ends what was requested', () => {
  const COOLED = 7 * 86_400 + BEYOND_GUARD;

  async function requested(): Promise<{ readonly tenantId: string; readonly requestId: string }> {
    const tenantId = await subscribed(engine, 'CVM');
    await engine.send(tenantId, 'changeConfiguration', {
      ...(await engine.stage(tenantId, { setting: 'automatic-renewal', enabled: true })),
      configurationKind: 'console-setting',
      settingId: 'renewal',
    });
    const requestId = `rq_${tenantId.slice(3)}`;
    const recordClass = 'console-configuration-data' as const;
    await engine.send(tenantId, 'requestDeletion', { requestId, recordClass });
    await engine.runWork(tenantId);
    await orderDeletion(engine, tenantId);
    await later(engine, COOLED);
    return { tenantId, requestId };
  }
  const withdraw = (request: { readonly tenantId: string; readonly requestId: string }) =>
    engine.send(request.tenantId, 'withdrawDeletion', { requestId: request.requestId });
  const stopped = async (tenantId: string, pattern: RegExp): Promise<PausedWorker> => {
    const worker = await pausedBefore(pauses, { pattern }, () => destroyDue(engine, { tenantId }));
    if (worker === null) throw new Error('the worker has nothing to end');
    return worker;
  };

  it('is honoured before the permit, and the late worker ends nothing [CC-2]', async () => {
    const request = await requested();
    const worker = await stopped(request.tenantId, PERMIT);
    await withdraw(request);
    const before = await seeEverything(engine, request.tenantId);
    worker.call.wake();
    expect(await worker.outcome).toBe('permit');
    expect(missingFrom(before, await seeEverything(engine, request.tenantId))).toEqual([]);
  });

  it('is refused after it, and the key goes in time [CC-2]', async () => {
    const request = await requested();
    const worker = await stopped(request.tenantId, DESTROY);
    await expect(withdraw(request)).rejects.toMatchObject({ code: 'REQUEST_IRREVOCABLE' });
    worker.call.wake();
    expect(await worker.outcome).toBe('done');
    const names = [...(await seeEverything(engine, request.tenantId)).keys()];
    expect(names.filter((name) => name.startsWith('key configuration:'))).toEqual([]);
  });
});
