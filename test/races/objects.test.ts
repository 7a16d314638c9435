import { setLegalHold } from '../../src/activities/objects/legal-hold';
import type { EngineHarness } from '../support/engine';
import { freeze, later, resetTrips, trip, type Lift } from '../support/interlocks';
import { useRaceEngine } from '../support/race-engine';
import {
  destroyDue,
  endedTenant,
  outcomeOf,
  ripeTenant,
  type PausedWorker,
  type Subject,
} from '../support/race-lives';
import { RACES, RACES_TIMEOUT_MS, Referee, raceSeed } from '../support/race-referee';
import {
  expectFairRaces,
  nothing,
  raceAll,
  raceOn,
  type Interleaving,
  type RaceCourse,
} from '../support/races';
import { hold } from '../support/holds';
import { assetDays, ended, objectsOf } from '../support/tenant-life';
import { pinnedVersions, recordsIn, seeEverything, type Sight } from '../support/witness';

let engine: EngineHarness;
const pauses = useRaceEngine((begun) => {
  engine = begun;
});

const BEYOND_LEASE = 61;
const none = (): Promise<Lift> => Promise.resolve(nothing);
const see = ({ tenantId }: Subject): Promise<Sight> => seeEverything(engine, tenantId);
const destroy = (subject: Subject): Promise<string> => destroyDue(engine, subject);

/** A worker that deletes versions of a cohort whose key is gone can only finish; the other cohorts stay. */
const FINISHES = {
  endings: ['in-time'],
  guard: 'held',
  outcomes: ['done'],
  again: false,
} as const;

const deletionOf = (place: string): RegExp => new RegExp(`^destroyer: ${place} `);

/** The use goes on: what was not destroyed yet is live again. */
async function comeBack(subject: Subject): Promise<Lift> {
  const { tenantId, run } = subject;
  const gone = new Set((await dueDays(run.runId, 'destroying')).map((day) => day));
  await engine.send(tenantId, 'attachService', { service: 'CVM' });
  return async () => {
    expect(gone.size).toBe(1);
    await engine.runWork(tenantId);
    const live = recordsIn(await see(subject));
    expect(live.size).toBeGreaterThan(0);
    for (const [name, held] of live) expect(subject.records.get(name)).toBe(held);
  };
}

/** Due days of a run that have reached a state. */
async function dueDays(runId: string, state: string): Promise<readonly string[]> {
  const rows = await engine
    .root('control')
    .query('SELECT due_on FROM cohort_states WHERE run_id = ? AND state = ?', [runId, state]);
  return rows.map((row) => String(row['due_on']));
}

const LATE_DELETES: readonly Interleaving[] = [
  { kind: 'nothing', ...FINISHES, before: deletionOf, meanwhile: none },
  {
    ...{ kind: 'the answer is lost', ...FINISHES, before: deletionOf },
    // What was done may be that a hold was cleared, which takes nothing away.
    endings: ['in-time', 'late-refused'],
    outcomes: ['OUTCOME_UNKNOWN'],
    meanwhile: (subject) =>
      Promise.resolve(async () => {
        expect(await destroy(subject)).toBe('done');
      }),
    wake: (worker: PausedWorker) => {
      worker.call.loseAnswer();
      return Promise.resolve();
    },
  },
  {
    ...{ kind: 'a hold', ...FINISHES, before: deletionOf },
    meanwhile: ({ tenantId }) => hold(engine, tenantId),
  },
  {
    ...{ kind: 'a freeze of everything', ...FINISHES, before: deletionOf },
    meanwhile: () => freeze(engine, 'global'),
  },
  {
    ...{ kind: 'a trip', ...FINISHES, before: deletionOf, trips: true },
    meanwhile: ({ run }) => trip(engine, run),
  },
  { kind: 'use again', ...FINISHES, before: deletionOf, meanwhile: comeBack },
  {
    ...{ kind: 'the lease', ...FINISHES, before: deletionOf },
    meanwhile: async () => {
      await later(engine, BEYOND_LEASE);
      return nothing;
    },
  },
  {
    ...{ kind: 'another worker', ...FINISHES, endings: ['late-refused'], before: deletionOf },
    meanwhile: async (subject) => {
      expect(await destroy(subject)).toBe('done');
      return nothing;
    },
  },
];

/** Ends the connections of a worker that stands still, as servers do with those that are silent. */
async function cutOff(): Promise<void> {
  const rows = await engine
    .root('control')
    .query('SELECT ID AS id FROM information_schema.PROCESSLIST WHERE USER = ?', [
      engine.environment.logins.archiver.user,
    ]);
  for (const row of rows) {
    const killing = engine.root('control').execute(`KILL ${Number(row['id'])}`);
    // One that was closed a moment ago is as good as killed.
    expect(['done', 'ER_NO_SUCH_THREAD']).toContain(await outcomeOf(killing));
  }
}

const ATTEMPTS = 4;

/**
 * Does a step as the workflow engine would: again when a connection turns out to be dead, or when both
 * workers put the same part on record.
 */
async function persistently(step: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; attempt < ATTEMPTS; attempt += 1) {
    const outcome = await outcomeOf(step());
    if (outcome === 'done') return;
    expect(['OUTCOME_UNKNOWN', 'STORE_UNAVAILABLE', 'TAKEN_OVER']).toContain(outcome);
  }
  await step();
}

const LATE_WRITE = {
  endings: ['late-refused'],
  guard: 'lost',
  before: (place: string) => new RegExp(`^archiver: makeRequestAsync PUT [^ ]*-${place}`),
  // Its connection is gone, or another worker has the same part of the same attempt on record.
  outcomes: ['OUTCOME_UNKNOWN', 'STORE_UNAVAILABLE', 'DUPLICATE_KEY', 'TAKEN_OVER'],
  again: false,
} as const;

