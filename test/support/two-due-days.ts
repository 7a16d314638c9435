import type { EngineHarness } from './engine';
import { hostReport, newAsset } from './observations';
import { backedUpLinks, daysLater } from './put-back';
import { assetDays, ended, subscribed } from './tenant-life';

/** A tenant whose use has ended with two due days in one run. */
export interface TwoDays {
  readonly tenantId: string;
  /** Puts a row back that went with the first due day. */
  readonly bringFirst: () => Promise<number>;
  /** Puts a row back that waits with the second one. */
  readonly bringSecond: () => Promise<number>;
}

/** A tenant whose use has ended with two due days in one run; the first of them can go now. */
export async function withTwoDays(engine: EngineHarness): Promise<TwoDays> {
  const tenantId = await subscribed(engine, 'CVM');
  const scan = async (): Promise<string> => {
    const assetId = newAsset();
    await engine.send(tenantId, 'linkAsset', { assetId, services: ['CVM'] });
    await engine.observe(hostReport(tenantId, assetId, { observedAt: await engine.now() }));
    return assetId;
  };
  const first = await scan();
  await daysLater(engine, 150);
  const second = await scan();
  const bringFirst = await backedUpLinks(engine, { assetId: first });
  const bringSecond = await backedUpLinks(engine, { assetId: second });
  await daysLater(engine, 10);
  await engine.send(tenantId, 'endService', { service: 'CVM' });
  const days = assetDays(await engine.runWork(tenantId));
  expect(days.map(({ records }) => records)).toEqual([7, 7]);
  engine.hosted = [ended('CVM')];
  await engine.setClock(days[0]?.deleteNotBefore ?? '');
  return { tenantId, bringFirst, bringSecond };
}

/** The same tenant after its first due day went and before it was certified, in use again. */
export async function destroyedAndBack(engine: EngineHarness): Promise<TwoDays> {
  const two = await withTwoDays(engine);
  const { tenantId } = two;
  await engine.activities.destroyDue({ tenantId, workflowNow: await engine.now() });
  await engine.send(tenantId, 'attachService', { service: 'CVM' });
  return two;
}
