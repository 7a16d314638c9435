import { subscribeTo } from './control';
import { Holding } from './crash-holding';
import type { Point } from './crash-life';
import type { Plot, Story } from './crash-stories';
import { newTenantId, type EngineHarness } from './engine';
import { placeOver, release } from './holds';
import type { Lift } from './interlocks';
import { hostReport, newAsset } from './observations';
import type { Split } from './split-verdict';
import { ended } from './tenant-life';
import type { Part } from './verdict';

const ONE_HOST: Part['rows'] = {
  'mysql:assets.assets': 1,
  'mysql:assets.asset_links': 1,
  'mysql:assets.scans': 1,
  'mysql:assets.image_risks': 1,
  'mongodb:assets.fingerprints': 3,
};

/** The one key of asset data that a tenant has. */
async function onlyKey(engine: EngineHarness, tenantId: string): Promise<string> {
  const rows = await engine
    .root('keys')
    .query(`SELECT key_ref FROM data_keys WHERE tenant_id = ? AND key_ref LIKE 'asset:%'`, [
      tenantId,
    ]);
  if (rows.length !== 1) throw new Error(`the tenant has ${rows.length} keys`);
  return String(rows[0]?.['key_ref']);
}

/** Two hosts that are due on one day; before it comes, a hold is placed over one of them. */
async function heldHost(engine: EngineHarness, year: number): Promise<Plot> {
  const tenantId = newTenantId();
  await engine.setClock(`${year}-01-07T01:00:00Z`);
  await engine.send(tenantId, 'subscribe', subscribeTo('CVM'));
  const [assetId, other] = [newAsset(), newAsset()];
  for (const asset of [assetId, other]) {
    await engine.send(tenantId, 'linkAsset', { assetId: asset, services: ['CVM'] });
    await engine.observe(hostReport(tenantId, asset, { observedAt: `${year}-01-07T01:00:00Z` }));
  }
  await engine.send(tenantId, 'endService', { service: 'CVM' });
  engine.hosted = [ended('CVM')];
  const part: Part = { notBefore: `${year}-07-06T01:00:00Z`, rows: ONE_HOST };
  // 180 days after the observation and one more, in Shanghai.
  const split: Split = {
    ...{ assetId, restBefore: `${year}-07-07T16:00:00Z` },
    ...{ placed: null, isLost: false, records: new Map() },
  };
  const place = async (): Promise<Lift> => {
    const key = await onlyKey(engine, tenantId);
    const scope = { tenantId, recordClass: 'asset-basic-data', assetId } as const;
    const { holdId } = await placeOver(engine, [scope]);
    split.placed = { holdId, key };
    return () => release(engine, holdId);
  };
  const at = (point: Point): Promise<boolean> => Promise.resolve(point === 'wait');
  const holds = new Holding(engine, tenantId, { at, place });
  return { tenantId, parts: [part, part], holds, split };
}

/** A due day that is split: what the hold covers is withheld under a key of its own, and the rest goes. */
export const splitDay: Story = {
  name: 'asset data of which a hold splits a due day',
  dangers: [
    [/INSERT INTO cohort_splits/, 'before'],
    [/INSERT INTO split_verdicts/, 'before'],
    [/CALL destroy_key/, 'after'],
  ],
  begin: heldHost,
};