/** What a late writer left behind is shown by the listing that verdicts rest on. */
async function isListed(subject: Subject): Promise<void> {
  const seen = [...(await see(subject)).keys()].filter((name) => name.startsWith('object '));
  expect(await objectsOf(engine, subject.tenantId)).toBe(seen.length);
}

const LATE_WRITES: readonly Interleaving[] = [
  {
    ...{ kind: 'a part after another worker sealed', ...LATE_WRITE },
    meanwhile: async (subject) => {
      await cutOff();
      await persistently(() => engine.activities.sealAndCopy(subject.run));
      await engine.activities.verifyCopies(subject.run);
      return async () => {
        await isListed(subject);
        await engine.activities.verifyCopies(subject.run);
        await engine.activities.moveRows(subject.run);
        const sight = await see(subject);
        const pinned = await pinnedVersions(engine, subject.tenantId);
        expect(pinned.filter(({ name }) => !sight.has(name))).toEqual([]);
        expect(recordsIn(sight).size).toBe(0);
      };
    },
  },
  {
    ...{ kind: 'a part after the run was superseded', ...LATE_WRITE },
    meanwhile: async (subject) => {
      await cutOff();
      await engine.send(subject.tenantId, 'attachService', { service: 'CVM' });
      await persistently(() => engine.runWork(subject.tenantId));
      return () => isListed(subject);
    },
  },
  {
    ...{ kind: 'a part after the cohort was restored', ...LATE_WRITE },
    meanwhile: async (subject) => {
      await cutOff();
      await persistently(() => engine.runWork(subject.tenantId));
      await engine.send(subject.tenantId, 'attachService', { service: 'CVM' });
      await engine.runWork(subject.tenantId);
      return () => isListed(subject);
    },
  },
  {
    ...{ kind: 'a part after the cohort was destroyed', ...LATE_WRITE },
    meanwhile: async (subject) => {
      await cutOff();
      await persistently(() => engine.runWork(subject.tenantId));
      engine.hosted = [ended('CVM')];
      const [due] = assetDays(await engine.snapshot(subject.tenantId));
      await engine.setClock(due?.deleteNotBefore ?? '');
      expect(await destroy(subject)).toBe('done');
      return async () => {
        await isListed(subject);
        const left = await objectsOf(engine, subject.tenantId);
        const { blockedOn } = await engine.destroy(subject.tenantId);
        // Nothing is certified while anything lies there.
        expect(blockedOn).toBe(left > 0 ? 'verification' : null);
        expect(await dueDays(subject.run.runId, 'certified')).toHaveLength(left > 0 ? 0 : 1);
        await resetTrips(engine);
      };
    },
  },
];

const deletes = (referee: Referee): RaceCourse => ({
  engine,
  pauses,
  referee,
  until: RACES / 2,
  next: () => ripeTenant(engine, 2),
  work: destroy,
  places: () => Promise.resolve(['setObjectLegalHold', 'removeObject']),
  entitledTo: async ({ run }) => {
    // Of the cohort whose key has its tombstone, and of no other.
    const rows = await engine
      .root('keys')
      .query(`SELECT key_ref FROM key_tombstones WHERE key_ref LIKE ?`, [`asset:${run.runId}:%`]);
    expect(rows).toHaveLength(1);
    const dueOn = String(rows[0]?.['key_ref']).split(':')[2] ?? '';
    return (name) => name.startsWith('object ') && name.includes(`/${run.runId}/${dueOn}/`);
  },
  preserves: false,
});

const writes = (referee: Referee): RaceCourse => ({
  engine,
  pauses,
  referee,
  next: () => endedTenant(engine, { hosts: 1 }),
  work: ({ run }) => engine.activities.sealAndCopy(run),
  places: () =>
    Promise.resolve(['archive', 'backup', 'archive [^ ]*manifest', 'backup [^ ]*manifest']),
  entitledTo: () => Promise.resolve(() => false),
  mayAdd: (name) => name.startsWith('object '),
  preserves: false,
});

describe('a worker that is paused between requests to the object store', () => {
  it(
    'deletes only what was irrevocable when it was paused, and replaces no version with a late part [AB-2] [AB-3] [CC-4]',
    async () => {
      const referee = new Referee('objects', raceSeed());
      await raceAll(deletes(referee), LATE_DELETES);
      await raceAll(writes(referee), LATE_WRITES);
      expectFairRaces(referee, [...LATE_DELETES, ...LATE_WRITES]);
    },
    RACES_TIMEOUT_MS,
  );

  it('would be told from one that deletes what a hold protects [AB-1] [CC-4]', async () => {
    const referee = new Referee('objects-broken', 1);
    const subject = await ripeTenant(engine, 2);
    const interleaving = LATE_DELETES.find(({ kind }) => kind === 'a hold') as Interleaving;
    const wrongly = async ({ tenantId }: Subject): Promise<void> => {
      for (const { name } of await pinnedVersions(engine, tenantId)) {
        const [, copy = '', object = '', versionId = ''] = name.split(' ');
        const bucket = `${engine.environment.name}-${copy}`;
        await setLegalHold(engine.admin, { bucket, name: object, versionId }, 'OFF');
        await engine.admin.removeObject(bucket, object, { versionId });
      }
    };
    await raceOn({ ...deletes(referee), wrongly }, interleaving, {
      subject,
      place: 'removeObject',
    });
    expect(referee.line()).toMatch(/held=1/);
  });
});
