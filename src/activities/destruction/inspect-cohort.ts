import { certifiedLocations } from '../../domain/certificate';
import { isLetheError } from '../../domain/errors';
import { tenantPrefix } from '../../domain/environment-names';
import { parseId } from '../../domain/identifiers';
import { RECORD_LOCATIONS, type RecordLocation } from '../../domain/inventory';
import type { CohortRow } from '../control/cohort-rows';
import { required, textRow, textRows, toInstant } from '../control/sql-text';
import { databaseNow } from '../control/tenant-facts';
import type { Copy } from '../disposition/cohort-archive';
import { listEverything } from '../objects/list-everything';
import type { VerifierPorts } from '../verification/ports';
import { liveIdsOfAssets } from '../verification/live-ids';
import type { SealedIds } from '../verification/sealed-ids';
import { keysOfCohort, prefixOfKey } from './cohort-keys';

/** Bodies that nobody accepted are erased after a day. */
const STAGING_MS = 24 * 3_600_000;

/** What one location holds of a cohort after its end, and what it held before. */
export interface LocationFinding {
  readonly location: string;
  readonly before: number;
  readonly after: number;
  readonly verifiedAt: string;
}

/** A cohort whose end is to be confirmed. */
export interface InspectedCohort {
  readonly tenantId: string;
  readonly cohort: CohortRow;
  /** Ids that its run sealed, but for those of due days that came back. */
  readonly sealedIds: SealedIds;
  /** Generations of configuration that the run covers; everything stored under them must be gone. */
  readonly generations: readonly string[];
}

/**
 * Looks for a cohort in every location of its class's inventory, with the verifier's accounts. A location
 * that cannot be read makes the whole inspection fail: nothing is certified on half an answer.
 *
 * @throws LetheError STORE_UNAVAILABLE or VERIFICATION_FAILED.
 * @source ST-1, ST-2
 */
export async function inspectCohort(
  ports: VerifierPorts,
  inspected: InspectedCohort,
): Promise<readonly LocationFinding[]> {
  const before = await countsBefore(ports, inspected.cohort);
  const findings: LocationFinding[] = [];
  for (const location of certifiedLocations(inspected.cohort.recordClass)) {
    ports.pulse.beat({ step: 'inspect', location });
    const after = await countIn(ports, inspected, location);
    findings.push({
      location,
      before: before.get(location) ?? 0,
      after,
      verifiedAt: await databaseNow(ports.control),
    });
  }
  return findings;
}

/** What a later look at a certified cohort found. */
export interface LaterLook {
  /** Sealed records that are live again. */
  readonly records: number;
  /** Objects and wrapped keys of the cohort. */
  readonly others: number;
  /** False when a place answered that it cannot be looked at. */
  readonly complete: boolean;
}

/** Places that hold what is on its way in; a tenant that came back uses them lawfully. */
const ON_THE_WAY_IN: ReadonlySet<string> = new Set(['s3:inbox', 'mysql:control.staging']);

/**
 * Looks once more at a cohort that was certified, at everything that belongs to it alone.
 *
 * @throws LetheError STORE_UNAVAILABLE or OUTCOME_UNKNOWN; nothing is known then.
 * @source ST-1
 */
export async function inspectAgain(
  ports: VerifierPorts,
  inspected: InspectedCohort,
): Promise<LaterLook> {
  const look = { records: 0, others: 0, complete: true };
  for (const location of certifiedLocations(inspected.cohort.recordClass)) {
    if (ON_THE_WAY_IN.has(location)) continue;
    const isRecords = (RECORD_LOCATIONS as readonly string[]).includes(location);
    try {
      look[isRecords ? 'records' : 'others'] += await countIn(ports, inspected, location);
    } catch (error) {
      if (!isLetheError(error) || error.code !== 'VERIFICATION_FAILED') throw error;
      look.complete = false;
    }
  }
  return look;
}

function countIn(
  ports: VerifierPorts,
  inspected: InspectedCohort,
  location: string,
): Promise<number> {
  if ((RECORD_LOCATIONS as readonly string[]).includes(location)) {
    return countRecords(ports, inspected, location as RecordLocation);
  }
  switch (location) {
    case 's3:archive':
    case 's3:backup':
      return countObjects(ports, inspected, location.slice('s3:'.length) as Copy);
    case 's3:inbox':
      return countInbox(ports, inspected);
    case 'mysql:keys':
      return countKeys(ports, inspected);
    case 'mysql:control.staging':
      return countStaging(ports, inspected);
    default:
      // A new place without a way to look into it must not be certified.
      return Promise.reject(new Error(`nobody looks into ${location}`));
  }
}

