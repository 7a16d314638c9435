import { recordObservation } from '../../src/activities/ingest/record-observation';
import type { ObservedRecord } from '../../src/contracts/observations';
import {
  account,
  assetId,
  createIngestHarness,
  day,
  host,
  hostLinkedTo,
  image,
  port,
  risk,
  scanId,
  seen,
  type IngestHarness,
  type LiveState,
} from '../support/ingest';

let harness: IngestHarness;

beforeAll(async () => {
  harness = await createIngestHarness();
});
afterAll(() => harness.remove());

const tenantWithHost = (): Promise<string> => hostLinkedTo(harness, 'CVM');

type Versions = readonly Record<string, unknown>[];
const fingerprints = (state: LiveState): Versions => state['fingerprints'] as Versions;
const of = (versions: Versions, observedAt: string): Versions =>
  versions.filter((version) => version['observedAt'] === observedAt);

describe('a scan of an asset', () => {
  it('stores every record once, with its digest and where it came from [DC-1]', async () => {
    const tenantId = await tenantWithHost();
    const recorded = await recordObservation(
      harness.ports,
      seen(
        tenantId,
        { number: 2 },
        host([port(22), account('root'), image('sha256:1'), risk('r')]),
      ),
    );
    expect(recorded).toMatchObject({
      done: true,
      refusal: null,
      counts: { assets: 1, records: 5, versions: 5, vanished: 0, 'kind:port': 1, 'kind:asset': 1 },
    });
    const state = await harness.live(tenantId);
    expect(state['assets']).toMatchObject([
      {
        asset_id: assetId(1),
        asset_kind: 'host',
        scan_id: scanId(2),
        observed_at: '2026-01-02 12:00:00',
        vanished: 0,
        body: '{"hostname":"web-1"}',
        content_digest: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      },
    ]);
    expect(state['image_risks']).toMatchObject([
      { risk_kind: 'misconfiguration', body: '{"rule":"r","severity":"high"}', vanished: 0 },
    ]);
    expect(state['images']).toMatchObject([{ kind: 'image', body: { tags: ['1'] } }]);
    expect(state['scans']).toMatchObject([
      {
        scan_id: scanId(2),
        source: 'host-report',
        kinds: '["account","asset","port"]',
        records: 5,
      },
    ]);
    expect(Object.keys(fingerprints(state)[0] ?? {})).toEqual([
      '_id',
      'tenantId',
      'assetId',
      'recordId',
      'kind',
      'scanId',
      'observedAt',
      'vanished',
      'contentDigest',
      'body',
    ]);
  });

  it('writes exactly one row when nothing has changed [AB-1]', async () => {
    const tenantId = await tenantWithHost();
    const asset = host([port(22), account('root'), image('sha256:1'), risk('r')], {
      completeKinds: ['port', 'account', 'image', 'misconfiguration'],
    });
    await recordObservation(harness.ports, seen(tenantId, { number: 2 }, asset));
    const before = await harness.live(tenantId);
    const rescan = await recordObservation(harness.ports, seen(tenantId, { number: 3 }, asset));
    expect(rescan.counts).toMatchObject({ records: 5, versions: 0 });
    const after = await harness.live(tenantId);
    expect(after['scans']).toHaveLength(2);
    expect({ ...after, scans: [] }).toEqual({ ...before, scans: [] });
  });

  it('adds a version when something has changed and leaves the old one byte for byte [AB-1]', async () => {
    const tenantId = await tenantWithHost();
    const scan = (number: number, ...records: ObservedRecord[]) =>
      recordObservation(harness.ports, seen(tenantId, { number }, host(records)));
    await scan(2, port(22), account('root'));
    const before = await harness.live(tenantId);
    await scan(3, port(22, 'telnetd'), account('root'));
    const after = await harness.live(tenantId);
    expect(fingerprints(after)).toEqual(expect.arrayContaining([...fingerprints(before)]));
    expect(of(fingerprints(after), day(3))).toMatchObject([
      { body: { port: 22, process: 'telnetd' }, vanished: false },
    ]);
    expect(after['assets']).toEqual(before['assets']);
  });

  it('adds one version that says a thing is gone, and no second one while it stays away', async () => {
    const tenantId = await tenantWithHost();
    await recordObservation(
      harness.ports,
      seen(tenantId, { number: 2 }, host([port(22), port(80)])),
    );
    const gone = await recordObservation(
      harness.ports,
      seen(tenantId, { number: 3 }, host([port(22)])),
    );
    expect(gone.counts).toMatchObject({ versions: 1, vanished: 1 });
    await recordObservation(harness.ports, seen(tenantId, { number: 4 }, host([port(22)])));
    const versions = fingerprints(await harness.live(tenantId));
    const ofGone = versions.filter((version) => version['vanished'] === true);
    expect(ofGone).toMatchObject([{ observedAt: day(3), kind: 'port', body: {} }]);
    expect(versions).toHaveLength(3);
  });

  it('concludes nothing from a kind that was not read completely', async () => {
    const tenantId = await tenantWithHost();
    await recordObservation(
      harness.ports,
      seen(tenantId, { number: 2 }, host([port(22), port(80)])),
    );
    const partial = await recordObservation(
      harness.ports,
      seen(tenantId, { number: 3 }, host([], { completeKinds: ['account'] })),
    );
    expect(partial.counts).toMatchObject({ versions: 0, vanished: 0 });
    expect(fingerprints(await harness.live(tenantId))).toHaveLength(2);
  });

  it('writes what it saw of a kind that was not read completely, because no row vouches for it [AB-1]', async () => {
    const tenantId = await tenantWithHost();
    await recordObservation(
      harness.ports,
      seen(tenantId, { number: 2 }, host([port(22), port(80)])),
    );
    await recordObservation(
      harness.ports,
      seen(tenantId, { number: 3 }, host([port(22)], { completeKinds: [] })),
    );
    const versions = fingerprints(await harness.live(tenantId));
    expect(of(versions, day(3))).toMatchObject([{ body: { port: 22 }, vanished: false }]);
    expect(versions).toHaveLength(3);
  });

  it('makes a new version of content that comes back [AB-1]', async () => {
    const tenantId = await tenantWithHost();
    const scan = (number: number, ...records: ObservedRecord[]) =>
      recordObservation(harness.ports, seen(tenantId, { number }, host(records)));
    await scan(2, port(22));
    await scan(3);
    await scan(4, port(22));
    const versions = fingerprints(await harness.live(tenantId));
    expect(versions.map((version) => version['vanished']).sort()).toEqual([false, false, true]);
    expect(new Set(versions.map((version) => version['_id'])).size).toBe(3);
    expect(new Set(versions.map((version) => version['recordId'])).size).toBe(1);
    const [first] = of(versions, day(2));
    const [again] = of(versions, day(4));
    expect(again?.['contentDigest']).toBe(first?.['contentDigest']);
  });

  it('writes nothing when it is replayed, also after a later scan', async () => {
    const tenantId = await tenantWithHost();
    const first = seen(tenantId, { number: 2 }, host([port(22), image('sha256:1'), risk('r')]));
    const counts = (await recordObservation(harness.ports, first)).counts;
    const once = await harness.live(tenantId);
    expect((await recordObservation(harness.ports, first)).counts).toEqual(counts);
    expect(await harness.live(tenantId)).toEqual(once);
    await recordObservation(harness.ports, seen(tenantId, { number: 3 }, host([port(23)])));
    const twice = await harness.live(tenantId);
    expect((await recordObservation(harness.ports, first)).counts).toEqual(counts);
    expect(await harness.live(tenantId)).toEqual(twice);
  });

  it('carries more records than one statement, and bodies of any text and size', async () => {
    const tenantId = await tenantWithHost();
    const risks = Array.from({ length: 1200 }, (_, index) => risk(`rule-${index}`));
    const accounts = Array.from({ length: 1200 }, (_, index) => account(`user-${index}`));
    const strange = {
      ...risk('strange'),
      body: { rule: '日本 😀 "\\ \u0001', size: 1.5, none: null },
    };
    const large = { ...risk('large'), body: { rule: 'x'.repeat(1_500_000) } };
    const observed = seen(
      tenantId,
      { number: 2 },
      host([...risks, ...accounts, strange, large, { ...large, identity: 'large-2' }]),
    );
    const { counts } = await recordObservation(harness.ports, observed);
    expect(counts).toMatchObject({ versions: 2404, 'kind:misconfiguration': 1203 });
    const state = await harness.live(tenantId);
    expect(state['image_risks']).toHaveLength(1203);
    expect(fingerprints(state)).toHaveLength(1200);
    const bodies = (state['image_risks'] as { body: string }[]).map(({ body }) => body);
    expect(bodies).toContain(JSON.stringify({ none: null, rule: strange.body.rule, size: 1.5 }));
  });
});

