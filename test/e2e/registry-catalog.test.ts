import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buildImage, pushArtifact, removeArtifacts } from '../../demo/inputs/oci-images';
import { subscribeTo } from '../support/control';
import { newTenantId } from '../support/engine';
import { placesOf, readEverything } from '../support/everything-stored';
import { createLiveEngine, until, type LiveEngine } from '../support/live-engine';

const url = process.env['LETHE_REGISTRY_URL'] ?? '';
const mark = randomBytes(4).toString('hex');
/** A registry never forgets a name: every run has prefixes of its own. */
const [shop, other, broken] = [`shop-${mark}`, `other-${mark}`, `broken-${mark}`];

let live: LiveEngine;
/** The real registry, seen by a test on the way. */
let passage: Server;
let authority: string;
let seen: string[] = [];
let onTags: (path: string) => Promise<void> = () => Promise.resolve();
const pushed: [repository: string, image: ReturnType<typeof buildImage>][] = [];

async function push(repository: string): Promise<void> {
  const image = buildImage({ layers: [{ 'etc/os-release': 'ID=debian\nVERSION_ID="12"\n' }] });
  await pushArtifact({ url, repository }, image, ['latest']);
  pushed.push([repository, image]);
}

async function passOn(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url ?? '';
  if (path.includes('/tags/list')) {
    seen.push(path);
    await onTags(path);
  }
  const { accept } = request.headers;
  const answer = await fetch(`${url}${path}`, { headers: accept === undefined ? {} : { accept } });
  const told = [...answer.headers].filter(([name]) => /^(content-type|link|docker-)/.test(name));
  response.writeHead(answer.status, Object.fromEntries(told));
  response.end(Buffer.from(await answer.arrayBuffer()));
}

beforeAll(async () => {
  passage = createServer((request, response) => {
    passOn(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => passage.listen(0, '127.0.0.1', resolve));
  authority = `127.0.0.1:${(passage.address() as AddressInfo).port}`;
  for (const repository of [
    ...[`${shop}/front`, `${shop}/team/back`, `${other}/app`],
    ...[`${broken}/first`, `${broken}/second`],
  ]) {
    await push(repository);
  }
  live = await createLiveEngine('2030-01-07T01:00:00Z', {
    LETHE_REGISTRY_ALLOW_HTTP: `${authority},${url.replace(/^https?:\/\//, '')}`,
    LETHE_REGISTRY_ALLOW_PRIVATE: `${authority},${url.replace(/^https?:\/\//, '')}`,
  });
}, 300_000);
afterAll(async () => {
  for (const [repository, image] of pushed) await removeArtifacts({ url, repository }, [image]);
  await live.remove();
  passage.closeAllConnections();
  passage.close();
});

/** Addresses of the repositories that are stored of a tenant, those of today first. */
async function repositoriesOf(tenantId: string): Promise<readonly string[]> {
  const rows = await live.engine
    .root('assets')
    .query('SELECT CAST(body AS CHAR) AS body FROM assets WHERE tenant_id = ?', [tenantId]);
  return rows
    .map((row) => (JSON.parse(String(row['body'])) as { repository: string }).repository)
    .sort();
}

/** Subscribes, shares the prefix and orders the scan of it. */
async function orderedBy(tenantId: string, registry: string, prefix: string): Promise<void> {
  const header = (idempotencyKey: string) => ({
    ...{ tenantId, idempotencyKey, requestedBy: 'console' },
  });
  await live.subscribe(tenantId, subscribeTo('CVM'));
  await live.client.grantSharing(header('grant'), {
    ...{ authorizationId: 'all', registry: registry.replace(/^https?:\/\//, '') },
    ...{ repositories: [`${prefix}/*`], validUntil: '2031-01-01T00:00:00Z' },
  });
  await live.client.requestRepositoryScan(header('scan'), {
    ...{ registry, repository: `${prefix}/*` },
  });
}

const scansOf = async (tenantId: string) =>
  (await live.client.scans(tenantId)).map(({ result }) => result?.counts['repositories']);

describe('a scope of a real registry', () => {
  it('goes on with the repository that a killed worker was at, and reads no other one again [AB-1]', async () => {
    const tenantId = newTenantId();
    let killed: Promise<void> | undefined;
    const here = new Promise<void>((resolve) => {
      onTags = async (path) => {
        if (!path.includes(`${broken}/second`) || killed !== undefined) return;
        killed = live.worker.kill();
        await killed;
        resolve();
      };
    });
    seen = [];
    await orderedBy(tenantId, `http://${authority}`, broken);
    await here;
    await live.worker.start();
    await live.settled(tenantId);
    const read = (name: string) =>
      seen.filter((path) => path.includes(`${broken}/${name}/`)).length;
    expect(['first', 'second'].map(read)).toEqual([1, 2]);
    const [scan] = await live.client.scans(tenantId);
    expect(scan?.result).toMatchObject({
      outcome: 'complete',
      counts: { repositories: 2, assets: 2 },
    });
    expect(await repositoriesOf(tenantId)).toHaveLength(2);
  });

  it('is scanned as its catalog lists it, on schedule with what is new, and leaves no name when the data is gone [DC-2, SH-1, ST-1]', async () => {
    const tenantId = newTenantId();
    await orderedBy(tenantId, url, shop);
    await live.settled(tenantId);
    expect(await scansOf(tenantId)).toEqual([2]);
    expect(await repositoriesOf(tenantId)).toEqual([`${shop}/front`, `${shop}/team/back`]);

    await push(`${shop}/new`);
    await live.client.scheduleScans({ tenantId, requestedBy: 'console' }, { everyHours: 24 });
    await live.engine.setClock('2030-01-08T12:00:00Z');
    await until(async () => {
      await live.client.sweepNow();
      return (await scansOf(tenantId)).length === 2;
    });
    await live.settled(tenantId);
    expect(await scansOf(tenantId)).toEqual([3, 2]);
    expect(await repositoriesOf(tenantId)).toEqual(
      [`${shop}/front`, `${shop}/new`, `${shop}/team/back`].sort(),
    );
    const found = await readEverything(live);
    expect(placesOf(found, other)).toEqual([]);
    const named = placesOf(found, `${shop}/front`);
    expect(named.filter((place) => !/^(mysql|mongodb):assets\./.test(place))).toEqual([]);
    expect(named.length).toBeGreaterThan(0);

    await live.client.scheduleScans({ tenantId, requestedBy: 'console' }, { everyHours: null });
    await live.send(tenantId, 'endService', { service: 'CVM' });
    await live.endHosting(tenantId, 'CVM');
    await live.send(tenantId, 'endFeature', {});
    await live.playToTheEnd(tenantId);
    const left = await readEverything(live);
    for (const name of [`${shop}/front`, `${shop}/new`, `${shop}/team/back`]) {
      expect(placesOf(left, name)).toEqual([]);
    }
  });
});
