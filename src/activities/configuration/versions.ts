import { Binary } from 'mongodb';
import { LetheError } from '../../domain/errors';
import type { RecordLocation } from '../../domain/inventory';
import type { ConfigurationKind } from '../../contracts/commands';
import type { CollectionLocation } from '../../contracts/documents';
import type { Sql, SqlPool } from '../../contracts/sql';
import { required, textRows, toInstant, toSqlTime, type TextRow } from '../control/sql-text';
import { collectionOf } from '../mongo/collections';
import { insertDocuments, type DocumentStore } from '../mongo/documents';
import { speaking } from '../mongo/failures';
import type { PayloadPlace } from './payload';

/** Where each kind of configuration lives. @source DC-3, ST-2 */
export const LOCATION_OF = Object.freeze({
  'detection-setting': 'mongodb:configuration.detection_settings',
  whitelist: 'mongodb:configuration.whitelists',
  'console-setting': 'mysql:configuration.console_settings',
} as const satisfies Record<ConfigurationKind, RecordLocation>);

/** Stores of configuration versions. */
export interface VersionStores {
  /** The console login on the configuration database: it inserts and selects. */
  readonly pool: SqlPool;
  readonly documents: DocumentStore;
}

/** One version of one setting, as the index of changes has it. */
export interface VersionRow extends PayloadPlace {
  readonly configurationKind: ConfigurationKind;
}

/** Name under which the versions of a generation are addressed and destroyed together. */
const generationGroup = (generation: number): string => `generation-${generation}`;

const GROUP = /^generation-([1-9]\d{0,8})$/;
const COLUMNS = 'tenant_id, asset_id, version_id, configuration_kind, setting_id, changed_at';

/** All versions of a tenant, of one setting when it is named, the newest first. */
export async function listVersions(
  pool: SqlPool,
  tenantId: string,
  settingId?: string,
): Promise<readonly VersionRow[]> {
  const order = 'ORDER BY changed_at DESC, version_id DESC';
  const rows =
    settingId === undefined
      ? await textRows(
          pool,
          `SELECT ${COLUMNS} FROM configuration_changes WHERE tenant_id = ? ${order}`,
          [tenantId],
        )
      : await textRows(
          pool,
          `SELECT ${COLUMNS} FROM configuration_changes
            WHERE tenant_id = ? AND setting_id = ? ${order}`,
          [tenantId, settingId],
        );
  return rows.map(toVersion);
}

/** One version, or null. */
export async function findVersion(
  sql: Sql,
  place: Pick<PayloadPlace, 'tenantId' | 'generation' | 'versionId'>,
): Promise<VersionRow | null> {
  const rows = await textRows(
    sql,
    `SELECT ${COLUMNS} FROM configuration_changes
      WHERE tenant_id = ? AND asset_id = ? AND version_id = ?`,
    [place.tenantId, generationGroup(place.generation), place.versionId],
  );
  return rows[0] === undefined ? null : toVersion(rows[0]);
}

function toVersion(row: TextRow): VersionRow {
  const kind = required(row, 'configuration_kind');
  const generation = GROUP.exec(required(row, 'asset_id'))?.[1];
  if (!Object.hasOwn(LOCATION_OF, kind) || generation === undefined) {
    throw new LetheError(
      'STORE_REFUSED',
      'a configuration change has an unknown kind or generation',
    );
  }
  const configurationKind = kind as ConfigurationKind;
  return {
    configurationKind,
    tenantId: required(row, 'tenant_id'),
    generation: Number(generation),
    location: LOCATION_OF[configurationKind],
    versionId: required(row, 'version_id'),
    settingId: required(row, 'setting_id'),
    changedAt: toInstant(required(row, 'changed_at')),
  };
}

/** A payload with the instant that it is bound to. */
export interface StoredPayload {
  readonly payload: Buffer;
  readonly settingId: string;
  readonly changedAt: string;
}

