import canonicalize from 'canonicalize';
import { createHash } from 'node:crypto';
import { LetheError, isLetheError } from '../../domain/errors';
import { parseId } from '../../domain/identifiers';
import { CONFIGURATION_KINDS } from '../../contracts/commands';
import {
  instant,
  integer,
  matching,
  objectOf,
  oneOf,
  type Check,
} from '../../contracts/field-checks';
import { configurationKeyRef } from '../../contracts/keys';
import { parseConfiguration } from '../../contracts/schemas/configuration';
import type { ConfigurationWriter, DataKeys } from '../../contracts/stores';
import { derivedId } from '../control/command-context';
import { toInstant, toSqlTime } from '../control/sql-text';
import { isTaken } from '../taken';
import { openPayload, payloadDigest, sealPayload } from './payload';
import { invalid, parseStaged, type StagingReader } from '../control/staged-bodies';
import {
  LOCATION_OF,
  findVersion,
  insertChange,
  insertPayload,
  readPayload,
  type VersionRow,
  type VersionStores,
} from './versions';

/** Stores that writing configuration needs. */
export interface ConfigurationPorts extends VersionStores {
  readonly keys: DataKeys;
  readonly staging: StagingReader;
}

type Change = Parameters<ConfigurationWriter['write']>[0];

/** A version in the making and what it will say. */
interface Draft {
  readonly version: VersionRow;
  readonly text: string;
  readonly dataKey: Buffer;
}

const token = matching(
  /^[0-9A-Za-z][0-9A-Za-z_.:-]{0,127}$/,
  'must be 1 to 128 of letters, digits and _.:-',
);
const tenantId: Check = (value, field) => {
  parseId('TenantId', value, field);
};
const GENERATION_MAX = 999_999_999;

/** The shape is checked again here: what is derived from it names keys, groups and versions. */
const assertChange = objectOf({
  tenantId,
  generation: integer(1, GENERATION_MAX),
  configurationKind: oneOf(CONFIGURATION_KINDS, 'UNKNOWN_KIND'),
  settingId: token,
  body: objectOf({
    stagingId: matching(/^st_[0-9a-z]{16,40}$/, 'must be the id that staging the body returned'),
    digest: matching(/^[0-9a-f]{64}$/, 'must be a SHA-256 in hexadecimal'),
  }),
  idempotencyKey: token,
  changedAt: instant,
});

/**
 * Writes configuration: validates the staged body strictly and inserts one version, encrypted under the
 * key of its generation. Called inside the accepting transaction, under the tenant's lock.
 *
 * Effect: one payload in the location of its kind, then one row that makes it visible; the first version
 *   of a generation also makes its key. A refused body changes nothing.
 * @idempotency the version's id follows from tenant and command; a repetition compares what is stored and
 *   inserts what is missing. When the body was erased meanwhile, the stored version is compared with the
 *   digest that the command carries.
 * @throws LetheError INVALID_INPUT or UNKNOWN_KIND naming the field; IDEMPOTENCY_CONFLICT when the same
 *   command was written with another body; KEY_DESTROYED when the generation has ended.
 * @source DC-3, ST-2
 */
export function createConfigurationWriter(ports: ConfigurationPorts): ConfigurationWriter {
  return {
    write: async (change) => {
      assertChange(change, '');
      const version = versionOf(change);
      await assertNotAnother(ports, version);
      const bytes = await ports.staging.read(change.tenantId, change.body.stagingId);
      if (bytes === null) return repeated(ports, version, change);
      const text = canonicalConfiguration(change, bytes);
      const dataKey = await ports.keys.ensure({
        keyRef: configurationKeyRef(version.tenantId, version.generation),
        tenantId: version.tenantId,
        notBefore: version.changedAt,
      });
      const changedAt = await storePayload(ports, { version, text, dataKey });
      await storeChange(ports, { ...version, changedAt });
      return { versionId: version.versionId };
    },
  };
}

