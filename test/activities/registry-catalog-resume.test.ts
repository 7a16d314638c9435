import type { ScanPorts } from '../../src/activities/ingest/ports';
import { createCatalogBench, WITHIN, type CatalogBench } from '../support/catalog';

let stage: CatalogBench;
beforeAll(async () => {
  stage = await createCatalogBench();
});
afterAll(() => stage.remove());
beforeEach(() => {
  stage.reset();
});

describe('a scan of what a catalog lists that broke off', () => {
  it('goes on behind what it was through with, and stores nothing twice [AB-1]', async () => {
    const tenantId = await stage.sharing('shop/*');
    const scan = await stage.ordered(tenantId);
    const dying: ScanPorts['observeRegistry'] = (reading) =>
      reading.repository === 'shop/front'
        ? Promise.reject(new Error('killed'))
        : Promise.resolve(stage.observed(reading));
    await expect(stage.run(scan, { observeRegistry: dying })).rejects.toThrow('killed');
    stage.read = [];
    expect(await stage.run(scan)).toMatchObject({ done: true });
    expect(stage.read).toEqual(['shop/front']);
    expect(await stage.bench.resultOf(scan)).toMatchObject({
      outcome: 'complete',
      counts: { repositories: 3, assets: 3 },
    });
  });

  it('between the store and the record of it scans that one again, which changes nothing [AB-1]', async () => {
    const tenantId = await stage.sharing('shop/*');
    const scan = await stage.ordered(tenantId);
    let left = 1;
    const { control } = stage.harness.ports;
    const dying = {
      ...control,
      query: control.query.bind(control),
      transaction: control.transaction.bind(control),
      execute: (...given: Parameters<typeof control.execute>) => {
        if (given[0].includes('INSERT INTO scanned_repositories') && (left -= 1) === -1) {
          return Promise.reject(new Error('killed'));
        }
        return control.execute(...given);
      },
    };
    await expect(stage.run(scan, { control: dying })).rejects.toThrow('killed');
    const stored = await stage.harness.count(tenantId);
    expect(stage.read).toEqual(['shop/a/b', 'shop/back']);
    stage.read = [];
    await stage.harness.advance(5);
    await stage.run(scan);
    expect(stage.read).toEqual(['shop/back', 'shop/front']);
    const twin = await stage.sharing('shop/*');
    await stage.run(await stage.ordered(twin));
    // The row of a complete scan is the only thing that a second reading adds.
    expect((await stage.harness.count(tenantId)) - (await stage.harness.count(twin))).toBe(1);
    expect(stored).toBeLessThan(await stage.harness.count(twin));
  });

  it('whose late attempt still runs beside the next one counts every repository once [AB-1]', async () => {
    const tenantId = await stage.sharing('shop/*');
    const scan = await stage.ordered(tenantId);
    let both = await Promise.all([stage.run(scan), stage.run(scan)]);
    // One waits while the other one writes, as a workflow would.
    while (!both.every(({ done }) => done)) {
      both = await Promise.all([stage.run(scan), stage.run(scan)]);
    }
    expect(await stage.bench.resultOf(scan)).toMatchObject({
      outcome: 'complete',
      counts: { repositories: 3 },
    });
    const [row] = await stage.harness.environment
      .pool('root')
      .query('SELECT COUNT(*) AS n FROM scanned_repositories WHERE tenant_id = ?', [tenantId]);
    expect(Number(row?.['n'])).toBe(3);
    // One version of each repository and of its image, whoever wrote it.
    const live = await stage.harness.live(tenantId);
    expect([live['assets']?.length, live['images']?.length]).toEqual([3, 3]);
  });

  it('ends every attempt in time, and every attempt gets further', async () => {
    const scan = await stage.ordered(await stage.sharing('shop/*'));
    const short = { attemptMilliseconds: 0 };
    for (const done of [['shop/a/b'], ['shop/a/b', 'shop/back'], WITHIN]) {
      expect(await stage.run(scan, short)).toMatchObject({ done: false, blockedOn: null });
      expect(stage.read).toEqual(done);
    }
    expect(await stage.run(scan, short)).toMatchObject({ done: true });
    expect(stage.read).toEqual(WITHIN);
  });

  it('waits for a registry that is away, then for that repository alone, and not for all [DC-2]', async () => {
    const away = { observeRegistry: stage.failingAt('STORE_UNAVAILABLE', 'shop/back') };
    const scan = await stage.ordered(await stage.sharing('shop/*'));
    await expect(stage.run(scan, away)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await stage.harness.advance(900);
    await expect(stage.run(scan, away)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await stage.harness.advance(1);
    expect(await stage.run(scan, away)).toMatchObject({ done: true });
    expect(stage.read).toEqual(['shop/a/b', 'shop/front']);
    expect(await stage.bench.resultOf(scan)).toMatchObject({
      outcome: 'complete',
      counts: { assets: 2, 'failed:STORE_UNAVAILABLE': 1 },
    });
  });

  it('ends when the registry stays away for three in a row', async () => {
    stage.listing(['shop/1', 'shop/2', 'shop/3', 'shop/4', 'shop/5']);
    const away = stage.failingAt('STORE_UNAVAILABLE', 'shop/2', 'shop/3', 'shop/4', 'shop/5');
    const scan = await stage.ordered(await stage.sharing('shop/*'));
    await stage.harness.advance(901);
    await expect(stage.run(scan, { observeRegistry: away })).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
    await stage.harness.advance(901);
    await stage.run(scan, { observeRegistry: away });
    expect(await stage.bench.resultOf(scan)).toMatchObject({
      outcome: 'failed',
      counts: { code: 'STORE_UNAVAILABLE', repositories: 4, assets: 1, failed: 3 },
    });
  });
});
