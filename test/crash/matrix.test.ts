import { canonicalState, type CanonicalState } from '../support/canonical-digest';
import {
  DANGEROUS,
  playOn,
  prepareLife,
  scannedHost,
  startWorker,
  type CrashWorker,
  type RememberedRun,
} from '../support/crash-life';
import { createEngineHarness, newTenantId, type EngineHarness } from '../support/engine';
import { createOracle, line, nothingFound, type Expected, type Oracle } from '../support/oracle';
import { sabotaged, Saboteur, type Moment } from '../support/saboteur';

const EVERYTHING = process.env['LETHE_LONG_TESTS'] === '1';
/** Lives of the short form, and the fewest faults that prove anything. */
const LIVES = 20;
const FAULTS_MIN = 18;
/** Workers that may come after the dead one, each some time later. */
const SUCCESSORS = 6;
const LATER_MS = 10 * 60_000;

let engine: EngineHarness;
let oracle: Oracle;
let neighbours: Expected['neighbours'];
let year = 2033;

beforeAll(async () => {
  engine = await createEngineHarness();
  oracle = await createOracle(engine.environment);
  await engine.setClock('2033-01-02T01:00:00Z');
  const neighbour = newTenantId();
  await scannedHost(engine, neighbour);
  neighbours = { [neighbour]: (await oracle.see(neighbour)).rows };
});
afterAll(async () => {
  await oracle.close();
  await engine.remove();
});

const sources = () => ({
  root: (database: string) => engine.root(database),
  mongo: engine.mongo,
  prefix: engine.environment.prefix,
  objectsOf: async (tenantId: string) => (await oracle.see(tenantId)).objects,
});

type Life = Expected & { readonly history: RememberedRun[] };

async function nextLife(): Promise<Life> {
  year += year % 4 === 3 ? 2 : 1;
  return { ...(await prepareLife(engine, year, neighbours)), history: [] };
}

/** A worker that dies at one call: nothing that it does afterwards reaches a store. */
async function dieAt(
  life: Life,
  target: { readonly call: number; readonly moment: Moment } | null,
): Promise<{ readonly calls: number; readonly struck: boolean }> {
  const saboteur = new Saboteur();
  const worker = await startWorker(engine, (stores) => sabotaged(stores, saboteur));
  saboteur.arm(target, 'dies');
  const ended = await playOn(engine, worker, life).then(
    () => true,
    () => false,
  );
  expect(ended).toBe(target === null);
  await worker.close();
  return { calls: saboteur.count, struck: saboteur.hasStruck };
}

async function succeed(life: Life): Promise<void> {
  for (let successor = 1; ; successor += 1) {
    const worker: CrashWorker = await startWorker(engine, (stores) => stores);
    try {
      const snapshot = await playOn(engine, worker, life);
      expect(snapshot.counters).toMatchObject({ breaches: 0 });
      return;
    } catch (error) {
      if (successor === SUCCESSORS) throw error;
      const later = Date.parse(await engine.now()) + LATER_MS;
      await engine.setClock(new Date(later).toISOString());
    } finally {
      await worker.close();
    }
  }
}

describe('a worker that dies at a call to a store', () => {
  it(
    'is succeeded by one that ends the life alike, and nothing is lost, early, held, crossed or lied about, at any call [AB-1] [AB-3]',
    async () => {
      const calm = await nextLife();
      expect((await oracle.see(calm.tenantId)).rows).toMatchObject(calm.rows);
      const { calls } = await dieAt(calm, null);
      const undisturbed: CanonicalState = await canonicalState(sources(), calm.tenantId);
      const found = nothingFound();
      const reached = new Set<string>();
      const add = async (expected: Expected, over: boolean): Promise<void> => {
        const findings = await oracle.judge(expected, over);
        for (const kind of Object.keys(found) as (keyof typeof found)[]) {
          found[kind] += findings[kind];
        }
      };
      await add(calm, true);
      let faults = 0;
      const stride = EVERYTHING ? 1 : Math.max(1, Math.floor(calls / LIVES));
      for (let call = 1; call <= calls; call += stride) {
        for (const moment of momentsAt(call, stride)) {
          const expected = await nextLife();
          const { struck } = await dieAt(expected, { call, moment });
          faults += struck ? 1 : 0;
          const seen = await oracle.see(expected.tenantId);
          const put = Object.values(expected.rows).reduce((all, n) => all + n, 0);
          for (const [name, is] of Object.entries(DANGEROUS)) if (is(seen, put)) reached.add(name);
          await add(expected, false);
          await succeed(expected);
          await add(expected, true);
          const state = await canonicalState(sources(), expected.tenantId);
          expect({ call, moment, state }).toEqual({ call, moment, state: undisturbed });
        }
      }
      process.stdout.write(`crash matrix of ${calls} calls: ${line(faults, found)}\n`);
      process.stdout.write(`reached: ${[...reached].sort().join('; ')}\n`);
      expect(found).toEqual(nothingFound());
      expect(faults).toBeGreaterThanOrEqual(FAULTS_MIN);
      expect([...reached].sort()).toEqual(Object.keys(DANGEROUS).sort());
    },
    EVERYTHING ? 3_600_000 : 300_000,
  );
});

/** Both moments of every call in the long form; in turn in the short one. */
function momentsAt(call: number, stride: number): readonly Moment[] {
  if (EVERYTHING) return ['before', 'after'];
  return [Math.floor(call / stride) % 2 === 0 ? 'before' : 'after'];
}
