import { createEngineHarness, type EngineHarness } from '../support/engine';
import { hostReport, newAsset } from '../support/observations';
import { orderDeletion } from '../support/orders';
import {
  assetDays,
  ended,
  hold,
  liveDigest,
  liveRecords,
  objectsOf,
  planned,
  subscribed,
  withHost,
} from '../support/tenant-life';

let engine: EngineHarness;
beforeAll(async () => {
  engine = await createEngineHarness();
  await engine.setClock('2030-01-07T01:00:00Z');
});
afterAll(() => engine.remove());

describe('the life of asset data', () => {
  it('is archived twice, moved, kept to the instant and destroyed with proof [AB-1] [AB-2] [AB-3]', async () => {
    const tenantId = await subscribed(engine, 'CVM');
    const asset = newAsset();
    await engine.send(tenantId, 'linkAsset', { assetId: asset, services: ['CVM'] });
    await engine.observe(
      hostReport(tenantId, asset, { observedAt: '2030-01-07T01:00:00.000000Z' }),
    );
    const before = await liveRecords(engine, tenantId);
    expect(before).toEqual({
      assets: 1,
      asset_links: 1,
      scans: 1,
      image_risks: 1,
      fingerprints: 3,
    });

    await engine.setClock('2030-01-08T02:00:00Z');
    await engine.send(tenantId, 'endService', { service: 'CVM' });
    await engine.send(tenantId, 'endFeature', {});
    const retained = await engine.runWork(tenantId);
    expect(Object.values(await liveRecords(engine, tenantId)).every((n) => n === 0)).toBe(true);
    expect(retained.stage).toBe('retained');
    const due = retained.dueDays.find((day) => day.recordClass === 'asset-basic-data');
    // 7 January in Shanghai plus 180 days.
    expect(due).toMatchObject({
      dueOn: '2030-07-06',
      earliestAt: '2030-07-06T16:00:00.000000Z',
      deleteNotBefore: '2030-07-06T18:00:00.000000Z',
      latestAt: '2030-07-07T16:00:00.000000Z',
      state: 'moved',
      records: 7,
    });

    // 8 January in Shanghai plus one month: the configuration goes first.
    await engine.setClock('2030-02-08T18:00:01Z');
    const first = await engine.destroy(tenantId);
    expect(first.snapshot.counters).toMatchObject({ certificates: 1, breaches: 0 });

    engine.hosted = [ended('CVM')];
    await engine.setClock('2030-07-06T17:59:00Z');
    const tooEarly = await engine.destroy(tenantId);
    expect(tooEarly.snapshot.counters.certificates).toBe(1);
    await engine.setClock('2030-07-06T18:00:01Z');
    const destroyed = await engine.destroy(tenantId);
    expect(destroyed.blockedOn).toBeNull();
    expect(destroyed.snapshot).toMatchObject({ stage: 'ended', ended: true });
    expect(destroyed.snapshot.counters).toMatchObject({ certificates: 2, breaches: 0 });
    const certificates = await engine.parts.certificates.listOf(tenantId);
    const asset180 = certificates.find(
      ({ certificate }) => certificate.recordClass === 'asset-basic-data',
    );
    for (const { certificate } of certificates) {
      expect(certificate.locations.find(({ location }) => location === 'mysql:keys')).toMatchObject(
        {
          before: certificate.keys.length,
          after: 0,
        },
      );
    }
    expect(asset180?.certificate).toMatchObject({ dueOn: '2030-07-06', late: false });
  });
});

