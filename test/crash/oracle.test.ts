import { playOn, prepareLife, scannedHost, startWorker } from '../support/crash-life';
import { createEngineHarness, newTenantId, type EngineHarness } from '../support/engine';
import {
  createOracle,
  nothingFound,
  type Expected,
  type Findings,
  type Oracle,
} from '../support/oracle';

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

const run = (database: string, sql: string, ...params: string[]): Promise<unknown> =>
  engine.root(database).execute(sql, params);

beforeAll(async () => {
  engine = await createEngineHarness();
  oracle = await createOracle(engine.environment);
  await engine.setClock('2033-01-02T01:00:00Z');
  neighbour = newTenantId();
  await scannedHost(engine, neighbour);
  const neighbours = { [neighbour]: (await oracle.see(neighbour)).rows };
  after = await prepareLife(engine, 2033, neighbours);
  const worker = await startWorker(engine, (stores) => stores);
  await playOn(engine, worker, { tenantId: after.tenantId, history: [] });
  await worker.close();
  before = await prepareLife(engine, 2034, neighbours);
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
    told: ({ notBefore }) => ({ notBefore: notBefore.map(() => '2034-01-01T00:00:00Z') }),
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
  it('finds nothing in a life that went well, before its end and after it [AB-1]', async () => {
    expect(await oracle.judge(before, false)).toEqual(nothingFound());
    expect(await oracle.judge(after, true)).toEqual(nothingFound());
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

  it('finds a row that is lost before anything may go [AB-1]', async () => {
    await run('assets', 'DELETE FROM image_risks WHERE tenant_id = ? LIMIT 1', before.tenantId);
    expect(await oracle.judge(before, false)).toEqual({ ...nothingFound(), lost: 1 });
  });

  it('finds a neighbour that was touched [AB-1]', async () => {
    await run('assets', 'DELETE FROM scans WHERE tenant_id = ? LIMIT 1', neighbour);
    expect((await oracle.judge(before, false)).cross).toBe(1);
  });
});
