import { inspect } from 'node:util';
import { readChallenge } from '../../../src/activities/registry/challenge';
import {
  createRegistryClient,
  type RegistryClientOptions,
} from '../../../src/activities/registry/create-registry-client';
import type { RegistryLogin } from '../../../src/contracts/registry-logins';
import {
  createHostileRegistry,
  type Answer,
  type HostileRegistry,
  type SeenRequest,
} from '../../support/hostile-registry';
import { cpuMillisecondsOf } from '../../support/cpu-time';

const call = { signal: new AbortController().signal };
const tenantId = 'tn_login000000000001';
const login: RegistryLogin = { username: 'robot', password: 'canary-password' };
const basic = `Basic ${Buffer.from('robot:canary-password').toString('base64')}`;

let registry: HostileRegistry;
let other: HostileRegistry;
let answer: (request: SeenRequest) => Answer | undefined;

beforeEach(async () => {
  registry = await createHostileRegistry((request) => answer(request));
  other = await createHostileRegistry(() => ({ body: { token: 'canary-elsewhere' } }));
});

afterEach(async () => {
  await registry.close();
  await other.close();
});

const clientOf = (options: Partial<RegistryClientOptions> = {}) =>
  createRegistryClient({
    baseUrl: registry.url,
    tenantId,
    policy: registry.policy,
    credentials: { find: () => Promise.resolve(login) },
    ...options,
    limits: { requestMs: 2000, retries: 1, retryBaseMs: 1, ...options.limits },
  });

const tags = async (repository = 'library/app', client = clientOf()) =>
  (await client.listTags(repository, call))?.names;

const challenge = (header: string): Answer => ({
  status: 401,
  headers: { 'www-authenticate': header },
});

/** A registry that wants the token `token-N` for the N-th token it gave, and gives one per request. */
function tokenRegistry(realm = `${registry.url}/token`): { readonly given: string[] } {
  const given: string[] = [];
  answer = ({ path, authorization }) => {
    if (path.startsWith('/token')) {
      given.push(`canary-token-${given.length + 1}`);
      return { body: { token: given.at(-1) ?? '', expires_in: 60 } };
    }
    if (given.some((token) => authorization === `Bearer ${token}`))
      return { body: { tags: ['a'] } };
    return challenge(`Bearer realm="${realm}",service="reg",scope="repository:x:pull,push,delete"`);
  };
  return { given };
}