describe('a tenant that comes back before the window', () => {
  it('has every record again, byte for byte, and the archive is ended lawfully [AB-2]', async () => {
    await engine.setClock('2030-08-01T01:00:00Z');
    const { tenantId, asset } = await withHost(engine, 'CVM');
    await engine.setClock('2030-08-02T01:00:00Z');
    await engine.observe(
      hostReport(tenantId, asset, { observedAt: await engine.now(), shell: '/bin/bash' }),
    );
    const before = await liveDigest(engine, tenantId);
    await engine.setClock('2030-08-03T01:00:00Z');
    await engine.send(tenantId, 'endService', { service: 'CVM' });
    await engine.runWork(tenantId);
    expect(await liveDigest(engine, tenantId)).toEqual([]);

    await engine.send(tenantId, 'attachService', { service: 'CVM' });
    const back = await engine.runWork(tenantId);
    expect(await liveDigest(engine, tenantId)).toEqual(before);
    expect(back.activeServices).toEqual(['CVM']);
    expect(assetDays(back)).toEqual([]);
    expect(await objectsOf(engine, tenantId)).toBe(0);
    const rows = await engine
      .root('keys')
      .query('SELECT kind FROM key_tombstones WHERE tenant_id = ?', [tenantId]);
    expect(rows.map((row) => String(row['kind']))).toEqual(['retire', 'retire']);

    // It lives on, and the next end archives it again under another generation.
    await engine.observe(hostReport(tenantId, asset, { observedAt: await engine.now() }));
    await engine.send(tenantId, 'endService', { service: 'CVM' });
    expect(assetDays(await engine.runWork(tenantId)).every((day) => day.state === 'moved')).toBe(
      true,
    );
  });

  it('keeps its archive under a hold and has its data back all the same [AB-2] [CC-4]', async () => {
    const { tenantId } = await withHost(engine, 'CVM');
    const before = await liveDigest(engine, tenantId);
    await engine.send(tenantId, 'endService', { service: 'CVM' });
    await engine.runWork(tenantId);
    const release = await hold(engine, tenantId);
    await engine.send(tenantId, 'attachService', { service: 'CVM' });
    const held = await engine.runWork(tenantId);
    expect(await liveDigest(engine, tenantId)).toEqual(before);
    expect(await objectsOf(engine, tenantId)).toBeGreaterThan(0);
    expect(held.nextDueAt).toBeNull();
    await release();
    await engine.destroy(tenantId);
    expect(await objectsOf(engine, tenantId)).toBe(0);
    expect(await liveDigest(engine, tenantId)).toEqual(before);
  });
});

describe('a disposition whose process was lost', () => {
  it.each([
    ['sealed', ['sealAndCopy']],
    ['verified', ['sealAndCopy', 'verifyCopies']],
    ['moved, and nobody has looked yet', ['sealAndCopy', 'verifyCopies', 'moveRows']],
  ] as const)(
    'is planned again and seen through when it was %s [AB-2] [ST-1]',
    async (_, steps) => {
      const { tenantId } = await withHost(engine, 'CVM');
      await engine.send(tenantId, 'endService', { service: 'CVM' });
      const run = await planned(engine, tenantId);
      for (const step of steps) await engine.activities[step](run);
      // Whoever takes over knows what control knows, and nothing else.
      const again = await planned(engine, tenantId);
      expect(again).toEqual(run);
      const after = await engine.runWork(tenantId);
      expect(after.work).toEqual([]);
      expect(assetDays(after).map(({ state }) => state)).toEqual(['moved']);
      expect(after.nextDueAt).not.toBeNull();
    },
  );
});

describe('a legal hold', () => {
  it('stops destruction in its window and defers it to seven days after its release [CC-4]', async () => {
    const { tenantId } = await withHost(engine, 'CVM');
    await engine.send(tenantId, 'endService', { service: 'CVM' });
    await engine.send(tenantId, 'endFeature', {});
    const retained = await engine.runWork(tenantId);
    engine.hosted = [ended('CVM')];
    const release = await hold(engine, tenantId);
    const [due] = assetDays(retained);
    await engine.setClock(due?.deleteNotBefore ?? '');
    const objects = await objectsOf(engine, tenantId);
    const held = await engine.destroy(tenantId);
    expect(await objectsOf(engine, tenantId)).toBe(objects);
    expect(held.snapshot.blockedOn).toBe('hold');
    expect(assetDays(held.snapshot)[0]).toMatchObject({ deleteNotBefore: null, latestAt: null });

    await engine.setClock('2031-03-01T04:00:00Z');
    await release();
    const [after] = assetDays(await engine.snapshot(tenantId));
    // Released on 1 March in Shanghai: seven days, the last one in full.
    expect(after?.latestAt).toBe('2031-03-08T16:00:00.000000Z');
    // Not before the guard of two hours has passed.
    await engine.destroy(tenantId);
    expect(await objectsOf(engine, tenantId)).toBe(objects);
    await engine.setClock('2031-03-01T06:30:00Z');
    const gone = await engine.destroy(tenantId);
    expect(await objectsOf(engine, tenantId)).toBe(0);
    expect(gone.snapshot.ended).toBe(true);
  });
});

