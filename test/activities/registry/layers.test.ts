import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { AdvisoryIndex } from '../../../src/advisories/advisory-index';
import { imageOf, type MadeLayer } from '../../support/layered-image';
import { serveRepository, type ServedRepository } from '../../support/served-repository';
import { symbolicLink, tar, tarEntry, type TarFile } from '../../support/tar-files';
import { packZstd, packZstdInChunks, rawBlock, zstdFrame } from '../../support/zstd';

let place: ServedRepository;

beforeEach(async () => {
  place = await serveRepository();
});

afterEach(() => place.registry.close());

const layer = (...files: readonly TarFile[]) => ({ archive: tar(...files) });
const STATUS =
  'Package: bash\nStatus: install ok installed\nVersion: 5.2.15-2+b2\nArchitecture: amd64\n';
const base = layer(
  { name: 'etc/os-release', content: 'ID=debian\nVERSION_ID="12"\n' },
  { name: 'var/lib/dpkg/status', content: STATUS },
);
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const blobRequests = () => place.registry.seen.filter(({ path }) => path.includes('/blobs/'));

describe('the layers of an image', () => {
  it('give its packages, and what could not be read [DC-2]', async () => {
    place.served.set(
      'a',
      imageOf(
        base,
        layer(
          { name: 'app/node_modules/x/package.json', content: '{"name":"x","version":"1.0.0"}' },
          { name: 'app/broken.jar', content: 'PK' },
          { name: '../outside', content: '' },
        ),
      ),
    );
    const [found, ...others] = (await place.observed()).of('image-packages');
    expect(others).toEqual([]);
    expect(found).toMatchObject({
      location: 'mongodb:assets.images',
      body: {
        platform: 'linux/amd64',
        distribution: { id: 'debian', version: '12' },
        packages: [
          {
            type: 'deb',
            name: 'bash',
            version: '5.2.15-2+b2',
            source: 'bash',
            architecture: 'amd64',
            place: '/var/lib/dpkg/status',
          },
          { type: 'npm', name: 'x', version: '1.0.0', place: '/app/node_modules/x/package.json' },
        ],
        packageCount: 2,
        unread: [{ place: '/app/broken.jar', reason: 'malformed' }],
        unreadCount: 1,
        entriesOutside: 1,
      },
    });
  });

  it('are read as their bytes are packed, whatever the manifest calls them [DC-2]', async () => {
    const { archive } = base;
    const OCI = 'application/vnd.oci.image.layer.v1.tar';
    const made: readonly MadeLayer[] = [
      { archive, packed: await packZstd(archive), mediaType: `${OCI}+zstd` },
      { archive, packed: await packZstdInChunks(archive), mediaType: `${OCI}+zstd` },
      { archive, packed: await packZstd(archive), mediaType: `${OCI}+gzip` },
      { archive, packed: gzipSync(archive), mediaType: `${OCI}+zstd` },
      { archive, packed: gzipSync(archive), mediaType: OCI },
      { archive, packed: archive, mediaType: `${OCI}+gzip` },
      {
        ...{ archive, packed: await packZstd(archive, 19) },
        mediaType: 'application/vnd.docker.image.rootfs.diff.tar.zstd',
      },
    ];
    made.forEach((each, index) => place.served.set(`t${index}`, imageOf(each)));
    const asset = await place.observed();
    expect(asset.of('image-failure')).toEqual([]);
    const found = asset.of('image-packages').map(({ body }) => body);
    expect(found).toHaveLength(made.length);
    for (const body of found) expect(body).toMatchObject({ packages: [{ name: 'bash' }] });
  });

  it('are read once for all images that begin with them', async () => {
    const images = ['one', 'two', 'three'].map((name) => imageOf(base, layer({ name })));
    images.forEach((image, index) => place.served.set(`t${index}`, image));
    expect((await place.observed()).of('image-packages')).toHaveLength(3);
    const digest = images[0]?.blobs[1]?.digest ?? '';
    expect(blobRequests().filter(({ path }) => path.endsWith(digest))).toHaveLength(1);
    expect(blobRequests()).toHaveLength(3 + 1 + 3);
  });

  it('hold secrets that are found by rule and place, and go nowhere, even when a later layer hides them [SD-1]', async () => {
    const secret = 'AKIAIOSFODNN7EXAMPLE';
    const password = 'correct-horse-battery';
    place.served.set(
      'a',
      imageOf(
        base,
        layer(
          { name: 'app/.env', content: `A=1\nDB_PASSWORD=${password}\n` },
          { name: `app/${secret}.json`, content: `"${secret}"` },
        ),
        layer({ name: '.wh.app' }),
      ),
    );
    const observation = await place.observe();
    const text = JSON.stringify(observation);
    for (const hidden of [secret, password]) expect(text).not.toContain(hidden);
    const risks = (await place.observed()).of('sensitive-information').map(({ body }) => body);
    expect(risks).toMatchObject([
      { ruleId: 'named-secret', place: 'layers[1]:/app/.env' },
      {
        ruleId: 'aws-access-key-id',
        place: expect.stringMatching(/^layers\[1\]:redacted:[0-9a-f]{64}$/) as string,
      },
    ]);
    expect(risks.every(({ secretHashes }) => JSON.stringify(secretHashes) !== '[]')).toBe(true);
  });

  it('hold files whose digest is on the operator’s list', async () => {
    place.served.set(
      'a',
      imageOf(
        base,
        layer({ name: 'bin/evil', content: 'evil' }, { name: 'bin/fine', content: 'fine' }),
      ),
    );
    const listed = sha256('evil');
    const malware = { version: 'one', has: (digest: string) => digest === listed };
    const asset = await place.observed({ contents: { malware } });
    expect(asset.of('malware')).toMatchObject([
      {
        location: 'mysql:assets.image_risks',
        body: {
          ruleId: 'listed-digest',
          severity: 'critical',
          place: 'layers[1]:/bin/evil',
          sha256: listed,
        },
      },
    ]);
    expect(asset.completeKinds).toContain('malware');
    const without = await place.observed();
    expect(without.of('malware')).toEqual([]);
    expect(without.completeKinds).not.toContain('malware');
  });
});