describe('a token', () => {
  it('is fetched with the login of the tenant and asked for reading of one repository only', async () => {
    tokenRegistry();
    const asked: object[] = [];
    const credentials = {
      find: (of: { tenantId: string; registry: string }) => {
        asked.push(of);
        return Promise.resolve(login);
      },
    };
    expect(await tags('library/app', clientOf({ credentials }))).toEqual(['a']);
    expect(asked).toEqual([{ tenantId, registry: registry.authority }]);
    expect(registry.seen.map(({ path, authorization }) => [path, authorization])).toEqual([
      ['/v2/library/app/tags/list?n=100', undefined],
      ['/token?service=reg&scope=repository%3Alibrary%2Fapp%3Apull', basic],
      ['/v2/library/app/tags/list?n=100', 'Bearer canary-token-1'],
    ]);
  });

  it('for the catalog is asked for the catalog, once for all its pages', async () => {
    answer = ({ path, authorization }) => {
      if (path.startsWith('/token')) return { body: { token: 'canary-token' } };
      if (authorization === undefined) return challenge(`Bearer realm="${registry.url}/token"`);
      if (path.includes('last=')) return { body: { repositories: ['shop/b'] } };
      const link = '</v2/_catalog?last=a&n=100>; rel="next"';
      return { body: { repositories: ['shop/a'] }, headers: { link } };
    };
    const call = { signal: new AbortController().signal };
    expect((await clientOf().listRepositories('shop/*', call)).names).toEqual(['shop/a', 'shop/b']);
    expect(registry.seen.map(({ path, authorization }) => [path, authorization])).toEqual([
      ['/v2/_catalog?n=100', undefined],
      ['/token?scope=registry%3Acatalog%3A*', basic],
      ['/v2/_catalog?n=100', 'Bearer canary-token'],
      ['/v2/_catalog?last=a&n=100', 'Bearer canary-token'],
    ]);
  });

  it('is remembered per scope and used for nothing else', async () => {
    const { given } = tokenRegistry();
    const client = clientOf();
    await tags('library/app', client);
    await tags('library/app', client);
    expect(given).toHaveLength(1);
    await tags('library/other', client);
    expect(given).toHaveLength(2);
    const first = registry.seen.find(({ path }) => path.startsWith('/v2/library/other'));
    expect(first?.authorization).toBeUndefined();
  });

  it('that is refused is fetched again once, without a clock', async () => {
    const { given } = tokenRegistry();
    const client = clientOf();
    await tags('library/app', client);
    given.length = 0;
    expect(await tags('library/app', client)).toEqual(['a']);
    expect(given).toHaveLength(1);
  });

  it('that is never accepted ends in a refusal, not in a loop', async () => {
    answer = ({ path }) =>
      path.startsWith('/token')
        ? { body: { access_token: 'canary' } }
        : challenge(`Bearer realm="${registry.url}/token"`);
    await expect(tags()).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
    expect(registry.seen).toHaveLength(3);
  });

  it('is fetched without a login where none is kept', async () => {
    tokenRegistry();
    const credentials = { find: () => Promise.resolve(null) };
    expect(await tags('library/app', clientOf({ credentials }))).toEqual(['a']);
    expect(registry.seen.every(({ authorization }) => authorization !== basic)).toBe(true);
  });

  it.each([
    ['a newline', { token: 'a\r\nX-Injected: yes' }],
    ['a space', { token: 'a b' }],
    ['nothing', { token: '' }],
    ['a number', { token: 1 }],
    ['another shape', { tokens: ['a'] }],
    ['more than a header can carry', { token: 'x'.repeat(16_385) }],
  ])('with %s is refused', async (_, body) => {
    answer = ({ path }) =>
      path.startsWith('/token') ? { body } : challenge(`Bearer realm="${registry.url}/token"`);
    await expect(tags()).rejects.toMatchObject({ code: 'STORE_REFUSED' });
  });

  it('is not taken from a redirect, an error or an endless answer', async () => {
    const cases: readonly (readonly [Answer, string])[] = [
      [{ status: 307, headers: { location: `${other.url}/token` } }, 'STORE_REFUSED'],
      [{ status: 403, body: { token: 'canary' } }, 'ACCESS_DENIED'],
      [{ status: 401, headers: { 'www-authenticate': basic } }, 'ACCESS_DENIED'],
      [{ status: 503 }, 'STORE_UNAVAILABLE'],
      [{ body: { token: 'a', padding: 'x'.repeat(70_000) } }, 'STORE_REFUSED'],
    ];
    for (const [given, code] of cases) {
      answer = ({ path }) =>
        path.startsWith('/token') ? given : challenge(`Bearer realm="${registry.url}/token"`);
      await expect(tags()).rejects.toMatchObject({ code });
    }
    expect(other.seen).toEqual([]);
  });
});

