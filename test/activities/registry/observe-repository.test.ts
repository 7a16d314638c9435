import {
  buildAttestation,
  buildImage,
  buildIndex,
  type OciArtifact,
} from '../../../demo/inputs/oci-images';
import { createRegistryClient } from '../../../src/activities/registry/create-registry-client';
import { gatherImages, type GatherBounds } from '../../../src/activities/registry/gather-images';
import { repositoryAssetId } from '../../../src/activities/registry/observe-repository';
import { recogniseType } from '../../../src/activities/registry/repository-type';
import { LetheError } from '../../../src/domain/errors';
import type { Answer } from '../../support/hostile-registry';
import {
  OBSERVING_TENANT,
  serveRepository,
  type ServedRepository,
} from '../../support/served-repository';

const REPOSITORY = 'library/app';

let place: ServedRepository;

beforeEach(async () => {
  place = await serveRepository();
});

afterEach(() => place.registry.close());

const three = () => {
  const images = ['one', 'two', 'three'].map((which) => buildImage({ labels: { which } }));
  images.forEach((image, index) => place.served.set(`t${index}`, image));
  return images;
};

describe('the authorization', () => {
  it('is asked for before every request, and its end stops the scan at once [SH-1]', async () => {
    three();
    let total = 0;
    await place.observe({ stillAuthorized: () => Promise.resolve((total += 1) > 0) });
    const requests = place.registry.seen.length;
    expect(total).toBe(requests + 1);
    for (let allowed = 0; allowed < total; allowed += 1) {
      const before = place.registry.seen.length;
      let asked = 0;
      const stillAuthorized = () => Promise.resolve((asked += 1) <= allowed);
      await expect(place.observe({ stillAuthorized })).rejects.toMatchObject({
        code: 'AUTHORIZATION_REQUIRED',
      });
      expect(place.registry.seen.length - before).toBe(allowed);
    }
  });

  it('that cannot be told, or is anything but true, counts as none [SH-1]', async () => {
    three();
    for (const word of [false, undefined, null, 'true', 1]) {
      const stillAuthorized = () => Promise.resolve(word as unknown as boolean);
      await expect(place.observe({ stillAuthorized })).rejects.toMatchObject({
        code: 'AUTHORIZATION_REQUIRED',
      });
    }
    const unknown = () => Promise.reject(new Error('control is away'));
    await expect(place.observe({ stillAuthorized: unknown })).rejects.toThrow('control is away');
    expect(place.registry.seen).toEqual([]);
  });

  it('that becomes unknown in the middle is no failure of an image: the whole scan ends [SH-1]', async () => {
    three();
    for (const code of ['STORE_UNAVAILABLE', 'ACCESS_DENIED', 'STORE_REFUSED'] as const) {
      for (let allowed = 2; allowed < 9; allowed += 1) {
        const before = place.registry.seen.length;
        let asked = 0;
        const stillAuthorized = () =>
          (asked += 1) === allowed + 1
            ? Promise.reject(new LetheError(code, 'control is away'))
            : Promise.resolve(true);
        await expect(place.observe({ stillAuthorized })).rejects.toThrow('control is away');
        expect(place.registry.seen.length - before).toBe(allowed);
      }
    }
  });
});

