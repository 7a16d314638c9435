import type { ScanPorts } from '../../src/activities/ingest/ports';
import { repositoryAssetId } from '../../src/activities/registry/observe-repository';
import { createCatalogBench, PAGES, WITHIN, type CatalogBench } from '../support/catalog';

let stage: CatalogBench;
beforeAll(async () => {
  stage = await createCatalogBench();
});
afterAll(() => stage.remove());
beforeEach(() => {
  stage.reset();
});

const assetsOf = async (tenantId: string) =>
  ((await stage.harness.live(tenantId))['assets'] ?? []).map((row) =>
    String((row as Record<string, unknown>)['asset_id']),
  );
/** Everything in control, as one text. */
async function controlText(): Promise<string> {
  const root = stage.harness.environment.pool('root');
  const tables = await root.query(
    "SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE'",
  );
  const texts = [];
  for (const { name } of tables) {
    const rows = await root.query(`SELECT * FROM \`${String(name)}\``);
    texts.push(...rows.flatMap((row) => Object.values(row).map(String)));
  }
  return texts.join('\n');
}

describe('the scan of what a catalog lists', () => {
  it('reads every repository within its scope, over all pages, and no other one [DC-2, SH-1]', async () => {
    const tenantId = await stage.sharing('shop/*');
    const scan = await stage.ordered(tenantId);
    expect(await stage.run(scan)).toMatchObject({
      done: true,
      counts: { repositories: 3, records: 6 },
    });
    expect(stage.read).toEqual(WITHIN);
    expect(await stage.bench.resultOf(scan)).toMatchObject({
      outcome: 'complete',
      counts: { repositories: 3, assets: 3 },
    });
    const assets = WITHIN.map((name) =>
      repositoryAssetId(tenantId, stage.registry.authority, name),
    );
    expect(await assetsOf(tenantId)).toEqual(expect.arrayContaining(assets));
  });

  it('leaves the names that it found with the assets alone [ST-1]', async () => {
    const tenantId = await stage.sharing('shop/*');
    await stage.run(await stage.ordered(tenantId));
    const control = await controlText();
    expect(control).toContain('shop/*');
    for (const name of [...PAGES.flat(), 'secret']) expect(control).not.toContain(name);
    expect(JSON.stringify(await stage.harness.live(tenantId))).not.toMatch(/secret|zebra|cart/);
  });

  it('reads all that a registry holds when all is shared [SH-1]', async () => {
    const scan = await stage.ordered(await stage.sharing('*'), '*');
    await stage.run(scan);
    expect(stage.read).toEqual([...PAGES.flat()].sort());
  });

  it.each([
    ['shop/front', 'shop/*'],
    ['shop/a/*', 'shop/*'],
    ['shop/*', '*'],
  ])('is not ordered where %s is shared and %s is asked for [SH-1]', async (shared, asked) => {
    const tenantId = await stage.sharing(shared);
    await expect(stage.ordered(tenantId, asked)).rejects.toMatchObject({
      code: 'AUTHORIZATION_REQUIRED',
      field: 'repository',
    });
  });

  it('asks nothing without a valid authorization [SH-1]', async () => {
    const tenantId = await stage.sharing('shop/*');
    const scan = await stage.ordered(tenantId);
    await stage.revoke(tenantId);
    const before = stage.registry.seen.length;
    expect(await stage.run(scan)).toMatchObject({ done: true, counts: { refused: 1 } });
    expect(stage.registry.seen.length).toBe(before);
    expect(await stage.bench.refusalsOf(tenantId)).toEqual(['AUTHORIZATION_REQUIRED']);
  });

  it('stops with the page it is at when the authorization is revoked [SH-1]', async () => {
    const tenantId = await stage.sharing('shop/*');
    const scan = await stage.ordered(tenantId);
    const lists = stage.answer;
    let revoked: Promise<unknown> | undefined;
    stage.answer = (path) => (response) => {
      revoked ??= stage.revoke(tenantId);
      void revoked.then(() => {
        const { body, headers } = lists(path) as { body: object; headers?: { link: string } };
        response.writeHead(200, { 'content-type': 'application/json', ...headers });
        response.end(JSON.stringify(body));
      });
    };
    const before = stage.registry.seen.length;
    expect(await stage.run(scan)).toMatchObject({ counts: { refused: 1 } });
    expect(stage.registry.seen.length).toBe(before + 1);
    expect(stage.read).toEqual([]);
  });

  it('stops behind the repository it is at when the authorization is revoked; what it stored stays [SH-1]', async () => {
    const tenantId = await stage.sharing('shop/*');
    const scan = await stage.ordered(tenantId);
    const observeRegistry: ScanPorts['observeRegistry'] = async (reading) => {
      if (reading.repository === 'shop/back') await stage.revoke(tenantId);
      return stage.observed(reading);
    };
    await stage.run(scan, { observeRegistry });
    expect(stage.read).toEqual(['shop/a/b', 'shop/back']);
    expect(await stage.bench.resultOf(scan)).toMatchObject({
      outcome: 'refused',
      counts: { code: 'AUTHORIZATION_REQUIRED', repositories: 1, assets: 1 },
    });
  });

  it('stops when it is cancelled', async () => {
    const tenantId = await stage.sharing('shop/*');
    const scan = await stage.ordered(tenantId);
    const observeRegistry: ScanPorts['observeRegistry'] = async (reading) => {
      await stage.harness.ports.control.execute(
        `INSERT INTO scan_results (tenant_id, scan_id, outcome, counts, redacted, finished_at)
         VALUES (?, ?, 'cancelled', '{}', 0, lethe_now())`,
        [tenantId, scan.scanId],
      );
      return stage.observed(reading);
    };
    expect(await stage.run(scan, { observeRegistry })).toMatchObject({ counts: { cancelled: 1 } });
    expect(stage.read).toEqual(['shop/a/b']);
    expect(await assetsOf(tenantId)).toHaveLength(0);
  });

  it('goes on beside a repository that cannot be read, which is on record', async () => {
    const scan = await stage.ordered(await stage.sharing('shop/*'));
    const observeRegistry = stage.failingAt('ACCESS_DENIED', 'shop/back');
    await stage.run(scan, { observeRegistry });
    expect(stage.read).toEqual(['shop/a/b', 'shop/front']);
    expect(await stage.bench.resultOf(scan)).toMatchObject({
      outcome: 'complete',
      counts: { repositories: 3, assets: 2, failed: 1, 'failed:ACCESS_DENIED': 1 },
    });
  });

  it('goes on beside a repository that another scan was later at', async () => {
    const tenantId = await stage.sharing('shop/*');
    const scan = await stage.ordered(tenantId);
    await stage.harness.advance(10);
    await stage.run(await stage.ordered(tenantId, 'shop/back'));
    stage.read = [];
    const old = new Date(Date.parse(await stage.harness.now()) - 5_000).toISOString();
    const observeRegistry: ScanPorts['observeRegistry'] = (reading) =>
      Promise.resolve(
        stage.observed(
          reading.repository === 'shop/back' ? { ...reading, observedAt: old } : reading,
        ),
      );
    await stage.harness.advance(1);
    await stage.run(scan, { observeRegistry });
    expect(stage.read).toEqual(WITHIN);
    expect(await stage.bench.resultOf(scan)).toMatchObject({
      outcome: 'complete',
      counts: { assets: 2, refused: 1, 'refused:STALE_OBSERVATION': 1 },
    });
    expect(await stage.bench.refusalsOf(tenantId)).toEqual(['STALE_OBSERVATION']);
  });

  it('has failed when none of its repositories could be read', async () => {
    const scan = await stage.ordered(await stage.sharing('shop/*'));
    await stage.run(scan, { observeRegistry: stage.failingAt('STORE_REFUSED', ...WITHIN) });
    expect(await stage.bench.resultOf(scan)).toMatchObject({
      outcome: 'failed',
      counts: { code: 'STORE_REFUSED', repositories: 3, failed: 3 },
    });
  });

  it('is complete when nothing is listed within its scope', async () => {
    stage.listing(['other/app']);
    const scan = await stage.ordered(await stage.sharing('shop/*'));
    expect(await stage.run(scan)).toMatchObject({ done: true });
    expect(await stage.bench.resultOf(scan)).toEqual({
      outcome: 'complete',
      counts: { repositories: 0 },
    });
  });
});

