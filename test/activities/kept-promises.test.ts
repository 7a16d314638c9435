import { refreshTenant } from '../../src/activities/control/refresh-tenant';
import type { DeriveWindow } from '../../src/contracts/windows';
import { createEngineHarness, type EngineHarness } from '../support/engine';
import { hold } from '../support/holds';
import { assetDays, withHost } from '../support/tenant-life';

const DAY_MS = 86_400_000;

let engine: EngineHarness;
beforeAll(async () => {
  engine = await createEngineHarness();
  await engine.setClock('2030-01-07T01:00:00Z');
});
afterAll(() => engine.remove());

/** The rule as a machine with other calendar or time zone data would compute it. */
const shifted =
  (days: number): DeriveWindow =>
  (facts, circumstances) => {
    const window = engine.parts.derive(facts, circumstances);
    const { latestAt } = window;
    if (latestAt === null) return window;
    return {
      ...window,
      latestAt: new Date(Date.parse(latestAt) + days * DAY_MS).toISOString(),
    };
  };

const latestWith = async (tenantId: string, derive: DeriveWindow): Promise<string | null> => {
  const control = engine.stores.sql('control', 'control');
  const [due] = assetDays(await refreshTenant({ control, derive }, tenantId));
  return due?.latestAt ?? null;
};

describe('a promised end', () => {
  it('never moves later by new calendar or time zone data alone, only earlier [AB-3]', async () => {
    const { tenantId } = await withHost(engine, 'CVM');
    await engine.send(tenantId, 'endService', { service: 'CVM' });
    const [due] = assetDays(await engine.runWork(tenantId));
    const promised = Date.parse(due?.latestAt ?? '');
    expect(Date.parse((await latestWith(tenantId, shifted(3))) ?? '')).toBe(promised);
    const earlier = promised - 2 * DAY_MS;
    expect(Date.parse((await latestWith(tenantId, shifted(-2))) ?? '')).toBe(earlier);
    expect(Date.parse((await latestWith(tenantId, shifted(0))) ?? '')).toBe(earlier);
  });

  it('moves later when a fact says so: a hold defers it [CC-4]', async () => {
    const { tenantId } = await withHost(engine, 'CVM');
    await engine.send(tenantId, 'endService', { service: 'CVM' });
    const [due] = assetDays(await engine.runWork(tenantId));
    await latestWith(tenantId, shifted(-2));
    const release = await hold(engine, tenantId);
    await engine.setClock(due?.deleteNotBefore ?? '');
    await release();
    const [after] = assetDays(await engine.snapshot(tenantId));
    expect(Date.parse(after?.latestAt ?? '')).toBeGreaterThan(Date.parse(due?.latestAt ?? ''));
  });
});