/** Records of the run that are live; asked by asset or generation, because a record is found by it. */
async function countRecords(
  ports: VerifierPorts,
  { tenantId, sealedIds, generations }: InspectedCohort,
  location: RecordLocation,
): Promise<number> {
  let found = 0;
  if (generations.length > 0) {
    const all = { location, tenantId, assetIds: generations };
    for await (const ids of liveIdsOfAssets(ports, all)) found += ids.length;
    return found;
  }
  const assetIds = [...sealedIds.assetsIn(location)];
  for await (const ids of liveIdsOfAssets(ports, { location, tenantId, assetIds })) {
    found += ids.filter((id) => sealedIds.ids.has({ location, ...id })).length;
  }
  return found;
}

async function countObjects(
  ports: VerifierPorts,
  { tenantId, cohort }: InspectedCohort,
  bucket: Copy,
): Promise<number> {
  let found = 0;
  for (const keyRef of await keysOfCohort(ports.control, cohort)) {
    const prefix = prefixOfKey(tenantId, keyRef);
    const listing = await listEverything(ports.objects, { bucket, prefix });
    found += listing.versions.length + listing.deleteMarkers.length + listing.uploads.length;
  }
  return found;
}

async function countInbox(ports: VerifierPorts, { tenantId }: InspectedCohort): Promise<number> {
  const prefix = tenantPrefix(parseId('TenantId', tenantId, 'tenantId'));
  const { versions, uploads } = await listEverything(ports.inbox, { bucket: 'inbox', prefix });
  return versions.length + uploads.length;
}

async function countKeys(ports: VerifierPorts, { cohort }: InspectedCohort): Promise<number> {
  return countByKey(ports, cohort, 'SELECT COUNT(*) AS n FROM key_wrappings WHERE key_ref = ?');
}

/** Sum of a count over the keys of a cohort; a key that was named and never made counts nothing. */
async function countByKey(
  ports: VerifierPorts,
  cohort: CohortRow,
  statement: string,
): Promise<number> {
  let count = 0;
  for (const keyRef of await keysOfCohort(ports.control, cohort)) {
    const row = await textRow(ports.keysTable, statement, [keyRef]);
    count += Number(row?.['n'] ?? NaN);
  }
  return count;
}

/** Bodies are erased when they are accepted; what nobody accepted is gone after a day. */
async function countStaging(ports: VerifierPorts, { tenantId }: InspectedCohort): Promise<number> {
  const row = await textRow(ports.control, 'SELECT stale_staged(?) AS bodies', [tenantId]);
  return Number(row?.['bodies'] ?? NaN);
}

async function countsBefore(
  ports: VerifierPorts,
  cohort: CohortRow,
): Promise<ReadonlyMap<string, number>> {
  const key = [cohort.runId, cohort.dueOn];
  const records = await textRows(
    ports.control,
    'SELECT location AS place, records AS n FROM cohort_counts WHERE run_id = ? AND due_on = ?',
    key,
  );
  const objects = await textRows(
    ports.control,
    `SELECT CONCAT('s3:', copy) AS place, COUNT(*) AS n FROM manifest_objects
      WHERE run_id = ? AND due_on = ? GROUP BY copy`,
    key,
  );
  const keys = await countByKey(
    ports,
    cohort,
    'SELECT COUNT(*) AS n FROM key_tombstones WHERE key_ref = ?',
  );
  const counted = [...records, ...objects].map(
    (row) => [required(row, 'place'), Number(required(row, 'n'))] as const,
  );
  return new Map([...counted, ['mysql:keys', keys]]);
}

/**
 * The last instant at which clear data of the cohort was still in a live store. Configuration is stored
 * encrypted; its bodies are in clear in staging only, a day at most, and no later than the event.
 */
export async function clearGoneAt(ports: VerifierPorts, cohort: CohortRow): Promise<string | null> {
  if (cohort.recordClass === 'console-configuration-data') {
    return new Date(Date.parse(cohort.eventAt) + STAGING_MS).toISOString();
  }
  const row = await textRow(
    ports.control,
    `SELECT MIN(verified_at) AS gone FROM verifications
      WHERE run_id IN (?, ?) AND due_on = ? AND subject = 'moved' AND outcome = 'ok'`,
    // What was withheld left the live stores with the due day that it was split off from.
    [cohort.runId, cohort.splitFrom?.runId ?? cohort.runId, cohort.dueOn],
  );
  const gone = row?.['gone'] ?? null;
  return gone === null ? null : toInstant(gone);
}
