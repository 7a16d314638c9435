import type { AwaitedStore, LifecycleStatus } from '../../src/contracts/snapshot';
import { subscribeTo } from '../support/control';
import { newTenantId } from '../support/engine';
import { createLiveEngine, until, type LiveEngine } from '../support/live-engine';
import { newAsset } from '../support/observations';
import { scanOnDays } from '../support/populate';
import { createServers, type ServerName, type Servers } from '../support/servers';

let servers: Servers;
let live: LiveEngine;
let year = 2030;
const before = { ...process.env };

beforeAll(async () => {
  servers = await createServers('faults');
  Object.assign(process.env, servers.addresses, {
    LETHE_MONGO_URL: servers.addresses['LETHE_STACK_MONGO_URL'],
  });
  live = await createLiveEngine('2030-01-01T00:00:00Z');
}, 180_000);
afterAll(async () => {
  await live.remove();
  await servers.remove();
  process.env = before;
});

/** How long a server stays away, and how long the work may take to go on by itself, in milliseconds. */
const AWAY_MS = 10_000;
const RECOVERY_MS = 180_000;

async function prepare(): Promise<string> {
  const tenantId = newTenantId();
  year += 1;
  await live.engine.setClock(`${year}-01-02T01:00:00Z`);
  await live.subscribe(tenantId, subscribeTo('CVM'));
  const assetId = newAsset();
  await live.send(tenantId, 'linkAsset', { assetId, services: ['CVM'] });
  await scanOnDays(
    live.engine,
    { tenantId, assetIds: [assetId] },
    // Enough rows that the run is still under way when the server is gone.
    { days: [`${year}-01-05`, `${year}-02-10`], fingerprints: 2_000, risks: 3_000 },
  );
  await live.endHosting(tenantId, 'CVM');
  return tenantId;
}

async function isPlanned(tenantId: string): Promise<boolean> {
  const rows = await live.engine
    .root('control')
    .query('SELECT COUNT(*) AS n FROM runs WHERE tenant_id = ?', [tenantId]);
  return Number(rows[0]?.['n']) > 0;
}

async function isMoved(tenantId: string): Promise<boolean> {
  try {
    const { work, dueDays } = await live.engine.snapshot(tenantId);
    return work.length === 0 && dueDays.every(({ state }) => state === 'moved');
  } catch {
    return false;
  }
}

describe('a server that is killed in the middle of a run', () => {
  it.each<[ServerName, AwaitedStore['store'], LifecycleStatus['source'], string]>([
    ['temporal', 'engine', 'control', 'control says what is known'],
    ['s3', 'objects', 'workflow', 'its process says who is away'],
    ['mongo', 'documents', 'workflow', 'its process says who is away'],
    ['mysql', 'sql', 'workflow', 'its process says who is away'],
  ])(
    'delays the work and loses nothing: %s, the status waits for %s and comes from %s, %s [AB-2] [ST-1]',
    async (server, store, source) => {
      const tenantId = await prepare();
      await live.send(tenantId, 'endService', { service: 'CVM' });
      await until(() => isPlanned(tenantId));
      await servers.killServer(server);
      const killed = performance.now();
      await until(async () => {
        const status = await live.client.status(tenantId);
        return status.awaits?.store === store && status.source === source;
      });
      const { waitsFor } = await live.client.status(tenantId);
      expect(waitsFor).toMatch(/^dispose of asset-basic-data; (the|its) .*(away|answer)/);
      await until(() => Promise.resolve(performance.now() - killed >= AWAY_MS), 2 * AWAY_MS);
      await servers.restartServer(server);
      await until(() => isMoved(tenantId), RECOVERY_MS);

      await live.playToTheEnd(tenantId);
      expect(await live.client.status(tenantId)).toMatchObject({
        awaits: null,
        counters: { certificates: 2, breaches: 0 },
      });
    },
    600_000,
  );
});
