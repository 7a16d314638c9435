import type { EngineHarness } from '../support/engine';
import { freeze, later, trip, type Lift } from '../support/interlocks';
import { useRaceEngine } from '../support/race-engine';
import {
  movableTenant,
  openPlaces,
  outcomeOf,
  pausedBefore,
  sealedNames,
  until,
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

import { lostRecords, recordsIn, seeEverything, type Sight } from '../support/witness';

let engine: EngineHarness;
const pauses = useRaceEngine((begun) => {
  engine = begun;
});

/** Longer than a permit lives, in seconds. */
const BEYOND_LEASE = 61;

const move = (subject: Subject): Promise<unknown> => engine.activities.moveRows(subject.run);
const see = (subject: Subject): Promise<Sight> => seeEverything(engine, subject.tenantId);

const purgeOf = (place: string): RegExp => new RegExp(`^purger: CALL purge_${place}\\(`);
const beforeTheCall = { before: purgeOf };
const beforeThePermit = { before: () => /^issuer: CALL issue_move_permit/ };
const REFUSED = {
  ...beforeTheCall,
  endings: ['late-refused'],
  outcomes: ['PERMIT_REFUSED'],
  again: true,
} as const;
const IN_TIME = {
  ...beforeTheCall,
  endings: ['in-time'],
  guard: 'lost',
  outcomes: ['done'],
  again: false,
} as const;

/** The use goes on; what was moved is brought back, and everything is live as it was. */
async function comeBack(subject: Subject): Promise<Lift> {
  await engine.send(subject.tenantId, 'attachService', { service: 'CVM' });
  return async () => {
    await engine.runWork(subject.tenantId);
    const live = recordsIn(await see(subject));
    expect([...live].sort()).toEqual([...subject.records].sort());
  };
}

/** Connections whose statement waits for a lock that somebody else holds. */
const waiting = async (): Promise<readonly number[]> => {
  const rows = await engine.root('control').query(
    `SELECT trx_mysql_thread_id AS id FROM information_schema.INNODB_TRX
      WHERE trx_state = 'LOCK WAIT'`,
  );
  return rows.map((row) => Number(row['id']));
};

/** Lets the call run into a lock on its rows, does something, and takes the lock away. */
async function inFlight(
  worker: PausedWorker,
  at: { readonly subject: Subject; readonly place: string },
  meanwhile: () => Promise<void>,
): Promise<void> {
  await engine.root('assets').transaction(async (sql) => {
    const { tenantId } = at.subject;
    await sql.query(`SELECT 1 FROM ${at.place} WHERE tenant_id = ? FOR UPDATE`, [tenantId]);
    worker.call.wake();
    await until(async () => (await waiting()).length === 1);
    await meanwhile();
  });
}

/** Ends the connection whose statement waits, as a network or an administrator does. */
async function killConnection(): Promise<void> {
  const [connection] = await waiting();
  await engine.root('control').execute(`KILL ${Number(connection)}`);
}

const INTERLEAVINGS: readonly Interleaving[] = [
  { kind: 'nothing', ...IN_TIME, meanwhile: () => Promise.resolve(nothing) },
  {
    kind: 'the answer is lost',
    ...IN_TIME,
    meanwhile: () => Promise.resolve(nothing),
    wake: (worker) => {
      worker.call.loseAnswer();
      return Promise.resolve();
    },
  },
  {
    kind: 'the connection is killed',
    ...REFUSED,
    guard: 'lost',
    outcomes: ['OUTCOME_UNKNOWN'],
    meanwhile: () => Promise.resolve(nothing),
    wake: (worker, subject, place) => inFlight(worker, { subject, place }, killConnection),
  },
  {
    kind: 'a hold',
    ...REFUSED,
    guard: 'held',
    meanwhile: ({ tenantId }) => hold(engine, tenantId),
  },
  {
    kind: 'a freeze',
    ...REFUSED,
    guard: 'held',
    meanwhile: ({ tenantId }) => freeze(engine, tenantId),
  },
  {
    kind: 'a freeze before the permit',
    ...REFUSED,
    guard: 'held',
    ...beforeThePermit,
    meanwhile: ({ tenantId }) => freeze(engine, tenantId),
  },
  {
    kind: 'a freeze of everything',
    ...REFUSED,
    guard: 'held',
    meanwhile: () => freeze(engine, 'global'),
  },
  {
    kind: 'a trip',
    ...REFUSED,
    guard: 'held',
    trips: true,
    meanwhile: ({ run }) => trip(engine, run),
  },
  { kind: 'use again', ...REFUSED, guard: 'held', again: false, meanwhile: comeBack },
  {
    kind: 'use again before the permit',
    ...REFUSED,
    guard: 'held',
    again: false,
    ...beforeThePermit,
    meanwhile: comeBack,
  },
  {
    kind: 'the lease',
    ...REFUSED,
    guard: 'early',
    meanwhile: async () => {
      await later(engine, BEYOND_LEASE);
      return nothing;
    },
  },
  {
    kind: 'another worker',
    ...REFUSED,
    guard: 'lost',
    again: false,
    outcomes: ['done'],
    meanwhile: async (subject) => {
      await move(subject);
      return nothing;
    },
  },
  {
    kind: 'another worker after the lease',
    ...REFUSED,
    guard: 'lost',
    again: false,
    meanwhile: async (subject) => {
      await later(engine, BEYOND_LEASE);
      await move(subject);
      return nothing;
    },
  },
];

const courseFor = (referee: Referee): RaceCourse => ({
  engine,
  pauses,
  referee,
  next: () => movableTenant(engine),
  work: move,
  places: ({ run }) => openPlaces(engine, run.runId, 'mysql'),
  entitledTo: async ({ run }) => {
    const names = await sealedNames(engine, run.runId);
    return (name) => names.has(name);
  },
  preserves: true,
});

describe('a worker that is paused between a permit for rows and its use', () => {
  it(
    'changes nothing when it wakes after an interlock, its lease or another worker, and does its batch in time [AB-2] [CC-4]',
    async () => {
      const referee = new Referee('rows', raceSeed());
      await raceAll(courseFor(referee), INTERLEAVINGS);
      expectFairRaces(referee, INTERLEAVINGS);
    },
    RACES_TIMEOUT_MS,
  );

  it('is waited for by a hold when its call is in flight, and nothing goes after the answer [CC-4]', async () => {
    const subject = await movableTenant(engine);
    const place = 'image_risks';
    const worker = await pausedBefore(pauses, { pattern: purgeOf(place) }, () => move(subject));
    if (worker === null) throw new Error('the worker has nothing to do');
    let isAnswered = false;
    let answered: Promise<unknown> = Promise.resolve();
    await inFlight(worker, { subject, place }, async () => {
      answered = hold(engine, subject.tenantId).then(() => {
        isAnswered = true;
      });
      await until(async () => (await waiting()).length === 2);
      expect(isAnswered).toBe(false);
    });
    await answered;
    const atAnswer = await see(subject);
    expect([...atAnswer.keys()].filter((name) => name.includes(place))).toEqual([]);
    await outcomeOf(worker.outcome);
    expect(await see(subject)).toEqual(atAnswer);
    expect(await lostRecords(engine, subject.tenantId, subject.records)).toEqual([]);
  });

  it('would be told from one that takes rows away without a permit [AB-1] [CC-4]', async () => {
    const referee = new Referee('rows-broken', 1);
    for (const kind of ['a hold', 'the lease', 'the connection is killed']) {
      const interleaving = INTERLEAVINGS.find((known) => known.kind === kind) as Interleaving;
      const subject = await movableTenant(engine);
      const wrongly = async ({ tenantId }: Subject): Promise<void> => {
        for (const table of ['scans', 'assets']) {
          await engine
            .root('assets')
            .execute(`DELETE FROM ${table} WHERE tenant_id = ?`, [tenantId]);
        }
      };
      const course = { ...courseFor(referee), wrongly };
      await raceOn(course, interleaving, { subject, place: 'image_risks' });
    }
    expect(referee.line()).toMatch(/lost=\d+ early=1 held=1 undone=0/);
  });
});
