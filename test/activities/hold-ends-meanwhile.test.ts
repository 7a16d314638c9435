import { refreshTenant } from '../../src/activities/control/refresh-tenant';
import type { SqlPool } from '../../src/contracts/sql';
import { createEngineHarness, type EngineHarness } from '../support/engine';
import { approveRelease, placeOver } from '../support/holds';
import { assetDays, ended, withHost } from '../support/tenant-life';

let engine: EngineHarness;
beforeEach(async () => {
  engine = await createEngineHarness();
  await engine.setClock('2030-01-07T01:00:00Z');
});
afterEach(() => engine.remove());

const at = (instant: string, shiftMs = 0): Promise<void> =>
  engine.setClock(new Date(Date.parse(instant) + shiftMs).toISOString());

/** A tenant whose archive is due, under a hold whose release was approved. */
async function heldUntil(): Promise<{ readonly tenantId: string; readonly releasedAt: string }> {
  const { tenantId } = await withHost(engine, 'CVM');
  await engine.send(tenantId, 'endService', { service: 'CVM' });
  await engine.send(tenantId, 'endFeature', {});
  const [day] = assetDays(await engine.runWork(tenantId));
  engine.hosted = [ended('CVM')];
  await at(day?.deleteNotBefore ?? '', 1);
  const { holdId } = await placeOver(engine, [{ tenantId }]);
  return { tenantId, releasedAt: await approveRelease(engine, holdId) };
}

/** A control login during whose transaction the clock passes an instant, behind a statement that is named. */
function passing(pool: SqlPool, behind: RegExp, pass: () => Promise<void>): SqlPool {
  let passed = false;
  const run: SqlPool['transaction'] = (work) =>
    pool.transaction((sql) =>
      work({
        ...sql,
        query: async (text, params) => {
          const rows = await sql.query(text, params);
          if (!passed && behind.test(text)) {
            passed = true;
            await pass();
          }
          return rows;
        },
      }),
    );
  return { ...pool, transaction: run };
}

describe('a hold that ends while a process reads the facts', () => {
  it('is waited for, when the clock passes its end behind the reading of holds [CC-4]', async () => {
    const { tenantId, releasedAt } = await heldUntil();
    await at(releasedAt, -60_000);
    const control = passing(engine.stores.sql('control', 'control'), /FROM hold_scopes c/, () =>
      at(releasedAt, 1),
    );
    const snapshot = await refreshTenant({ control, derive: engine.parts.derive }, tenantId);
    // Companion: the windows are those of a held tenant, so nothing but the end of the hold can wake it.
    expect(assetDays(snapshot)).toMatchObject([{ deleteNotBefore: null }]);
    expect(snapshot).toMatchObject({ nextDueAt: releasedAt, holdsTotal: 1 });

    const next = await engine.snapshot(tenantId);
    expect(next).toMatchObject({ holdsTotal: 0 });
    expect(assetDays(next)[0]?.deleteNotBefore).not.toBeNull();
  });
});