describe('the packages of an image', () => {
  it('are compared with the records of the operator, whose id, fix and severity are kept [DC-2]', async () => {
    const advisories = new AdvisoryIndex();
    const events = [{ introduced: '0' }, { fixed: '5.2.15-3' }];
    const osv = {
      id: 'DEBIAN-CVE-2026-1',
      aliases: ['CVE-2026-1'],
      affected: [
        {
          package: { ecosystem: 'Debian:12', name: 'bash' },
          ranges: [{ type: 'ECOSYSTEM', events }],
          ecosystem_specific: { urgency: 'high' },
        },
      ],
    };
    expect(advisories.add(osv)).toBeNull();
    const fixed = layer({
      name: 'var/lib/dpkg/status',
      content: STATUS.replace('15-2+b2', '15-3'),
    });
    place.served.set('old', imageOf(base)).set('new', imageOf(base, fixed));
    const asset = await place.observed({ contents: { advisories } });
    const [old] = [place.served.get('old')?.digest];
    expect(asset.of('vulnerability')).toMatchObject([
      {
        location: 'mysql:assets.image_risks',
        body: {
          imageDigest: old,
          platform: 'linux/amd64',
          advisoryId: 'DEBIAN-CVE-2026-1',
          aliases: ['CVE-2026-1'],
          packageType: 'deb',
          packageName: 'bash',
          packageVersion: '5.2.15-2+b2',
          fixedVersion: '5.2.15-3',
          severity: 'high',
          place: '/var/lib/dpkg/status',
        },
      },
    ]);
  });
});

describe('what was not looked for, or could not be read', () => {
  const advisories = { find: () => [] };

  it('is not taken for vanished', async () => {
    place.served.set('a', imageOf(base));
    expect((await place.observed()).completeKinds).not.toContain('vulnerability');
    expect((await place.observed({ contents: { advisories } })).completeKinds).toContain(
      'vulnerability',
    );
    place.served.set('b', imageOf(layer({ name: 'var/lib/rpm/Packages', content: 'x' })));
    const unread = await place.observed({ contents: { advisories } });
    expect(unread.completeKinds).not.toContain('vulnerability');
    expect(unread.completeKinds).toContain('image-packages');
  });
});

