import { isDeepStrictEqual } from 'node:util';
import type { CanonicalState } from '../support/canonical-digest';
import { DANGEROUS } from '../support/crash-dangers';
import { playOn, startWorker, type CrashWorker, type Life } from '../support/crash-life';
import { planDeaths } from '../support/crash-plan';
import { createStage, type Stage } from '../support/crash-stage';
import { STORIES, type Story } from '../support/crash-stories';
import { CHOSEN_STORY, IS_LONG, LONG_SEED, LONG_SHARE, shareOf } from '../support/long-form';
import { sabotaged, Saboteur, type Target } from '../support/saboteur';
import { kindOf, type Call } from '../support/store-calls';
import { addUp, line, nothingFound } from '../support/verdict';

/** What is played: every kind of life, or those that were asked for. */
const PLAYED = STORIES.filter(({ name }) => name.includes(CHOSEN_STORY));
const IS_WHOLE = PLAYED.length === STORIES.length;
/** The fewest deaths that prove anything. */
const FAULTS_MIN = IS_WHOLE ? 40 : 1;

/** Tells the saboteur which activity is running. */
function announced(worker: CrashWorker, saboteur: Saboteur): CrashWorker {
  const activities = new Proxy(worker.activities, {
    get: (real, name: keyof CrashWorker['activities']) => {
      saboteur.enter(name);
      return Reflect.get(real, name);
    },
  });
  return { ...worker, activities };
}

/** A worker that dies at one call: nothing that it does afterwards reaches a store. */
async function dieAt(
  { engine }: Stage,
  life: Life,
  target: Target | null,
): Promise<{ readonly calls: readonly Call[]; readonly struck: boolean }> {
  const saboteur = new Saboteur();
  const worker = await startWorker(engine, (stores) => sabotaged(stores, saboteur));
  saboteur.arm(target, 'dies');
  const failure = await playOn(engine, announced(worker, saboteur), life).then(
    () => null,
    (error: unknown) => error,
  );
  await worker.close();
  if (target === null && failure !== null) throw failure as Error;
  return { calls: saboteur.calls, struck: saboteur.hasStruck };
}

/**
 * The deaths that are most dangerous: at calls that a story names. They are counted among their kind, because how
 * many others there are before them differs a little between lives.
 */
function dangersOf({ dangers }: Story, calls: readonly Call[]): readonly Target[] {
  return dangers.map(([pattern, moment, which]): Target => {
    const isLike = ({ name }: Call): boolean => pattern.test(name);
    const at = which === 'last' ? calls.findLastIndex(isLike) : calls.findIndex(isLike);
    const named = calls[at];
    if (named === undefined) throw new Error(`no call is like ${pattern.source}`);
    const kind = kindOf(named);
    const alike = calls.slice(0, at + 1).filter((call) => kindOf(call) === kind);
    return { kind, call: alike.length, moment };
  });
}

/** A death or two between the dangerous ones. */
function betweenDangers({ dangers }: Story, calls: readonly Call[]): readonly Target[] {
  const deaths = dangers.length > 1 ? 2 : 1;
  return Array.from({ length: deaths }, (_, death): Target => {
    const call = Math.floor(((death + 0.5) * calls.length) / deaths) + 1;
    return { call, moment: death % 2 === 0 ? 'before' : 'after' };
  });
}

/** Deaths at every call of what a story is about, before it and after it. */
function throughout({ every }: Story, calls: readonly Call[]): readonly Target[] {
  if (every === undefined) return [];
  const about = calls.findLastIndex(({ name }) => every.about.test(name));
  const from = calls.slice(0, about).findLastIndex(({ name }) => every.from.test(name));
  const to = calls.findIndex(({ name }, at) => at > about && every.to.test(name));
  if (from < 0 || to < 0) throw new Error(`no call is like ${every.from.source}`);
  const numbers = Array.from({ length: to - from + 1 }, (_, index) => from + index + 1);
  return numbers.flatMap((call): Target[] => [
    { call, moment: 'before' },
    { call, moment: 'after' },
  ]);
}

/** A life in which nobody dies, and what it leaves. */
interface Calm {
  readonly calls: readonly Call[];
  readonly state: CanonicalState;
}

async function playCalm(stage: Stage, story: Story): Promise<Calm> {
  const life = await stage.next(story);
  await stage.judge(life, false);
  const { calls } = await dieAt(stage, life, null);
  await stage.judge(life, true);
  return { calls, state: await stage.stateOf(life) };
}

