import { playOn, startWorker, type Life } from '../support/crash-life';
import { beginLife, scannedHost, STORIES, type Story } from '../support/crash-stories';
import { createEngineHarness, newTenantId, type EngineHarness } from '../support/engine';
import { createOracle, type Oracle } from '../support/oracle';
import { hold } from '../support/holds';
import { nothingFound, type Expected, type Findings } from '../support/verdict';

/** What the administrator does to the stores of a life that went well. */
interface Crime {
  readonly kind: keyof Findings;
  readonly what: string;
  readonly commit: (expected: Expected) => Promise<unknown>;
  /** What the oracle is told differently, because no clock goes back. */
  readonly told?: (expected: Expected) => Partial<Expected>;
}

let engine: EngineHarness;
let oracle: Oracle;
let neighbour: string;
let before: Expected;
let after: Expected;
let configured: Expected;
let back: Expected;

const run = (database: string, sql: string, ...params: string[]): Promise<unknown> =>
  engine.root(database).execute(sql, params);

const storyOf = (name: string): Story => STORIES.find((story) => story.name === name) as Story;

beforeAll(async () => {
  engine = await createEngineHarness();
  oracle = await createOracle(engine.environment);
  await engine.setClock('2033-01-02T01:00:00Z');
  neighbour = newTenantId();
  await scannedHost(engine, neighbour);
  const neighbours = { [neighbour]: (await oracle.see(neighbour)).rows };
  const begin = (name: string, year: number): Promise<Life> =>
    beginLife(
      engine,
      { story: storyOf(name), year },
      { neighbours, look: () => Promise.resolve() },
    );
  const play = async (life: Life): Promise<Life> => {
    const worker = await startWorker(engine);
    await playOn(engine, worker, life);
    await worker.close();
    return life;
  };
  after = await play(await begin('asset data', 2033));
  back = await play(await begin('asset data that comes back before its window', 2034));
  configured = await begin('configuration', 2035);
  before = await begin('asset data', 2037);
});
afterAll(async () => {
  await oracle.close();
  await engine.remove();
});

const CRIMES: readonly Crime[] = [
  {
    kind: 'early',
    what: 'a key destroyed before its time',
    commit: () => Promise.resolve(),
    told: ({ parts }) => ({
      parts: parts.map(({ rows }) => ({ rows, notBefore: '2034-01-01T00:00:00Z' })),
    }),
  },
  {
    kind: 'held',
    what: 'a key destroyed under a hold',
    commit: () => Promise.resolve(),
    told: () => ({ holds: [{ from: '2033-02-01T00:00:00Z', to: '2034-01-01T00:00:00Z' }] }),
  },
  {
    kind: 'ghosts',
    what: 'a document that came back',
    commit: ({ tenantId }) =>
      engine.mongo
        .db(`${engine.environment.prefix}_assets`)
        .collection('images')
        .insertOne({ tenantId }),
  },
  {
    kind: 'lies',
    what: 'a key readable beside its tombstone',
    commit: async ({ tenantId }) => {
      const [key] = (await oracle.see(tenantId)).tombstones;
      await run('keys', 'DROP TRIGGER no_resurrection');
      await run(
        'keys',
        `INSERT INTO key_wrappings VALUES (?, 9, 'kek', 'wrapped', lethe_now())`,
        key?.keyRef ?? '',
      );
    },
  },
  {
    kind: 'dup',
    what: 'a second certificate for a due day',
    commit: ({ tenantId }) =>
      run(
        'evidence',
        `INSERT INTO certificates SELECT 'again', tenant_id, 'again', due_on, body, digest, issued_at
           FROM certificates WHERE tenant_id = ? LIMIT 1`,
        tenantId,
      ),
  },
];

describe('the oracle of the crash matrix', () => {
  it('finds nothing in lives that went well, before their end and after it [AB-1]', async () => {
    for (const life of [before, configured]) {
      expect(await oracle.judge(life, false)).toEqual(nothingFound());
    }
    for (const life of [after, back]) {
      expect(await oracle.judge(life, true)).toEqual(nothingFound());
    }
  });

  it.each(CRIMES.map((crime) => [crime.kind, crime.what, crime] as const))(
    'finds what an administrator planted: %s, %s [AB-1] [AB-3]',
    async (kind, _, { commit, told }) => {
      const already = (await oracle.judge(after, true))[kind];
      await commit(after);
      const findings = await oracle.judge({ ...after, ...told?.(after) }, true);
      expect(findings[kind]).toBeGreaterThan(already);
    },
  );

  it('finds what is gone while a hold is in force, and nothing under the same hold before [CC-4]', async () => {
    const release = await hold(engine, configured.tenantId);
    const held = { ...configured, holds: [{ from: await engine.now(), to: null }] };
    expect(await oracle.judge(held, false)).toEqual(nothingFound());
    await run(
      'configuration',
      'DELETE FROM console_settings WHERE tenant_id = ? LIMIT 1',
      held.tenantId,
    );
    expect(await oracle.judge(held, false)).toEqual({ ...nothingFound(), lost: 1, held: 1 });
    await release();
  });

  it('finds a key that an administrator took away without a tombstone [CC-1]', async () => {
    const { lost } = await oracle.judge(configured, false);
    await run(
      'keys',
      `DELETE FROM key_wrappings WHERE key_ref LIKE ?`,
      `configuration:${configured.tenantId}:2`,
    );
    expect((await oracle.judge(configured, false)).lost).toBe(lost + 1);
  });

  it('finds a record that did not come back, and one too many [AB-2]', async () => {
    await run('assets', 'DELETE FROM scans WHERE tenant_id = ? LIMIT 1', back.tenantId);
    expect(await oracle.judge(back, true)).toMatchObject({ lost: 2, ghosts: 0 });
    await engine.mongo
      .db(`${engine.environment.prefix}_assets`)
      .collection('images')
      .insertOne({ tenantId: back.tenantId });
    expect(await oracle.judge(back, true)).toMatchObject({ ghosts: 1 });
  });

  it('finds a row that is lost before anything may go [AB-1]', async () => {
    await run('assets', 'DELETE FROM image_risks WHERE tenant_id = ? LIMIT 1', before.tenantId);
    expect(await oracle.judge(before, false)).toEqual({ ...nothingFound(), lost: 1 });
  });

  it('finds a neighbour that was touched [AB-1]', async () => {
    await run('assets', 'DELETE FROM scans WHERE tenant_id = ? LIMIT 1', neighbour);
    expect((await oracle.judge(before, false)).cross).toBe(1);
  });
});
