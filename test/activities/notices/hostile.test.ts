import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { post } from '../../../src/activities/notices/post';
import { parseDestination } from '../../../src/activities/notices/destination';
import { createTestReceiver, type TestReceiver } from '../../support/receivers';
import { selfSigned } from '../../support/self-signed';

let receiver: TestReceiver;
beforeAll(async () => {
  receiver = await createTestReceiver();
});
afterAll(() => receiver.close());
beforeEach(() => {
  receiver.answer = 204;
  receiver.seen.length = 0;
});

const NOWHERE = { allowHttp: [], allowPrivate: [] };
const allowed = () => ({ allowHttp: [receiver.authority], allowPrivate: [receiver.authority] });
const noLookup = () => Promise.reject(new Error('nothing is looked up here'));
const answers = (...addresses: readonly string[]) => {
  return () => Promise.resolve(addresses.map((address) => ({ address, family: 4 })));
};

const send = (
  url = receiver.url,
  policy: Parameters<typeof post>[0]['policy'] = allowed(),
  options: { lookup?: Parameters<typeof post>[0]['lookup']; withinMs?: number } = {},
) =>
  post(
    { policy, lookup: options.lookup ?? noLookup },
    { url, headers: { 'webhook-id': 'nt_1' }, body: '{}', withinMs: options.withinMs ?? 2_000 },
  );

describe('a receiver on a real socket', () => {
  it('is told, when it is on the list of the operator', async () => {
    expect(await send()).toEqual({ status: 204 });
    expect(receiver.seen).toHaveLength(1);
  });

  it('is not told when it redirects, however near', async () => {
    receiver.answer = (response) => response.writeHead(307, { location: receiver.url }).end();
    expect(await send()).toEqual({ status: 307 });
    expect(receiver.seen).toHaveLength(1);
  });

  it('that never answers costs the time of one request', async () => {
    receiver.answer = () => undefined;
    expect(await send(undefined, undefined, { withinMs: 300 })).toEqual({
      status: null,
      failure: 'timed-out',
    });
  });

  it('that drips its headers costs the time of one request', async () => {
    receiver.answer = (response) => {
      const drip = setInterval(() => response.socket?.write('x'), 20);
      response.on('close', () => {
        clearInterval(drip);
      });
      response.socket?.write('HTTP/1.1 200 OK\r\nx-slow: ');
    };
    expect(await send(undefined, undefined, { withinMs: 300 })).toMatchObject({
      failure: 'timed-out',
    });
  });

  it('that answers without an end is cut off behind its status, and took the notice', async () => {
    let closed: () => void = () => undefined;
    const cut = new Promise<void>((resolve) => (closed = resolve));
    receiver.answer = (response) => {
      response.writeHead(200);
      const flood = setInterval(() => response.write(Buffer.alloc(64 * 1024)), 1);
      response.on('close', () => {
        clearInterval(flood);
        closed();
      });
    };
    expect(await send()).toEqual({ status: 200 });
    await cut;
  });

  it('that sends headers without an end is refused', async () => {
    receiver.answer = (response) => {
      response.socket?.end(`HTTP/1.1 200 OK\r\nx-long: ${'x'.repeat(64 * 1024)}\r\n\r\n`);
    };
    expect(await send()).toEqual({ status: null, failure: 'unreachable' });
  });

  it('that does not speak HTTP, or hangs up, is unreachable', async () => {
    receiver.answer = (response) => response.socket?.end('220 mail ready\r\n');
    expect(await send()).toMatchObject({ failure: 'unreachable' });
    receiver.answer = (response) => response.socket?.destroy();
    expect(await send()).toMatchObject({ failure: 'unreachable' });
  });
});