/** Plays lives of one kind with a death at each target, and compares what each leaves with a calm one. */
async function playDeaths(
  { stage, tally }: { readonly stage: Stage; readonly tally: Tally },
  story: Story,
  { targets, calm }: { readonly targets: readonly Target[]; readonly calm: Calm },
): Promise<void> {
  for (const target of targets) {
    const life = await stage.next(story);
    const { struck } = await dieAt(stage, life, target);
    await stage.judge(life, false);
    await stage.succeed(life);
    await stage.judge(life, true);
    const end = { struck, state: await stage.stateOf(life) };
    tally.compare(JSON.stringify({ story: story.name, ...target }), end, {
      ...{ struck: true, state: calm.state },
    });
  }
}

/** How a life ended, and whether the death in it took place. */
interface End {
  readonly struck: boolean;
  readonly state: CanonicalState;
}

/** All lives of a run: what was found in them, and which dangerous states were reached. */
class Tally {
  readonly found = nothingFound();
  readonly reached = new Set<string>();
  /** Ends that are not as those of a calm life, and these, by the death: a run goes on and shows all of them. */
  readonly ends: Record<string, End> = {};
  readonly calmEnds: Record<string, End> = {};
  faults = 0;

  compare(death: string, end: End, calm: End): void {
    this.faults += 1;
    if (isDeepStrictEqual(end, calm)) return;
    this.ends[death] = end;
    this.calmEnds[death] = calm;
  }

  add({ found, reached }: Stage): void {
    addUp(this.found, found);
    for (const state of reached) this.reached.add(state);
  }
}

/** Plays stories on a stage of its own. */
async function onStage(tally: Tally, play: (stage: Stage) => Promise<void>): Promise<void> {
  const stage = await createStage();
  try {
    await play(stage);
  } finally {
    tally.add(stage);
    await stage.remove();
  }
}

/** In the short form: the dangerous deaths and some between them, all in one environment. */
async function playShortForm(tally: Tally): Promise<void> {
  await onStage(tally, async (stage) => {
    for (const story of PLAYED) {
      const calm = await playCalm(stage, story);
      const targets = [...dangersOf(story, calm.calls), ...betweenDangers(story, calm.calls)];
      await playDeaths({ stage, tally }, story, { targets, calm });
      process.stdout.write(`${story.name}: ${line(targets.length, stage.found)}\n`);
    }
  });
}

/** In the long form: the dangerous deaths, and this part of those at every kind of call. */
async function playLongForm(tally: Tally): Promise<void> {
  const calms = new Map<string, Calm>();
  await onStage(tally, async (stage) => {
    for (const story of STORIES) calms.set(story.name, await playCalm(stage, story));
  });
  const lives = [...calms].map(([name, { calls }]) => [name, calls] as const);
  const plan = planDeaths(new Map(lives), LONG_SEED);
  const kinds = new Set(lives.flatMap(([, calls]) => calls.map(kindOf)));
  const { part, parts } = LONG_SHARE;
  process.stdout.write(
    `crash matrix: seed=${LONG_SEED} part=${part}/${parts} kinds=${kinds.size}\n`,
  );
  for (const story of PLAYED) {
    const begun = Date.now();
    const calm = calms.get(story.name) as Calm;
    const all = [...(plan.get(story.name) ?? []), ...throughout(story, calm.calls)];
    const planned = shareOf(all, LONG_SHARE);
    const targets = [...dangersOf(story, calm.calls), ...planned];
    await onStage(tally, (stage) => playDeaths({ stage, tally }, story, { targets, calm }));
    const seconds = Math.round((Date.now() - begun) / 1000);
    process.stdout.write(
      `${story.name}: ${line(targets.length, tally.found)} seconds=${seconds}\n`,
    );
  }
}

describe('a worker that dies at a call to a store', () => {
  it(
    'is succeeded by one that ends the life alike, and nothing is lost, early, held, crossed or lied about, at any call [AB-1] [AB-2] [AB-3] [CC-2] [CC-3] [CC-4]',
    async () => {
      const tally = new Tally();
      await (IS_LONG ? playLongForm(tally) : playShortForm(tally));
      process.stdout.write(`crash matrix: ${line(tally.faults, tally.found)}\n`);
      process.stdout.write(`reached: ${[...tally.reached].sort().join('; ')}\n`);
      expect(tally.ends).toEqual(tally.calmEnds);
      expect(tally.found).toEqual(nothingFound());
      expect(tally.faults).toBeGreaterThanOrEqual(FAULTS_MIN);
      // Some states are reached in one kind of life only.
      const missed = Object.keys(DANGEROUS).filter((state) => !tally.reached.has(state));
      expect(IS_WHOLE ? missed : []).toEqual([]);
    },
    IS_LONG ? 2 * 3_600_000 : 600_000,
  );
});
