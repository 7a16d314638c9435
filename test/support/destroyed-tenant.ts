import type { EngineHarness } from './engine';
import { hostReport, newAsset } from './observations';
import { ended, liveDigest, subscribed } from './tenant-life';

/**
 * A tenant whose data was collected, archived and destroyed, with one certificate per class.
 *
 * @param from - when its life begins; later than the lives before it.
 * @param planted - content that its data holds and no evidence may.
 */
export async function destroyedTenant(
  engine: EngineHarness,
  from: string,
  planted: string,
): Promise<string> {
  const day = dayAfter(from);
  const tenant = await endedTenant(engine, from, planted);
  await engine.setClock(day(33));
  await engine.destroy(tenant);
  engine.hosted = [ended('CVM')];
  await engine.setClock(day(181));
  const { snapshot } = await engine.destroy(tenant);
  if (snapshot.counters.certificates !== 2) throw new Error('the tenant was not destroyed');
  return tenant;
}

/** Instants by the number of days after another one. */
export const dayAfter =
  (from: string) =>
  (days: number): string =>
    new Date(Date.parse(from) + days * 86_400_000).toISOString().replace('.000Z', 'Z');

/** A tenant whose use has ended on the day after its beginning, and whose data is archived. */
export async function endedTenant(
  engine: EngineHarness,
  from: string,
  planted: string,
): Promise<string> {
  await engine.setClock(from);
  engine.hosted = [];
  const tenant = await subscribed(engine, 'CVM');
  const asset = newAsset();
  await engine.send(tenant, 'linkAsset', { assetId: asset, services: ['CVM'] });
  await engine.observe(
    hostReport(tenant, asset, { observedAt: await engine.now(), shell: `/bin/${planted}` }),
  );
  const [content] = (await liveDigest(engine, tenant)).filter((text) => text.includes(planted));
  if (content === undefined) throw new Error('nothing was planted');
  await engine.setClock(dayAfter(from)(1));
  await engine.send(tenant, 'endService', { service: 'CVM' });
  await engine.send(tenant, 'endFeature', {});
  await engine.runWork(tenant);
  return tenant;
}
