import { Socket } from 'node:net';
import { buildImage } from '../../../demo/inputs/oci-images';
import {
  type RegistryClient,
  type RegistryClientOptions,
} from '../../../src/activities/registry/create-registry-client';
import { retryAfterMs } from '../../../src/activities/registry/retry-after';
import {
  createHostileRegistry,
  failureOf,
  impatientClient,
  type Answer,
  type HostileRegistry,
  type SeenRequest,
} from '../../support/hostile-registry';

const REPOSITORY = 'library/app';
const call = { signal: new AbortController().signal };
const image = buildImage();
const [config] = image.blobs;

let registry: HostileRegistry;
let other: HostileRegistry;
let answer: (request: SeenRequest) => Answer | undefined;

beforeEach(async () => {
  registry = await createHostileRegistry((request) => answer(request));
  other = await createHostileRegistry(() => ({ body: 'never to be read' }));
});

afterEach(async () => {
  await registry.close();
  await other.close();
});

const clientOf = (options: Partial<RegistryClientOptions> = {}): RegistryClient =>
  impatientClient(registry, options);

const getManifest = () => clientOf().getManifest(REPOSITORY, 'a', call);
const configPointer = () => ({
  mediaType: config?.mediaType ?? '',
  digest: config?.digest ?? '',
  size: config?.bytes.length ?? 0,
});
const getConfig = (client = clientOf()) => client.getConfig(REPOSITORY, configPointer(), call);

describe('listings', () => {
  const page = (body: object, link?: string): Answer => ({
    body,
    ...(link !== undefined && { headers: { link } }),
  });

  it('follow links to their end, whatever form they have', async () => {
    answer = ({ path }) => {
      if (path.includes('last=b')) return page({ tags: ['c'] });
      if (path.includes('last=a')) return page({ tags: ['b'] }, `<?last=b>; rel=next`);
      return page({ tags: ['a'] }, `</v2/${REPOSITORY}/tags/list?last=a&n=1>; rel="next"`);
    };
    expect((await clientOf().listTags(REPOSITORY, call))?.names).toEqual(['a', 'b', 'c']);
  });

  it('take null for no tags and a repeated tag once', async () => {
    answer = () => page({ name: REPOSITORY, tags: null });
    expect((await clientOf().listTags(REPOSITORY, call))?.names).toEqual([]);
    answer = () => page({ tags: ['a', 'a'] });
    expect((await clientOf().listTags(REPOSITORY, call))?.names).toEqual(['a']);
    answer = () => page({ repositories: null });
    expect((await clientOf().listRepositories('*', call)).names).toEqual([]);
  });

  it('that lead from a page to itself are refused at once', async () => {
    answer = ({ path }) => page({ repositories: ['a'] }, `<${path}>; rel="next"`);
    await expect(clientOf().listRepositories('*', call)).rejects.toMatchObject({
      code: 'STORE_REFUSED',
      field: 'paging',
    });
    expect(registry.seen).toHaveLength(1);
  });

  it('that lead in a circle or never end are refused at a bound', async () => {
    let pages = 0;
    const endless = clientOf({ limits: { pages: 5 } }).listRepositories('*', call);
    answer = () => page({ repositories: ['a'] }, `</v2/_catalog?last=${(pages += 1)}>; rel="next"`);
    await expect(endless).rejects.toMatchObject({ code: 'STORE_REFUSED', field: 'paging' });
    expect(registry.seen).toHaveLength(5);
    answer = ({ path }) =>
      page({ tags: ['a'] }, path.endsWith('?x=1') ? '<?x=2>; rel="next"' : '<?x=1>; rel="next"');
    await expect(clientOf().listTags(REPOSITORY, call)).rejects.toMatchObject({ field: 'paging' });
    answer = () => page({ tags: Array.from({ length: 11 }, (_, index) => `t${index}`) });
    await expect(
      clientOf({ limits: { items: 10 } }).listTags(REPOSITORY, call),
    ).rejects.toMatchObject({ field: 'paging' });
  });

  it('never leave their own address, wherever a link points', async () => {
    answer = ({ path }) =>
      path.includes('last=a')
        ? page({ tags: ['b'] })
        : page({ tags: ['a'] }, `<${other.url}/v2/secrets?last=a>; rel="next"`);
    expect((await clientOf().listTags(REPOSITORY, call))?.names).toEqual(['a', 'b']);
    expect(other.seen).toEqual([]);
    expect(registry.seen.map(({ path }) => path)).toEqual([
      `/v2/${REPOSITORY}/tags/list?n=100`,
      `/v2/${REPOSITORY}/tags/list?last=a`,
    ]);
  });
});

