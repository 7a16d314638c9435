import type { CollectionLocation } from '../../contracts/documents';
import type { SqlPool } from '../../contracts/sql';
import { isWaiting, readCohorts } from '../control/cohort-rows';
import { required, textRows } from '../control/sql-text';
import { openPeriod, type TenantFacts } from '../control/tenant-facts';
import { generationsRef, recordDiscovery } from '../control/strays';
import { listGroups } from '../mongo/documents';
import type { VerifierPorts } from '../verification/ports';
import { hasOpenEvent } from './open-events';

const COLLECTIONS: readonly CollectionLocation[] = [
  'mongodb:configuration.detection_settings',
  'mongodb:configuration.whitelists',
];
const GENERATION = /^generation-([1-9]\d{0,8})$/;
const CLASS = 'console-configuration-data';

/**
 * Looks for configuration, and keys of it, of a tenant whose Feature has ended and whose runs are through.
 * What is found becomes a run for each stretch of generations, under the rule for strays.
 *
 * Effect: at most one event for each stretch.
 * @idempotency a repetition finds the open event and looks no further.
 * @source ST-2
 */
export async function findStraySettings(
  verifier: VerifierPorts,
  control: SqlPool,
  facts: TenantFacts,
): Promise<void> {
  const { tenantId } = facts;
  if (openPeriod(facts, 'Feature') !== undefined) return;
  if (await hasOpenEvent(control, tenantId, CLASS)) return;
  // What a run covers that is not through is its own.
  const cohorts = await readCohorts(control, tenantId);
  const isOpen = cohorts.some(
    ({ recordClass, state }) =>
      recordClass === CLASS && (isWaiting(state) || state === 'destroying'),
  );
  if (isOpen) return;
  for (const [from, to] of stretchesOf(await generationsLeft(verifier, tenantId))) {
    const ref = generationsRef(from, to);
    await recordDiscovery(control, { tenantId, recordClass: CLASS, ref });
  }
}

/** Generations under which anything is stored, also a key alone. */
async function generationsLeft(
  { configuration, keysTable, documents }: VerifierPorts,
  tenantId: string,
): Promise<ReadonlySet<number>> {
  const names = new Set<string>();
  const rows = await textRows(
    configuration,
    `SELECT asset_id FROM console_settings WHERE tenant_id = ?
     UNION SELECT asset_id FROM configuration_changes WHERE tenant_id = ?`,
    [tenantId, tenantId],
  );
  for (const row of rows) names.add(required(row, 'asset_id'));
  for (const location of COLLECTIONS) {
    for (const name of (await listGroups(documents, location, tenantId)).keys()) names.add(name);
  }
  const prefix = `configuration:${tenantId}:`;
  const keys = await textRows(
    keysTable,
    `SELECT DISTINCT k.key_ref FROM data_keys k JOIN key_wrappings w ON w.key_ref = k.key_ref
      WHERE k.tenant_id = ?`,
    [tenantId],
  );
  for (const key of keys.map((row) => required(row, 'key_ref'))) {
    if (key.startsWith(prefix)) names.add(`generation-${key.slice(prefix.length)}`);
  }
  const numbers = [...names].map((name) => Number(GENERATION.exec(name)?.[1] ?? NaN));
  return new Set(numbers.filter((number) => !Number.isNaN(number)));
}

function stretchesOf(generations: ReadonlySet<number>): readonly (readonly [number, number])[] {
  const stretches: [number, number][] = [];
  for (const generation of [...generations].sort((a, b) => a - b)) {
    const last = stretches.at(-1);
    if (last?.[1] === generation - 1) last[1] = generation;
    else stretches.push([generation, generation]);
  }
  return stretches;
}
