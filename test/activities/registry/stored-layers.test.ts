import { gzipSync } from 'node:zlib';
import type { ObserveRepository } from '../../../src/activities/registry/observe-repository';
import type { Observation, ObservedRecord } from '../../../src/contracts/observations';
import { LetheError } from '../../../src/domain/errors';
import { imageOf } from '../../support/layered-image';
import { serveRepository, type ServedRepository } from '../../support/served-repository';
import { tar, type TarFile } from '../../support/tar-files';

let place: ServedRepository;

beforeEach(async () => {
  place = await serveRepository();
});

afterEach(() => place.registry.close());

const layer = (...files: readonly TarFile[]) => ({ archive: tar(...files) });
const STATUS =
  'Package: bash\nStatus: install ok installed\nVersion: 5.2.15-2+b2\nArchitecture: amd64\n';
const npm = (name: string): TarFile => ({
  name: `app/node_modules/${name}/package.json`,
  content: `{"name":"${name}","version":"1.0.0"}`,
});
const base = layer(
  { name: 'etc/os-release', content: 'ID=debian\nVERSION_ID="12"\n' },
  { name: 'var/lib/dpkg/status', content: STATUS },
  npm('hidden'),
  { name: 'etc/app.conf', content: 'password = correct-horse-battery\n' },
);
const top = layer({ name: 'app/node_modules/.wh.hidden' }, npm('seen'), {
  name: 'app/broken.jar',
  content: 'PK',
});

type Stored = NonNullable<ObserveRepository['stored']>;

/** Records of layers in memory, looked up as the stored ones are. */
function shelf(rules = 'one'): Stored & { readonly records: ObservedRecord[] } {
  const records: ObservedRecord[] = [];
  return {
    rules,
    records,
    find: (chains, readWith) =>
      Promise.resolve(
        records
          .map(({ body }) => body)
          .filter(
            (body) => chains.includes(String(body['chain'])) && body['readWith'] === readWith,
          ),
      ),
    keep: (part: Observation) => {
      records.push(...(part.assets[0]?.records ?? []));
      return Promise.resolve();
    },
  };
}

/** Layers that the registry was asked for, since the last time. */
function layersAsked(): number {
  const configs = new Set([...place.served.values()].map(({ blobs }) => blobs[0]?.digest));
  return place.registry.seen.filter(
    ({ path }) => path.includes('/blobs/') && !configs.has(path.split('/').at(-1)),
  ).length;
}

describe('layers that an earlier scan read', () => {
  it('are not read again, and say the same as when they were read [DC-2]', async () => {
    place.served.set('a', imageOf(base, top));
    const stored = shelf();
    const first = await place.observe({ stored });
    expect(layersAsked()).toBe(2);
    expect(stored.records).toHaveLength(2);
    expect(await place.observe({ stored })).toEqual(first);
    expect(layersAsked()).toBe(2);
    expect(stored.records).toHaveLength(2);
    const packages = first.assets[0]?.records.find(({ kind }) => kind === 'image-packages');
    expect(packages?.body).toMatchObject({
      packages: [{ name: 'bash' }, { name: 'seen' }],
      unread: [{ place: '/app/broken.jar' }],
    });
    expect(JSON.stringify(first)).toContain('named-secret');
  });

  it('are shared by images that begin with them', async () => {
    const stored = shelf();
    place.served.set('a', imageOf(base));
    await place.observe({ stored });
    place.served.set('b', imageOf(base, top)).set('c', imageOf(base, layer({ name: 'x' })));
    await place.observe({ stored });
    expect(layersAsked()).toBe(3);
  });

  it('are read again when other rules or another list of malware look for other things', async () => {
    place.served.set('a', imageOf(base));
    const stored = shelf();
    await place.observe({ stored });
    await place.observe({ stored: { ...stored, rules: 'two' } });
    expect(layersAsked()).toBe(2);
    const malware = (version: string) => ({ contents: { malware: { version, has: () => false } } });
    await place.observe({ stored, ...malware('one') });
    await place.observe({ stored, ...malware('two') });
    expect(layersAsked()).toBe(4);
    await place.observe({ stored, ...malware('two') });
    expect(layersAsked()).toBe(4);
  });

  it('are compared with new advisories without being read again', async () => {
    place.served.set('a', imageOf(base));
    const stored = shelf();
    await place.observe({ stored });
    const known = { advisoryId: 'DSA-1', aliases: [], fixedVersion: null, severity: null };
    const advisories = { find: () => [known] };
    const asset = await place.observed({ stored, contents: { advisories } });
    expect(asset.of('vulnerability')).toMatchObject([{ body: { packageName: 'bash' } }, {}]);
    expect(layersAsked()).toBe(1);
  });

  it('do not count under the salt of another tenant: its findings are hashed anew [SD-1]', async () => {
    place.served.set('a', imageOf(base));
    const stored = shelf();
    await place.observe({ stored });
    await place.observe({ stored, salt: Buffer.alloc(32, 2) });
    expect(layersAsked()).toBe(2);
  });

  it('are read again when their record was redacted or is none', async () => {
    place.served.set('a', imageOf(base));
    const stored = shelf();
    await place.observe({ stored });
    const [whole] = stored.records.splice(0);
    for (const body of [
      { ...whole?.body, digest: 'x' },
      JSON.parse(JSON.stringify(whole?.body).replace('bash', '[redacted:x]')) as object,
    ]) {
      const asked = layersAsked();
      await place.observe({ stored: { ...stored, find: () => Promise.resolve([body]) } });
      expect(layersAsked()).toBe(asked + 1);
    }
  });

  it('are not stored where a path would have to be left out [SD-1]', async () => {
    place.served.set('a', imageOf(layer(npm('AKIAIOSFODNN7EXAMPLE'))));
    const stored = shelf();
    expect((await place.observed({ stored })).of('image-layer')).toEqual([]);
    expect(stored.records).toEqual([]);
  });
});

