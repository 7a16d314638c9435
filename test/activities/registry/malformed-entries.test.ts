import { createHash } from 'node:crypto';
import { buildImage, buildIndex, type OciArtifact } from '../../../demo/inputs/oci-images';
import { createHostileRegistry, impatientClient } from '../../support/hostile-registry';
import { serveRepository, type ServedRepository } from '../../support/served-repository';

let place: ServedRepository;

beforeEach(async () => {
  place = await serveRepository();
});

afterEach(() => place.registry.close());

const sha256 = (bytes: Buffer): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** Lists these entries as tags, whatever they are, and serves one image under `good`. */
const listing = (...tags: readonly unknown[]): void => {
  place.served.set('good', buildImage());
  place.instead = ({ path }) =>
    path.includes('/tags/list') ? { body: { tags: ['good', ...tags] } } : undefined;
};

const failuresOf = async (): Promise<readonly unknown[]> =>
  (await place.observed()).of('image-failure').map(({ identity, body }) => [identity, body.reason]);

describe('a malformed tag', () => {
  it('fails by itself, is named and counted, and the other images are read [DC-2]', async () => {
    listing('../../x', 'also good?');
    const asset = await place.observed();
    expect(asset.of('image')).toHaveLength(1);
    expect(asset.basics).toMatchObject({ tags: 3, images: 1, failures: 2 });
    expect(asset.of('image-failure').map(({ body }) => body)).toEqual([
      { reference: 'tag "../../x"', reason: 'malformed' },
      { reference: 'tag "also good?"', reason: 'malformed' },
    ]);
  });

  it('is never asked for, wherever its path would lead', async () => {
    listing('../../../v2/other/manifests/a', 'a?b=c', 'a/b', '%2e%2e');
    expect(await failuresOf()).toHaveLength(4);
    const asked = place.registry.seen.map(({ path }) => path);
    expect(asked.filter((path) => path.includes('/manifests/'))).toHaveLength(1 + 1);
    expect(asked.filter((path) => !path.startsWith('/v2/library/app/'))).toEqual([
      '/api/v2.0/ping',
    ]);
  });

  it('leaves nothing complete, so that nobody takes its images for vanished', async () => {
    listing('a b');
    expect((await place.observed()).completeKinds).toEqual(['image-failure']);
  });

  it.each([
    ['a colour for a terminal', '\u001b[31mred\u001b[0m\r\n'],
    ['a text that runs backwards', 'a\u202egnp.exe'],
    ['what nobody sees', 'a\u200b\ufeff\u2066'],
    ['half a character', 'a\ud800'],
    ['a zero byte', 'a\0b'],
  ])('with %s is shown without it', async (_, tag) => {
    listing(tag);
    const [failure] = (await place.observed()).of('image-failure');
    expect(String(failure?.identity)).toMatch(/^tag "[\x20-\x7e]+"$/);
  });

  it('of any length is named within a bound, and two with one beginning stay two', async () => {
    listing('x'.repeat(100_000), `${'x'.repeat(100_000)}y`);
    const failures = (await place.observed()).of('image-failure');
    expect(new Set(failures.map(({ identity }) => identity)).size).toBe(2);
    for (const { identity } of failures) expect(identity.length).toBeLessThanOrEqual(160);
  });

  it('that holds a secret is named without it [SD-1]', async () => {
    const secret = 'AKIAIOSFODNN7EXAMPLE';
    listing(`key ${secret}`);
    const observation = await place.observe();
    expect(JSON.stringify(observation)).not.toContain(secret);
    expect(observation.assets[0]?.records.map(({ identity }) => identity)).toContainEqual(
      expect.stringMatching(/^tag "key \[redacted:[a-z-]+\]"$/),
    );
  });

  it('cannot take the name of another failure: a digest in its place stays a tag', async () => {
    listing(`sha256:${'0'.repeat(64)}`);
    expect(await failuresOf()).toEqual([[`tag "sha256:${'0'.repeat(64)}"`, 'malformed']]);
  });

  it.each([[1], [null], [{ __proto__: null, toString: 1 }], [['a']], [true]])(
    'may be no text at all: %j',
    async (tag) => {
      listing(tag);
      expect(await failuresOf()).toEqual([
        [expect.stringMatching(/^tag of type \w+$/), 'malformed'],
      ]);
    },
  );

  it('may be nested as deep as the parser lets it be', async () => {
    const deep = `${'['.repeat(4_000)}${']'.repeat(4_000)}`;
    place.served.set('good', buildImage());
    place.instead = ({ path }) =>
      path.includes('/tags/list') ? { body: `{"tags":["good",${deep}]}` } : undefined;
    expect(await failuresOf()).toHaveLength(1);
  });

  it('is borne a hundred times; a list of more of them is refused as a whole', async () => {
    const bad = Array.from({ length: 101 }, (_, index) => `bad tag ${index}`);
    listing(...bad.slice(1));
    expect((await place.observed()).basics).toMatchObject({ images: 1, failures: 100 });
    listing(...bad);
    await expect(place.observe()).rejects.toMatchObject({ code: 'STORE_REFUSED' });
  });
});