describe('an asset without a link', () => {
  it('is refused, and nothing of it is stored [HS-1]', async () => {
    const tenantId = await harness.control.subscribed('CVM');
    await expect(
      recordObservation(harness.ports, seen(tenantId, { number: 2 }, host([port(22)]))),
    ).rejects.toMatchObject({ code: 'ASSET_WITHOUT_LINK' });
    expect(await harness.count(tenantId)).toBe(0);
  });

  it('does not keep linked assets of the same scan out', async () => {
    const tenantId = await tenantWithHost();
    const recorded = await recordObservation(
      harness.ports,
      seen(
        tenantId,
        { number: 2 },
        host([port(22)]),
        host([port(23)], { assetId: assetId(2) }),
        host([port(24)], { assetId: assetId(3), links: { to: 'same-as', assetId: assetId(2) } }),
      ),
    );
    expect(recorded.counts).toMatchObject({ assets: 1, refusedAssets: 2 });
    expect(recorded.refusal).toMatchObject({ code: 'ASSET_WITHOUT_LINK' });
    const state = await harness.live(tenantId);
    expect(fingerprints(state).map((version) => version['assetId'])).toEqual([assetId(1)]);
    expect(state['asset_links']).toHaveLength(1);
  });
});

describe('links of observed assets', () => {
  const linksOf = async (tenantId: string): Promise<readonly (readonly unknown[])[]> =>
    ((await harness.live(tenantId))['asset_links'] as Record<string, unknown>[])
      .map((row) => [row['asset_id'], row['service'], row['belongs_to_all']])
      .sort();

  it('follow the host for its containers [HS-1]', async () => {
    const tenantId = await tenantWithHost();
    const container = { assetId: assetId(2), assetKind: 'container' } as const;
    await recordObservation(
      harness.ports,
      seen(
        tenantId,
        { number: 2 },
        host([], { ...container, links: { to: 'same-as', assetId: assetId(1) } }),
        host([]),
      ),
    );
    expect(await linksOf(tenantId)).toEqual([
      [assetId(1), 'CVM', 0],
      [assetId(2), 'CVM', 0],
    ]);
  });

  it('are to every service in use for what belongs to none, and to services attached later [HS-1]', async () => {
    const tenantId = await harness.control.subscribed('CVM', 'ECM');
    const repository = host([image('sha256:1')], { links: { to: 'all' } });
    await recordObservation(harness.ports, seen(tenantId, { number: 2 }, repository));
    const all = [
      [assetId(1), 'CVM', 1],
      [assetId(1), 'ECM', 1],
    ];
    expect(await linksOf(tenantId)).toEqual(all);
    await harness.control.send(tenantId, 'attachService', { service: 'Lighthouse' });
    expect(await linksOf(tenantId)).toEqual([...all, [assetId(1), 'Lighthouse', 1]]);
    await recordObservation(harness.ports, seen(tenantId, { number: 3 }, repository));
    expect(await linksOf(tenantId)).toHaveLength(3);
  });

  it('reach a service that is attached while the asset is being linked [HS-1]', async () => {
    const tenantId = await harness.control.subscribed('CVM');
    let isAttached = false;
    const assets = {
      ...harness.ports.assets,
      execute: async (statement: string, params?: readonly never[]) => {
        // Attached after the services were read and before the links are there.
        if (!isAttached && statement.includes('INTO asset_links')) {
          isAttached = true;
          await harness.control.send(tenantId, 'attachService', { service: 'ECM' });
        }
        return harness.ports.assets.execute(statement, params);
      },
    };
    await recordObservation(
      { ...harness.ports, assets },
      seen(tenantId, { number: 2 }, host([], { links: { to: 'all' } })),
    );
    expect(await linksOf(tenantId)).toEqual([
      [assetId(1), 'CVM', 1],
      [assetId(1), 'ECM', 1],
    ]);
  });

  it('are refused to a service that the tenant never had [HS-1]', async () => {
    const tenantId = await harness.control.subscribed('CVM');
    const asset = host([], { links: { to: 'services', services: ['CVM', 'ECM'] } });
    await expect(
      recordObservation(harness.ports, seen(tenantId, { number: 2 }, asset)),
    ).rejects.toMatchObject({ code: 'SERVICE_NOT_ACTIVE' });
    expect(await harness.count(tenantId)).toBe(0);
  });
});