describe('an image with hostile layers', () => {
  const zeros = tarEntry({ name: 'zeros', content: Buffer.alloc(1 << 20) });
  const many = tar(...Array.from({ length: 30 }, (_, index) => ({ name: `f${index}` })));
  const wrong = `sha256:${'0'.repeat(64)}`;
  const expectFailure = (
    asset: Awaited<ReturnType<ServedRepository['observed']>>,
    reference: string,
    reason: string,
  ): void => {
    expect(asset.of('image-failure')).toMatchObject([{ body: { reference, reason } }]);
    expect(asset.completeKinds).toEqual(['image-failure']);
    expect(asset.basics).toMatchObject({ images: 1, failures: 1 });
  };

  it.each<[string, MadeLayer, object]>([
    ['layer-too-large', { archive: zeros }, { harmlessBytes: 1000, ratio: 100 }],
    ['layer-too-large', { archive: zeros }, { uncompressedBytes: 100_000 }],
    ['layer-too-large', { archive: many }, { entries: 10 }],
    [
      'layer-too-large',
      layer({ name: 'L', type: 'L', content: 'x'.repeat(9000) }, { name: 'a' }),
      {},
    ],
    ['layer-digest-mismatch', { ...layer({ name: 'a' }), diffId: wrong }, {}],
    ['layer-digest-mismatch', { ...layer({ name: 'a' }), sizeBytes: 10 }, {}],
    ['layer-malformed', { archive: Buffer.from('no archive'.repeat(100)) }, {}],
    ['layer-malformed', { archive: zeros, packed: gzipSync(zeros).subarray(0, 500) }, {}],
    [
      'layer-packed-with-xz',
      { archive: zeros, packed: Buffer.from('fd377a585a000004', 'hex') },
      {},
    ],
    ['layer-packed-with-bzip2', { archive: zeros, packed: Buffer.from('BZh91AY&SY..') }, {}],
    [
      'layer-too-large',
      { archive: zeros, packed: zstdFrame([rawBlock(zeros.subarray(0, 512))], { windowLog: 28 }) },
      {},
    ],
    [
      'layer-malformed',
      { archive: zeros, packed: zstdFrame([rawBlock(zeros.subarray(0, 512), false)]) },
      {},
    ],
    [
      'layer-encrypted',
      { archive: zeros, mediaType: 'application/vnd.oci.image.layer.v1.tar+encrypted' },
      {},
    ],
    ['layer-missing', { ...layer({ name: 'a' }), digest: wrong }, {}],
  ])(
    'is marked as %s, keeps its basics, and the others go on [DC-2]',
    async (reason, made, limits) => {
      const hostile = imageOf(made);
      const fine = imageOf(layer({ name: 'fine' }));
      place.served.set('bad', hostile).set('good', fine);
      const both = await place.observed({ contents: { limits } });
      expect(both.of('image')).toHaveLength(2);
      expect(both.of('image-packages')).toMatchObject([{ body: { imageDigest: fine.digest } }]);
      place.served.delete('good');
      expectFailure(await place.observed({ contents: { limits } }), hostile.digest, reason);
    },
  );

  it('is marked as layer-too-slow when its time is over, and keeps its basics [DC-2]', async () => {
    const slow = imageOf(layer({ name: 'a' }));
    place.served.set('slow', slow);
    const asset = await place.observed({ contents: { limits: { milliseconds: -1 } } });
    expectFailure(asset, slow.digest, 'layer-too-slow');
  });

  it('whose bytes are not those of their digest is marked so', async () => {
    const image = imageOf(layer({ name: 'a', content: 'b' }));
    place.served.set('a', image);
    const other = gzipSync(tar({ name: 'a', content: 'c' }));
    place.instead = ({ path }) =>
      path.endsWith(image.blobs[1]?.digest ?? '') ? { body: other } : undefined;
    const asset = await place.observed();
    expect(asset.of('image-failure')).toMatchObject([
      { body: { reason: 'layer-digest-mismatch' } },
    ]);
  });

  it('without digests of its unpacked layers is marked, because nobody could tell what was unpacked', async () => {
    const image = imageOf(base);
    const { config, ...rest } = JSON.parse(image.bytes.toString()) as {
      config: object;
      layers: object[];
    };
    const bytes = Buffer.from(
      JSON.stringify({ ...rest, config, layers: [...rest.layers, ...rest.layers] }),
    );
    place.served.set('a', {
      ...image,
      bytes,
      digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
    });
    expect((await place.observed()).of('image-failure')).toMatchObject([
      { body: { reason: 'layer-malformed' } },
    ]);
  });

  it('makes nothing on this machine by its paths and links', async () => {
    const target = `/tmp/lethe-never-${process.pid}`;
    place.served.set(
      'a',
      imageOf(
        layer(
          { name: target, content: 'x' },
          symbolicLink('way', '/tmp'),
          { name: `way/lethe-never-${process.pid}`, content: 'x' },
          { name: `../../../..${target}`, content: 'x' },
        ),
      ),
    );
    expect((await place.observed()).of('image-failure')).toEqual([]);
    expect(existsSync(target)).toBe(false);
  });
});

