import type { EngineHarness } from '../support/engine';
import { freeze, later, resetTrips, trip, type Lift } from '../support/interlocks';
import type { PausedCall } from '../support/paused-worker';
import { useRaceEngine } from '../support/race-engine';
import {
  movableTenant,
  outcomeOf,
  pausedBefore,
  sealedNames,
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
import { hold } from '../support/holds';

import { recordsIn, seeEverything } from '../support/witness';

let engine: EngineHarness;
const pauses = useRaceEngine((begun) => {
  engine = begun;
});

/** Longer than a lease and the time that a statement may take after it, in seconds. */
const BEYOND_LEASE = 91;

const move = (subject: Subject): Promise<unknown> => engine.activities.moveRows(subject.run);
const none = (): Promise<Lift> => Promise.resolve(nothing);

/** Where a worker of the document store can stand still. */
const START = /^purger: CALL start_purge_attempt/;
const STAMP = /^documents: updateMany fingerprints/;
const CHECK = /^purger: CALL assert_attempt_live/;
const DELETE = /^documents: deleteMany fingerprints/;

/** The next question of an interlock whether an older attempt may still delete. */
const nextQuestion = ({ tenantId }: Subject) =>
  pauses.stopNext(new RegExp(`AS live FROM attempts[^]*${tenantId}`));

/**
 * Places an interlock while an attempt lives: it asks, is told so, and asks again. What comes next is the
 * end of the lease, or the attempt's own report; only then is it answered.
 */
async function waitedFor(
  subject: Subject,
  place: () => Promise<Lift>,
  ends: () => Promise<void>,
): Promise<Lift> {
  const first = nextQuestion(subject);
  let isAnswered = false;
  const placing = place().then((lift) => {
    isAnswered = true;
    return lift;
  });
  const question = await earlierThan(placing, first);
  const second = nextQuestion(subject);
  question.wake();
  const again = await earlierThan(placing, second);
  expect(isAnswered).toBe(false);
  await ends();
  again.wake();
  return placing;
}

/** A question that comes before the answer does. @throws when the answer, or a failure, comes first. */
function earlierThan(
  placing: Promise<unknown>,
  question: Promise<PausedCall>,
): Promise<PausedCall> {
  const answered = placing.then((): PausedCall => {
    throw new Error('the interlock was answered without a question');
  });
  return Promise.race([question, answered]);
}

const leaseEnds = (): Promise<void> => later(engine, BEYOND_LEASE);

/** The use goes on; what was moved is brought back, and everything is live as it was. */
async function comeBack({ tenantId, records }: Subject): Promise<Lift> {
  await engine.send(tenantId, 'attachService', { service: 'CVM' });
  return async () => {
    await engine.runWork(tenantId);
    const live = recordsIn(await seeEverything(engine, tenantId));
    expect([...live].sort()).toEqual([...records].sort());
  };
}

const REFUSED = {
  endings: ['late-refused'],
  guard: 'held',
  outcomes: ['PERMIT_REFUSED'],
  again: true,
} as const;
const IN_TIME = {
  endings: ['in-time'],
  guard: 'lost',
  outcomes: ['done'],
  again: false,
  from: 'pause',
} as const;
const LATE_DELETE = { before: () => DELETE, outcomes: ['OUTCOME_UNKNOWN'] } as const;

const lose = (worker: PausedWorker): Promise<void> => {
  worker.call.loseAnswer();
  return Promise.resolve();
};
/** Whoever comes next reads what became of it, and finishes. */
const finished = (subject: Subject): Promise<Lift> =>
  Promise.resolve(async () => {
    expect(await outcomeOf(move(subject))).toBe('done');
  });

const INTERLOCKS: readonly (readonly [string, (subject: Subject) => Promise<Lift>, boolean])[] = [
  ['a hold', ({ tenantId }) => hold(engine, tenantId), true],
  ['a freeze', ({ tenantId }) => freeze(engine, tenantId), true],
  ['a freeze of everything', () => freeze(engine, 'global'), true],
  ['use again', comeBack, false],
];

const AFTER_INTERLOCKS = INTERLOCKS.flatMap(([kind, place, again]): readonly Interleaving[] => [
  {
    ...{ kind: `${kind} before the attempt`, ...REFUSED, again },
    before: () => START,
    meanwhile: place,
  },
  {
    ...{ kind: `${kind} before the stamp`, ...REFUSED, again },
    before: () => STAMP,
    meanwhile: (subject) => waitedFor(subject, () => place(subject), leaseEnds),
  },
  {
    ...{ kind: `${kind} before the last check`, ...REFUSED, again },
    before: () => CHECK,
    meanwhile: (subject) => waitedFor(subject, () => place(subject), leaseEnds),
  },
  {
    ...{ kind: `${kind} before the delete`, ...REFUSED, ...LATE_DELETE, again },
    meanwhile: (subject) => waitedFor(subject, () => place(subject), leaseEnds),
  },
]);

/** Another worker does the batch while this one stands still. */
const another = async (subject: Subject): Promise<Lift> => {
  await move(subject);
  return nothing;
};

const OTHERS: readonly Interleaving[] = [
  { kind: 'nothing', ...IN_TIME, before: () => DELETE, meanwhile: none },
  {
    ...{ kind: 'a hold that is answered after the report', ...IN_TIME },
    ...{ before: () => DELETE, outcomes: ['PERMIT_REFUSED', 'done'] },
    meanwhile: (subject, worker) =>
      waitedFor(
        subject,
        () => hold(engine, subject.tenantId),
        async () => {
          worker.call.wake();
          // What is left of its run is refused under the raised epochs.
          await worker.outcome;
        },
      ),
  },
  {
    ...{ kind: 'the answer to the delete is lost', ...IN_TIME, outcomes: ['OUTCOME_UNKNOWN'] },
    ...{ before: () => DELETE, meanwhile: finished, wake: lose },
  },
  {
    ...{ kind: 'the answer to the stamp is lost', ...REFUSED, guard: 'lost' },
    ...{ before: () => STAMP, meanwhile: none, wake: lose, outcomes: ['OUTCOME_UNKNOWN'] },
  },
  {
    ...{ kind: 'a trip before the last check', ...REFUSED, trips: true },
    ...{ before: () => CHECK, meanwhile: ({ run }) => trip(engine, run) },
  },
  ...([START, STAMP, CHECK] as const).map((pattern): Interleaving => ({
    ...{ kind: `the lease before ${pattern.source}`, ...REFUSED, guard: 'early' },
    before: () => pattern,
    meanwhile: async () => {
      await leaseEnds();
      return nothing;
    },
  })),
  ...([START, STAMP, DELETE] as const).map((pattern): Interleaving => ({
    ...{ kind: `another worker before ${pattern.source}`, ...REFUSED, guard: 'lost' },
    ...{ before: () => pattern, meanwhile: another, outcomes: ['done'], again: false },
  })),
  {
    ...{ kind: 'another worker after the lease', ...REFUSED, guard: 'lost', again: false },
    ...{ before: () => DELETE, outcomes: ['done', 'PERMIT_REFUSED'] },
    meanwhile: async (subject) => {
      await leaseEnds();
      return another(subject);
    },
  },
];
const INTERLEAVINGS = [...AFTER_INTERLOCKS, ...OTHERS];

const courseFor = (referee: Referee): RaceCourse => ({
  engine,
  pauses,
  referee,
  next: () => movableTenant(engine),
  work: move,
  places: () => Promise.resolve(['fingerprints']),
  entitledTo: async ({ run }) => {
    const names = await sealedNames(engine, run.runId);
    return (name) => names.has(name);
  },
  preserves: true,
  // An attempt that died is waited for by the next interlock; its lease ends between the races.
  rest: leaseEnds,
});

/** One race of a kind on a fresh tenant, with something done wrongly before the worker wakes. */
async function brokenRace(
  referee: Referee,
  kind: string,
  wrongly: (subject: Subject) => Promise<void>,
): Promise<void> {
  const interleaving = INTERLEAVINGS.find((known) => known.kind === kind) as Interleaving;
  const subject = await movableTenant(engine);
  const course = { ...courseFor(referee), wrongly };
  expect(await raceOn(course, interleaving, { subject, place: 'fingerprints' })).toBe(true);
}

const fingerprints = () =>
  engine.mongo.db(`${engine.environment.prefix}_assets`).collection('fingerprints');

describe('a worker that is paused between a permit for documents and its delete', () => {
  it(
    'changes nothing once an interlock was answered, because the answer waits for its lease and takes its stamps off [AB-2] [CC-4]',
    async () => {
      const referee = new Referee('documents', raceSeed());
      await raceAll(courseFor(referee), INTERLEAVINGS);
      expectFairRaces(referee, INTERLEAVINGS);
    },
    RACES_TIMEOUT_MS,
  );

  it('removes its own batch and nothing else when its lease ended after the last check and nothing came in between [AB-2]', async () => {
    const referee = new Referee('documents-alone', 1);
    const subject = await movableTenant(engine, 2);
    const interleaving: Interleaving = {
      ...{ kind: 'the lease after the last check', ...IN_TIME, before: () => DELETE },
      // The permit of the batch after it has run out meanwhile.
      outcomes: ['PERMIT_REFUSED'],
      meanwhile: async () => {
        await leaseEnds();
        return nothing;
      },
    };
    const before = await fingerprints().countDocuments({ tenantId: subject.tenantId });
    await raceOn(courseFor(referee), interleaving, { subject, place: 'fingerprints' });
    expect(referee.violations).toEqual([]);
    const left = await fingerprints().countDocuments({ tenantId: subject.tenantId });
    expect(left).toBe(before / 2);
  });

  it('would be told from one that deletes without a stamp [AB-1] [CC-4]', async () => {
    const referee = new Referee('documents-broken', 1);
    await brokenRace(referee, 'a hold before the attempt', async ({ tenantId }) => {
      await fingerprints().deleteMany({ tenantId });
    });
    expect(referee.line()).toMatch(/held=1 undone=0/);
  });

  it('would be let through by an interlock that leaves the stamps on, and that is found [CC-4]', async () => {
    const referee = new Referee('documents-broken', 1);
    await brokenRace(referee, 'a hold before the delete', async ({ tenantId }) => {
      const rows = await engine
        .root('control')
        .query(`SELECT attempt_id FROM attempts WHERE tenant_id = ? AND purpose = 'purge'`, [
          tenantId,
        ]);
      const stamp = String(rows[0]?.['attempt_id']);
      await fingerprints().updateMany({ tenantId }, { $set: { stamp } });
    });
    expect(referee.line()).toMatch(/held=1 undone=0/);
  });
});

describe('an attempt on documents', () => {
  it('that is refused at its last check ends itself, and a hold need not wait for its lease [CC-4]', async () => {
    const subject = await movableTenant(engine);
    const worker = await pausedBefore(pauses, { pattern: CHECK }, () => move(subject));
    if (worker === null) throw new Error('the worker has nothing to do');
    const first = nextQuestion(subject);
    const placing = hold(engine, subject.tenantId);
    const question = await earlierThan(placing, first);
    worker.call.wake();
    expect(await worker.outcome).toBe('PERMIT_REFUSED');
    const open = await engine
      .root('control')
      .query(
        `SELECT 1 FROM attempts WHERE tenant_id = ? AND purpose = 'purge' AND ended_at IS NULL`,
        [subject.tenantId],
      );
    expect(open).toEqual([]);
    question.wake();
    await (
      await placing
    )();
    expect(await outcomeOf(move(subject))).toBe('done');
  });

  it('that deleted nothing explains no missing document to the next one [AB-1]', async () => {
    const subject = await movableTenant(engine);
    await fingerprints().deleteOne({ tenantId: subject.tenantId });
    for (const time of ['first', 'second']) {
      expect([time, await outcomeOf(move(subject))]).toEqual([time, 'COUNT_MISMATCH']);
      await resetTrips(engine);
    }
  });
});