describe('the instant of an observation', () => {
  it.each(['2026-01-02T12:00:00Z', '2026-01-01T12:00:00Z'])(
    'is not at or before the last scan of the asset: %s is refused',
    async (at) => {
      const tenantId = await tenantWithHost();
      await recordObservation(harness.ports, seen(tenantId, { number: 2 }, host([port(22)])));
      const before = await harness.live(tenantId);
      await expect(
        recordObservation(harness.ports, seen(tenantId, { number: 3, at }, host([port(23)]))),
      ).rejects.toMatchObject({ code: 'STALE_OBSERVATION' });
      expect(await harness.live(tenantId)).toEqual(before);
    },
  );

  it('is not ahead of the database by more than a minute', async () => {
    const tenantId = await tenantWithHost();
    const before = await harness.count(tenantId);
    const at = new Date(Date.parse(await harness.now()) + 62_000).toISOString();
    await expect(
      recordObservation(harness.ports, seen(tenantId, { number: 2, at }, host([port(22)]))),
    ).rejects.toMatchObject({ code: 'INVALID_INSTANT' });
    expect(await harness.count(tenantId)).toBe(before);
  });

  it('keeps its microseconds, whatever offset it was written with', async () => {
    const tenantId = await tenantWithHost();
    const at = '2026-01-02T20:00:00.123456789+08:00';
    await recordObservation(harness.ports, seen(tenantId, { number: 2, at }, host([port(22)])));
    const state = await harness.live(tenantId);
    expect(state['scans']).toMatchObject([{ observed_at: '2026-01-02 12:00:00.123456' }]);
    expect(fingerprints(state)).toMatchObject([{ observedAt: '2026-01-02T12:00:00.123456Z' }]);
  });
});

describe('the account that writes observations', () => {
  it('can neither change nor remove what it wrote [AB-1]', async () => {
    const tenantId = await tenantWithHost();
    await recordObservation(harness.ports, seen(tenantId, { number: 2 }, host([risk('r')])));
    for (const table of ['assets', 'asset_links', 'scans', 'image_risks']) {
      for (const statement of [
        `UPDATE ${table} SET tenant_id = tenant_id WHERE tenant_id = ?`,
        `DELETE FROM ${table} WHERE tenant_id = ?`,
      ]) {
        await expect(harness.ports.assets.execute(statement, [tenantId])).rejects.toThrow(
          /ER_TABLEACCESS_DENIED/,
        );
      }
    }
    expect(await harness.count(tenantId)).toBe(4);
  });
});