describe('one broken image', () => {
  const failing = (index: number, answer: Answer) => {
    const images = three();
    const broken = images[index];
    place.instead = ({ path }) => (path.endsWith(`/manifests/t${index}`) ? answer : undefined);
    return { images, broken };
  };

  it.each<[string, Answer]>([
    ['missing', { status: 404 }],
    ['access-denied', { status: 403 }],
    ['unavailable', { status: 500 }],
    ['unsupported', { headers: { 'content-type': 'text/plain' }, body: 'x' }],
    [
      'malformed',
      { headers: { 'content-type': 'application/vnd.oci.image.manifest.v1+json' }, body: '{' },
    ],
    [
      'digest-mismatch',
      { headers: { 'docker-content-digest': `sha256:${'0'.repeat(64)}` }, body: 'x' },
    ],
    ['too-large', { headers: { 'content-length': '999999999' }, body: 'x' }],
    ['malformed', { status: 302, headers: { location: 'http://169.254.169.254/' } }],
  ])('is reported as %s and does not stop the others', async (reason, answer) => {
    failing(1, answer);
    const asset = await place.observed();
    expect(asset.of('image')).toHaveLength(2);
    expect(asset.of('image-failure')).toMatchObject([
      {
        location: 'mongodb:assets.images',
        identity: 't1',
        body: { reference: 't1', reason },
      },
    ]);
  });

  it('leaves images and risks incomplete, so that nobody takes what was not read for vanished', async () => {
    three();
    expect([...(await place.observed()).completeKinds].sort()).toEqual([
      'image',
      'image-failure',
      'image-layer',
      'image-packages',
      'misconfiguration',
      'sensitive-information',
    ]);
    failing(0, { status: 404 });
    expect((await place.observed()).completeKinds).toEqual(['image-failure']);
  });

  it('is reported by its digest when its configuration is the broken part, and asked for once', async () => {
    const image = buildImage();
    place.served.set('a', image).set('b', image);
    place.instead = ({ path }) => (path.includes('/blobs/') ? { body: '{}' } : undefined);
    const asset = await place.observed();
    expect(asset.of('image-failure')).toMatchObject([
      { body: { reference: image.digest, reason: 'digest-mismatch' } },
    ]);
    expect(place.registry.seen.filter(({ path }) => path.includes('/blobs/'))).toHaveLength(1);
  });

  it('is not blamed for a registry that stopped answering: the scan is tried again later', async () => {
    three();
    place.instead = ({ path }) => (path.includes('/manifests/') ? { status: 500 } : undefined);
    await expect(place.observe()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  it('does not hide why the caller gave up, whatever the reason looks like', async () => {
    three();
    const leaving = new AbortController();
    place.instead = ({ path }) => {
      if (path.endsWith('t1')) leaving.abort(new LetheError('STORE_UNAVAILABLE', 'given up'));
      return undefined;
    };
    await expect(place.observe({ signal: leaving.signal })).rejects.toThrow('given up');
  });
});

describe('a repository that is larger than one scan may read', () => {
  it('ends the scan instead of the memory', async () => {
    three();
    const gather = (bounds: Omit<GatherBounds, 'stepsOfTag'>) =>
      gatherImages(
        {
          client: anyClient(),
          repository: REPOSITORY,
          hash: (text) => text,
          call: { signal: new AbortController().signal },
          bounds: { ...bounds, stepsOfTag: 10 },
        },
        { names: [...place.served.keys()], malformed: [] },
      );
    expect((await gather({ steps: 3, bytes: 100_000 })).images.size).toBe(3);
    const refused = { code: 'STORE_REFUSED', field: 'size' };
    await expect(gather({ steps: 2, bytes: 100_000 })).rejects.toMatchObject(refused);
    await expect(gather({ steps: 3, bytes: 1000 })).rejects.toMatchObject(refused);
  });
});

describe('what is attached to an image without a tag of its own', () => {
  const subject = buildImage();
  const signature = buildAttestation(subject);
  const hidden = buildImage({ labels: { hidden: 'yes' } });
  const list = buildIndex([
    { image: signature, platform: 'unknown/unknown' },
    { image: hidden, platform: 'linux/amd64' },
  ]);
  const served = [signature, hidden].flatMap((artifact) => [artifact, ...artifact.blobs]);
  const answering = (referrers: Answer): void => {
    place.served.set('a', subject);
    place.instead = ({ path }) => {
      if (path.includes(`/referrers/${subject.digest}`)) return referrers;
      const found = served.find(({ digest }) => path.endsWith(digest));
      return found && { headers: { 'content-type': found.mediaType }, body: found.bytes };
    };
  };

  it('is followed: an artifact is counted, and an image is read like any other [DC-2]', async () => {
    answering({ headers: { 'content-type': list.mediaType }, body: list.bytes });
    const asset = await place.observed();
    expect(asset.basics).toMatchObject({ tags: 1, images: 2, artifacts: 1, failures: 0 });
    expect(asset.of('image')).toContainEqual(
      expect.objectContaining({
        body: expect.objectContaining({ digest: hidden.digest, tags: [], version: null }) as object,
      }),
    );
  });

  it('may be listed hundreds of times, as images are that are signed again and again', async () => {
    const pointer = { mediaType: signature.mediaType, digest: signature.digest, size: 1 };
    answering({ body: { schemaVersion: 2, manifests: Array(1000).fill(pointer) } });
    const asset = await place.observed();
    expect(asset.basics).toMatchObject({ images: 1, artifacts: 1, failures: 0 });
  });

  it.each([400, 404, 405, 501])(
    'is nothing where the registry does not know the question (%i)',
    async (status) => {
      answering({ status, body: {} });
      const asset = await place.observed();
      expect(asset.basics).toMatchObject({ images: 1, artifacts: 0, failures: 0 });
    },
  );

  it.each([
    ['access-denied', { status: 403, body: {} }],
    ['unavailable', { status: 500, body: {} }],
    ['malformed', { body: { manifests: 'none' } }],
  ])('is listed as a failure when it cannot be told: %s', async (reason, answer) => {
    answering(answer);
    const asset = await place.observed();
    expect(asset.of('image')).toHaveLength(1);
    expect(asset.of('image-failure')).toMatchObject([
      { body: { reference: subject.digest.replace(':', '-'), reason } },
    ]);
    expect(asset.completeKinds).toEqual(['image-failure']);
  });
});

describe('indexes', () => {
  it('inside an index are read, and reported where they only go deeper', async () => {
    const image = buildImage();
    const nested = (depth: number): OciArtifact =>
      depth === 0 ? image : buildIndex([{ image: nested(depth - 1), platform: 'linux/amd64' }]);
    place.served.set('fine', nested(2));
    expect((await place.observed()).of('image')).toHaveLength(1);
    place.served.set('deep', nested(40));
    const asset = await place.observed();
    expect(asset.of('image-failure')).toMatchObject([{ body: { reason: 'nested-too-deep' } }]);
    expect(place.registry.seen.length).toBeLessThan(25);
  });

  it('that many tags share are read once, and every tag leads to the images', async () => {
    const index = buildIndex([{ image: buildImage(), platform: 'linux/amd64' }]);
    for (let tag = 0; tag < 20; tag += 1) place.served.set(`t${tag}`, index);
    const asset = await place.observed();
    expect(asset.of('image')).toMatchObject([{ body: { tagCount: 20 } }]);
    const documents = place.registry.seen.filter(
      ({ path }) => path.includes(':') && !path.includes('/referrers/'),
    );
    expect(documents).toHaveLength(3);
  });

  it('that list each other thousands of times are gone through once, and the other tags as well', async () => {
    const many = (item: OciArtifact) => Array.from({ length: 4096 }, () => item);
    const listing = (items: readonly OciArtifact[]) => ({
      ...buildIndex(items.map((image) => ({ image, platform: 'linux/amd64' }))),
      children: items.slice(0, 1),
    });
    place.served.set('bomb', listing(many(listing(many(buildImage())))));
    place.served.set('other', buildImage({ labels: { other: 'yes' } }));
    const asset = await place.observed();
    expect(asset.of('image-failure')).toEqual([]);
    expect(asset.of('image')).toHaveLength(2);
  });

  it('of more steps than one tag may have fail by themselves', async () => {
    const images = three();
    place.served.set('wide', buildIndex(images.map((image) => ({ image, platform: 'a/b' }))));
    const { images: found, failures } = await gatherImages(
      {
        client: place.client({}),
        repository: REPOSITORY,
        hash: (text) => text,
        call: { signal: new AbortController().signal },
        bounds: { steps: 100, stepsOfTag: 3, bytes: 1e6 },
      },
      { names: ['wide', 't0'], malformed: [] },
    );
    expect([...failures]).toEqual([['wide', 'too-large']]);
    expect(found.size).toBe(2);
  });

  it('cannot hide an image behind a platform that is called unknown', async () => {
    const image = buildImage({ labels: { hidden: 'yes' } });
    place.served.set('a', buildIndex([{ image, platform: 'unknown/unknown' }]));
    expect((await place.observed()).of('image')).toMatchObject([
      { body: { platform: 'linux/amd64' } },
    ]);
  });

  it('count what is no image without calling it one', async () => {
    const image = buildImage();
    place.served.set(
      'a',
      buildIndex([
        { image, platform: 'linux/amd64' },
        { image: buildAttestation(image), platform: 'unknown/unknown' },
      ]),
    );
    const asset = await place.observed();
    expect(asset.of('image')).toHaveLength(1);
    expect(asset.basics).toMatchObject({ images: 1, artifacts: 1, failures: 0 });
  });
});

const anyClient = () =>
  createRegistryClient({
    baseUrl: place.registry.url,
    tenantId: OBSERVING_TENANT,
    policy: place.registry.policy,
  });

describe('the asset', () => {
  it('is the same for every scan of an address, and another one for each tenant', () => {
    const id = repositoryAssetId(OBSERVING_TENANT, 'registry.example', REPOSITORY);
    expect(id).toMatch(/^as_[0-9a-f]{32}$/);
    expect(repositoryAssetId(OBSERVING_TENANT, 'registry.example', REPOSITORY)).toBe(id);
    const others = [
      repositoryAssetId('tn_observe0000000002', 'registry.example', REPOSITORY),
      repositoryAssetId(OBSERVING_TENANT, 'registry.example:5000', REPOSITORY),
      repositoryAssetId(OBSERVING_TENANT, 'registry.example', 'library/apps'),
      repositoryAssetId(OBSERVING_TENANT, 'registry.examplelibrary', 'app'),
    ];
    expect(new Set([id, ...others]).size).toBe(5);
    expect(() => repositoryAssetId('', 'registry.example', REPOSITORY)).toThrow(/tn_/);
  });

  it('is linked to the services that are named, to all where none are, and never to an empty list [HS-1]', async () => {
    three();
    expect((await place.observed()).links).toEqual({ to: 'all' });
    expect((await place.observed({ services: ['CVM'] })).links).toEqual({
      to: 'services',
      services: ['CVM'],
    });
    await expect(place.observe({ services: [] })).rejects.toMatchObject({
      code: 'ASSET_WITHOUT_LINK',
    });
  });

  it('needs a scan, an instant and a salt that cannot be guessed', async () => {
    await expect(place.observe({ scanId: '' })).rejects.toMatchObject({ field: 'scanId' });
    await expect(place.observe({ observedAt: '2026-05-01' })).rejects.toMatchObject({
      code: 'INVALID_INSTANT',
    });
    await expect(place.observe({ salt: Buffer.alloc(15) })).rejects.toMatchObject({
      field: 'salt',
    });
    expect(place.registry.seen).toEqual([]);
  });

  it.each<[string, Answer | undefined]>([
    ['harbor', { body: 'Pong' }],
    ['harbor', { body: '"Pong"\n' }],
    ['generic', { body: 'Pong and more' }],
    ['generic', { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } }],
    ['generic', { status: 302, headers: { location: 'http://169.254.169.254/' } }],
    ['generic', { body: 'x'.repeat(5000) }],
    ['generic', (response) => response.destroy()],
    ['generic', undefined],
  ])('is recognised as %s by what answers', async (repositoryType, answer) => {
    place.instead = ({ path }) => (path === '/api/v2.0/ping' ? answer : undefined);
    expect((await place.observed()).basics).toMatchObject({ repositoryType });
  });

  it.each([
    ['tenant.tencentcloudcr.com', 'tcr-enterprise'],
    ['ccr.ccs.tencentyun.com', 'tcr-personal'],
    ['hkccr.ccs.tencentyun.com', 'tcr-personal'],
    ['registry-1.docker.io', 'docker-hub'],
  ])('is recognised by the name %s without a request', async (registryName, type) => {
    const client = { ...anyClient(), registry: registryName };
    expect(await recogniseType(client, { signal: new AbortController().signal })).toBe(type);
    const lookalike = { ...anyClient(), registry: `${registryName}.attacker.example` };
    expect(await recogniseType(lookalike, { signal: new AbortController().signal })).toBe(
      'generic',
    );
  });
});
