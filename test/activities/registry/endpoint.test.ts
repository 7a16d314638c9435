import { classifyAddress } from '../../../src/activities/outbound/addresses';
import type { NameLookup } from '../../../src/activities/outbound/pinned-request';
import {
  assertRealm,
  assertSafeUrl,
  mayCarryLogin,
  narrowPolicy,
  resolvePinned,
  type RegistryPolicy,
} from '../../../src/activities/registry/endpoint';
import { failureOf } from '../../support/hostile-registry';

const lookupOf =
  (...addresses: readonly string[]): NameLookup =>
  () =>
    Promise.resolve(addresses.map((address) => ({ address, family: 4 })));
const open: RegistryPolicy = {};
const guard = (lookup: NameLookup, policy: RegistryPolicy = open) => ({
  policy,
  lookup,
  origin: 'command' as const,
});

describe('the class of an address', () => {
  it.each(['1.1.1.1', '8.8.8.8', '172.32.0.1', '100.128.0.1', '192.169.0.1', '2606:4700::1111'])(
    'is public for %s',
    (address) => {
      expect(classifyAddress(address)).toBe('public');
    },
  );

  it.each([
    '10.0.0.1',
    '10.255.255.255',
    '100.64.0.1',
    '127.0.0.1',
    '127.255.255.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '::1',
    'fc00::1',
    'fd12:3456::1',
  ])('is private for %s', (address) => {
    expect(classifyAddress(address)).toBe('private');
  });

  it.each([
    '0.0.0.0',
    '0.1.2.3',
    '100.100.100.200',
    '168.63.129.16',
    '169.254.0.23',
    '169.254.169.254',
    '192.0.0.192',
    '198.18.0.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::ffff:127.0.0.1',
    '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe',
    '::ffff:8.8.8.8',
    '::127.0.0.1',
    '64:ff9b::a9fe:a9fe',
    '64:ff9b::8.8.8.8',
    '64:ff9b:1::1',
    '2001::1',
    '2001:db8::1',
    '2002:a9fe:a9fe::1',
    'fd00:ec2::254',
    'fd00:c1::a9fe:a9fe',
    'fd20:ce::254',
    '64:ff9b:1::a9fe:a9fe',
    '::ffff:0:a9fe:a9fe',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
    'not-an-address',
    '',
    '1.1.1.1.',
    '01.1.1.1',
  ])('is forbidden for %p', (address) => {
    expect(classifyAddress(address)).toBe('forbidden');
  });
});

describe('the address of a registry', () => {
  it.each(['https://registry.example', 'https://registry.example:5000', 'https://1.1.1.1'])(
    'is taken when it is public and over TLS: %s',
    (url) => {
      expect(() => {
        assertSafeUrl(new URL(url), open, 'command');
      }).not.toThrow();
    },
  );

  it.each([
    'http://registry.example',
    'ftp://registry.example',
    'file:///etc/passwd',
    'https://user:canary@registry.example',
    'https://user@registry.example',
    'https://127.0.0.1',
    'https://127.1',
    'https://0x7f.1',
    'https://2130706433',
    'https://0177.0.0.1',
    'https://①②⑦.0.0.1',
    'https://0',
    'https://127.0.0.1.',
    'https://[::1]',
    'https://[::]',
    'https://[::ffff:a9fe:a9fe]',
    'https://[64:ff9b::a9fe:a9fe]',
    'https://[fd00:ec2::254]',
    'https://169.254.169.254',
    'https://100.100.100.200',
    'https://10.1.2.3',
    'https://localhost',
    'https://localhost.',
    'https://LOCALHOST',
    'https://a.localhost',
    'https://metadata.google.internal',
    'https://metadata',
    'https://vault.internal',
    'https://metadata.tencentyun.com',
    'https://instance-data',
    'https://printer.local',
    'https://registry.example.',
    'https://regi%73try..example',
    'https://-a.example',
  ])('is refused before anything is sent: %s', (url) => {
    const check = (): void => {
      assertSafeUrl(new URL(url), open, 'command');
    };
    const failure = failureOf(check);
    expect(failure).toMatchObject({ code: 'INVALID_INPUT', field: 'registry' });
    expect((failure as Error).message).not.toMatch(/canary|passwd/);
  });

  it('may be private, loopback or without TLS only for exactly the host and port that is listed', () => {
    const policy = { allowHttp: ['127.0.0.1:5000'], allowPrivate: ['127.0.0.1:5000'] };
    const check = (url: string) => (): void => {
      assertSafeUrl(new URL(url), policy, 'command');
    };
    expect(check('http://127.0.0.1:5000')).not.toThrow();
    expect(check('https://127.0.0.1:5000')).not.toThrow();
    expect(check('http://127.0.0.1:5001')).toThrow(/https/);
    expect(check('https://127.0.0.1:5001')).toThrow(/must not reach/);
    expect(check('https://127.0.0.2:5000')).toThrow(/must not reach/);
    expect(check('http://127.0.0.1')).toThrow(/https/);
  });

  it('needs both lists: http alone does not open a private address, and the other way round', () => {
    const url = new URL('http://10.0.0.7:5000');
    const check = (policy: RegistryPolicy) => (): void => {
      assertSafeUrl(url, policy, 'command');
    };
    expect(check({ allowHttp: ['10.0.0.7:5000'] })).toThrow(/must not reach/);
    expect(check({ allowPrivate: ['10.0.0.7:5000'] })).toThrow(/https/);
  });

  it('is never a metadata address, even when the operator lists it', () => {
    for (const host of [
      '169.254.169.254',
      '[fd00:ec2::254]',
      '[fd20:ce::254]',
      '100.100.100.200',
      '0.0.0.0',
    ]) {
      const policy = { allowHttp: [`${host}:80`], allowPrivate: [`${host}:80`] };
      expect(() => {
        assertSafeUrl(new URL(`http://${host}`), policy, 'command');
      }).toThrow(/must not reach/);
    }
  });
});

