import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { buildImage } from '../../../demo/inputs/oci-images';
import {
  type RegistryClient,
  type RegistryClientOptions,
} from '../../../src/activities/registry/create-registry-client';
import {
  createHostileRegistry,
  impatientClient,
  type Answer,
  type HostileRegistry,
  type SeenRequest,
} from '../../support/hostile-registry';

const REPOSITORY = 'library/app';
const call = { signal: new AbortController().signal };
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const image = buildImage();
const [config] = image.blobs;
const digestOf = (text: string): string =>
  `sha256:${createHash('sha256').update(text).digest('hex')}`;

let registry: HostileRegistry;
let answer: (request: SeenRequest) => Answer | undefined;

beforeEach(async () => {
  registry = await createHostileRegistry((request) => answer(request));
});

afterEach(async () => {
  await registry.close();
});

const clientOf = (options: Partial<RegistryClientOptions> = {}): RegistryClient =>
  impatientClient(registry, options);

const manifest = (
  extra: Partial<{ headers: Record<string, string>; body: Buffer | string }> = {},
) => ({
  headers: { 'content-type': MANIFEST, ...extra.headers },
  body: extra.body ?? image.bytes,
});

const getManifest = (client = clientOf(), reference = 'a') =>
  client.getManifest(REPOSITORY, reference, call);
const configPointer = () => ({
  mediaType: config?.mediaType ?? '',
  digest: config?.digest ?? '',
  size: config?.bytes.length ?? 0,
});
const getConfig = (client = clientOf()) => client.getConfig(REPOSITORY, configPointer(), call);

describe('a request', () => {
  it('asks for all four types of manifests and for no compression', async () => {
    answer = () => manifest();
    expect(await getManifest()).toMatchObject({ digest: image.digest, kind: 'image' });
    expect(registry.seen[0]?.accept?.split(', ').sort()).toEqual([
      'application/vnd.docker.distribution.manifest.list.v2+json',
      'application/vnd.docker.distribution.manifest.v2+json',
      INDEX,
      MANIFEST,
    ]);
    expect(registry.seen[0]?.acceptEncoding).toBe('identity');
  });

  it.each([
    ['../../../etc', 'a'],
    ['library/../app', 'a'],
    ['Library/App', 'a'],
    ['library//app', 'a'],
    ['', 'a'],
    ['a'.repeat(256), 'a'],
    [REPOSITORY, '../tags/list'],
    [REPOSITORY, 'a?b=c'],
    [REPOSITORY, 'a/b'],
    [REPOSITORY, ''],
    [REPOSITORY, 'a'.repeat(129)],
    [REPOSITORY, 'md5:00000000000000000000000000000000'],
    [REPOSITORY, `sha256:${'A'.repeat(64)}`],
  ])('for %p %p is not sent at all', async (repository, reference) => {
    await expect(clientOf().getManifest(repository, reference, call)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
    });
    expect(registry.seen).toEqual([]);
  });

  it('is not sent when the caller has given up, and stops while it waits', async () => {
    const gone = AbortSignal.abort(new Error('given up'));
    await expect(clientOf().listTags(REPOSITORY, { signal: gone })).rejects.toThrow('given up');
    expect(registry.seen).toEqual([]);
    const leaving = new AbortController();
    answer = () => () => {
      leaving.abort(new Error('given up'));
    };
    await expect(clientOf().listTags(REPOSITORY, { signal: leaving.signal })).rejects.toThrow(
      'given up',
    );
  });

  it('is preceded by the question whether it still may be sent, every single time [SH-1]', async () => {
    let asked = 0;
    const authorize = () => {
      asked += 1;
      return asked <= 3 ? Promise.resolve() : Promise.reject(new Error('revoked'));
    };
    answer = () => ({ status: 503 });
    await expect(
      clientOf({ limits: { retries: 9, retryBaseMs: 1 } }).listTags(REPOSITORY, {
        ...call,
        authorize,
      }),
    ).rejects.toThrow('revoked');
    expect(registry.seen).toHaveLength(3);
  });
});

