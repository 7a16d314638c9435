import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { takeReports, type InboxPorts } from '../../src/activities/inbox';
import { createReportStaging } from '../../src/activities/staging/report-staging';
import { createScanActivities } from '../../src/activities/ingest';
import { listEverything } from '../../src/activities/objects/list-everything';
import { composeDisposition } from '../../src/composition/disposition';
import { composeDuties } from '../../src/composition/duties';
import { gateReport, observationOf, parseHostReport } from '../../src/collector';
import { withDigest } from '../../src/collector/report-digest';
import { LetheError } from '../../src/domain/errors';
import type { AssetId } from '../../src/domain/identifiers';
import { collectLive, removeFolders } from '../collector/machine';
import { WHOLE_FILES, wholeProc } from '../collector/whole-machine';
import { createEngineHarness, newTenantId, type EngineHarness } from '../support/engine';
import { NO_CATALOG } from '../support/scans';
import { withHost } from '../support/tenant-life';

let engine: EngineHarness;
beforeAll(async () => {
  engine = await createEngineHarness();
  await engine.setClock('2031-03-03T01:00:00Z');
});
afterAll(async () => {
  removeFolders();
  await engine.remove();
});

const bucket = () => `${engine.environment.name}-inbox`;
const put = (name: string, body: string | Buffer) =>
  engine.stores.objects('courier').putObject(bucket(), name, Buffer.from(body));
const file = () => `${randomBytes(6).toString('hex')}.json`;
const ports = (over: Partial<InboxPorts> = {}): InboxPorts => ({
  objects: engine.parts.objects('ingest'),
  control: engine.stores.sql('control', 'control'),
  staging: createReportStaging(engine.stores.sql('stager', 'control')),
  order: async (tenantId, command) =>
    (await engine.activities.acceptCommand({ tenantId, command, workflowNow: '' })).receipt,
  ledger: engine.parts.ledger,
  pulse: { beat: () => undefined },
  ...over,
});
const lying = async (prefix: string) => {
  const order = { bucket: 'inbox', prefix: `${prefix}/` } as const;
  const { versions, deleteMarkers } = await listEverything(engine.parts.objects('ingest'), order);
  return versions.length + deleteMarkers.length;
};
const acts = async (kind: string): Promise<readonly Record<string, unknown>[]> => {
  const rows = await engine.root('evidence').query('SELECT entry FROM entries ORDER BY sequence');
  return rows
    .map((row) => JSON.parse(String(row['entry'])) as Record<string, unknown>)
    .filter((entry) => entry['kind'] === kind);
};
const scansOf = async (tenantId: string) =>
  (
    await engine
      .root('control')
      .query(
        'SELECT CAST(scan_id AS CHAR) AS id FROM scan_orders WHERE tenant_id = ? ORDER BY ordered_at',
        [tenantId],
      )
  ).map((row) => String(row['id']));

/** Runs an ordered scan as a worker does. */
const runScan = async (tenantId: string, scanId: string) =>
  createScanActivities({
    control: engine.stores.sql('collector', 'control'),
    assets: engine.stores.sql('collector', 'assets'),
    documents: await engine.parts.documents('collector'),
    heartbeat: () => undefined,
    pause: engine.options.pause,
    parseReport: (bytes, scan) =>
      observationOf(gateReport(parseHostReport(JSON.parse(bytes.toString('utf8')))), scan),
    observeRegistry: () => Promise.reject(new Error('not part of this scan')),
    ...NO_CATALOG,
  }).runScan({ tenantId, scanId });

const collected = collectLive(WHOLE_FILES, wholeProc(100));
/** A report of one host, as its collector writes it to a file. */
const reportOf = (assetId: string, collectedAt: string): string =>
  JSON.stringify(withDigest({ ...collected, assetId: assetId as AssetId, collectedAt }));
const later = async (): Promise<string> => {
  const at = new Date(Date.parse(await engine.now()) + 60_000).toISOString();
  await engine.setClock(new Date(Date.parse(at) + 60_000).toISOString());
  return at;
};
/** Everything that was ordered runs to its end. */
const runAll = async (tenantId: string) => {
  for (const scanId of await scansOf(tenantId)) await runScan(tenantId, scanId);
};
const fingerprints = (tenantId: string) =>
  engine.mongo
    .db(`${engine.environment.prefix}_assets`)
    .collection('fingerprints')
    .countDocuments({ tenantId });