describe('the hosting system of record', () => {
  it.each([
    ['does not answer', null],
    ['does not know the service', []],
    [
      'says that it is in use',
      [{ service: 'CVM' as const, state: 'active' as const, startedAt: null, endedAt: null }],
    ],
  ])(
    'keeps the data when it %s, and lets it go once it says ended [AB-2] [HS-1]',
    async (...[, answer]) => {
      const { tenantId } = await withHost(engine, 'CVM');
      await engine.send(tenantId, 'endService', { service: 'CVM' });
      const [due] = assetDays(await engine.runWork(tenantId));
      await engine.setClock(due?.deleteNotBefore ?? '');
      engine.hosted = answer;
      const kept = await engine.destroy(tenantId);
      expect(kept.blockedOn).toBe('hosting-system');
      expect(await objectsOf(engine, tenantId)).toBeGreaterThan(0);
      engine.hosted = [ended('CVM')];
      await engine.destroy(tenantId);
      expect(await objectsOf(engine, tenantId)).toBe(0);
    },
  );
});

describe('a request for configuration data', () => {
  it('covers what was received before it, after 30 working days at the latest, and spares what came after [CC-1] [CC-2]', async () => {
    const tenantId = await subscribed(engine, 'CVM');
    const change = async (settingId: string): Promise<void> => {
      const body = { setting: 'automatic-renewal', enabled: true };
      const staged = await engine.stage(tenantId, body);
      await engine.send(tenantId, 'changeConfiguration', {
        ...staged,
        configurationKind: 'console-setting',
        settingId,
      });
    };
    await change('before');
    await engine.send(tenantId, 'requestDeletion', {
      requestId: `rq_${tenantId.slice(3)}`,
      recordClass: 'console-configuration-data',
    });
    await change('after');
    await engine.runWork(tenantId);
    await orderDeletion(engine, tenantId);
    const planned = await engine.snapshot(tenantId);
    const [due] = planned.dueDays;
    expect(due).toMatchObject({ recordClass: 'console-configuration-data', records: 2 });
    const settings = async (): Promise<string[]> => {
      const rows = await engine
        .root('configuration')
        .query('SELECT setting_id FROM console_settings WHERE tenant_id = ?', [tenantId]);
      return rows.map((row) => String(row['setting_id'])).sort();
    };
    expect(await settings()).toEqual(['after', 'before']);
    await engine.destroy(tenantId);
    expect(await settings()).toEqual(['after', 'before']);
    await engine.setClock(due?.deleteNotBefore ?? '');
    const { snapshot } = await engine.destroy(tenantId);
    expect(await settings()).toEqual(['after']);
    expect(snapshot.counters.certificates).toBe(1);
    const [issued] = await engine.parts.certificates.listOf(tenantId);
    const { keys, locations } = issued?.certificate ?? { keys: [], locations: [] };
    expect(keys).toHaveLength(1);
    expect(locations.find(({ location }) => location === 'mysql:keys')).toMatchObject({
      before: 1,
    });
  });
});

describe('a request for asset data', () => {
  it('takes what was seen before it out of use at once and spares what is seen after it [DR-1] [AB-1]', async () => {
    const { tenantId, asset } = await withHost(engine, 'CVM');
    const requestedAt = await engine.now();
    await engine.send(tenantId, 'requestDeletion', {
      requestId: `rq_${tenantId.slice(3)}`,
      recordClass: 'asset-basic-data',
    });
    const restricted = await engine.runWork(tenantId);
    expect(await liveRecords(engine, tenantId)).toMatchObject({
      assets: 0,
      fingerprints: 0,
      asset_links: 1,
    });
    expect(restricted.activeServices).toEqual(['CVM']);
    await engine.setClock(new Date(Date.parse(requestedAt) + 3_600_000).toISOString());
    await engine.observe(hostReport(tenantId, asset, { observedAt: await engine.now() }));
    expect(await liveRecords(engine, tenantId)).toMatchObject({
      assets: 1,
      fingerprints: 3,
      asset_links: 1,
    });
    await orderDeletion(engine, tenantId);
    const [due] = assetDays(await engine.snapshot(tenantId));
    expect(Date.parse(due?.earliestAt ?? '')).toBeGreaterThanOrEqual(
      Date.parse(requestedAt) + 180 * 86_400_000,
    );
    await engine.setClock(due?.deleteNotBefore ?? '');
    await engine.destroy(tenantId);
    expect(await objectsOf(engine, tenantId)).toBe(0);
    expect(await liveRecords(engine, tenantId)).toMatchObject({
      assets: 1,
      fingerprints: 3,
      asset_links: 1,
    });
  });
});
