import { openTrips, resetTrips, type Lift } from './interlocks';
import type { EngineHarness } from './engine';
import type { Pauses } from './paused-worker';
import { pausedBefore, type Outcome, type PausedWorker, type Subject } from './race-lives';
import { Deck, RACES, seededNumbers, type Race, type Referee } from './race-referee';
import { lostRecords, seeEverything } from './witness';

/** What happens while a worker stands still before a call. */
export interface Interleaving {
  readonly kind: string;
  /** What may come of it. */
  readonly endings: Race['endings'];
  /** What it would be if something went all the same. */
  readonly guard: Race['guard'];
  /** Where the worker stands. */
  readonly before: (place: string) => RegExp;
  /** What happens meanwhile; the answer takes it back for the next race. */
  readonly meanwhile: (subject: Subject, worker: PausedWorker) => Promise<Lift>;
  /** How the worker goes on; it wakes unless something else is said. */
  readonly wake?: (worker: PausedWorker, subject: Subject, place: string) => Promise<void>;
  /** When it is judged from: after what happened meanwhile, or from the pause, because the call is in time. */
  readonly from?: 'pause';
  /** Outcomes of the worker that are right. */
  readonly outcomes: readonly string[];
  /** Whether the tenant can be raced again. */
  readonly again: boolean;
  /** True when the circuit breaker trips, as it should. */
  readonly trips?: boolean;
}

/** Where races are run. */
export interface RaceCourse {
  readonly engine: EngineHarness;
  readonly pauses: Pauses;
  readonly referee: Referee;
  /** A tenant for the next races. */
  readonly next: () => Promise<Subject>;
  /** What the worker does. */
  readonly work: (subject: Subject) => Promise<unknown>;
  /** Places where the tenant's next worker can be stopped. */
  readonly places: (subject: Subject) => Promise<readonly string[]>;
  /** Names of what the worker may end in time. */
  readonly entitledTo: (subject: Subject) => Promise<(name: string) => boolean>;
  /** Names of what may be left behind late. */
  readonly mayAdd?: (name: string) => boolean;
  /** Whether records must be preserved after each race: not where their lawful end is raced. */
  readonly preserves: boolean;
  /** Races that the referee has seen when this course ends, if not all. */
  readonly until?: number;
  /** What passes between two races. */
  readonly rest?: () => Promise<void>;
  /** What somebody does wrongly just before the worker wakes, to see that it is found. */
  readonly wrongly?: (subject: Subject) => Promise<void>;
}

/** Answers of meanwhile that have nothing to take back. */
export const nothing: Lift = () => Promise.resolve();

/** Runs one race on a subject; false when the worker had nothing to do there. */
export async function raceOn(
  course: RaceCourse,
  interleaving: Interleaving,
  at: { readonly subject: Subject; readonly place: string },
): Promise<boolean> {
  const { engine, referee } = course;
  const { subject, place } = at;
  const { kind, endings, guard } = interleaving;
  const pattern = interleaving.before(place);
  const worker = await pausedBefore(course.pauses, { pattern }, () => course.work(subject));
  if (worker === null) return false;
  const see = () => seeEverything(engine, subject.tenantId);
  const entitled = await course.entitledTo(subject);
  const atPause = interleaving.from === 'pause' ? await see() : null;
  const lift = await interleaving.meanwhile(subject, worker);
  const before = atPause ?? (await see());
  await course.wrongly?.(subject);
  if (interleaving.wake === undefined) worker.call.wake();
  else await interleaving.wake(worker, subject, place);
  const outcome = await worker.outcome;
  const race = { kind, endings, guard, entitled, before, after: await see() };
  referee.judge(course.mayAdd === undefined ? race : { ...race, mayAdd: course.mayAdd });
  await judgeWorker(course, interleaving, { subject, outcome });
  await lift();
  await course.rest?.();
  return true;
}

/** What the worker says, what it leaves standing still, and what is preserved. */
async function judgeWorker(
  { engine, referee, preserves }: RaceCourse,
  { kind, outcomes, trips }: Interleaving,
  { subject, outcome }: { readonly subject: Subject; readonly outcome: Outcome },
): Promise<void> {
  if (!outcomes.includes(outcome)) referee.violations.push(`${kind}: the worker says ${outcome}`);
  if (trips !== true && (await openTrips(engine)) > 0) {
    referee.violations.push(`${kind}: the circuit breaker has tripped`);
    await resetTrips(engine);
  }
  if (!preserves) return;
  const lost = await lostRecords(engine, subject.tenantId, subject.records);
  if (lost.length > 0) referee.accuse(kind, 'lost', lost);
}

/** Races until there were enough; a tenant is raced again while there is something to race for. */
export async function raceAll(
  course: RaceCourse,
  interleavings: readonly Interleaving[],
): Promise<void> {
  const deck = new Deck(interleavings, seededNumbers(course.referee.seed));
  let subject: Subject | null = null;
  while (course.referee.run < (course.until ?? RACES)) {
    const interleaving = deck.next();
    for (let raced = false; !raced;) {
      subject ??= await course.next();
      const place = deck.oneOf(await course.places(subject));
      raced = await raceOn(course, interleaving, { subject, place });
      if (!raced || !interleaving.again) subject = null;
    }
  }
}

/** Expects that enough was raced, that every interleaving ended as it may, and that nothing was wrong. */
export function expectFairRaces(referee: Referee, interleavings: readonly Interleaving[]): void {
  process.stdout.write(`${referee.line()}\n`);
  expect(referee.violations).toEqual([]);
  expect(referee.run).toBeGreaterThanOrEqual(100);
  const never = interleavings.filter(
    ({ kind, endings }) => !endings.some((ending) => referee.count(kind, ending) > 0),
  );
  expect(never.map(({ kind }) => kind)).toEqual([]);
  expect(referee.total('late-refused')).toBeGreaterThan(10);
  expect(referee.total('in-time')).toBeGreaterThan(5);
}