describe('a report that was delivered to the inbox', () => {
  it('is taken in like any other, and erased with evidence that says nothing of it [DC-1, ST-1]', async () => {
    const { tenantId, asset } = await withHost(engine, 'CVM');
    const before = await fingerprints(tenantId);
    await put(`${tenantId}/web-1.json`, reportOf(asset, await later()));
    expect(await takeReports(ports())).toMatchObject({ tenantsToWake: [tenantId], more: false });
    expect(await lying(tenantId)).toBe(0);
    const [scanId = ''] = await scansOf(tenantId);
    const act = (await acts('report-delivered')).find((entry) => entry['tenantId'] === tenantId);
    expect(act).toMatchObject({ details: { scanId } });
    expect(JSON.stringify(act)).not.toContain('web-1');
    expect(await runScan(tenantId, scanId)).toMatchObject({ done: true });
    expect(await fingerprints(tenantId)).toBeGreaterThan(before);
  });

  it('changes nothing when it is older than the last one, or the same again [AB-1]', async () => {
    const { tenantId, asset } = await withHost(engine, 'CVM');
    const [first, second] = [await later(), await later()];
    await put(`${tenantId}/b.json`, reportOf(asset, second));
    await takeReports(ports());
    await runAll(tenantId);
    const known = await fingerprints(tenantId);
    await put(`${tenantId}/a.json`, reportOf(asset, first));
    await put(`${tenantId}/c.json`, reportOf(asset, second));
    await takeReports(ports());
    await runAll(tenantId);
    expect(await scansOf(tenantId)).toHaveLength(3);
    expect(await fingerprints(tenantId)).toBe(known);
    const refused = await engine
      .root('control')
      .query(
        'SELECT CAST(reason AS CHAR) AS reason FROM refused_observations WHERE tenant_id = ?',
        [tenantId],
      );
    expect(refused).toEqual([{ reason: 'STALE_OBSERVATION' }, { reason: 'STALE_OBSERVATION' }]);
  });

  it('is ordered once when the round died before the inbox was emptied', async () => {
    const { tenantId, asset } = await withHost(engine, 'CVM');
    await put(`${tenantId}/a.json`, reportOf(asset, await later()));
    const store = engine.parts.objects('ingest');
    const client = new Proxy(store.client, {
      get: (target, name) =>
        name === 'removeObject'
          ? () => Promise.reject(Object.assign(new Error('gone'), { code: 'ECONNREFUSED' }))
          : (Reflect.get(target, name) as unknown),
    });
    await expect(takeReports(ports({ objects: { ...store, client } }))).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
    expect(await lying(tenantId)).toBe(1);
    await takeReports(ports());
    expect(await lying(tenantId)).toBe(0);
    expect(await scansOf(tenantId)).toHaveLength(1);
  });

  it('waits while a store is away, and does not keep the others waiting', async () => {
    const [away, fine] = [await withHost(engine, 'CVM'), await withHost(engine, 'CVM')];
    for (const { tenantId, asset } of [away, fine]) {
      await put(`${tenantId}/a.json`, reportOf(asset, await engine.now()));
    }
    await later();
    const order: InboxPorts['order'] = (tenantId, command) =>
      tenantId === away.tenantId
        ? Promise.reject(new LetheError('STORE_UNAVAILABLE', 'away'))
        : ports().order(tenantId, command);
    await expect(takeReports(ports({ order }))).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
    expect([await lying(away.tenantId), await lying(fine.tenantId)]).toEqual([1, 0]);
    await takeReports(ports());
    expect(await lying(away.tenantId)).toBe(0);
  });

  it('of a tenant whose use is over is refused, counted and erased [AB-2, PU-1]', async () => {
    const { tenantId, asset } = await withHost(engine, 'CVM');
    await engine.send(tenantId, 'endFeature', {});
    await put(`${tenantId}/a.json`, reportOf(asset, await later()));
    expect((await takeReports(ports())).tenantsToWake).toEqual([]);
    expect(await lying(tenantId)).toBe(0);
    expect(await scansOf(tenantId)).toEqual([]);
    expect((await acts('report-refused')).at(-1)).toMatchObject({
      tenantId,
      details: { reason: 'feature-not-active' },
    });
  });
});

describe('the platform’s process', () => {
  const sweeping = async (takesReports: boolean) => {
    const options = { ...engine.options, takesReports };
    const duties = composeDuties(options, engine.parts, engine.activities);
    return (await composeDisposition(options, engine.parts, duties)).sweep();
  };

  it('empties the inbox once a minute where it is told to, and wakes whose report it was', async () => {
    const { tenantId, asset } = await withHost(engine, 'CVM');
    await put(`${tenantId}/a.json`, reportOf(asset, await later()));
    expect((await sweeping(false)).tenantsToWake).not.toContain(tenantId);
    expect(await lying(tenantId)).toBe(1);
    const round = await sweeping(true);
    expect(round.tenantsToWake).toContain(tenantId);
    expect(Date.parse(round.nextAt ?? '') - Date.parse(round.asOf)).toBeLessThanOrEqual(60_000);
    expect(await lying(tenantId)).toBe(0);
    expect((await engine.snapshot(tenantId)).work).toMatchObject([{ kind: 'scan' }]);
  });
});

