import type { EngineHarness } from './engine';
import { hold } from './holds';
import { hostReport, newAsset } from './observations';
import { daysLater } from './put-back';
import { loseRows } from './restore-gate';
import { ended, subscribed } from './tenant-life';

/** An asset of a service that has ended, archived; then seen under another one, so that it comes back. */
export async function cameBack(
  engine: EngineHarness,
  while_: { readonly held: boolean },
): Promise<string> {
  const tenantId = await subscribed(engine, 'CVM', 'Lighthouse');
  const assetId = newAsset();
  await engine.send(tenantId, 'linkAsset', { assetId, services: ['CVM'] });
  await engine.observe(hostReport(tenantId, assetId, { observedAt: await engine.now() }));
  await daysLater(engine, 1);
  await engine.send(tenantId, 'endService', { service: 'CVM' });
  await engine.runWork(tenantId);
  engine.hosted = [ended('CVM')];
  // Under a hold the archive stays although everything is back.
  if (while_.held) await hold(engine, tenantId);
  const report = hostReport(tenantId, assetId, { observedAt: await engine.now() });
  (report.assets[0] as { links: unknown }).links = { to: 'services', services: ['Lighthouse'] };
  await engine.observe(report);
  await engine.runWork(tenantId);
  return tenantId;
}

/** Control as it was before the asset came back: no command tells of it, so nobody sends one again. */
export function loseReturn(engine: EngineHarness, tenantId: string): Promise<void> {
  const runs = `run_id IN (SELECT run_id FROM runs WHERE tenant_id = '${tenantId}')`;
  return loseRows(engine, [
    `DELETE FROM asset_uses WHERE tenant_id = '${tenantId}' AND service = 'Lighthouse'`,
    `DELETE FROM cohort_states WHERE ${runs}`,
    `DELETE FROM returned_batches WHERE ${runs}`,
    `DELETE FROM verifications WHERE ${runs} AND subject = 'restored'`,
    `DELETE FROM event_closings WHERE tenant_id = '${tenantId}' AND event_id IN (
       SELECT event_id FROM events WHERE event_kind = 'restore')`,
    `DELETE FROM events WHERE tenant_id = '${tenantId}' AND event_kind = 'restore'`,
  ]);
}