/** The stored payload of a version, or null when there is none in its location. */
export async function readPayload(
  stores: VersionStores,
  place: Pick<PayloadPlace, 'tenantId' | 'generation' | 'location' | 'versionId'>,
): Promise<StoredPayload | null> {
  return place.location.startsWith('mongodb:')
    ? readDocument(stores.documents, place)
    : readRow(stores.pool, place);
}

async function readDocument(
  documents: DocumentStore,
  place: Pick<PayloadPlace, 'tenantId' | 'generation' | 'location' | 'versionId'>,
): Promise<StoredPayload | null> {
  const location = place.location as CollectionLocation;
  const collection = collectionOf(documents.client, documents.prefix, location);
  const document = await speaking('read', () =>
    collection.findOne({
      tenantId: place.tenantId,
      assetId: generationGroup(place.generation),
      _id: place.versionId,
    }),
  );
  if (document === null) return null;
  const { payload, settingId, changedAt } = document;
  if (
    !(payload instanceof Binary) ||
    typeof settingId !== 'string' ||
    typeof changedAt !== 'string'
  ) {
    throw new LetheError('STORE_REFUSED', 'a configuration document has another shape');
  }
  return { payload: Buffer.from(payload.value()), settingId, changedAt };
}

async function readRow(
  pool: SqlPool,
  place: Pick<PayloadPlace, 'tenantId' | 'generation' | 'versionId'>,
): Promise<StoredPayload | null> {
  const rows = await pool.query(
    `SELECT payload, CONVERT(setting_id USING ascii) AS setting_id, changed_at FROM console_settings
      WHERE tenant_id = ? AND asset_id = ? AND version_id = ?`,
    [place.tenantId, generationGroup(place.generation), place.versionId],
  );
  const [row] = rows;
  if (row === undefined) return null;
  const { payload, setting_id: settingId, changed_at: changedAt } = row;
  if (!Buffer.isBuffer(payload) || typeof settingId !== 'string' || typeof changedAt !== 'string') {
    throw new LetheError('STORE_REFUSED', 'a configuration row has another shape');
  }
  return { payload, settingId, changedAt: toInstant(changedAt) };
}

/**
 * Inserts the payload of a version into its location; what is there already stays as it is.
 *
 * @idempotency the version's id is the key: a repetition inserts nothing, and is told so of a row.
 * @throws LetheError DIGEST_MISMATCH when the version id stands for other content in the document store;
 *   an SqlStoreError with ER_DUP_ENTRY when a row with that id is there.
 */
export async function insertPayload(
  stores: VersionStores,
  place: PayloadPlace,
  sealed: { readonly payload: Buffer; readonly contentDigest: string },
): Promise<void> {
  if (place.location.startsWith('mongodb:')) {
    await insertDocuments(stores.documents, place.location as CollectionLocation, [
      {
        _id: place.versionId,
        tenantId: place.tenantId,
        assetId: generationGroup(place.generation),
        contentDigest: sealed.contentDigest,
        settingId: place.settingId,
        changedAt: place.changedAt,
        payload: new Binary(sealed.payload),
      },
    ]);
    return;
  }
  await stores.pool.execute(
    `INSERT INTO console_settings
       (tenant_id, asset_id, version_id, setting_id, changed_at, payload)
     VALUES (?, ?, ?, ?, ?, ?)`,
    [
      place.tenantId,
      generationGroup(place.generation),
      place.versionId,
      place.settingId,
      toSqlTime(place.changedAt),
      sealed.payload,
    ],
  );
}

/**
 * Inserts the row that makes a version visible; last, so that it never points at nothing.
 *
 * @idempotency the version's id is the key: a repetition inserts nothing and is told ER_DUP_ENTRY.
 * @throws SqlStoreError ER_DUP_ENTRY when the version is visible already.
 */
export async function insertChange(pool: SqlPool, version: VersionRow): Promise<void> {
  await pool.execute(
    `INSERT INTO configuration_changes (tenant_id, asset_id, version_id, configuration_kind,
       setting_id, location, changed_at)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
    [
      version.tenantId,
      generationGroup(version.generation),
      version.versionId,
      version.configurationKind,
      version.settingId,
      version.location,
      toSqlTime(version.changedAt),
    ],
  );
}
