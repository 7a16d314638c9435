import { DANGEROUS } from '../support/crash-dangers';
import { playOn, startWorker, type Life } from '../support/crash-life';
import { createStage, type Stage } from '../support/crash-stage';
import { STORIES, type Story } from '../support/crash-stories';
import { sabotaged, Saboteur, type Moment } from '../support/saboteur';
import { line, nothingFound } from '../support/verdict';

const EVERYTHING = process.env['LETHE_LONG_TESTS'] === '1';
/** The fewest deaths of all stories that prove anything. */
const FAULTS_MIN = 40;

let stage: Stage;
beforeAll(async () => {
  stage = await createStage();
});
afterAll(() => stage.remove());

interface Target {
  readonly call: number;
  readonly moment: Moment;
}

/** A worker that dies at one call: nothing that it does afterwards reaches a store. */
async function dieAt(
  life: Life,
  target: Target | null,
): Promise<{ readonly names: readonly string[]; readonly struck: boolean }> {
  const saboteur = new Saboteur();
  const worker = await startWorker(stage.engine, (stores) => sabotaged(stores, saboteur));
  saboteur.arm(target, 'dies');
  const failure = await playOn(stage.engine, worker, life).then(
    () => null,
    (error: unknown) => error,
  );
  await worker.close();
  if (target === null && failure !== null) throw failure as Error;
  return { names: saboteur.names, struck: saboteur.hasStruck };
}

/** Both moments of every call in the long form; in the short one the dangerous ones, and some between them. */
function targetsOf({ dangers }: Story, names: readonly string[]): readonly Target[] {
  if (EVERYTHING) {
    return names.flatMap((_, index) =>
      (['before', 'after'] as const).map((moment) => ({ call: index + 1, moment })),
    );
  }
  const dangerous = dangers.map(([pattern, moment, which]): Target => {
    const calls = names.flatMap((name, index) => (pattern.test(name) ? [index + 1] : []));
    const call = which === 'last' ? calls.at(-1) : calls[0];
    if (call === undefined) throw new Error(`no call is like ${pattern.source}`);
    return { call, moment };
  });
  const deaths = dangers.length > 1 ? 2 : 1;
  const between = Array.from({ length: deaths }, (_, death): Target => {
    const call = Math.floor(((death + 0.5) * names.length) / deaths) + 1;
    return { call, moment: death % 2 === 0 ? 'before' : 'after' };
  });
  return [...dangerous, ...between];
}

/** Plays one kind of life undisturbed, then with a death at each target; says how many were met. */
async function playStory(story: Story): Promise<number> {
  const calm = await stage.next(story);
  await stage.judge(calm, false);
  const { names } = await dieAt(calm, null);
  await stage.judge(calm, true);
  const undisturbed = await stage.stateOf(calm);
  let faults = 0;
  for (const target of targetsOf(story, names)) {
    const life = await stage.next(story);
    const { struck } = await dieAt(life, target);
    faults += struck ? 1 : 0;
    await stage.judge(life, false);
    await stage.succeed(life);
    await stage.judge(life, true);
    const at = { story: story.name, ...target, name: names[target.call - 1] };
    expect({ at, state: await stage.stateOf(life) }).toEqual({ at, state: undisturbed });
  }
  return faults;
}

describe('a worker that dies at a call to a store', () => {
  it(
    'is succeeded by one that ends the life alike, and nothing is lost, early, held, crossed or lied about, at any call [AB-1] [AB-2] [AB-3] [CC-2] [CC-3] [CC-4]',
    async () => {
      let faults = 0;
      for (const story of STORIES) {
        const met = await playStory(story);
        faults += met;
        process.stdout.write(`${story.name}: ${line(met, stage.found)}\n`);
      }
      process.stdout.write(`crash matrix: ${line(faults, stage.found)}\n`);
      process.stdout.write(`reached: ${[...stage.reached].sort().join('; ')}\n`);
      expect(stage.found).toEqual(nothingFound());
      expect(faults).toBeGreaterThanOrEqual(FAULTS_MIN);
      expect([...stage.reached].sort()).toEqual(Object.keys(DANGEROUS).sort());
    },
    EVERYTHING ? 6 * 3_600_000 : 600_000,
  );
});
