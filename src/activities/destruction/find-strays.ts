import type { SqlPool } from '../../contracts/sql';
import type { CollectionLocation } from '../../contracts/documents';
import { required, textRow, textRows } from '../control/sql-text';
import { activeServices, readTenantFacts } from '../control/tenant-facts';
import { readRun } from '../disposition/run-rows';
import { recordStrays } from '../control/strays';
import { listGroups } from '../mongo/documents';
import type { VerifierPorts } from '../verification/ports';
import { findStrayArchives } from './find-stray-archives';
import { findStraySettings } from './find-stray-settings';

const COLLECTIONS: readonly CollectionLocation[] = [
  'mongodb:assets.fingerprints',
  'mongodb:assets.images',
];

/**
 * Looks in every place for what a tenant has stored that no run covers: asset data, copies in the archive and
 * keys once no service is in use; configuration and its keys once the Feature has ended. What is found becomes
 * a run of its own, so that the tenant's process cannot end while anything is left.
 *
 * Reading, and at most one event for each discovery; repeating it finds the open event.
 * @source ST-1, ST-2
 */
export async function findStrays(
  verifier: VerifierPorts,
  control: SqlPool,
  tenantId: string,
): Promise<void> {
  const facts = await readTenantFacts(control, tenantId);
  if (facts === null) return;
  await findStraySettings(verifier, control, facts);
  if (activeServices(facts).length > 0) return;
  await findStrayRecords(verifier, control, tenantId);
  await findStrayArchives(verifier, control, facts);
}

async function findStrayRecords(
  verifier: VerifierPorts,
  control: SqlPool,
  tenantId: string,
): Promise<void> {
  const lastRun = await textRow(
    control,
    `SELECT run_id FROM runs r WHERE r.tenant_id = ? AND r.record_class = 'asset-basic-data'
       AND r.event_kind = 'termination' AND NOT EXISTS (
         SELECT 1 FROM events e LEFT JOIN event_closings c
             ON c.tenant_id = e.tenant_id AND c.event_id = e.event_id
          WHERE e.tenant_id = r.tenant_id AND e.record_class = r.record_class
            AND c.event_id IS NULL)
      ORDER BY r.created_at DESC LIMIT 1`,
    [tenantId],
  );
  // While an event is open its run still covers what is live.
  if (lastRun === null) return;
  const strays = await countLive(verifier, tenantId);
  if (strays === 0) return;
  await recordStrays(
    control,
    await readRun(control, tenantId, required(lastRun, 'run_id')),
    strays,
  );
}

async function countLive(verifier: VerifierPorts, tenantId: string): Promise<number> {
  const rows = await textRows(
    verifier.assets,
    `SELECT (SELECT COUNT(*) FROM assets WHERE tenant_id = ?)
          + (SELECT COUNT(*) FROM asset_links WHERE tenant_id = ?)
          + (SELECT COUNT(*) FROM scans WHERE tenant_id = ?)
          + (SELECT COUNT(*) FROM image_risks WHERE tenant_id = ?) AS live`,
    [tenantId, tenantId, tenantId, tenantId],
  );
  let live = Number(required(rows[0] ?? {}, 'live'));
  for (const location of COLLECTIONS) {
    for (const count of (await listGroups(verifier.documents, location, tenantId)).values()) {
      live += count;
    }
  }
  return live;
}
