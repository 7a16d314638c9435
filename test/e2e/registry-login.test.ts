import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildImage, pushArtifact, removeArtifacts } from '../../demo/inputs/oci-images';
import { subscribeTo } from '../support/control';
import { newTenantId } from '../support/engine';
import { placesOf, readEverything } from '../support/everything-stored';
import { createLiveEngine, type LiveEngine } from '../support/live-engine';

const PASSWORD = `planted-${randomBytes(12).toString('hex')}`;
const LOGIN = { username: 'robot$shop', password: PASSWORD };
const BASIC = `Basic ${Buffer.from(`${LOGIN.username}:${PASSWORD}`).toString('base64')}`;
const registryUrl = process.env['LETHE_REGISTRY_URL'] ?? '';
const repository = `private-${randomBytes(4).toString('hex')}/app`;

const TOKEN = `token-${randomBytes(12).toString('hex')}`;

let live: LiveEngine;
let guard: Server;
let tokens: Server;
let authority: string;
let realm: string;
/** How the registry asks for a login, and what it takes. */
let wants = { challenge: 'Basic realm="private"', takes: BASIC };
let folder: string;
let image: ReturnType<typeof buildImage>;
let seen: (string | undefined)[] = [];

/** The real registry behind a login. */
async function guarded(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { authorization, accept } = request.headers;
  seen.push(authorization);
  if (authorization !== wants.takes) {
    response.writeHead(401, { 'www-authenticate': wants.challenge }).end();
    return;
  }
  const answer = await fetch(`${registryUrl}${request.url ?? ''}`, {
    method: request.method ?? 'GET',
    headers: accept === undefined ? {} : { accept },
  });
  const told = [...answer.headers].filter(([name]) => /^(content-type|docker-)/.test(name));
  response.writeHead(answer.status, Object.fromEntries(told));
  response.end(Buffer.from(await answer.arrayBuffer()));
}

/** A token service that lives beside the registry, as some do. */
function giveToken({ headers }: IncomingMessage, response: ServerResponse): void {
  const isKnown = headers.authorization === BASIC;
  response.writeHead(isKnown ? 200 : 401, { 'content-type': 'application/json' });
  response.end(isKnown ? JSON.stringify({ token: TOKEN }) : '{}');
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lethe-logins-'));
  guard = createServer((request, response) => {
    guarded(request, response).catch(() => response.destroy());
  });
  authority = await listening(guard);
  tokens = createServer(giveToken);
  realm = await listening(tokens);
  image = buildImage({ layers: [{ 'etc/os-release': 'ID=debian\nVERSION_ID="12"\n' }] });
  await pushArtifact({ url: registryUrl, repository }, image, ['latest']);
  live = await createLiveEngine('2030-01-07T01:00:00Z', {
    LETHE_REGISTRY_ALLOW_HTTP: `${authority},${realm}`,
    LETHE_REGISTRY_ALLOW_PRIVATE: `${authority},${realm}`,
    LETHE_REGISTRY_REALMS: `${authority}=${realm}`,
    LETHE_REGISTRY_LOGINS_DIRECTORY: folder,
  });
}, 300_000);

afterAll(async () => {
  await removeArtifacts({ url: registryUrl, repository }, [image]);
  await live.remove();
  for (const server of [guard, tokens]) {
    server.closeAllConnections();
    server.close();
  }
  rmSync(folder, { recursive: true, force: true });
});

/** A tenant that shares the repository, and a scan of it that has ended. */
async function scanned(tenantId: string): Promise<unknown> {
  const header = (idempotencyKey: string) => ({ tenantId, idempotencyKey, requestedBy: 'console' });
  await live.subscribe(tenantId, subscribeTo('CVM'));
  await live.client.grantSharing(header('grant'), {
    ...{ authorizationId: 'all', registry: authority, repositories: [repository] },
    validUntil: '2031-01-01T00:00:00Z',
  });
  await live.client.requestRepositoryScan(header('scan'), {
    registry: `http://${authority}`,
    repository,
  });
  await live.settled(tenantId);
  const [scan] = await live.client.scans(tenantId);
  return scan?.result;
}

describe('a registry that wants a login', () => {
  it('is scanned with the login that the tenant has there, which is stored nowhere [SH-1] [DC-2]', async () => {
    const tenantId = newTenantId();
    const content = JSON.stringify({ [authority]: LOGIN });
    writeFileSync(join(folder, `${tenantId}.json`), content, { mode: 0o600 });
    expect(await scanned(tenantId)).toMatchObject({ outcome: 'complete' });
    expect(seen).toContain(BASIC);
    const stored = await readEverything(live);
    expect(placesOf(stored, tenantId).length).toBeGreaterThan(0);
    expect(placesOf(stored, PASSWORD)).toEqual([]);
  });

  it('is never read by another tenant, with that login or without one [SH-1]', async () => {
    seen = [];
    expect(await scanned(newTenantId())).toMatchObject({
      outcome: 'failed',
      counts: { code: 'ACCESS_DENIED' },
    });
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.filter((authorization) => authorization !== undefined)).toEqual([]);
  });

  it('may send it to a token service on another host, which the operator lists [SH-1]', async () => {
    const challenge = `Bearer realm="http://${realm}/token",service="private"`;
    wants = { challenge, takes: `Bearer ${TOKEN}` };
    seen = [];
    const tenantId = newTenantId();
    const content = JSON.stringify({ [authority]: LOGIN });
    writeFileSync(join(folder, `${tenantId}.json`), content, { mode: 0o600 });
    expect(await scanned(tenantId)).toMatchObject({ outcome: 'complete' });
    expect(seen).not.toContain(BASIC);
    expect(placesOf(await readEverything(live), TOKEN)).toEqual([]);
  });
});
