import { createScanActivities } from '../../src/activities/ingest';
import type { ScanPorts } from '../../src/activities/ingest/ports';
import { createRegistryClient } from '../../src/activities/registry/create-registry-client';
import { observeRepository } from '../../src/activities/registry/observe-repository';
import { ReadingPaused, type ReadingProgress } from '../../src/activities/registry/read-layers';
import { createIngestHarness, planEnd, type IngestHarness } from '../support/ingest';
import { imageOf } from '../support/layered-image';
import { NO_CATALOG } from '../support/scans';
import { serveRepository, type ServedRepository } from '../support/served-repository';
import { tar } from '../support/tar-files';

let harness: IngestHarness;
let place: ServedRepository;

beforeAll(async () => {
  harness = await createIngestHarness({ simulation: true });
});
afterAll(() => harness.remove());
beforeEach(async () => {
  place = await serveRepository();
});
afterEach(() => place.registry.close());

interface Reading {
  readonly scanMilliseconds?: number;
  readonly progress?: (progress: ReadingProgress) => void;
}

/** Runs a scan as a worker does, with the collector's logins. */
const run = (scan: { tenantId: string; scanId: string }, reading: Reading = {}) => {
  const observeRegistry: ScanPorts['observeRegistry'] = async (order, signal) => {
    try {
      return await observeRepository({
        ...order,
        client: createRegistryClient({
          baseUrl: order.registry,
          tenantId: order.tenantId,
          policy: place.registry.policy,
        }),
        salt: Buffer.alloc(32, order.tenantId),
        stored: { rules: 'these', ...order.layers },
        contents: reading,
        signal,
      });
    } catch (error) {
      if (error instanceof ReadingPaused) return null;
      throw error;
    }
  };
  const parseReport = () => {
    throw new Error('not part of this scan');
  };
  return createScanActivities({
    ...harness.ports,
    ...NO_CATALOG,
    parseReport,
    observeRegistry,
  }).runScan(scan);
};

async function sharing(): Promise<string> {
  const tenantId = await harness.control.subscribed('CVM');
  const validUntil = new Date(Date.parse(await harness.now()) + 86_400_000).toISOString();
  const grant = { registry: place.registry.authority, repositories: ['library/*'], validUntil };
  await harness.control.send(tenantId, 'grantSharing', {
    ...(await harness.control.stage(tenantId, grant)),
    authorizationId: `grant-${tenantId}`,
  });
  return tenantId;
}

async function order(tenantId: string, repository = 'library/app') {
  await harness.advance(1);
  const what = { registry: place.registry.url, repository };
  const accepted = await harness.control.send(tenantId, 'requestScan', {
    ...(await harness.control.stage(tenantId, what)),
    source: 'registry',
  });
  return { tenantId, scanId: String(accepted.receipt.result['scanId']) };
}

/** Layers that the registry was asked for. */
function layersAsked(): number {
  const configs = new Set([...place.served.values()].map(({ blobs }) => blobs[0]?.digest));
  return place.registry.seen.filter(
    ({ path }) => path.includes('/blobs/') && !configs.has(path.split('/').at(-1)),
  ).length;
}

const images = async (tenantId: string, kind: string) =>
  ((await harness.live(tenantId))['images'] as { kind: string; observedAt: string }[]).filter(
    (document) => document.kind === kind,
  );

const npm = (name: string) =>
  tar({
    name: `app/node_modules/${name}/package.json`,
    content: `{"name":"${name}","version":"1.0.0"}`,
  });
const base = { archive: npm('base') };
const three = () => {
  ['one', 'two', 'three'].forEach((name, index) => {
    place.served.set(`t${index}`, imageOf(base, { archive: npm(name) }));
  });
};