describe('a policy', () => {
  const policy = {
    allowHttp: ['10.0.0.1:80', '10.0.0.2:80'],
    allowPrivate: ['10.0.0.1:80', '10.0.0.1:443', '10.0.0.2:80'],
    realms: [],
    authorities: 'pem',
  };

  it('opens no private address to a registry that is public', () => {
    const narrow = narrowPolicy(new URL('https://registry.example'), policy);
    expect(narrow).toEqual({ ...policy, allowHttp: [], allowPrivate: [] });
    const redirect = (): void => {
      assertSafeUrl(new URL('http://10.0.0.1'), narrow, 'registry');
    };
    expect(failureOf(redirect)).toMatchObject({ code: 'STORE_REFUSED', field: 'redirect' });
  });

  it('leaves a private registry over TLS no way to plain http', () => {
    const narrow = narrowPolicy(new URL('https://10.0.0.1'), policy);
    expect(narrow).toEqual({ ...policy, allowHttp: [] });
    expect(narrowPolicy(new URL('http://10.0.0.1'), policy)).toEqual(policy);
  });
});

describe('looking a registry up', () => {
  const url = new URL('https://registry.example');

  it('returns every address when all are public', async () => {
    const lookup = lookupOf('1.1.1.1', '2606:4700::1111');
    expect(await resolvePinned(url, guard(lookup))).toEqual([
      { address: '1.1.1.1', family: 4 },
      { address: '2606:4700::1111', family: 6 },
    ]);
  });

  it.each([
    ['only a private one', ['10.0.0.1']],
    ['a private one among public ones', ['1.1.1.1', '127.0.0.1']],
    ['a metadata address', ['1.1.1.1', '169.254.169.254']],
    ['a mapped address', ['::ffff:127.0.0.1']],
    ['no address at all', ['registry.example']],
  ])('refuses all answers when there is %s', async (_, addresses) => {
    await expect(resolvePinned(url, guard(lookupOf(...addresses)))).rejects.toMatchObject({
      code: 'INVALID_INPUT',
    });
  });

  it('is unavailable without an answer', async () => {
    await expect(resolvePinned(url, guard(lookupOf()))).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
  });

  it('lets a listed name be private, but not be a metadata address', async () => {
    const policy = { allowPrivate: ['registry.example:443'] };
    expect(await resolvePinned(url, guard(lookupOf('10.0.0.1'), policy))).toHaveLength(1);
    await expect(
      resolvePinned(url, guard(lookupOf('10.0.0.1', '169.254.169.254'), policy)),
    ).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });

  it('does not look literal addresses up, but checks them', async () => {
    const lookup: NameLookup = () => Promise.reject(new Error('not to be called'));
    expect(await resolvePinned(new URL('https://1.1.1.1'), guard(lookup))).toEqual([
      { address: '1.1.1.1', family: 4 },
    ]);
    await expect(resolvePinned(new URL('https://[::1]'), guard(lookup))).rejects.toThrow(
      /must not reach/,
    );
  });
});

describe('the token service of a registry', () => {
  const registry = new URL('https://registry.example:5000');
  const check =
    (realm: string, policy: RegistryPolicy = open, from = registry) =>
    (): void => {
      assertRealm(new URL(realm), from, policy);
    };

  it('may be the registry itself', () => {
    expect(check('https://registry.example:5000/token')).not.toThrow();
  });

  it.each([
    'https://registry.example/token',
    'https://registry.example:5001/token',
    'https://attacker.example:5000/token',
    'https://registry.example.attacker.example:5000/token',
    'http://registry.example:5000/token',
    'https://169.254.169.254/token',
    'https://127.0.0.1:5000/token',
  ])('is refused elsewhere: %s', (realm) => {
    expect(failureOf(check(realm))).toMatchObject({ code: 'STORE_REFUSED' });
  });

  it('may be a listed host, which still has to be a safe address', () => {
    const pair = (realm: string) => ({ realms: [{ registry: 'registry.example:5000', realm }] });
    expect(check('https://auth.example/token', pair('auth.example:443'))).not.toThrow();
    expect(check('http://auth.example:443/token', pair('auth.example:443'))).toThrow(/https/);
    expect(check('https://10.0.0.1/token', pair('10.0.0.1:443'))).toThrow(/must not reach/);
    expect(
      check(
        'https://auth.example/token',
        pair('auth.example:443'),
        new URL('https://other.example'),
      ),
    ).toThrow(/not listed/);
  });

  it('is known for Docker Hub', () => {
    const hub = new URL('https://registry-1.docker.io');
    expect(check('https://auth.docker.io/token', open, hub)).not.toThrow();
    expect(check('https://auth.docker.io/token')).toThrow(/not listed/);
  });

  it('gets a login only over TLS or on this machine', () => {
    expect(mayCarryLogin(new URL('https://registry.example'))).toBe(true);
    expect(mayCarryLogin(new URL('http://127.0.0.1:5000'))).toBe(true);
    expect(mayCarryLogin(new URL('http://[::1]:5000'))).toBe(true);
    for (const url of ['http://10.0.0.1', 'http://localhost', 'http://127.0.0.1.example']) {
      expect(mayCarryLogin(new URL(url))).toBe(false);
    }
  });
});
