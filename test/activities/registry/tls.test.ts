import { execFile } from 'node:child_process';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  createRegistryClient,
  type RegistryClient,
} from '../../../src/activities/registry/create-registry-client';
import { createHostileRegistry } from '../../support/hostile-registry';
import { selfSigned } from '../../support/self-signed';

const ROOT = join(__dirname, '..', '..', '..');
const runFile = promisify(execFile);
const call = { signal: new AbortController().signal };
const own = selfSigned('registry.example');
const seen: { readonly servername: unknown; readonly host: string | undefined }[] = [];
let server: Server;
let port: number;
let redirectTo = '';

beforeAll(async () => {
  server = createServer({ cert: own.cert, key: own.key }, (request, response) => {
    const servername: unknown = Reflect.get(request.socket, 'servername');
    seen.push({ servername, host: request.headers.host });
    if (request.url?.includes('/blobs/') === true) {
      response.writeHead(307, { location: redirectTo });
    }
    response.end('{"tags":["a"]}');
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  port = (server.address() as AddressInfo).port;
});

beforeEach(() => {
  seen.length = 0;
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function clientOf(host: string, authorities: string | undefined, at = port): RegistryClient {
  const authority = `${host}:${at}`;
  return createRegistryClient({
    baseUrl: `https://${authority}`,
    tenantId: 'tn_transport00000001',
    policy: {
      allowPrivate: [authority],
      ...(authorities !== undefined && { authorities }),
    },
    lookup: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]),
    limits: { requestMs: 5000, retries: 0 },
  });
}

const refused = { code: 'STORE_REFUSED', field: 'answer' };

describe('a registry over TLS', () => {
  it('is asked by its name although the connection goes to a pinned address', async () => {
    const client = clientOf('registry.example', own.cert);
    expect((await client.listTags('library/app', call))?.names).toEqual(['a']);
    expect(seen).toEqual([{ servername: 'registry.example', host: `registry.example:${port}` }]);
  });

  it('with the certificate of another name gets no request', async () => {
    const client = clientOf('other.example', own.cert);
    await expect(client.listTags('library/app', call)).rejects.toMatchObject(refused);
    expect(seen).toEqual([]);
  });

  it('with a certificate of an authority that is not trusted gets none either', async () => {
    for (const authorities of [undefined, selfSigned('registry.example').cert]) {
      const client = clientOf('registry.example', authorities);
      await expect(client.listTags('library/app', call)).rejects.toMatchObject(refused);
    }
    expect(seen).toEqual([]);
  });

  it('is checked even where the environment says that certificates do not matter', async () => {
    // Only a process of its own reads such a variable.
    const program = `
      const { createRegistryClient } = require('./src/activities/registry/create-registry-client');
      createRegistryClient({
        baseUrl: 'https://registry.example:${port}',
        tenantId: 'tn_transport00000001',
        policy: { allowPrivate: ['registry.example:${port}'] },
        lookup: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]),
        limits: { retries: 0 },
      })
        .listTags('library/app', { signal: new AbortController().signal })
        .then(() => 'trusted', (error) => error.code)
        .then((outcome) => process.stdout.write(outcome));`;
    const { stdout } = await runFile(
      process.execPath,
      ['-r', join(ROOT, 'test', 'support', 'run-typescript.cjs'), '-e', program],
      { cwd: ROOT, env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' } },
    );
    expect(stdout).toBe('STORE_REFUSED');
    expect(seen).toEqual([]);
  });

  it('does not lead to one without TLS, even to one that the operator allows by itself', async () => {
    const plain = await createHostileRegistry(() => ({ body: '{}' }));
    redirectTo = `${plain.url}/blob`;
    const authority = `registry.example:${port}`;
    const client = createRegistryClient({
      baseUrl: `https://${authority}`,
      tenantId: 'tn_transport00000001',
      policy: {
        allowHttp: [plain.authority],
        allowPrivate: [authority, plain.authority],
        authorities: own.cert,
      },
      lookup: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]),
    });
    const digest = `sha256:${'0'.repeat(64)}`;
    await expect(client.headBlob('library/app', digest, call)).rejects.toMatchObject({
      code: 'STORE_REFUSED',
      field: 'redirect',
    });
    expect(plain.seen).toEqual([]);
    await plain.close();
  });

  it('is never spoken to in clear because it does not speak TLS', async () => {
    const plain = await createHostileRegistry(() => ({ body: '{"tags":["a"]}' }));
    const at = Number(plain.authority.split(':')[1]);
    const client = clientOf('registry.example', own.cert, at);
    await expect(client.listTags('library/app', call)).rejects.toMatchObject(refused);
    expect(plain.seen).toEqual([]);
    await plain.close();
  });
});
