import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LiveView } from '../../src/contracts/live-counts';
import type { DeletionPlan } from '../../src/contracts/orders';
import { RECORD_LOCATIONS } from '../../src/domain/inventory';
import type { Credentials } from '../../src/platform/credentials';
import { createEngineHarness, type EngineHarness } from '../support/engine';
import { evidenceVariables, runIn, type CliRun } from '../support/evidence-cli';
import { placeOver } from '../support/holds';
import { previewOf, signedPair } from '../support/orders';
import { withHost } from '../support/tenant-life';

const DAY = 86_400_000;
const DENIED = /refused a statement: ER_(TABLEACCESS|COLUMNACCESS|DBACCESS|ACCESS)_?DENIED/;
let engine: EngineHarness;
let folder: string;
let lives = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lethe-preview-'));
  engine = await createEngineHarness();
  await engine.setClock('2030-01-07T01:00:00.000000Z');
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await engine.remove();
});

interface Around {
  readonly credentials?: Credentials;
  readonly variables?: Readonly<Record<string, string>>;
}

/** `lethe order preview` as a person calls it, with the logins of the credentials file. */
async function previewed(
  tenantId: string,
  options: readonly string[],
  { credentials = engine.credentials, variables = {} }: Around = {},
): Promise<CliRun> {
  const environment = engine.environment.name;
  const env = {
    ...evidenceVariables(folder, { environment, credentials, keys: '{}' }),
    ...variables,
  };
  return runIn(env, ['order', 'preview', '--tenant', tenantId, ...options]);
}

async function asked(tenantId: string, around: Around = {}): Promise<DeletionPlan & LiveView> {
  const { exitCode, stdout, stderr } = await previewed(tenantId, ['--json'], around);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return JSON.parse(stdout) as DeletionPlan & LiveView;
}

const recordsOf = ({ live }: LiveView): Readonly<Record<string, number | null>> =>
  Object.fromEntries(live.map(({ location, records }) => [location, records]));

/** What the administrator finds, location by location. */
async function stored(tenantId: string): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  for (const location of RECORD_LOCATIONS) {
    const [, database = '', name = ''] = /:(\w+)\.(\w+)$/.exec(location) ?? [];
    const documents = engine.mongo.db(`${engine.environment.prefix}_${database}`).collection(name);
    counts[location] = location.startsWith('mongodb:')
      ? (await documents.find({ tenantId }).toArray()).length
      : (
          await engine
            .root(database)
            .query(`SELECT tenant_id FROM ${name} WHERE tenant_id = ?`, [tenantId])
        ).length;
  }
  return counts;
}

async function change(tenantId: string): Promise<void> {
  await engine.send(tenantId, 'changeConfiguration', {
    ...(await engine.stage(tenantId, { setting: 'automatic-renewal', enabled: true })),
    configurationKind: 'console-setting',
    settingId: `renewal-${(lives += 1)}`,
  });
}

async function request(
  tenantId: string,
  recordClass: 'asset-basic-data' | 'console-configuration-data',
): Promise<void> {
  await engine.send(tenantId, 'requestDeletion', {
    requestId: `rq_${tenantId.slice(3)}`,
    recordClass,
  });
  await engine.runWork(tenantId);
}

/** A tenant with a host and a setting whose configuration was requested, sealed and not ordered. */
async function requested(): Promise<string> {
  const { tenantId } = await withHost(engine, 'CVM');
  await change(tenantId);
  await request(tenantId, 'console-configuration-data');
  return tenantId;
}

