import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CohortRow } from '../../src/activities/control/cohort-rows';
import { assertServicesEnded } from '../../src/activities/destruction/ask-hosting';
import { createHostingSystem } from '../../src/activities/hosting/hosting-system';
import type { HostedService } from '../../src/contracts/stores';

const ROOT = join(__dirname, '..', '..');
const TENANT = 'tn_hosting0000000001';
const folder = mkdtempSync(join(tmpdir(), 'lethe-hosting-'));
const file = join(folder, 'hosting.json');
let system: ChildProcess | undefined;
let url = '';

/** Starts the system as a process of its own; later starts take the first one's port. */
async function start(): Promise<void> {
  const port = url === '' ? '0' : new URL(url).port;
  system = spawn(
    process.execPath,
    [
      ...['-r', join(ROOT, 'test', 'support', 'run-typescript.cjs')],
      ...[join(ROOT, 'demo', 'hosting-system.ts'), '--port', port, '--file', file],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const [line] = (await once(system.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  url = line.toString('utf8').trim();
}

async function kill(): Promise<void> {
  const running = system;
  system = undefined;
  if (running === undefined) return;
  running.kill('SIGKILL');
  await once(running, 'exit');
}

const put = async (service: string, body: object): Promise<number> =>
  (
    await fetch(`${url}/tenants/${TENANT}/services/${encodeURIComponent(service)}`, {
      method: 'PUT',
      body: JSON.stringify(body),
    })
  ).status;
const ask = () => createHostingSystem({ url, timeoutMs: 2000 }).servicesOf(TENANT);
const UNKNOWN = { code: 'SERVICE_STATE_UNKNOWN' };

beforeAll(start);
afterAll(async () => {
  await kill();
  rmSync(folder, { recursive: true });
});

describe('the hosting system of record', () => {
  it('says which services are in use and when the others ended [HS-1]', async () => {
    await put('CVM', { state: 'active', endedAt: null });
    const physical = 'Blackrock Physical Server';
    const startedAt = '2026-01-01T00:00:00Z';
    const endedAt = '2026-03-01T07:00:00Z';
    await put(physical, { state: 'active', startedAt, endedAt: null });
    await put(physical, { state: 'ended', endedAt });
    expect(await ask()).toEqual([
      { service: 'CVM', state: 'active', startedAt: null, endedAt: null },
      { service: physical, state: 'ended', startedAt, endedAt },
    ]);
  });

  it('is unknown while its process is gone, and answers as before when it is back on its store', async () => {
    const before = await ask();
    await kill();
    await expect(ask()).rejects.toMatchObject(UNKNOWN);
    await start();
    expect(await ask()).toEqual(before);
  });

  it('is unknown for a tenant it has never heard of: no answer does not mean ended', async () => {
    const other = createHostingSystem({ url }).servicesOf('tn_hosting0000000002');
    await expect(other).rejects.toMatchObject(UNKNOWN);
  });

  it.each([
    ['an unknown state', 'CVM', { state: 'paused', endedAt: null }],
    ['an end without an instant', 'CVM', { state: 'ended', endedAt: null }],
    ['an active service with an end', 'CVM', { state: 'active', endedAt: '2026-03-01T07:00:00Z' }],
    ['an instant without offset', 'CVM', { state: 'ended', endedAt: '2026-03-01T07:00:00' }],
    ['an unknown field', 'CVM', { state: 'active', endedAt: null, by: 'me' }],
    ['an unknown service', 'EC2', { state: 'active', endedAt: null }],
  ])('refuses %s and keeps what it has', async (...[, service, body]) => {
    const before = await ask();
    expect(await put(service, body)).toBeGreaterThanOrEqual(400);
    expect(await ask()).toEqual(before);
  });
});

describe('a client of the hosting system of record', () => {
  const good = { tenantId: TENANT, services: [{ service: 'CVM', state: 'ended', endedAt: null }] };
  const service = { service: 'CVM', state: 'active', startedAt: null, endedAt: null };
  const ended = { ...service, state: 'ended', endedAt: '2026-03-01T07:00:00Z' };
  const answering = (body: unknown, status = 200) =>
    createHostingSystem({
      url: 'http://hosting',
      fetch: () =>
        Promise.resolve(
          new Response(typeof body === 'string' ? body : JSON.stringify(body), { status }),
        ),
    }).servicesOf(TENANT);

  it('takes a well-formed answer, and a start that is not told for one that is not known', async () => {
    expect(await answering({ tenantId: TENANT, services: [service] })).toEqual([service]);
    const untold = { ...ended, startedAt: undefined };
    expect(await answering({ tenantId: TENANT, services: [untold] })).toEqual([ended]);
  });

  it.each<[string, unknown, number?]>([
    ['a server error', { ...good }, 500],
    ['another success', { tenantId: TENANT, services: [service] }, 204 + 2],
    ['text', 'active'],
    ['an empty answer', ''],
    ['null', null],
    ['another tenant', { tenantId: 'tn_hosting0000000002', services: [service] }],
    ['no tenant', { services: [service] }],
    ['no services', { tenantId: TENANT, services: [] }],
    ['an end without an instant', good],
    [
      'the same service twice',
      {
        tenantId: TENANT,
        services: [service, ended],
      },
    ],
    ['an active end', { tenantId: TENANT, services: [{ ...ended, state: 'active' }] }],
    [
      'a start after the end',
      { tenantId: TENANT, services: [{ ...ended, startedAt: '2026-03-01T07:00:01Z' }] },
    ],
    ['an unknown state', { tenantId: TENANT, services: [{ ...service, state: 'off' }] }],
    ['an unknown field', { tenantId: TENANT, services: [{ ...service, note: '' }] }],
    ['an endless answer', `{"tenantId":"${' '.repeat(20_000)}`],
  ])('takes %s for "unknown", which means keep [AB-2]', async (...[, body, status]) => {
    await expect(answering(body, status)).rejects.toMatchObject(UNKNOWN);
  });

  it('follows no redirect and waits no longer than it was told', async () => {
    const server = createServer((request, response) => {
      if (request.url?.startsWith('/moved') === true) {
        response.writeHead(302, { location: `${url}/tenants/${TENANT}/services` }).end();
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      for (const base of [`${address}/moved`, `${address}/silent`]) {
        const asked = createHostingSystem({ url: base, timeoutMs: 300 }).servicesOf(TENANT);
        await expect(asked).rejects.toMatchObject(UNKNOWN);
      }
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it('asks for no malformed tenant', async () => {
    await expect(createHostingSystem({ url }).servicesOf('../x')).rejects.toMatchObject({
      code: 'INVALID_TENANT_ID',
    });
  });
});

describe('what is due after the end of a service', () => {
  const cohort = (subjects: readonly string[]): CohortRow =>
    ({
      ...{ recordClass: 'asset-basic-data', eventKind: 'termination', eventRef: 'sb_1' },
      ...{ subjects, baseEarliestAt: '2026-04-01T00:00:00Z' },
    }) as CohortRow;
  const asked = (subjects: readonly string[], ...services: readonly Partial<HostedService>[]) => {
    const known = services.map((one) => ({
      ...{ service: 'CVM', state: 'ended', startedAt: null, endedAt: null },
      ...one,
    })) as HostedService[];
    const hosting = { servicesOf: () => Promise.resolve(known) };
    return assertServicesEnded({ hosting }, { tenantId: TENANT, requests: [] }, cohort(subjects));
  };

  it('may go when each of its services has ended, or is used anew since the window opened [HS-1] [AB-2]', async () => {
    await expect(asked(['CVM'], {})).resolves.toBeUndefined();
    const anew = { state: 'active', startedAt: '2026-04-01T00:00:00Z' } as const;
    await expect(asked(['CVM'], anew)).resolves.toBeUndefined();
  });

  it.each([
    ['a service is in use', ['CVM'], [{ state: 'active', startedAt: '2026-03-31T23:59:59Z' }]],
    ['nobody knows since when it is in use', ['CVM'], [{ state: 'active' }]],
    ['one of its services is in use', ['CVM', 'ECM'], [{}, { service: 'ECM', state: 'active' }]],
    ['a service is not named', ['CVM', 'ECM'], [{}]],
    ['no service is named', ['CVM'], []],
    ['it belongs to no service', [], [{}]],
  ] as const)('is kept when %s [HS-1] [AB-2]', async (...[, subjects, services]) => {
    await expect(asked(subjects, ...services)).rejects.toMatchObject(UNKNOWN);
  });
});