describe('a registry that gives no catalog', () => {
  it.each([
    [401, 'ACCESS_DENIED'],
    [403, 'ACCESS_DENIED'],
    [404, 'STORE_REFUSED'],
    [405, 'STORE_REFUSED'],
  ])('with status %i ends the scan with %s', async (status, code) => {
    stage.answer = () => ({ status, body: {} });
    const scan = await stage.ordered(await stage.sharing('shop/*'));
    expect(await stage.run(scan)).toMatchObject({ done: true, counts: { failed: 1 } });
    expect(await stage.bench.resultOf(scan)).toMatchObject({ outcome: 'failed', counts: { code } });
  });

  it('because it is away is asked again for a while', async () => {
    stage.answer = () => ({ status: 500 });
    const scan = await stage.ordered(await stage.sharing('shop/*'));
    await expect(stage.run(scan)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await stage.harness.advance(901);
    await stage.run(scan);
    expect(await stage.bench.resultOf(scan)).toMatchObject({
      counts: { code: 'STORE_UNAVAILABLE' },
    });
  });
});

describe('a hostile catalog', () => {
  it('cannot lead to anything but repositories within the scope', async () => {
    stage.listing([
      'shop/../other',
      'shop/%2e%2e/x',
      'shop/UPPER',
      'shop/a?b',
      'shop/ok',
      '../shop/x',
      7,
    ]);
    const scan = await stage.ordered(await stage.sharing('shop/*'));
    await stage.run(scan);
    expect(stage.read).toEqual(['shop/ok']);
    expect(await stage.bench.resultOf(scan)).toMatchObject({ counts: { malformedNames: 4 } });
  });

  it('is no catalog when it holds too many names, or too many that are none', async () => {
    const many = Array.from({ length: 10_001 }, (_, index) => `shop/app-${index}`);
    const bad = Array.from({ length: 101 }, (_, index) => `shop/BAD-${index}`);
    for (const names of [many, bad]) {
      stage.listing(names);
      const scan = await stage.ordered(await stage.sharing('shop/*'));
      await stage.run(scan);
      expect(await stage.bench.resultOf(scan)).toMatchObject({
        outcome: 'failed',
        counts: { code: 'STORE_REFUSED', repositories: 0 },
      });
    }
    expect(stage.read).toEqual([]);
  });

  it('may hold any number of names beyond the scope', async () => {
    const others = Array.from({ length: 30_000 }, (_, index) => `others/app-${index}`);
    const bad = Array.from({ length: 200 }, (_, index) => `others/BAD-${index}`);
    stage.listing(others, bad, ['shop/front']);
    await stage.run(await stage.ordered(await stage.sharing('shop/*')));
    expect(stage.read).toEqual(['shop/front']);
  });
});