describe('a preview', () => {
  it('shows what is live in every location, and nothing of another tenant [ST-1] [PU-1]', async () => {
    const tenantId = await requested();
    const other = await requested();
    await change(other);
    const view = await asked(tenantId);
    expect(recordsOf(view)).toEqual(await stored(tenantId));
    expect(recordsOf(view)).not.toEqual(await stored(other));
    expect(recordsOf(view)).toMatchObject({
      'mysql:assets.assets': 1,
      'mysql:configuration.console_settings': 1,
      'mysql:configuration.configuration_changes': 1,
    });
    expect(recordsOf(view)['mongodb:assets.fingerprints']).toBeGreaterThan(0);
    expect(view.live.filter(({ missing }) => missing !== null)).toEqual([]);
    expect(view.liveAsOf >= view.asOf).toBe(true);
  });

  it('counts a new row at once, and the order of the plan stands: live counts are in no digest [CC-2]', async () => {
    const tenantId = await requested();
    const { order, approval, plan } = await signedPair(engine.environment, tenantId);
    const before = await asked(tenantId);
    expect(before.planDigest).toBe(plan.planDigest);
    await change(tenantId);
    const after = await asked(tenantId);
    expect(recordsOf(after)['mysql:configuration.console_settings']).toBe(2);
    expect(recordsOf(before)['mysql:configuration.console_settings']).toBe(1);
    expect(after.planDigest).toBe(plan.planDigest);
    await engine.send(tenantId, 'submitOrder', { order });
    await engine.send(tenantId, 'approveOrder', { approval });
  });

  it('goes stale under a hold: its order is refused, and a renewed one passes [CC-2] [CC-4]', async () => {
    const tenantId = await requested();
    const old = await signedPair(engine.environment, tenantId);
    expect(old.plan.goes).toMatchObject([{ marks: [] }]);
    const { holdId } = await placeOver(engine, [{ tenantId }]);
    await expect(engine.send(tenantId, 'submitOrder', { order: old.order })).rejects.toMatchObject({
      code: 'PLAN_CHANGED',
    });
    const renewed = await signedPair(engine.environment, tenantId);
    expect(renewed.plan.planDigest).not.toBe(old.plan.planDigest);
    expect(renewed.plan).toMatchObject({ holds: [holdId], goes: [{ marks: ['under-hold'] }] });
    await engine.send(tenantId, 'submitOrder', { order: renewed.order });
    await engine.send(tenantId, 'approveOrder', { approval: renewed.approval });
  });

  it('goes stale between both signatures, too: the approval is refused [CC-2] [CC-4]', async () => {
    const tenantId = await requested();
    const { order, approval } = await signedPair(engine.environment, tenantId);
    await engine.send(tenantId, 'submitOrder', { order });
    await placeOver(engine, [{ tenantId }]);
    await expect(engine.send(tenantId, 'approveOrder', { approval })).rejects.toMatchObject({
      code: 'PLAN_CHANGED',
    });
  });

  it('says what the minimum keeps, for as long as it does, under one digest [AB-1] [DR-1]', async () => {
    const { tenantId } = await withHost(engine, 'CVM');
    const observedAt = Date.parse(await engine.now());
    await request(tenantId, 'asset-basic-data');
    const young = await previewOf(engine.environment, tenantId);
    expect(young.goes).toMatchObject([{ marks: ['before-minimum'] }]);
    await engine.setClock(new Date(observedAt + 180 * DAY - 60_000).toISOString());
    expect((await previewOf(engine.environment, tenantId)).goes[0]?.marks).toHaveLength(1);
    await engine.setClock(new Date(observedAt + 181 * DAY).toISOString());
    const old = await previewOf(engine.environment, tenantId);
    expect(old.goes).toMatchObject([{ marks: [] }]);
    expect(old.planDigest).toBe(young.planDigest);
  });

  it('tells people the dates with their rules, and what is live beside the plan [CC-2]', async () => {
    const tenantId = await requested();
    const { exitCode, stdout } = await previewed(tenantId, []);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('live now (not part of the plan digest), as of ');
    expect(stdout).toMatch(/dates of \d{4}-\d\d-\d\d \(rn_\w+\)\n1\. \[/);
    expect(stdout).toContain('[CC-2]');
    expect(stdout).not.toContain('not counted:');
  });
});

describe('a location that nobody can count', () => {
  it('is named with its code, and never shown as empty: the store is away [ST-1]', async () => {
    const tenantId = await requested();
    const variables = { LETHE_MONGO_URL: 'mongodb://127.0.0.1:1/' };
    const view = await asked(tenantId, { variables });
    for (const { location, records, missing } of view.live) {
      const isAway = location.startsWith('mongodb:');
      expect([location, records === null, missing]).toEqual([
        ...[location, isAway, isAway ? 'STORE_UNAVAILABLE' : null],
      ]);
    }
    expect(view.planDigest).toBe((await asked(tenantId)).planDigest);
    const { stdout } = await previewed(tenantId, [], { variables });
    expect(stdout).toContain('not counted: mongodb:assets.fingerprints (STORE_UNAVAILABLE)\n');
  });

  it('is waited for only shortly: the store takes calls and says nothing [ST-1]', async () => {
    const tenantId = await requested();
    const calls: Socket[] = [];
    const silent = createServer((call) => calls.push(call));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const began = performance.now();
    const variables = { LETHE_MONGO_URL: `mongodb://127.0.0.1:${port}/` };
    const { live } = await asked(tenantId, { variables });
    expect(performance.now() - began).toBeLessThan(15_000);
    expect(live.filter(({ missing }) => missing === 'STORE_UNAVAILABLE')).toHaveLength(4);
    expect(live.filter(({ missing }) => missing === null)).toHaveLength(6);
    expect(calls.length).toBeGreaterThan(0);
    for (const call of calls) call.destroy();
    await new Promise((resolve) => silent.close(resolve));
  });

  it('is named with its code, and never shown as empty: there is no login yet [ST-1]', async () => {
    const tenantId = await requested();
    const { previewer, ...mysql } = engine.credentials.mysql;
    expect(previewer).toBeDefined();
    const view = await asked(tenantId, { credentials: { ...engine.credentials, mysql } });
    const missing = view.live.filter(({ records }) => records === null);
    expect(missing.map(({ missing: code }) => code)).toEqual(
      Array.from({ length: 6 }, () => 'CONFIGURATION_INVALID'),
    );
    expect(missing.every(({ location }) => location.startsWith('mysql:'))).toBe(true);
  });
});

describe('the account that counts', () => {
  it('reads tenant rows, and changes none of them [PU-1] [AB-1]', async () => {
    const tenantId = await requested();
    const tables = RECORD_LOCATIONS.filter((location) => location.startsWith('mysql:'));
    expect(tables).toHaveLength(6);
    const pool = engine.environment.pool('previewer', 'assets');
    const before = await stored(tenantId);
    for (const location of tables) {
      const name = `${engine.environment.prefix}_${location.slice('mysql:'.length)}`;
      await pool.query(`SELECT COUNT(*) AS n FROM ${name} WHERE tenant_id = ?`, [tenantId]);
      for (const statement of [
        `INSERT INTO ${name} SELECT * FROM ${name} WHERE tenant_id = '${tenantId}'`,
        `UPDATE ${name} SET tenant_id = tenant_id WHERE tenant_id = '${tenantId}'`,
        `DELETE FROM ${name} WHERE tenant_id = '${tenantId}'`,
      ]) {
        await expect(pool.execute(statement)).rejects.toThrow(DENIED);
      }
    }
    expect(await stored(tenantId)).toEqual(before);
  });

  it('reads neither control nor keys nor evidence [PU-1]', async () => {
    const pool = engine.environment.pool('previewer', 'assets');
    const { prefix } = engine.environment;
    for (const table of [
      'control.tenants',
      'control.staging',
      'keys.data_keys',
      'evidence.entries',
    ]) {
      await expect(pool.query(`SELECT 1 FROM ${prefix}_${table} LIMIT 1`)).rejects.toThrow(DENIED);
    }
  });
});