describe('a scan that breaks off', () => {
  const images = () =>
    ['one', 'two', 'three'].map((name) => imageOf(base, layer({ name, content: name })));

  it('goes on with the image it was at: layers of images that were done are not asked for again', async () => {
    images().forEach((image, index) => place.served.set(`t${index}`, image));
    const stored = shelf();
    const progress = ({ imagesRead }: { imagesRead: number }): void => {
      if (imagesRead === 2) throw new Error('killed');
    };
    await expect(place.observe({ stored, contents: { progress } })).rejects.toThrow('killed');
    expect(layersAsked()).toBe(3);
    const whole = await place.observe({ stored });
    expect(layersAsked()).toBe(4);
    expect(whole).toEqual(await place.observe({ stored: shelf() }));
  });

  it('is paused when its time is up, and every attempt gets further', async () => {
    images().forEach((image, index) => place.served.set(`t${index}`, image));
    const stored = shelf();
    let until = 2;
    const scanMilliseconds = 60_000;
    const uptime = jest.spyOn(process, 'uptime');
    const begun = process.uptime();
    uptime.mockImplementation(() => (layersAsked() < until ? begun : begun + 61));
    try {
      const contents = { scanMilliseconds };
      await expect(place.observe({ stored, contents })).rejects.toThrow('goes on');
      expect(layersAsked()).toBe(2);
    } finally {
      until = 100;
      uptime.mockRestore();
    }
    const asset = await place.observed({ stored });
    expect(asset.of('image-failure')).toEqual([]);
    expect(layersAsked()).toBe(4);
  });

  it('marks a layer as too slow when an attempt got nowhere, instead of trying for ever', async () => {
    place.served.set('a', imageOf(base));
    const asset = await place.observed({ stored: shelf(), contents: { scanMilliseconds: -1 } });
    expect(asset.of('image-failure')).toMatchObject([{ body: { reason: 'layer-too-slow' } }]);
  });

  it('ends when a store of the engine is away, and does not blame the image', async () => {
    place.served.set('a', imageOf(base));
    const away = () => Promise.reject(new LetheError('STORE_UNAVAILABLE', 'own store'));
    for (const broken of [{ find: away }, { keep: away }]) {
      const stored = { ...shelf(), ...broken };
      await expect(place.observe({ stored })).rejects.toThrow('own store');
    }
  });

  it('stores nothing of a layer that is not what its digest says', async () => {
    const image = imageOf(base);
    place.served.set('a', image);
    place.instead = ({ path }) =>
      path.endsWith(image.blobs[1]?.digest ?? '')
        ? { body: gzipSync(tar({ name: 'other' })) }
        : undefined;
    const stored = shelf();
    await place.observe({ stored });
    expect(stored.records).toEqual([]);
  });
});
