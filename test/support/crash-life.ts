import { composeControl } from '../../src/composition/control';
import { composeDisposition } from '../../src/composition/disposition';
import { shareParts } from '../../src/composition/stores-of-roles';
import type { LifecycleSnapshot } from '../../src/contracts/snapshot';
import { loadConfig } from '../../src/platform/config';
import { openStores, type Stores } from '../../src/platform/connections';
import { subscribeTo } from './control';
import { newTenantId, type EngineHarness } from './engine';
import { hostReport, newAsset } from './observations';
import type { Expected, Seen } from './oracle';

/** One worker: the activities over connections of its own. */
export interface CrashWorker {
  readonly activities: EngineHarness['activities'];
  close(): Promise<void>;
}

/** Starts a worker on the environment of a harness, as another process would. */
export async function startWorker(
  engine: EngineHarness,
  through: (stores: Stores) => Stores,
): Promise<CrashWorker> {
  const config = loadConfig({
    ...process.env,
    LETHE_ENVIRONMENT: engine.environment.name,
    LETHE_KEYS_MYSQL_URL: '',
    LETHE_EVIDENCE_MYSQL_URL: '',
  });
  const stores = through(openStores(config, engine.credentials));
  const options = { ...engine.options, stores };
  const parts = shareParts(options);
  const activities = {
    ...(await composeControl(options, parts)),
    ...(await composeDisposition(options, parts)),
  };
  return { activities, close: () => stores.close() };
}

/** Two scans of a host whose service has ended, ready to be disposed of. The year is no leap year. */
export async function prepareLife(
  engine: EngineHarness,
  year: number,
  neighbours: Expected['neighbours'],
): Promise<Expected> {
  const tenantId = newTenantId();
  await engine.setClock(`${year}-01-07T01:00:00Z`);
  const assetId = await scannedHost(engine, tenantId);
  await engine.setClock(`${year}-01-09T01:00:00Z`);
  await engine.observe(
    hostReport(tenantId, assetId, { observedAt: `${year}-01-09T01:00:00Z`, shell: '/bin/bash' }),
  );
  await engine.send(tenantId, 'endService', { service: 'CVM' });
  engine.hosted = [{ service: 'CVM', state: 'ended', startedAt: null, endedAt: null }];
  return {
    tenantId,
    // Two scans, each with its risk; the second finds another shell and nothing else that is new.
    rows: {
      'mysql:assets.assets': 1,
      'mysql:assets.asset_links': 1,
      'mysql:assets.scans': 2,
      'mysql:assets.image_risks': 2,
      'mongodb:assets.fingerprints': 4,
    },
    // 180 times 24 hours after the newest observation of each due day.
    notBefore: [`${year}-07-06T01:00:00Z`, `${year}-07-08T01:00:00Z`],
    holds: [],
    neighbours,
  };
}

/** A host with one scan of a tenant that has just subscribed. */
export async function scannedHost(engine: EngineHarness, tenantId: string): Promise<string> {
  await engine.send(tenantId, 'subscribe', subscribeTo('CVM'));
  const assetId = newAsset();
  await engine.send(tenantId, 'linkAsset', { assetId, services: ['CVM'] });
  await engine.observe(hostReport(tenantId, assetId, { observedAt: await engine.now() }));
  return assetId;
}

const STEPS = ['sealAndCopy', 'verifyCopies', 'moveRows', 'verifyMoved'] as const;

/** What the workflow engine remembers of a tenant's runs when a worker dies: the steps that reported. */
export interface RememberedRun {
  readonly run: { readonly tenantId: string; readonly runId: string; readonly eventId: string };
  reported: number;
}

/**
 * What the tenant's process does next, in its order, to the end of its life. The next worker begins with
 * the step that the dead one did not report.
 */
export async function playOn(
  engine: EngineHarness,
  { activities }: CrashWorker,
  { tenantId, history }: { readonly tenantId: string; readonly history: RememberedRun[] },
): Promise<LifecycleSnapshot> {
  for (;;) {
    for (const remembered of history) {
      for (const step of STEPS.slice(remembered.reported)) {
        await activities[step](remembered.run);
        remembered.reported += 1;
      }
    }
    const snapshot = await activities.refresh({ tenantId, workflowNow: '' });
    const item = snapshot.work.find(({ kind }) => kind === 'dispose');
    if (item?.kind === 'dispose') {
      const { eventId, mode } = item;
      const { runIds } = await activities.planRuns({ tenantId, eventId, mode });
      for (const runId of runIds) history.push({ run: { tenantId, runId, eventId }, reported: 0 });
      continue;
    }
    if (snapshot.nextDueAt === null) return snapshot;
    if (snapshot.nextDueAt > (await engine.now())) await engine.setClock(snapshot.nextDueAt);
    const order = { tenantId, workflowNow: await engine.now() };
    await activities.destroyDue(order);
    await activities.verifyAndCertify(order);
  }
}

/** States in which a worker's death would be most dangerous. */
export const DANGEROUS: Readonly<Record<string, (seen: Seen, put: number) => boolean>> = {
  'copies written, no manifest': ({ objects, manifests }) => objects > 0 && manifests === 0,
  'manifest written, no verdict': ({ manifests, verdicts }) => manifests > 0 && verdicts === 0,
  'some rows moved, some still live': ({ rows, verdicts }, put) =>
    verdicts > 0 && sum(rows) > 0 && sum(rows) < put,
  'everything moved, every key there': ({ rows, wrappings, tombstones }) =>
    sum(rows) === 0 && wrappings > 0 && tombstones.length === 0,
  'permit issued, nothing done with it': ({ openPermits }) => openPermits > 0,
  'key gone, objects still there': ({ tombstones, certificates, objects }) =>
    tombstones.length > certificates.length && objects > 0,
  'everything gone, no certificate': ({ tombstones, certificates, objects }) =>
    tombstones.length > certificates.length && objects === 0,
};

const sum = (rows: Seen['rows']): number => Object.values(rows).reduce((all, n) => all + n, 0);
