import type { CollectionLocation } from '../../contracts/documents';
import type { LiveCount, LiveView } from '../../contracts/live-counts';
import type { Sql } from '../../contracts/sql';
import { isLetheError, type FailureCode } from '../../domain/errors';
import { RECORD_LOCATIONS, recordLocationsOf, type RecordLocation } from '../../domain/inventory';
import { parseId } from '../../domain/identifiers';
import { required, textRow } from '../control/sql-text';
import { databaseNow } from '../control/tenant-facts';
import { collectionOf } from '../mongo/collections';
import type { DocumentStore } from '../mongo/documents';
import { speaking } from '../mongo/failures';

/**
 * Logins of a preview: they can read and do nothing else. Each is opened when its location is counted, so
 * that one that is missing costs its own locations only.
 */
export interface LivePorts {
  /** The reader's login on control, for its clock. */
  readonly clock: Sql;
  sql(database: 'assets' | 'configuration'): Sql;
  documents(): Promise<DocumentStore>;
}

/** A store that is away, or a login or an address that is not there: said, and no reason to show nothing. */
const SAID: ReadonlySet<FailureCode> = new Set(['STORE_UNAVAILABLE', 'CONFIGURATION_INVALID']);

/**
 * Counts what a tenant has in every location of records at this moment, whether a run has sealed it or not.
 * Reading, so safe to repeat; the locations are counted beside each other and not at one instant.
 *
 * @throws any other failure than a store that is away or a login that is missing.
 * @source ST-1, ST-2
 */
export async function countLive(ports: LivePorts, tenantId: string): Promise<LiveView> {
  const tenant = parseId('TenantId', tenantId, 'tenantId');
  const liveAsOf = await databaseNow(ports.clock);
  const counting = RECORD_LOCATIONS.map((location) => countLocation(ports, location, tenant));
  // Nothing is on its way any more when one of them fails.
  await Promise.allSettled(counting);
  return { live: await Promise.all(counting), liveAsOf };
}

async function countLocation(
  ports: LivePorts,
  location: RecordLocation,
  tenantId: string,
): Promise<LiveCount> {
  const place = { location, recordClass: classOf(location) };
  try {
    return { ...place, records: await countIn(ports, location, tenantId), missing: null };
  } catch (error) {
    if (!isLetheError(error) || !SAID.has(error.code)) throw error;
    return { ...place, records: null, missing: error.code };
  }
}

async function countIn(
  ports: LivePorts,
  location: RecordLocation,
  tenantId: string,
): Promise<number> {
  if (isCollection(location)) {
    const { client, prefix } = await ports.documents();
    const collection = collectionOf(client, prefix, location);
    return speaking('read', () => collection.countDocuments({ tenantId }));
  }
  const [database, table = ''] = location.slice('mysql:'.length).split('.');
  const row = await textRow(
    ports.sql(database === 'assets' ? 'assets' : 'configuration'),
    `SELECT COUNT(*) AS live FROM ${table} WHERE tenant_id = ?`,
    [tenantId],
  );
  return Number(required(row ?? {}, 'live'));
}

const isCollection = (location: string): location is CollectionLocation & RecordLocation =>
  location.startsWith('mongodb:');

const classOf = (location: RecordLocation): LiveCount['recordClass'] =>
  recordLocationsOf('asset-basic-data').includes(location)
    ? 'asset-basic-data'
    : 'console-configuration-data';