const versionOf = (change: Change): VersionRow => ({
  configurationKind: change.configurationKind,
  tenantId: change.tenantId,
  generation: change.generation,
  location: LOCATION_OF[change.configurationKind],
  versionId: derivedId('cv', change.tenantId, change.idempotencyKey),
  settingId: change.settingId,
  // As the stores keep it, because the payload is bound to it.
  changedAt: toInstant(toSqlTime(change.changedAt)),
});

/** The canonical text of a body that the schema of its kind accepts. */
function canonicalConfiguration(change: Change, bytes: Buffer): string {
  const staged = parseStaged(bytes, change.body);
  const parsed = parseConfiguration(change.configurationKind, staged, 'unnamed');
  const text = canonicalize(parsed);
  if (text === undefined || !Buffer.from(text, 'utf8').equals(bytes)) {
    throw invalid('body', 'is not canonical JSON; stage it through the client');
  }
  return text;
}

async function assertNotAnother(ports: ConfigurationPorts, version: VersionRow): Promise<void> {
  const known = await findVersion(ports.pool, version);
  if (known === null) return;
  const same =
    known.configurationKind === version.configurationKind && known.settingId === version.settingId;
  if (!same) throw conflict();
}

/** The body is gone because the command was accepted before: the version must be what it carried. */
async function repeated(
  ports: ConfigurationPorts,
  version: VersionRow,
  change: Change,
): Promise<{ readonly versionId: string }> {
  const known = await findVersion(ports.pool, version);
  if (known === null) {
    throw invalid('body.stagingId', 'names nothing that is staged; stage the body again');
  }
  const dataKey = await ports.keys.read({
    keyRef: configurationKeyRef(known.tenantId, known.generation),
    tenantId: known.tenantId,
  });
  const stored = await readPayload(ports, known);
  if (stored === null) throw missing();
  const text = openPayload(stored.payload, known, dataKey);
  const digest = createHash('sha256').update(text, 'utf8').digest('hex');
  if (digest !== change.body.digest) throw conflict();
  return { versionId: known.versionId };
}

/** Inserts the payload unless it is there, reads it back, and answers with the instant it is bound to. */
async function storePayload(ports: ConfigurationPorts, draft: Draft): Promise<string> {
  const { version, text, dataKey } = draft;
  let stored = await readPayload(ports, version);
  if (stored === null) {
    const sealed = {
      payload: sealPayload(text, version, dataKey),
      contentDigest: payloadDigest(text, version, dataKey),
    };
    await unlessTaken(() => insertPayload(ports, version, sealed));
    stored = await readPayload(ports, version);
  }
  if (stored === null) throw missing();
  if (stored.settingId !== version.settingId) throw conflict();
  const place = { ...version, changedAt: stored.changedAt };
  if (openPayload(stored.payload, place, dataKey) !== text) throw conflict();
  return stored.changedAt;
}

async function storeChange(ports: ConfigurationPorts, version: VersionRow): Promise<void> {
  if ((await findVersion(ports.pool, version)) !== null) return;
  await unlessTaken(() => insertChange(ports.pool, version));
  await assertNotAnother(ports, version);
}

/** Somebody else inserting the same in the same moment is fine: what is stored is compared afterwards. */
async function unlessTaken(insert: () => Promise<void>): Promise<void> {
  try {
    await insert();
  } catch (error) {
    const taken = isTaken(error) || (isLetheError(error) && error.code === 'DIGEST_MISMATCH');
    if (!taken) throw error;
  }
}

const conflict = (): LetheError =>
  new LetheError(
    'IDEMPOTENCY_CONFLICT',
    'idempotencyKey was used with another body; use a new key for a new change',
    { field: 'idempotencyKey' },
  );
const missing = (): LetheError =>
  new LetheError('OUTCOME_UNKNOWN', 'a configuration version is not there after it was written');