describe('a malformed name in the catalog', () => {
  it('is told apart from those that can be read', async () => {
    const registry = await createHostileRegistry(() => ({
      body: { repositories: ['a/b', '../x', 'UPPER', 7] },
    }));
    const call = { signal: new AbortController().signal };
    const listed = await impatientClient(registry).listRepositories('*', call);
    await registry.close();
    expect(listed).toEqual({ names: ['a/b'], malformed: ['"../x"', '"UPPER"', 'of type number'] });
  });
});

describe('a malformed entry of an index', () => {
  const image = buildImage();
  const served = (entries: (good: readonly unknown[]) => readonly unknown[]): OciArtifact => {
    const index = buildIndex([{ image, platform: 'linux/amd64' }]);
    const document = JSON.parse(index.bytes.toString()) as { manifests: unknown[] };
    const bytes = Buffer.from(
      JSON.stringify({ ...document, manifests: entries(document.manifests) }),
    );
    const changed = { ...index, bytes, digest: sha256(bytes) };
    place.served.set('a', changed);
    return changed;
  };

  it.each([
    ['nothing', null],
    ['a number', 7],
    ['a digest nobody can check', { mediaType: 'a/b', digest: 'md5:00', size: 1 }],
    ['a size that is none', { mediaType: 'a/b', digest: `sha256:${'0'.repeat(64)}`, size: -1 }],
  ])('fails by its place, and the others are read: %s', async (_, entry) => {
    const { digest } = served((good) => [entry, ...good]);
    const asset = await place.observed();
    expect(asset.of('image')).toHaveLength(1);
    expect(asset.of('image-failure').map(({ body }) => body)).toEqual([
      { reference: `${digest}#manifests[0]`, reason: 'malformed' },
    ]);
    expect(asset.completeKinds).toEqual(['image-failure']);
  });

  it('is borne a hundred times; an index of more of them is malformed as a whole', async () => {
    served((good) => [...good, ...Array<number>(100).fill(0)]);
    expect((await place.observed()).basics).toMatchObject({ images: 1, failures: 100 });
    served((good) => [...good, ...Array<number>(101).fill(0)]);
    expect(await failuresOf()).toEqual([['a', 'malformed']]);
  });
});

describe('a malformed entry among what is attached to an image', () => {
  it('fails by its place, and the others are read', async () => {
    const subject = buildImage();
    const attached = buildImage({ labels: { attached: 'yes' } });
    place.served.set('a', subject);
    const list = {
      schemaVersion: 2,
      manifests: [{ digest: 'no' }, { mediaType: 'a/b', digest: attached.digest, size: 1 }],
    };
    place.instead = ({ path }) => {
      if (path.endsWith(`/referrers/${subject.digest}`)) return { body: list };
      if (path.includes('/referrers/')) return { status: 404 };
      if (!path.endsWith(`/manifests/${attached.digest}`)) return undefined;
      return { headers: { 'content-type': attached.mediaType }, body: attached.bytes };
    };
    const asset = await place.observed();
    const subjectTag = subject.digest.replace(':', '-');
    expect(asset.of('image-failure').map(({ identity }) => identity)).toContain(
      `${subjectTag}#manifests[0]`,
    );
    expect(place.registry.seen.map(({ path }) => path)).toContain(
      `/v2/library/app/manifests/${attached.digest}`,
    );
  });
});

describe('a malformed step of a construction history', () => {
  const withHistory = (history: readonly unknown[]): string => {
    const built = buildImage({ layers: [{ 'etc/motd': 'hello' }] });
    const [config, ...layers] = built.blobs;
    const settings = JSON.parse(config?.bytes.toString() ?? '{}') as object;
    const bytes = Buffer.from(JSON.stringify({ ...settings, history }));
    const manifest = JSON.parse(built.bytes.toString()) as { config: object };
    manifest.config = { ...manifest.config, digest: sha256(bytes), size: bytes.length };
    const manifestBytes = Buffer.from(JSON.stringify(manifest));
    const digest = sha256(manifestBytes);
    place.served.set('a', {
      ...built,
      ...{ bytes: manifestBytes, digest },
      blobs: [{ mediaType: 'a/b', digest: sha256(bytes), bytes }, ...layers],
    });
    return digest;
  };

  it('fails by its place; the image, its other steps and its layers are read [DC-2]', async () => {
    const digest = withHistory([{ created_by: 'RUN a' }, 7, { created_by: {} }]);
    const asset = await place.observed();
    expect(asset.of('image-failure').map(({ body }) => body)).toEqual([
      { reference: `${digest}#history[1]`, reason: 'malformed' },
      { reference: `${digest}#history[2]`, reason: 'malformed' },
    ]);
    expect(asset.of('image-packages')).toHaveLength(1);
    const [image] = asset.of('image');
    expect(image?.body.history).toMatchObject([
      { instruction: 'RUN' },
      { instruction: 'UNKNOWN', text: '' },
      { instruction: 'UNKNOWN', text: '' },
    ]);
  });

  it('is borne a hundred times; a history of more of them is malformed as a whole', async () => {
    const digest = withHistory(Array<number>(101).fill(0));
    expect(await failuresOf()).toEqual([[digest, 'malformed']]);
  });
});