describe('a realm', () => {
  it.each([
    'http://169.254.169.254/latest/meta-data/iam/security-credentials/',
    'https://169.254.169.254/token',
    'https://metadata.google.internal/token',
    'https://attacker.example/token',
    'https://auth.docker.io/token',
    'file:///etc/passwd',
    'not a url',
    'https://[::1]/token',
  ])('at %s gets no request and no login', async (realm) => {
    const lookup = (): never => {
      throw new Error('not to be looked up');
    };
    tokenRegistry(realm);
    await expect(tags('library/app', clientOf({ lookup }))).rejects.toMatchObject({
      code: 'STORE_REFUSED',
      field: 'realm',
    });
    expect(registry.seen).toHaveLength(1);
  });

  it('on another port of the same machine gets none, even where that port may be reached', async () => {
    tokenRegistry(`${other.url}/token`);
    const policy = {
      allowHttp: [registry.authority, other.authority],
      allowPrivate: [registry.authority, other.authority],
    };
    await expect(tags('library/app', clientOf({ policy }))).rejects.toMatchObject({
      field: 'realm',
    });
    expect(other.seen).toEqual([]);
    const realms = [{ registry: registry.authority, realm: other.authority }];
    await expect(
      tags('library/app', clientOf({ policy: { ...policy, realms } })),
    ).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
    expect(other.seen.map(({ authorization }) => authorization)).toEqual([basic]);
  });

  it('with a login of its own in the address is refused', async () => {
    tokenRegistry(`http://user:pass@${registry.authority}/token`);
    await expect(tags()).rejects.toMatchObject({ code: 'STORE_REFUSED' });
    expect(registry.seen).toHaveLength(1);
  });
});

describe('a login', () => {
  it('is sent only when it is asked for', async () => {
    answer = ({ authorization }) =>
      authorization === basic ? { body: { tags: ['a'] } } : challenge('Basic realm="reg"');
    const client = clientOf();
    expect(await tags('library/app', client)).toEqual(['a']);
    expect(registry.seen.map(({ authorization }) => authorization)).toEqual([undefined, basic]);
  });

  it('that is missing, wrong or not understood ends in a refusal', async () => {
    answer = () => challenge('Basic realm="reg"');
    const none = { find: () => Promise.resolve(null) };
    const denied = { code: 'ACCESS_DENIED' };
    await expect(tags('library/app', clientOf({ credentials: none }))).rejects.toMatchObject(
      denied,
    );
    await expect(tags()).rejects.toMatchObject(denied);
    for (const header of ['Negotiate', 'Digest realm="x"', 'Bearer service="x"', '', '=,=']) {
      answer = () => challenge(header);
      await expect(tags()).rejects.toMatchObject(denied);
    }
    answer = () => ({ status: 401 });
    await expect(tags()).rejects.toMatchObject(denied);
  });

  it('stays with its host when a blob is redirected', async () => {
    const policy = {
      allowHttp: [registry.authority, other.authority],
      allowPrivate: [registry.authority, other.authority],
    };
    answer = ({ authorization }) =>
      authorization === basic
        ? { status: 307, headers: { location: `${other.url}/blob?signature=1` } }
        : challenge('Basic realm="reg"');
    const digest = `sha256:${'0'.repeat(64)}`;
    await expect(
      clientOf({ policy }).getConfig('library/app', { mediaType: 'a/b', digest, size: 1 }, call),
    ).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    expect(registry.seen.at(-1)?.authorization).toBe(basic);
    expect(other.seen.map(({ authorization }) => authorization)).toEqual([undefined]);
  });

  it('is not answered to a challenge of the host a blob is redirected to', async () => {
    const asking = await createHostileRegistry(() => challenge('Basic realm="give it to me"'));
    const policy = {
      allowHttp: [registry.authority, asking.authority],
      allowPrivate: [registry.authority, asking.authority],
    };
    answer = () => ({ status: 302, headers: { location: `${asking.url}/blob` } });
    const digest = `sha256:${'0'.repeat(64)}`;
    await expect(clientOf({ policy }).headBlob('library/app', digest, call)).rejects.toMatchObject({
      code: 'ACCESS_DENIED',
    });
    expect(asking.seen.map(({ authorization }) => authorization)).toEqual([undefined]);
    expect(registry.seen.map(({ authorization }) => authorization)).toEqual([undefined]);
    await asking.close();
  });

  it('never travels in clear over a network, even where http is allowed', async () => {
    const authority = `registry.example:${registry.authority.split(':')[1] ?? ''}`;
    const client = clientOf({
      baseUrl: `http://${authority}`,
      policy: { allowHttp: [authority], allowPrivate: [authority] },
      lookup: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]),
    });
    for (const header of ['Basic realm="reg"', `Bearer realm="http://${authority}/token"`]) {
      answer = () => challenge(header);
      await expect(tags('library/app', client)).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
    }
    expect(registry.seen.every(({ authorization }) => authorization === undefined)).toBe(true);
  });

  it('is refused when its name would be cut at a colon or a line', async () => {
    answer = () => challenge('Basic realm="reg"');
    for (const username of ['a:b', '', 'a\nb']) {
      const credentials = { find: () => Promise.resolve({ ...login, username }) };
      await expect(tags('library/app', clientOf({ credentials }))).rejects.toMatchObject({
        code: 'INVALID_INPUT',
        field: 'username',
      });
    }
  });

  it('that cannot be looked up stops the scan instead of going on without it', async () => {
    answer = () => challenge('Basic realm="reg"');
    const credentials = { find: () => Promise.reject(new Error('secret store is away')) };
    await expect(tags('library/app', clientOf({ credentials }))).rejects.toThrow('away');
  });
});

