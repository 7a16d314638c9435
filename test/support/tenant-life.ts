import type { CommandBodies } from '../../src/contracts/commands';
import { listEverything } from '../../src/activities/objects/list-everything';
import { newTenantId, type EngineHarness } from './engine';
import { subscribeTo } from './control';
import { hostReport, newAsset } from './observations';

/** What the hosting system says of a service it has ended. */
export const ended = (service: 'CVM' | 'Lighthouse') => ({
  service,
  state: 'ended' as const,
  startedAt: null,
  endedAt: null,
});

export async function liveRecords(
  engine: EngineHarness,
  tenantId: string,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const table of ['assets', 'asset_links', 'scans', 'image_risks']) {
    const rows = await engine
      .root('assets')
      .query(`SELECT COUNT(*) AS n FROM ${table} WHERE tenant_id = ?`, [tenantId]);
    counts[table] = Number(rows[0]?.['n']);
  }
  const database = engine.mongo.db(`${engine.environment.prefix}_assets`);
  counts['fingerprints'] = await database.collection('fingerprints').countDocuments({ tenantId });
  return counts;
}

export async function subscribed(
  engine: EngineHarness,
  ...services: CommandBodies['subscribe']['services'][number][]
): Promise<string> {
  const tenantId = newTenantId();
  await engine.send(tenantId, 'subscribe', subscribeTo(...services));
  return tenantId;
}

/** Subscribes, links and scans one host; the clock stands at 7 January 2030, 09:00 in Shanghai, or later. */
export async function withHost(
  engine: EngineHarness,
  ...services: CommandBodies['subscribe']['services'][number][]
): Promise<{ readonly tenantId: string; readonly asset: string }> {
  const tenantId = await subscribed(engine, ...services);
  const asset = newAsset();
  await engine.send(tenantId, 'linkAsset', { assetId: asset, services });
  await engine.observe(hostReport(tenantId, asset, { observedAt: await engine.now() }));
  return { tenantId, asset };
}

export const assetDays = (snapshot: Awaited<ReturnType<EngineHarness['snapshot']>>) =>
  snapshot.dueDays.filter((day) => day.recordClass === 'asset-basic-data');

/** The one open disposition of a tenant, planned. */
export async function planned(
  engine: EngineHarness,
  tenantId: string,
): Promise<{ readonly tenantId: string; readonly runId: string; readonly eventId: string }> {
  const { work } = await engine.snapshot(tenantId);
  const item = work.find(({ kind }) => kind === 'dispose');
  if (item?.kind !== 'dispose') throw new Error('nothing to dispose of');
  const { eventId } = item;
  const { runIds } = await engine.activities.planRuns({ tenantId, eventId, mode: 'dispose' });
  return { tenantId, runId: runIds[0] ?? '', eventId };
}

/** Every live record's place, id and content, in one order. */
export async function liveDigest(
  engine: EngineHarness,
  tenantId: string,
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const table of ['assets', 'asset_links', 'scans', 'image_risks']) {
    const rows = await engine
      .root('assets')
      .query(`SELECT * FROM ${table} WHERE tenant_id = ?`, [tenantId]);
    found.push(...rows.map((row) => `${table} ${JSON.stringify(row)}`));
  }
  const database = engine.mongo.db(`${engine.environment.prefix}_assets`);
  const documents = await database.collection('fingerprints').find({ tenantId }).toArray();
  found.push(...documents.map((document) => `fingerprints ${JSON.stringify(document)}`));
  return found.sort();
}

/** Versions, markers and uploads of a tenant in both copies, as the administrator sees them. */
export async function objectsOf(engine: EngineHarness, tenantId: string): Promise<number> {
  let found = 0;
  for (const bucket of ['archive', 'backup'] as const) {
    const store = engine.parts.objects('verifier');
    const listing = await listEverything(store, { bucket, prefix: `${tenantId}/` });
    found += listing.versions.length + listing.deleteMarkers.length + listing.uploads.length;
  }
  return found;
}

/** The id of the one deletion request of a tenant. */
export const requestOf = (tenantId: string): string => `rq_${tenantId.slice(3)}`;

/** A tenant with one setting whose deletion was requested; it is sealed and not ordered. */
export async function requestedSetting(engine: EngineHarness): Promise<string> {
  const tenantId = await subscribed(engine, 'CVM');
  await engine.send(tenantId, 'changeConfiguration', {
    ...(await engine.stage(tenantId, { setting: 'automatic-renewal', enabled: true })),
    configurationKind: 'console-setting',
    settingId: 'renewal',
  });
  await engine.send(tenantId, 'requestDeletion', {
    requestId: requestOf(tenantId),
    recordClass: 'console-configuration-data',
  });
  await engine.runWork(tenantId);
  return tenantId;
}
