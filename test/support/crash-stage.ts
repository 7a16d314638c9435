import type { Records } from './archive-reader';
import { canonicalState, type CanonicalState } from './canonical-digest';
import { DANGEROUS } from './crash-dangers';
import { playOn, startWorker, type CrashWorker, type Life } from './crash-life';
import { beginLife, scannedHost, type Story } from './crash-stories';
import { createEngineHarness, newTenantId, type EngineHarness } from './engine';
import { createOracle, type Oracle } from './oracle';
import { addUp, nothingFound, type Expected, type Findings } from './verdict';

/** Workers that may come after the dead one, each some time later. */
const SUCCESSORS = 6;
const LATER_MS = 10 * 60_000;
const FIRST_YEAR = 2033;

/** Where lives are played and judged: an environment with a neighbour that nobody may touch. */
export interface Stage {
  readonly engine: EngineHarness;
  /** What the oracle found in all lives together. */
  readonly found: Findings;
  /** Dangerous states that were seen. */
  readonly reached: ReadonlySet<string>;
  next(story: Story): Promise<Life>;
  judge(life: Life, over: boolean): Promise<void>;
  stateOf(life: Life): Promise<CanonicalState>;
  /** One worker after another, until the life is over. */
  succeed(life: Life, start?: () => Promise<CrashWorker>): Promise<void>;
  remove(): Promise<void>;
}

/** Creates the environment, its neighbour and its oracle. */
export async function createStage(): Promise<Stage> {
  const engine = await createEngineHarness();
  const { environment, options } = engine;
  const oracle = await createOracle({ ...environment, keks: options.kek.keys });
  await engine.setClock(`${FIRST_YEAR}-01-02T01:00:00Z`);
  const neighbour = newTenantId();
  await scannedHost(engine, neighbour);
  const neighbours = { [neighbour]: (await oracle.see(neighbour)).rows };
  return stageOn({ engine, oracle, neighbours });
}

interface Setting extends Pick<Expected, 'neighbours'> {
  readonly engine: EngineHarness;
  readonly oracle: Oracle;
}

function stageOn({ engine, oracle, neighbours }: Setting): Stage {
  const found = nothingFound();
  const reached = new Set<string>();
  let year = FIRST_YEAR;
  const judge = async (life: Life, over: boolean): Promise<void> => {
    const seen = await oracle.see(life.tenantId);
    for (const [name, is] of Object.entries(DANGEROUS)) if (is(seen, life)) reached.add(name);
    addUp(found, await oracle.judge(life, over));
  };
  const sources = {
    root: (database: string) => engine.root(database),
    mongo: engine.mongo,
    prefix: engine.environment.prefix,
    objectsOf: async (tenantId: string) => (await oracle.see(tenantId)).objects,
  };
  return {
    ...{ engine, found, reached, judge },
    next: (story) => {
      // No leap year: instants are counted in days.
      year += year % 4 === 3 ? 2 : 1;
      const look = (life: Life): Promise<void> => judge(life, false);
      const recordsOf = (tenantId: string): Promise<Records> => oracle.recordsOf(tenantId);
      return beginLife(engine, { story, year }, { neighbours, look, recordsOf });
    },
    // What an attempt at a split left that died has an end of its own.
    stateOf: async ({ tenantId, split }) =>
      canonicalState(
        sources,
        tenantId,
        split === undefined ? [] : await leftoversOf(engine, tenantId),
      ),
    succeed: (life, start = () => startWorker(engine)) => succeed(engine, life, start),
    remove: async () => {
      await oracle.close();
      await engine.remove();
    },
  };
}

async function succeed(
  engine: EngineHarness,
  life: Life,
  start: () => Promise<CrashWorker>,
): Promise<void> {
  for (let successor = 1; ; successor += 1) {
    let worker: CrashWorker | null = null;
    try {
      // A wire that breaks while a worker begins is the end of that worker, too.
      worker = await start();
      const snapshot = await playOn(engine, worker, life);
      expect(snapshot.counters).toMatchObject({ breaches: 0 });
      return;
    } catch (error) {
      if (successor === SUCCESSORS) throw error;
      const later = Date.parse(await engine.now()) + LATER_MS;
      await engine.setClock(new Date(later).toISOString());
    } finally {
      await worker?.close();
    }
  }
}

/** Names of what was found in the archive outside every run: the runs that it became, and its keys. */
async function leftoversOf(engine: EngineHarness, tenantId: string): Promise<readonly string[]> {
  const rows = await engine.root('control').query(
    `SELECT r.run_id, a.key_ref FROM stray_archives a
       JOIN runs r ON r.tenant_id = a.tenant_id AND r.event_id = a.event_id WHERE a.tenant_id = ?`,
    [tenantId],
  );
  return rows.flatMap((row) => [String(row['run_id']), String(row['key_ref'])]);
}