describe('the layers of a tenant’s images', () => {
  it('are read once over scans and repositories, and stand among the live image data [ST-1, DC-2]', async () => {
    three();
    const tenantId = await sharing();
    expect(await run(await order(tenantId))).toMatchObject({ done: true });
    expect(layersAsked()).toBe(4);
    const stored = await images(tenantId, 'image-layer');
    expect(stored).toHaveLength(4);
    expect(await run(await order(tenantId))).toMatchObject({ counts: { versions: 0 } });
    expect(await run(await order(tenantId, 'library/other'))).toMatchObject({ done: true });
    expect(layersAsked()).toBe(4);
    expect(await images(tenantId, 'image-packages')).toHaveLength(6);
    expect(await images(tenantId, 'image-layer')).toHaveLength(8);
  });

  it('of one tenant are not used for another one [PU-1]', async () => {
    three();
    await run(await order(await sharing()));
    await run(await order(await sharing()));
    expect(layersAsked()).toBe(8);
  });

  it('are read again after a deletion request: access to what it covers has ended [DR-1]', async () => {
    three();
    const tenantId = await sharing();
    await run(await order(tenantId));
    await harness.advance(1);
    await harness.control.send(tenantId, 'requestDeletion', {
      requestId: `request-${tenantId}`,
      recordClass: 'asset-basic-data',
    });
    await run(await order(tenantId));
    expect(layersAsked()).toBe(8);
    await run(await order(tenantId));
    expect(layersAsked()).toBe(8);
    expect(await images(tenantId, 'image-layer')).toHaveLength(8);
  });
});

describe('a worker that is killed in a registry scan', () => {
  const killedAt =
    (imagesRead: number): NonNullable<Reading['progress']> =>
    (progress) => {
      if (progress.imagesRead === imagesRead) throw new Error('killed');
    };

  it('leaves the layers of the images that were done, and the next one reads only the others [DC-2]', async () => {
    three();
    const tenantId = await sharing();
    const scan = await order(tenantId);
    await expect(run(scan, { progress: killedAt(2) })).rejects.toThrow('killed');
    expect(layersAsked()).toBe(3);
    expect(await images(tenantId, 'image-layer')).toHaveLength(3);
    expect((await harness.live(tenantId))['scans']).toEqual([]);
    await harness.advance(1);
    const told: ReadingProgress[] = [];
    const result = await run(scan, { progress: (progress) => told.push(progress) });
    expect(result).toMatchObject({ done: true });
    expect(layersAsked()).toBe(4);
    expect(told).toEqual([{ imagesRead: 2, layersRead: 0, layersKnown: 3 }]);
    expect(await images(tenantId, 'image-layer')).toHaveLength(4);
    expect(await images(tenantId, 'image-packages')).toHaveLength(3);
    expect((await harness.live(tenantId))['scans']).toHaveLength(1);
  });

  it('is not followed by one that writes behind the fence [AB-2]', async () => {
    three();
    const tenantId = await sharing();
    const scan = await order(tenantId);
    await expect(run(scan, { progress: killedAt(1) })).rejects.toThrow('killed');
    const before = await harness.count(tenantId);
    await harness.advance(1);
    const ended = await harness.control.send(tenantId, 'endService', { service: 'CVM' });
    await planEnd(harness, tenantId, ended);
    expect(await run(scan)).toMatchObject({ done: true, counts: { refused: 1 } });
    expect(await harness.count(tenantId)).toBe(before);
  });

  it('stores nothing more of a repository whose authorization was revoked meanwhile [SH-1]', async () => {
    three();
    const tenantId = await sharing();
    const scan = await order(tenantId);
    await expect(run(scan, { progress: killedAt(1) })).rejects.toThrow('killed');
    const before = await harness.count(tenantId);
    await harness.control.send(tenantId, 'revokeSharing', {
      authorizationId: `grant-${tenantId}`,
    });
    expect(await run(scan)).toMatchObject({ counts: { refused: 1 } });
    expect(await harness.count(tenantId)).toBe(before);
  });
});

describe('a scan that is longer than one attempt may be', () => {
  it('says so, and goes on in the next attempt until it is done [DC-2]', async () => {
    three();
    const tenantId = await sharing();
    const scan = await order(tenantId);
    const uptime = jest.spyOn(process, 'uptime');
    const begun = process.uptime();
    uptime.mockImplementation(() => (layersAsked() < 2 ? begun : begun + 61));
    try {
      expect(await run(scan, { scanMilliseconds: 60_000 })).toMatchObject({
        done: false,
        blockedOn: null,
      });
    } finally {
      uptime.mockRestore();
    }
    expect(await images(tenantId, 'image-layer')).toHaveLength(2);
    expect(await run(scan)).toMatchObject({ done: true, counts: { 'kind:image': 3 } });
    expect(layersAsked()).toBe(4);
  });
});
