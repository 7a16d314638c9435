import { cohortKeyRef } from '../../contracts/keys';
import type { SqlPool } from '../../contracts/sql';
import { parseArchiveObjectName, tenantPrefix } from '../../domain/environment-names';
import { parseId } from '../../domain/identifiers';
import { formatInstant } from '../../domain/instants';
import { RETENTION_SCHEDULE } from '../../domain/retention-schedule';
import { addDays, endOfDay } from '../../domain/windows/civil';
import { readCohorts, type CohortRow } from '../control/cohort-rows';
import { hasKeyEnded, keyOfLost, readLostSplits } from '../control/lost-splits';
import { required, textRow, textRows, toInstant } from '../control/sql-text';
import type { TenantFacts } from '../control/tenant-facts';
import { COPIES } from '../disposition/cohort-archive';
import { inArchive, recordDiscovery, type StrayArchive } from '../control/strays';
import { listEverything } from '../objects/list-everything';
import type { VerifierPorts } from '../verification/ports';
import { keysOfCohort } from './cohort-keys';
import { hasOpenEvent } from './open-events';

const MINIMUM_MS = RETENTION_SCHEDULE.parameters.minimumHours * 3_600_000;
const DAY_MS = 24 * 3_600_000;
const MINIMUM_DAYS = RETENTION_SCHEDULE.parameters.minimumDays;
/** A cohort in one of these states has no objects and no key any more; what is there came later. */
const THROUGH: ReadonlySet<CohortRow['state']> = new Set(['certified', 'restored']);

/**
 * Looks for objects and keys of a tenant that no service uses, which no cohort on record ends: what a late
 * or dead writer of the archive left behind. They become a run under the rule for strays.
 *
 * Effect: at most one event.
 * @idempotency a repetition finds the open event and looks no further.
 * @source ST-1
 */
export async function findStrayArchives(
  verifier: VerifierPorts,
  control: SqlPool,
  facts: TenantFacts,
): Promise<void> {
  const { tenantId } = facts;
  if (await hasOpenEvent(control, tenantId, 'asset-basic-data')) return;
  if (await hasArchiveWriters(control, tenantId)) return;
  const expected = await keysOfOthers(verifier, control, tenantId);
  const found = await objectsByKey(verifier, tenantId);
  for (const keyRef of await readableKeys(verifier, tenantId)) {
    if (!found.has(keyRef)) found.set(keyRef, 0);
  }
  const strays: StrayArchive[] = [];
  for (const [keyRef, objects] of found) {
    if (expected.has(keyRef)) continue;
    const newestObservedAt = await newestBehind(verifier, facts, keyRef);
    strays.push({ keyRef, objects, newestObservedAt });
  }
  if (strays.length > 0) await recordDiscovery(control, inArchive(tenantId, strays));
}

/** Keys of cohorts that are not through: they end what lies behind them. */
async function keysOfOthers(
  verifier: VerifierPorts,
  control: SqlPool,
  tenantId: string,
): Promise<ReadonlySet<string>> {
  const keys = new Set<string>();
  for (const cohort of await readCohorts(control, tenantId)) {
    if (THROUGH.has(cohort.state)) continue;
    for (const keyRef of await keysOfCohort(control, cohort)) keys.add(keyRef);
  }
  // What a restored control has lost is put back, and is no stray until then; what has ended is not put back.
  for (const lost of await readLostSplits(control, tenantId)) {
    if (!(await hasKeyEnded(verifier.keysTable, keyOfLost(lost)))) keys.add(keyOfLost(lost));
  }
  return keys;
}

/** A writer that still may write is no stray. */
async function hasArchiveWriters(control: SqlPool, tenantId: string): Promise<boolean> {
  const row = await textRow(
    control,
    `SELECT COUNT(*) AS writers FROM attempts WHERE tenant_id = ? AND purpose = 'archive'
       AND ended_at IS NULL AND lease_until > lethe_now()`,
    [tenantId],
  );
  return Number(row?.['writers'] ?? 1) > 0;
}

/** Versions, delete markers and uploads of both copies, by the key that their names stand for. */
async function objectsByKey(
  verifier: VerifierPorts,
  tenantId: string,
): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  const prefix = tenantPrefix(parseId('TenantId', tenantId, 'tenantId'));
  for (const bucket of COPIES) {
    const listing = await listEverything(verifier.objects, { bucket, prefix });
    for (const { name } of [...listing.versions, ...listing.deleteMarkers, ...listing.uploads]) {
      const position = parseArchiveObjectName(name);
      if (position === undefined) continue;
      const keyRef = cohortKeyRef(position.runId, position.dueOn);
      found.set(keyRef, (found.get(keyRef) ?? 0) + 1);
    }
  }
  return found;
}

async function readableKeys(
  { keysTable }: VerifierPorts,
  tenantId: string,
): Promise<readonly string[]> {
  const rows = await textRows(
    keysTable,
    `SELECT DISTINCT k.key_ref FROM data_keys k JOIN key_wrappings w ON w.key_ref = k.key_ref
      WHERE k.tenant_id = ? AND k.key_ref LIKE 'asset:%'`,
    [tenantId],
  );
  return rows.map((row) => required(row, 'key_ref'));
}

/**
 * The latest instant at which anything behind a key can have been observed. Its floor was fixed for the first
 * record of a due day; another one of that day may be younger, by years where the day follows from the end of the
 * use, but was observed the minimum before that day has ended. What has no key on record says nothing of its age
 * and counts from its discovery.
 */
async function newestBehind(
  { keysTable }: VerifierPorts,
  facts: TenantFacts,
  keyRef: string,
): Promise<string> {
  const row = await textRow(
    keysTable,
    'SELECT not_before FROM data_keys WHERE key_ref = ? AND tenant_id = ?',
    [keyRef, facts.tenantId],
  );
  const dueOn = keyRef.slice(keyRef.lastIndexOf(':') + 1);
  if (row === null || Number.isNaN(Date.parse(dueOn))) return facts.now;
  const first = Date.parse(toInstant(required(row, 'not_before'))) - MINIMUM_MS;
  const last = Date.parse(formatInstant(endOfDay(addDays(dueOn, -MINIMUM_DAYS), facts.zone)));
  const newest = Math.max(first + DAY_MS, last);
  return new Date(Math.min(newest, Date.parse(facts.now))).toISOString();
}
