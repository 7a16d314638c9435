import { randomBytes } from 'node:crypto';
import { buildImage, pushArtifact, removeArtifacts } from '../../demo/inputs/oci-images';
import { subscribeTo } from '../support/control';
import { newTenantId } from '../support/engine';
import { placesOf, readEverything } from '../support/everything-stored';
import { createLiveEngine, until, type LiveEngine } from '../support/live-engine';

const url = process.env['LETHE_REGISTRY_URL'] ?? '';
const mark = randomBytes(4).toString('hex');
/** A registry never forgets a name: every run has prefixes of its own. */
const [shop, other] = [`shop-${mark}`, `other-${mark}`];

let live: LiveEngine;
const pushed: [repository: string, image: ReturnType<typeof buildImage>][] = [];

async function push(repository: string): Promise<void> {
  const image = buildImage({ layers: [{ 'etc/os-release': 'ID=debian\nVERSION_ID="12"\n' }] });
  await pushArtifact({ url, repository }, image, ['latest']);
  pushed.push([repository, image]);
}

beforeAll(async () => {
  for (const repository of [`${shop}/front`, `${shop}/team/back`, `${other}/app`]) {
    await push(repository);
  }
  live = await createLiveEngine('2030-01-07T01:00:00Z');
}, 300_000);
afterAll(async () => {
  for (const [repository, image] of pushed) await removeArtifacts({ url, repository }, [image]);
  await live.remove();
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

const scansOf = async (tenantId: string) =>
  (await live.client.scans(tenantId)).map(({ result }) => result?.counts['repositories']);

describe('a scope of a real registry', () => {
  it('is scanned as its catalog lists it, on schedule with what is new, and leaves no name when the data is gone [DC-2, SH-1, ST-1]', async () => {
    const tenantId = newTenantId();
    const header = (idempotencyKey: string) => ({
      ...{ tenantId, idempotencyKey, requestedBy: 'console' },
    });
    await live.subscribe(tenantId, subscribeTo('CVM'));
    await live.client.grantSharing(header('grant'), {
      ...{ authorizationId: 'all', registry: url.replace(/^https?:\/\//, '') },
      ...{ repositories: [`${shop}/*`], validUntil: '2031-01-01T00:00:00Z' },
    });
    await live.client.requestRepositoryScan(header('scan'), {
      ...{ registry: url, repository: `${shop}/*` },
    });
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