describe('digests', () => {
  it('of a manifest are computed over the bytes that came, whatever the header says', async () => {
    const mismatch = { code: 'DIGEST_MISMATCH' };
    answer = () => manifest({ headers: { 'docker-content-digest': digestOf('something else') } });
    await expect(getManifest()).rejects.toMatchObject(mismatch);
    answer = () => manifest();
    await expect(getManifest(clientOf(), digestOf('asked'))).rejects.toMatchObject(mismatch);
    answer = () => manifest({ headers: { 'docker-content-digest': 'md5:abc' } });
    await expect(getManifest()).rejects.toMatchObject(mismatch);
    answer = () => manifest({ headers: { 'docker-content-digest': image.digest } });
    expect(await getManifest(clientOf(), image.digest)).toMatchObject({ digest: image.digest });
  });

  it('of the other algorithm in use are computed too', async () => {
    const digest = `sha512:${createHash('sha512').update(image.bytes).digest('hex')}`;
    answer = () => manifest({ headers: { 'docker-content-digest': digest } });
    expect(await getManifest(clientOf(), digest)).toMatchObject({ digest });
    answer = () => manifest({ body: `${image.bytes.toString()} ` });
    await expect(getManifest(clientOf(), digest)).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
  });

  it('of a configuration are checked, and its size as well', async () => {
    const altered = config?.bytes.toString().replace('linux', 'xinul') ?? '';
    expect(altered).toHaveLength(config?.bytes.length ?? 0);
    answer = () => ({ body: altered });
    await expect(getConfig()).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    answer = () => ({ body: config?.bytes ?? '' });
    expect(await getConfig()).toMatchObject({ os: 'linux' });
    const wrongSize = { ...configPointer(), size: 7 };
    await expect(clientOf().getConfig(REPOSITORY, wrongSize, call)).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
  });
});

describe('bodies', () => {
  const refused = { code: 'STORE_REFUSED', field: 'size' };
  const small = { limits: { manifestBytes: 1000, listBytes: 1000, configBytes: 10_000 } };

  it('that announce too much are refused before they are read', async () => {
    let written = 0;
    answer = () => (response) => {
      response.writeHead(200, { 'content-type': MANIFEST, 'content-length': '1000000000' });
      written += 1;
      response.flushHeaders();
    };
    await expect(getManifest(clientOf(small))).rejects.toMatchObject(refused);
    expect(written).toBe(1);
  });

  it('that announce nothing and do not end are cut off', async () => {
    let stopped = false as boolean;
    answer = () => (response) => {
      response.writeHead(200, { 'content-type': MANIFEST });
      const more = (): void => {
        if (response.destroyed) stopped = true;
        else if (response.write('x'.repeat(600))) setImmediate(more);
        else response.once('drain', more);
      };
      response.on('close', () => {
        stopped = true;
      });
      more();
    };
    await expect(getManifest(clientOf(small))).rejects.toMatchObject(refused);
    for (let turn = 0; !stopped && turn < 100_000; turn += 1) await new Promise(setImmediate);
    expect(stopped).toBe(true);
    await expect(clientOf(small).listTags(REPOSITORY, call)).rejects.toMatchObject(refused);
  });

  it('of a configuration that the manifest already announces as too long are not asked for', async () => {
    const pointer = { ...configPointer(), size: 10_001 };
    await expect(clientOf(small).getConfig(REPOSITORY, pointer, call)).rejects.toMatchObject(
      refused,
    );
    expect(registry.seen).toEqual([]);
  });

  it.each(['gzip', 'deflate', 'br', 'gzip, identity'])(
    'that are compressed (%s) are refused, however small they are',
    async (encoding) => {
      // One unfolds to 50 MB; the other says it is compressed and is not.
      for (const body of [gzipSync(Buffer.alloc(50_000_000, ' ')), '{"tags":["a"]}']) {
        answer = () => ({ headers: { 'content-encoding': encoding }, body });
        await expect(clientOf().listTags(REPOSITORY, call)).rejects.toThrow(/compressed/);
      }
    },
  );

  it('that come too slowly end with the time limit, not with the last byte', async () => {
    answer = () => (response) => {
      response.writeHead(200, { 'content-type': MANIFEST });
      const drip = setInterval(() => response.write(' '), 20);
      response.on('close', () => {
        clearInterval(drip);
      });
    };
    const before = performance.now();
    await expect(getManifest(clientOf({ limits: { requestMs: 300 } }))).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      field: 'requestMs',
    });
    expect(performance.now() - before).toBeLessThan(20_000);
    expect(registry.seen).toHaveLength(1);
  });

  it('that never begin end with the time limit', async () => {
    answer = () => () => undefined;
    await expect(getManifest(clientOf({ limits: { requestMs: 200 } }))).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
  });

  it('that break off are unavailable, not an empty answer', async () => {
    answer = () => (response) => {
      response.writeHead(200, { 'content-type': MANIFEST, 'content-length': '500' });
      response.write('{"schemaVersion":2', () => response.destroy());
    };
    await expect(getManifest()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(registry.seen).toHaveLength(3);
  });
});