describe('errors', () => {
  it('carry no login, no token, no address and nothing the registry said', async () => {
    const answers: readonly Answer[] = [
      challenge('Basic realm="canary-realm"'),
      challenge(`Bearer realm="${registry.url}/token",service="canary-service"`),
      challenge(`Bearer realm="https://canary-host.example/"`),
      { status: 400, body: 'canary-body' },
      { status: 403, body: { errors: [{ message: 'canary-message' }] } },
      { status: 302, headers: { location: 'http://canary-host.example/canary' } },
      { status: 429, headers: { 'retry-after': 'canary' } },
      { body: 'canary-body' },
      { body: { tags: 'canary tag' } },
      { body: { tags: [] }, headers: { link: '<http://[canary>; rel="next"' } },
      (response) => response.destroy(),
      (response) => response.socket?.end('canary\r\n'),
    ];
    const texts: string[] = [];
    for (const given of answers) {
      answer = ({ path }) =>
        path.startsWith('/token') ? { body: { token: 'canary-token' } } : given;
      const failure: unknown = await tags('library/canary-name').catch((error: unknown) => error);
      texts.push(inspect(failure, { depth: 9, showHidden: true }).replace(/ {2,}at .*/g, ''));
    }
    expect(texts.filter((text) => !text.includes('LetheError'))).toEqual([]);
    for (const text of texts) {
      expect(text).not.toContain('canary');
      expect(text).not.toContain(basic);
      expect(text).not.toContain(registry.authority);
    }
  });
});

describe('a challenge', () => {
  it.each([
    [
      'Bearer realm="https://a/t",service="s"',
      { scheme: 'bearer', realm: 'https://a/t', service: 's' },
    ],
    ['bearer REALM=https://a/t', { scheme: 'bearer', realm: 'https://a/t', service: null }],
    [
      'Basic realm="x", Bearer realm="https://a/t"',
      { scheme: 'bearer', realm: 'https://a/t', service: null },
    ],
    [
      'Bearer realm="https://a/t?x=\\"1,2\\""',
      { scheme: 'bearer', realm: 'https://a/t?x="1,2"', service: null },
    ],
    [
      'Bearer realm="https://a/", realm="https://b/"',
      { scheme: 'bearer', realm: 'https://a/', service: null },
    ],
    ['Basic', { scheme: 'basic' }],
    ['Basic realm="x"', { scheme: 'basic' }],
    ['Bearer realm="", Basic realm="x"', { scheme: 'basic' }],
    ['Negotiate', null],
    ['realm="https://a/"', null],
    ['Bearer realm="https://a/', null],
    ['', null],
  ])('%s is read as what it is', (header, expected) => {
    expect(readChallenge(header)).toEqual(expected);
  });

  it('of any length and form is read in no time', () => {
    const milliseconds = cpuMillisecondsOf(() => {
      for (const header of ['a="', 'a=', ',', ' ', '\\', 'Bearer realm="\\']) {
        readChallenge(header.repeat(4000));
        readChallenge(header.repeat(Math.floor(4096 / header.length)));
      }
    });
    // Quadratic work would take minutes.
    expect(milliseconds).toBeLessThan(10_000);
  });
});