describe('redirects', () => {
  const to = (location: string, status = 307): Answer => ({ status, headers: { location } });

  it.each([301, 302, 303, 307, 308])(
    'of manifests and listings are not followed (%i)',
    async (status) => {
      answer = () => to(`${registry.url}/elsewhere`, status);
      const refused = { code: 'STORE_REFUSED', field: 'redirect' };
      await expect(getManifest()).rejects.toMatchObject(refused);
      await expect(clientOf().listTags(REPOSITORY, call)).rejects.toMatchObject(refused);
      expect(registry.seen).toHaveLength(2);
    },
  );

  it.each([
    'http://169.254.169.254/latest/meta-data/',
    'https://169.254.169.254/latest/meta-data/',
    'https://metadata.google.internal/computeMetadata/v1/',
    'https://[::ffff:169.254.169.254]/',
    'https://127.0.0.1:1/',
    'https://user:pass@registry.example/',
    'file:///etc/passwd',
    'gopher://127.0.0.1:11211/',
    'https://[not-an-address/',
  ])('of blobs to %s are refused', async (location) => {
    answer = () => to(location);
    await expect(getConfig()).rejects.toMatchObject({ code: 'STORE_REFUSED', field: 'redirect' });
    expect(registry.seen).toHaveLength(1);
  });

  it('of blobs to a name that leads to a private address are refused', async () => {
    const lookup = () => Promise.resolve([{ address: '169.254.169.254', family: 4 }]);
    answer = () => to('https://cdn.example/blob');
    await expect(getConfig(clientOf({ lookup }))).rejects.toMatchObject({
      code: 'STORE_REFUSED',
      field: 'redirect',
    });
  });

  it('of blobs to another port of the same machine need a list entry of their own', async () => {
    answer = () => to(`${other.url}/blob`);
    await expect(getConfig()).rejects.toMatchObject({ code: 'STORE_REFUSED' });
    expect(other.seen).toEqual([]);
  });

  it('of blobs are followed once and no further, and what they lead to is checked', async () => {
    const both = {
      allowHttp: [registry.authority, other.authority],
      allowPrivate: [registry.authority, other.authority],
    };
    answer = () => to(`${other.url}/blob`);
    await expect(getConfig(clientOf({ policy: both }))).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
    expect(other.seen).toHaveLength(1);
    answer = ({ path }) =>
      path === '/stored' ? { body: config?.bytes ?? '' } : to(`${registry.url}/stored`);
    expect(await getConfig()).toMatchObject({ os: 'linux' });
    answer = ({ path }) => to(`${path}/again`);
    await expect(getConfig()).rejects.toThrow(/more than once/);
  });

  it('without a target are refused', async () => {
    answer = () => ({ status: 307 });
    await expect(getConfig()).rejects.toMatchObject({ field: 'redirect' });
  });
});