describe('a receiver with TLS', () => {
  const hostname = 'hooks.receiver.test';
  const identity = selfSigned(hostname);

  async function withTls(work: (port: number) => Promise<void>): Promise<void> {
    const server = createTlsServer(identity, (_, response) => response.writeHead(204).end());
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    try {
      await work((server.address() as AddressInfo).port);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  const policyFor = (host: string, port: number, authorities?: string) => ({
    allowHttp: [],
    allowPrivate: [`${host}:${port}`],
    ...(authorities !== undefined && { authorities }),
  });
  const lookup = answers('127.0.0.1');

  it('is told when its certificate is of its name and of a known authority', async () => {
    await withTls(async (port) => {
      const url = `https://${hostname}:${port}/`;
      const policy = policyFor(hostname, port, identity.cert);
      expect(await send(url, policy, { lookup })).toEqual({ status: 204 });
    });
  });

  it('is told nothing when nobody vouches for it, or for another name', async () => {
    await withTls(async (port) => {
      const url = `https://${hostname}:${port}/`;
      expect(await send(url, policyFor(hostname, port), { lookup })).toEqual({
        status: null,
        failure: 'tls',
      });
      const other = `https://other.receiver.test:${port}/`;
      const policy = policyFor('other.receiver.test', port, identity.cert);
      expect(await send(other, policy, { lookup })).toEqual({ status: null, failure: 'tls' });
    });
  });
});

describe('an address that must not be reached', () => {
  it.each([
    'https://127.0.0.1/',
    'https://127.1/',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://10.0.0.8/',
    'https://192.168.1.1/',
    'https://169.254.169.254/latest/meta-data/',
    'https://100.100.100.200/',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[fd00:ec2::254]/',
    'https://localhost/',
    'https://localhost./',
    'https://metadata.google.internal/',
    'http://8.8.8.8/',
    'ftp://receiver.test/',
    'https://user:pass@receiver.test/',
    'https://receiver.test/?token=x',
    'https://receiver.test/#x',
    'no url',
  ])('%s is refused when it is registered, and again when it is used', async (url) => {
    expect(() => parseDestination(url, NOWHERE)).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT', field: 'url' }) as Error,
    );
    expect(await send(url, NOWHERE)).toEqual({ status: null, failure: 'address-refused' });
  });

  it.each([
    ['a private address', ['10.0.0.8']],
    ['this machine', ['127.0.0.1']],
    ['a metadata service', ['169.254.169.254']],
    ['a public and a private address', ['8.8.8.8', '192.168.0.1']],
  ])('behind a name that leads to %s is refused, whatever it led to before', async (_, found) => {
    const url = 'https://receiver.test/';
    expect(parseDestination(url, NOWHERE).href).toBe(url);
    expect(await send(url, NOWHERE, { lookup: answers(...found) })).toEqual({
      status: null,
      failure: 'address-refused',
    });
  });

  it('is reached neither by a second answer of the name service: the first one is kept', async () => {
    const { port } = new URL(receiver.url);
    const authority = `rebinding.test:${port}`;
    const turns = [['127.0.0.1'], ['10.0.0.8']];
    const lookup = () => answers(...(turns.shift() ?? []))();
    const policy = { allowHttp: [authority], allowPrivate: [authority] };
    expect(await send(`http://${authority}/hook`, policy, { lookup })).toEqual({ status: 204 });
    expect(turns).toHaveLength(1);
  });

  it('is not reached by the operator list of another port or name', async () => {
    const policy = { allowHttp: [receiver.authority], allowPrivate: ['127.0.0.1:1'] };
    expect(await send(receiver.url, policy)).toMatchObject({ failure: 'address-refused' });
    expect(receiver.seen).toEqual([]);
  });

  it('of metadata stays forbidden also when it is listed as private', async () => {
    const policy = { allowHttp: [], allowPrivate: ['169.254.169.254:443'] };
    expect(await send('https://169.254.169.254/', policy)).toMatchObject({
      failure: 'address-refused',
    });
  });

  it('of a name that does not exist is unreachable', async () => {
    expect(await send('https://receiver.test/', NOWHERE)).toMatchObject({ failure: 'unreachable' });
  });

  it('of a name service that never answers costs the time of one request', async () => {
    const lookup = () => new Promise<never>(() => undefined);
    expect(await send('https://receiver.test/', NOWHERE, { lookup, withinMs: 200 })).toMatchObject({
      failure: 'timed-out',
    });
  });
});