describe('malformed answers', () => {
  it.each([
    ['nothing', ''],
    ['no JSON', '<html>sign in</html>'],
    ['half of JSON', '{"tags":['],
    ['another shape', '{"tags":{}}'],
    ['no list', '[]'],
    ['bytes that are no text', Buffer.from('{"tags":["a"],"x":"\xff"}', 'latin1')],
    ['a depth that overflows a stack', `${'['.repeat(500_000)}${']'.repeat(500_000)}`],
    ['nothing but a prototype', '{"__proto__":{"tags":["a"]}}'],
  ])('of tags are refused: %s', async (_, body) => {
    answer = () => ({ body });
    await expect(clientOf().listTags(REPOSITORY, call)).rejects.toMatchObject({
      code: 'STORE_REFUSED',
    });
  });

  const pointer = { mediaType: 'a/b', digest: digestOf('x'), size: 1 };
  it.each([
    ['no version', { config: pointer, layers: [] }],
    ['the first version', { schemaVersion: 1, config: pointer, layers: [] }],
    ['no configuration', { schemaVersion: 2, layers: [] }],
    ['a negative size', { schemaVersion: 2, config: { ...pointer, size: -1 }, layers: [] }],
    [
      'a size that cannot be counted',
      { schemaVersion: 2, config: { ...pointer, size: 1e300 }, layers: [] },
    ],
    [
      'a digest with a path',
      { schemaVersion: 2, config: { ...pointer, digest: 'sha256:../x' }, layers: [] },
    ],
    [
      'more layers than any image',
      { schemaVersion: 2, config: pointer, layers: Array(513).fill(pointer) },
    ],
    [
      'an image that is an index too',
      { schemaVersion: 2, config: pointer, layers: [], manifests: [] },
    ],
    ['another type inside', { schemaVersion: 2, mediaType: INDEX, config: pointer, layers: [] }],
  ])('of manifests are refused: %s', async (_, body) => {
    answer = () => ({ headers: { 'content-type': MANIFEST }, body });
    await expect(getManifest()).rejects.toMatchObject({ code: 'STORE_REFUSED' });
  });

  it.each([
    ['an index that is an image too', { schemaVersion: 2, manifests: [], layers: [] }],
    ['another type inside', { schemaVersion: 2, mediaType: MANIFEST, manifests: [] }],
    ['more entries than any index', { schemaVersion: 2, manifests: Array(4097).fill(pointer) }],
  ])('of indexes are refused: %s', async (_, body) => {
    answer = () => ({ headers: { 'content-type': INDEX }, body });
    await expect(getManifest()).rejects.toMatchObject({ code: 'STORE_REFUSED' });
  });

  it.each(['text/html', '', 'application/vnd.docker.distribution.manifest.v1+prettyjws'])(
    'of the type %p are refused as not supported',
    async (type) => {
      answer = () => manifest({ headers: { 'content-type': type } });
      await expect(getManifest()).rejects.toMatchObject({
        code: 'STORE_REFUSED',
        field: 'mediaType',
      });
    },
  );

  it('of something that does not speak HTTP are refused', async () => {
    answer = () => (response) => {
      response.socket?.end('SSH-2.0-OpenSSH_9.2\r\n');
    };
    await expect(getManifest()).rejects.toMatchObject({ code: 'STORE_REFUSED' });
  });

  it.each([
    [
      'begins to speak something else',
      'HTTP/1.1 101 Other\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n',
    ],
    ['only ever tells to go on', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(1000)],
    ['only ever announces', 'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n'.repeat(1000)],
  ])('of something that %s are refused, and never waited for', async (_, words) => {
    answer = () => (response) => {
      response.socket?.write(words);
    };
    await expect(getManifest(clientOf({ limits: { requestMs: 60_000 } }))).rejects.toMatchObject({
      code: 'STORE_REFUSED',
      field: 'answer',
    });
  });

  it('with endless headers are refused', async () => {
    answer = () => ({ headers: { link: 'x'.repeat(100_000) }, body: '{"tags":[]}' });
    await expect(clientOf().listTags(REPOSITORY, call)).rejects.toMatchObject({
      code: 'STORE_REFUSED',
    });
  });
});