describe('what else lies in the inbox', () => {
  const valid = () => reportOf(`as_${'0'.repeat(20)}`, '2031-01-01T00:00:00.000Z');

  it.each<[string, string, () => Buffer | string]>([
    ['is no JSON', 'invalid-input', () => '{'],
    ['is packed', 'invalid-input', () => gzipSync(Buffer.alloc(64 * 1024 * 1024))],
    ['is a bomb of nested lists', 'invalid-input', () => '['.repeat(2_000_000)],
    ['is a deep list', 'invalid-input', () => `${'['.repeat(50_000)}${']'.repeat(50_000)}`],
    ['is too long', 'invalid-input', () => Buffer.alloc(48 * 1024 * 1024 + 1, 0x20)],
    ['has another shape', 'invalid-input', () => JSON.stringify({ tenantId: 'tn_other' })],
    [
      'names a tenant inside',
      'invalid-input',
      () => JSON.stringify({ ...(JSON.parse(valid()) as object), tenantId: 'tn_0000000000000000' }),
    ],
    [
      'was changed on its way',
      'digest-mismatch',
      () => valid().replace('"scope":"live"', '"scope":"files"'),
    ],
  ])('and %s is refused as %s and erased; nothing is ordered', async (_, reason, make) => {
    const { tenantId } = await withHost(engine, 'CVM');
    await put(`${tenantId}/${file()}`, make());
    await takeReports(ports());
    expect(await lying(tenantId)).toBe(0);
    expect(await scansOf(tenantId)).toEqual([]);
    expect((await acts('report-refused')).at(-1)).toMatchObject({ tenantId, details: { reason } });
  });

  it('belongs to nobody when its name does not say to whom: it is erased and given to no tenant', async () => {
    const { tenantId } = await withHost(engine, 'CVM');
    const nobody = newTenantId();
    for (const name of [`${nobody}/a.json`, `loose.json`, `${tenantId}/deep/er.json`, 'tn_/x']) {
      await put(name, valid());
    }
    const before = (await acts('report-refused')).length;
    expect((await takeReports(ports())).tenantsToWake).toEqual([]);
    const refused = (await acts('report-refused')).slice(before);
    expect(refused).toHaveLength(4);
    for (const act of refused) {
      expect(act).toMatchObject({ tenantId: null, details: { reason: 'unknown-tenant' } });
    }
    expect(await scansOf(tenantId)).toEqual([]);
    expect([await lying(nobody), await lying(tenantId), await lying('tn_')]).toEqual([0, 0, 0]);
  });

  it('is found by the verification of its tenant until it is taken in [ST-1]', async () => {
    const { tenantId } = await withHost(engine, 'CVM');
    await put(`${tenantId}/a.json`, 'x');
    expect(await lying(tenantId)).toBe(1);
    await takeReports(ports());
    expect(await lying(tenantId)).toBe(0);
  });

  it('takes turns: a flood of one tenant does not keep another one waiting', async () => {
    const [flood, calm] = [await withHost(engine, 'CVM'), await withHost(engine, 'CVM')].sort(
      (a, b) => (a.tenantId < b.tenantId ? -1 : 1),
    );
    const of = (given: typeof flood) => given?.tenantId ?? '';
    for (let sent = 0; sent < 205; sent += 1) await put(`${of(flood)}/${file()}`, 'x');
    await put(`${of(calm)}/a.json`, reportOf(calm?.asset ?? '', await later()));
    expect(await takeReports(ports())).toMatchObject({ tenantsToWake: [of(calm)], more: true });
    expect(await lying(of(calm))).toBe(0);
    expect(await lying(of(flood))).toBe(6);
    expect(await takeReports(ports())).toMatchObject({ more: false });
    expect(await lying(of(flood))).toBe(0);
  });
});

describe('the account that delivers', () => {
  it('puts into the inbox and does nothing else anywhere [PU-1]', async () => {
    const { tenantId } = await withHost(engine, 'CVM');
    const courier = engine.stores.objects('courier');
    await put(`${tenantId}/own.json`, 'x');
    const denied = { code: 'AccessDenied' };
    await expect(courier.getObject(bucket(), `${tenantId}/own.json`)).rejects.toMatchObject(denied);
    await expect(courier.removeObject(bucket(), `${tenantId}/own.json`)).rejects.toMatchObject(
      denied,
    );
    await expect(courier.listObjectsV2(bucket(), '', true).toArray()).rejects.toMatchObject(denied);
    for (const other of ['archive', 'backup', 'evidence']) {
      const place = `${engine.environment.name}-${other}`;
      await expect(courier.putObject(place, 'a/b', Buffer.from('x'))).rejects.toMatchObject(denied);
    }
    await takeReports(ports());
    expect(await lying(tenantId)).toBe(0);
  });
});