describe('a busy or broken registry', () => {
  it('is asked again after 429, 502, 503 and 504, and answers then', async () => {
    const statuses = [429, 503];
    answer = () => {
      const status = statuses.shift();
      return status === undefined
        ? { body: '{"tags":["a"]}' }
        : { status, headers: { 'retry-after': '0' } };
    };
    expect((await clientOf().listTags(REPOSITORY, call))?.names).toEqual(['a']);
    expect(registry.seen).toHaveLength(3);
  });

  it.each([429, 502, 503, 504])('is given up after a bound (%i)', async (status) => {
    answer = () => ({ status });
    await expect(clientOf().listTags(REPOSITORY, call)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
    expect(registry.seen).toHaveLength(3);
  });

  it('that asks for a longer pause than the bound is not waited for and not pressed', async () => {
    answer = () => ({ status: 429, headers: { 'retry-after': '3600' } });
    await expect(clientOf().listTags(REPOSITORY, call)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
    expect(registry.seen).toHaveLength(1);
  });

  it.each([
    ['in the usual form', 'Sun, 29 Nov 2026 13:00:00 GMT'],
    ['in the oldest form', 'Sunday, 29-Nov-26 13:00:00 GMT'],
    ['in the form of a library', 'Sun Nov 29 13:00:00 2026'],
    ['in the next century', 'Tue, 01 Jan 2199 00:00:00 GMT'],
  ])(
    'that names an instant too far behind its own date is not pressed either: %s',
    async (_, at) => {
      const headers = { date: 'Sun, 29 Nov 2026 12:00:00 GMT', 'retry-after': at };
      answer = () => ({ status: 503, headers });
      await expect(clientOf().listTags(REPOSITORY, call)).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
      });
      expect(registry.seen).toHaveLength(1);
    },
  );

  it.each([
    ['that is over', 'Sun, 29 Nov 2026 11:00:00 GMT'],
    ['of another zone', 'Sun, 29 Nov 2026 13:00:00 CET'],
    ['that is none', 'Sun, 99 Nov 2026 13:00:00 GMT'],
    ['of no month', 'Sun, 29 anF 2026 13:00:00 GMT'],
    ['of no form', 'soon'],
    ['of a negative number', '-5'],
    ['of nothing', ''],
  ])('that names an instant %s is asked again after the usual pause', async (_, at) => {
    const headers = { date: 'Sun, 29 Nov 2026 12:00:00 GMT', 'retry-after': at };
    answer = () => ({ status: 429, headers });
    await expect(clientOf().listTags(REPOSITORY, call)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
    expect(registry.seen).toHaveLength(3);
  });

  it('is asked again after the instant that it names, and not before', () => {
    const date = 'Sun, 29 Nov 2026 12:00:00 GMT';
    expect(
      retryAfterMs({ headers: { date, 'retry-after': 'Sun, 29 Nov 2026 12:00:07 GMT' } }),
    ).toBe(7000);
    expect(
      retryAfterMs({ headers: { 'retry-after': 'Sun, 29 Nov 2026 12:00:07 GMT' } }),
    ).toBeNull();
    expect(retryAfterMs({ headers: { date, 'retry-after': '7' } })).toBe(7000);
  });

  it('is left at once when the caller gives up during a pause', async () => {
    const leaving = new AbortController();
    answer = () => {
      setImmediate(() => {
        leaving.abort(new Error('given up'));
      });
      return { status: 503, headers: { 'retry-after': '9' } };
    };
    await expect(clientOf().listTags(REPOSITORY, { signal: leaving.signal })).rejects.toThrow(
      'given up',
    );
  });

  it('gives a stable code for every status', async () => {
    for (const [status, code] of [
      [400, 'STORE_REFUSED'],
      [403, 'ACCESS_DENIED'],
      [405, 'STORE_REFUSED'],
      [418, 'STORE_REFUSED'],
      [500, 'STORE_UNAVAILABLE'],
      [204, 'STORE_REFUSED'],
      [206, 'STORE_REFUSED'],
    ] as const) {
      answer = () => ({ status });
      await expect(clientOf().listTags(REPOSITORY, call)).rejects.toMatchObject({ code });
    }
  });

  it('that is not there is unavailable', async () => {
    await registry.close();
    await expect(clientOf().listTags(REPOSITORY, call)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
  });
});

describe('a name that changes its mind', () => {
  it('is looked up once for a request, and the connection goes where the check went', async () => {
    const port = registry.authority.split(':')[1] ?? '';
    const authority = `registry.example:${port}`;
    const answers = [['127.0.0.1'], ['169.254.169.254']];
    let lookups = 0;
    const client = clientOf({
      baseUrl: `http://${authority}`,
      policy: { allowHttp: [authority], allowPrivate: [authority] },
      lookup: () => {
        lookups += 1;
        return Promise.resolve((answers.shift() ?? []).map((address) => ({ address, family: 4 })));
      },
    });
    answer = () => ({ body: '{"tags":["a"]}' });
    expect((await client.listTags(REPOSITORY, call))?.names).toEqual(['a']);
    expect(lookups).toBe(1);
    await expect(client.listTags(REPOSITORY, call)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
    });
    expect(registry.seen).toHaveLength(1);
  });

  it('cannot lead a connection elsewhere: where it arrived is compared before anything is sent', async () => {
    const connect = Reflect.get(Socket.prototype, 'connect') as (...args: unknown[]) => Socket;
    const arrived = jest.spyOn(Socket.prototype, 'connect');
    arrived.mockImplementation(function (this: Socket, ...args: unknown[]) {
      Object.defineProperty(this, 'remoteAddress', { value: '169.254.169.254' });
      return connect.apply(this, args);
    });
    try {
      answer = () => ({ body: '{"tags":["a"]}' });
      await expect(clientOf().listTags(REPOSITORY, call)).rejects.toMatchObject({
        code: 'STORE_REFUSED',
        field: 'redirect',
      });
    } finally {
      arrived.mockRestore();
    }
    expect(registry.seen).toEqual([]);
  });

  it('that is slow to answer ends with the time limit', async () => {
    const client = clientOf({
      baseUrl: 'https://registry.example',
      limits: { requestMs: 100 },
      lookup: () => new Promise(() => undefined),
    });
    await expect(client.listTags(REPOSITORY, call)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
  });

  it('that does not exist is unavailable', async () => {
    const client = clientOf({
      baseUrl: 'https://registry.example',
      lookup: () => Promise.reject(Object.assign(new Error('gone'), { code: 'ENOTFOUND' })),
    });
    await expect(client.listTags(REPOSITORY, call)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
  });
});

describe('the address of a client', () => {
  it.each([
    'https://registry.example/v2/',
    'https://registry.example/?a=b',
    'https://registry.example/#a',
    'registry.example',
    '',
  ])('is refused when it is not a bare URL: %p', (baseUrl) => {
    expect(failureOf(() => clientOf({ baseUrl }))).toMatchObject({
      code: 'INVALID_INPUT',
      field: 'registry',
    });
  });

  it('needs a tenant', () => {
    expect(failureOf(() => clientOf({ tenantId: '' }))).toMatchObject({
      code: 'INVALID_TENANT_ID',
    });
  });
});
