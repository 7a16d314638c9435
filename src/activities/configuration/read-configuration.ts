import { LetheError, isLetheError } from '../../domain/errors';
import { parseId } from '../../domain/identifiers';
import type { ConfigurationKind } from '../../contracts/commands';
import { configurationKeyRef } from '../../contracts/keys';
import type { DataKeys } from '../../contracts/stores';
import { openPayload } from './payload';
import { listVersions, readPayload, type VersionRow, type VersionStores } from './versions';

/** The newest version of a setting, decrypted. */
export interface ConfigurationVersion {
  readonly configurationKind: ConfigurationKind;
  readonly settingId: string;
  readonly versionId: string;
  readonly generation: number;
  readonly changedAt: string;
  readonly body: unknown;
}

/** What reading needs: the stores and the keys of the generations. */
export interface ConfigurationReading extends VersionStores {
  readonly keys: DataKeys;
}

/**
 * The newest version of every setting of a tenant, or of one. A setting whose newest version was encrypted
 * under a destroyed key is not there any more: it is left out, and an older version does not take its
 * place. Whoever calls this has checked that the tenant may read. Reading, so safe to repeat.
 *
 * @throws LetheError DIGEST_MISMATCH when a version was altered or moved; STORE_REFUSED when its payload
 *   or key is missing without having been destroyed.
 * @source DC-3, PU-1
 */
export async function readConfiguration(
  stores: ConfigurationReading,
  query: { readonly tenantId: string; readonly settingId?: string },
): Promise<readonly ConfigurationVersion[]> {
  const tenantId = parseId('TenantId', query.tenantId, 'tenantId');
  const newest = new Map<string, VersionRow>();
  for (const version of await listVersions(stores.pool, tenantId, query.settingId)) {
    const setting = `${version.configurationKind} ${version.settingId}`;
    if (!newest.has(setting)) newest.set(setting, version);
  }
  const keys = new Map<number, Buffer | null>();
  const found: ConfigurationVersion[] = [];
  for (const version of newest.values()) {
    const { generation } = version;
    if (!keys.has(generation)) keys.set(generation, await keyOf(stores.keys, tenantId, generation));
    const dataKey = keys.get(generation) ?? null;
    if (dataKey !== null) found.push(await open(stores, version, dataKey));
  }
  return found;
}

async function keyOf(keys: DataKeys, tenantId: string, generation: number): Promise<Buffer | null> {
  try {
    return await keys.read({ keyRef: configurationKeyRef(tenantId, generation), tenantId });
  } catch (error) {
    if (isLetheError(error) && error.code === 'KEY_DESTROYED') return null;
    throw error;
  }
}

async function open(
  stores: ConfigurationReading,
  version: VersionRow,
  dataKey: Buffer,
): Promise<ConfigurationVersion> {
  const stored = await readPayload(stores, version);
  if (stored === null) {
    throw new LetheError('STORE_REFUSED', 'a configuration version has no payload');
  }
  const { configurationKind, settingId, versionId, generation, changedAt } = version;
  // Bound to the row of the index: a payload that was put under another row does not open.
  const body: unknown = JSON.parse(openPayload(stored.payload, version, dataKey));
  return { configurationKind, settingId, versionId, generation, changedAt, body };
}
