import { listEverything } from '../../src/activities/objects/list-everything';
import { canonicalDigest, canonicalState, type CanonicalState } from '../support/canonical-digest';
import { subscribeTo } from '../support/control';
import { newTenantId } from '../support/engine';
import { createLiveEngine, until, type LiveEngine } from '../support/live-engine';
import { newAsset } from '../support/observations';
import { scanOnDays } from '../support/populate';

let live: LiveEngine;
let year = 2030;
beforeAll(async () => {
  live = await createLiveEngine('2030-01-01T00:00:00Z');
});
afterAll(() => live.remove());

/** Three scans of two hosts, and everything ended; each life in a year of its own. */
async function prepare(): Promise<string> {
  const tenantId = newTenantId();
  // Every life has as many days: leap years are passed over.
  year += (year + 1) % 4 === 0 ? 2 : 1;
  await live.engine.setClock(`${year}-01-02T01:00:00Z`);
  await live.subscribe(tenantId, subscribeTo('CVM'));
  const hosts = [newAsset(), newAsset()];
  for (const assetId of hosts) {
    await live.send(tenantId, 'linkAsset', { assetId, services: ['CVM'] });
  }
  await scanOnDays(
    live.engine,
    { tenantId, assetIds: hosts },
    {
      days: ['01-05', '02-10', '03-20'].map((day) => `${year}-${day}`),
      fingerprints: 600,
      risks: 1500,
    },
  );
  await live.client.changeConfiguration(
    { tenantId, idempotencyKey: 'renewal', requestedBy: 'console' },
    {
      configurationKind: 'console-setting',
      settingId: 'renewal',
      body: { setting: 'automatic-renewal', enabled: true },
    },
  );
  await live.endHosting(tenantId, 'CVM');
  return tenantId;
}

const stateOf = (tenantId: string): Promise<CanonicalState> =>
  canonicalState(
    {
      root: (database) => live.engine.root(database),
      mongo: live.engine.mongo,
      prefix: live.engine.environment.prefix,
      objectsOf: async () => {
        let found = 0;
        for (const bucket of ['archive', 'backup'] as const) {
          const store = live.engine.parts.objects('verifier');
          const listing = await listEverything(store, { bucket, prefix: `${tenantId}/` });
          found += listing.versions.length + listing.deleteMarkers.length + listing.uploads.length;
        }
        return found;
      },
    },
    tenantId,
  );

async function endOfLife(tenantId: string): Promise<CanonicalState> {
  await live.settled(tenantId);
  await live.playToTheEnd(tenantId);
  expect(await live.client.status(tenantId)).toMatchObject({
    stage: 'ended',
    counters: { breaches: 0 },
  });
  return stateOf(tenantId);
}

const count = async (database: string, sql: string, tenantId: string): Promise<number> => {
  const rows = await live.engine.root(database).query(sql, [tenantId]);
  return Number(rows[0]?.['n']);
};

/** What has begun and what would be over, seen from the stores. */
interface Point {
  readonly name: string;
  readonly begun: (tenantId: string) => Promise<boolean>;
  readonly over: (tenantId: string) => Promise<boolean>;
  /** True when it happens only once a window has opened. */
  readonly inWindow: boolean;
}

const sealed = (tenantId: string): Promise<number> =>
  count(
    'control',
    `SELECT COUNT(*) AS n FROM manifests m JOIN runs r ON r.run_id = m.run_id
      WHERE r.tenant_id = ? AND r.record_class = 'asset-basic-data'`,
    tenantId,
  );
const moves = (tenantId: string): Promise<number> =>
  count(
    'control',
    `SELECT COUNT(*) AS n FROM permits WHERE tenant_id = ? AND kind = 'move' AND used_at IS NOT NULL`,
    tenantId,
  );
const batches = (tenantId: string): Promise<number> =>
  count(
    'control',
    `SELECT COUNT(*) AS n FROM manifest_batches b JOIN runs r ON r.run_id = b.run_id
      WHERE r.tenant_id = ? AND b.due_on = ''`,
    tenantId,
  );
const tombstones = (tenantId: string): Promise<number> =>
  count(
    'keys',
    `SELECT COUNT(*) AS n FROM key_tombstones WHERE tenant_id = ? AND key_ref LIKE 'asset:%'`,
    tenantId,
  );
const certified = (tenantId: string): Promise<number> =>
  count(
    'evidence',
    `SELECT COUNT(*) AS n FROM certificates WHERE tenant_id = ? AND body LIKE '%asset-basic-data%'`,
    tenantId,
  );

const POINTS: readonly Point[] = [
  {
    name: 'seal',
    begun: async (tenantId) =>
      (await count(
        'control',
        `SELECT COUNT(*) AS n FROM attempts WHERE tenant_id = ? AND purpose = 'archive'`,
        tenantId,
      )) > 0,
    over: async (tenantId) => (await sealed(tenantId)) > 0,
    inWindow: false,
  },
  {
    name: 'verification of the copies',
    begun: async (tenantId) => (await sealed(tenantId)) > 0,
    over: async (tenantId) => (await moves(tenantId)) > 0,
    inWindow: false,
  },
  {
    name: 'move',
    begun: async (tenantId) => (await moves(tenantId)) > 0,
    over: async (tenantId) => (await moves(tenantId)) >= (await batches(tenantId)),
    inWindow: false,
  },
  {
    name: 'destruction',
    begun: async (tenantId) => (await tombstones(tenantId)) > 0,
    over: async (tenantId) => (await certified(tenantId)) > 0,
    inWindow: true,
  },
];

/** Kills the worker as a power cut would once the point has begun, and says whether it was not yet over. */
async function killAt(point: Point, tenantId: string): Promise<boolean> {
  await until(() => point.begun(tenantId));
  await live.worker.kill();
  const middle = !(await point.over(tenantId));
  await live.worker.start();
  return middle;
}

async function disturbedLife(point: Point): Promise<{
  readonly state: CanonicalState;
  readonly middle: boolean;
}> {
  const tenantId = await prepare();
  const killed = point.inWindow ? null : killAt(point, tenantId);
  await live.send(tenantId, 'endService', { service: 'CVM' });
  await live.send(tenantId, 'endFeature', {});
  const early = await killed;
  await live.settled(tenantId);
  const late = point.inWindow ? killAt(point, tenantId) : null;
  const state = await endOfLife(tenantId);
  return { state, middle: early ?? (await late) ?? false };
}

/** A point can be over before the kill arrives; then another life is tried. */
const TRIES = 3;

describe('a worker that is killed', () => {
  it('leaves the same end state as an undisturbed one, wherever it was [AB-1] [AB-2] [AB-3]', async () => {
    const tenantId = await prepare();
    await live.send(tenantId, 'endService', { service: 'CVM' });
    await live.send(tenantId, 'endFeature', {});
    const undisturbed = await endOfLife(tenantId);
    expect(undisturbed).toMatchObject({ objects: 0, wrappings: 0 });
    for (const point of POINTS) {
      let middle = false;
      for (let tries = 0; tries < TRIES && !middle; tries += 1) {
        const disturbed = await disturbedLife(point);
        expect({ point: point.name, state: disturbed.state }).toEqual({
          point: point.name,
          state: undisturbed,
        });
        expect(canonicalDigest(disturbed.state)).toBe(canonicalDigest(undisturbed));
        middle = disturbed.middle;
      }
      expect({ point: point.name, middle }).toEqual({ point: point.name, middle: true });
    }
  }, 900_000);
});