describe('the authorization of a scan', () => {
  it('is asked for again before each layer: a revocation stops it within one layer [SH-1]', async () => {
    const image = imageOf(...['a', 'b', 'c', 'd'].map((name) => layer({ name })));
    place.served.set('t', image);
    for (let allowed = 1; allowed <= 4; allowed += 1) {
      const before = blobRequests().length;
      const stillAuthorized = () => Promise.resolve(blobRequests().length - before <= allowed);
      await expect(place.observe({ stillAuthorized })).rejects.toMatchObject({
        code: 'AUTHORIZATION_REQUIRED',
      });
      expect(blobRequests().length - before).toBe(allowed + 1);
    }
  });

  it('that ends while a layer arrives stops the layer in its middle [SH-1]', async () => {
    const image = imageOf(base);
    place.served.set('t', image);
    const revoked = new AbortController();
    place.instead = ({ path }) =>
      path.endsWith(image.blobs[1]?.digest ?? '')
        ? (response) => {
            response.writeHead(200, { 'content-length': '1000000' });
            response.write('x'.repeat(1000), () => {
              revoked.abort(new Error('revoked'));
            });
          }
        : undefined;
    await expect(place.observe({ signal: revoked.signal })).rejects.toThrow('revoked');
  });

  it('is not the only thing that stops a scan: whoever is told of the progress may do so, too', async () => {
    place.served.set('t', imageOf(base, layer({ name: 'a' })));
    const told: number[] = [];
    const progress = ({ layersRead }: { layersRead: number }) => {
      told.push(layersRead);
      if (told.length === 2) throw new Error('cancelled');
    };
    await expect(place.observe({ contents: { progress } })).rejects.toThrow('cancelled');
    expect(told).toEqual([0, 1]);
  });
});

describe('a layer that breaks off', () => {
  it('is read again from its beginning when the connection was at fault', async () => {
    const image = imageOf(base);
    place.served.set('t', image);
    const bytes = image.blobs[1]?.bytes ?? Buffer.alloc(0);
    let attempts = 0;
    place.instead = ({ path }) =>
      path.endsWith(image.blobs[1]?.digest ?? '') && (attempts += 1) === 1
        ? (response) => {
            response.writeHead(200, { 'content-length': String(bytes.length) });
            response.write(bytes.subarray(0, 50), () => response.destroy());
          }
        : undefined;
    const asset = await place.observed({ client: place.client({ retries: 1, retryBaseMs: 1 }) });
    expect(asset.of('image-failure')).toEqual([]);
    expect(asset.of('image-packages')).toMatchObject([{ body: { packageCount: 1 } }]);
    expect(attempts).toBe(2);
  });
});
