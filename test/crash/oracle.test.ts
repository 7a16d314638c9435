import { setLegalHold } from '../../src/activities/objects/legal-hold';
import type { Records } from '../support/archive-reader';
import { DANGEROUS } from '../support/crash-dangers';
import { playOn, startWorker, type Life } from '../support/crash-life';
import { beginLife, scannedHost, STORIES, type Story } from '../support/crash-stories';
import { createEngineHarness, newTenantId, type EngineHarness } from '../support/engine';
import { createOracle, type Oracle } from '../support/oracle';
import { hold } from '../support/holds';
import { nothingFound, type Expected, type Findings } from '../support/verdict';
import { versionsIn } from '../support/list-versions';

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
/** In the middle of its life: the rest of a due day is gone, and a hold keeps one host of it. */
let split: Expected;

class Stopped extends Error {}

const run = (database: string, sql: string, ...params: string[]): Promise<unknown> =>
  engine.root(database).execute(sql, params);

const storyOf = (name: string): Story => STORIES.find((story) => story.name === name) as Story;

beforeAll(async () => {
  engine = await createEngineHarness();
  oracle = await createOracle({ ...engine.environment, keks: engine.options.kek.keys });
  await engine.setClock('2033-01-02T01:00:00Z');
  neighbour = newTenantId();
  await scannedHost(engine, neighbour);
  const neighbours = { [neighbour]: (await oracle.see(neighbour)).rows };
  const recordsOf = (tenantId: string): Promise<Records> => oracle.recordsOf(tenantId);
  const begin = (name: string, year: number, look = () => Promise.resolve()): Promise<Life> =>
    beginLife(engine, { story: storyOf(name), year }, { neighbours, look, recordsOf });
  const play = async (life: Life): Promise<Life> => {
    const worker = await startWorker(engine);
    await playOn(engine, worker, life).finally(() => worker.close());
    return life;
  };
  after = await play(await begin('asset data', 2033));
  back = await play(await begin('asset data that comes back before its window', 2034));
  configured = await begin('configuration', 2035);
  const held = await begin('asset data of which a hold splits a due day', 2037, () => {
    throw new Stopped();
  });
  await expect(play(held)).rejects.toThrow(Stopped);
  split = held;
  before = await begin('asset data', 2038);
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
    for (const life of [before, configured, split]) {
      expect(await oracle.judge(life, false)).toEqual(nothingFound());
    }
    for (const life of [after, back]) {
      expect(await oracle.judge(life, true)).toEqual(nothingFound());
    }
  });

  it('sees no dangerous state in lives that have not begun to end, or that are over', async () => {
    for (const life of [before, configured, after, back]) {
      const seen = await oracle.see(life.tenantId);
      const danger = Object.entries(DANGEROUS).filter(([, is]) => is(seen, life));
      expect(danger.map(([name]) => name)).toEqual([]);
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

  it('finds a copy of what a hold withholds that is gone, and a certificate that names another hold [CC-4]', async () => {
    const { tenantId } = split;
    const body = (from: string, to: string): Promise<unknown> =>
      run(
        'evidence',
        'UPDATE certificates SET body = REPLACE(body, ?, ?) WHERE tenant_id = ?',
        ...[from, to, tenantId],
      );
    const holdId = split.split?.placed?.holdId ?? '';
    await body(holdId, 'hd_another');
    expect(await oracle.judge(split, false)).toEqual({ ...nothingFound(), lies: 1 });
    await body('hd_another', holdId);
    expect(await oracle.judge(split, false)).toEqual(nothingFound());
    const bucket = `${engine.environment.name}-backup`;
    const [name = ''] = (
      await engine.root('control').query(
        `SELECT o.object_name FROM manifest_objects o
         JOIN cohort_splits s ON s.withheld_run_id = o.run_id
        WHERE s.tenant_id = ? AND o.copy = 'backup' AND o.part = 1`,
        [tenantId],
      )
    ).map((row) => String(row['object_name']));
    for await (const { versionId } of versionsIn(engine.admin, bucket, name)) {
      await setLegalHold(engine.admin, { bucket, name, versionId }, 'OFF');
      await engine.admin.removeObject(bucket, name, { versionId });
    }
    const { held, lost } = await oracle.judge(split, false);
    expect(held).toBeGreaterThan(0);
    expect(lost).toBeGreaterThan(0);
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
