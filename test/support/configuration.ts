import { randomBytes } from 'node:crypto';
import { Binary, MongoClient } from 'mongodb';
import {
  createConfigurationWriter,
  type ConfigurationPorts,
} from '../../src/activities/configuration/configuration-writer';
import { createStagingReader } from '../../src/activities/control/staged-bodies';
import { createDataKeys } from '../../src/activities/keys/data-keys';
import { migrateMongo } from '../../src/activities/mongo/collections';
import { createBodyStaging } from '../../src/activities/staging/body-staging';
import type { ConfigurationKind } from '../../src/contracts/commands';
import type { SqlPool } from '../../src/contracts/sql';
import type { ConfigurationWriter } from '../../src/contracts/stores';
import type { SqlRole } from '../../src/platform/migrate/grants';
import { createSqlEnvironment } from './environment';

/** A change as the accepting side hands it over. */
export type Change = Parameters<ConfigurationWriter['write']>[0];

/** Configuration on the real servers, with ways to stage, write and look at everything. */
export interface ConfigurationHarness {
  readonly ports: ConfigurationPorts;
  readonly writer: ConfigurationWriter;
  /** A pool per role and database, opened once. */
  pool(role: SqlRole | 'root', database: string): SqlPool;
  collection(name: string): ReturnType<ReturnType<MongoClient['db']>['collection']>;
  newTenant(): string;
  /** Stages a body and makes a change of it; fields that are given win. */
  changeOf(kind: ConfigurationKind, body: object, given?: Partial<Change>): Promise<Change>;
  /** Writes and erases the staged body, as acceptance does. */
  write(change: Change): Promise<string>;
  eraseStaging(change: Change): Promise<unknown>;
  /** Every byte that SQL and document databases of the environment hold, as one text. */
  everythingStored(): Promise<string>;
  /** Payloads and index rows of a tenant in its first generation. */
  countRows(tenantId: string): Promise<number>;
  countKeys(tenantId: string): Promise<number>;
  destroyKey(tenantId: string, keyRef: string): Promise<void>;
  remove(): Promise<void>;
}

/** Instant of acceptance unless a change names another. */
export const CHANGED = '2027-03-31T16:00:00.000001Z';

/** Creates an environment of its own on the shared servers. */
export async function createConfigurationHarness(): Promise<ConfigurationHarness> {
  const environment = await createSqlEnvironment();
  const { prefix } = environment;
  const mongo = new MongoClient(process.env['LETHE_MONGO_URL'] ?? '', { retryWrites: false });
  await migrateMongo(mongo, prefix);
  const pools = new Map<string, SqlPool>();
  const pool = (role: SqlRole | 'root', database: string): SqlPool => {
    const name = `${role} ${database}`;
    const open = pools.get(name) ?? environment.pool(role, database);
    pools.set(name, open);
    return open;
  };
  const kek = { currentId: 'kek-1', keys: new Map([['kek-1', randomBytes(32)]]) };
  const ports: ConfigurationPorts = {
    pool: pool('console', 'configuration'),
    documents: { client: mongo, prefix },
    staging: createStagingReader(pool('console', 'control')),
    keys: createDataKeys({ pool: pool('keys', 'keys'), kek }),
  };
  const writer = createConfigurationWriter(ports);
  const stager = createBodyStaging(pool('stager', 'control')).configuration;
  const collection = (name: string) => mongo.db(`${prefix}_configuration`).collection(name);
  let serial = 0;
  const harness: ConfigurationHarness = {
    ports,
    writer,
    pool,
    collection,
    newTenant: () => `tn_config${String((serial += 1)).padStart(11, '0')}`,
    changeOf: async (kind, body, given = {}) => {
      const tenantId = given.tenantId ?? harness.newTenant();
      serial += 1;
      return {
        tenantId,
        generation: 1,
        configurationKind: kind,
        settingId: `setting-${serial}`,
        body: await stager.stage(tenantId, body),
        idempotencyKey: `key-${serial}`,
        changedAt: CHANGED,
        ...given,
      };
    },
    eraseStaging: ({ body }) =>
      pool('control', 'control').execute('CALL erase_staging(?)', [body.stagingId]),
    write: async (change) => {
      const { versionId } = await writer.write(change);
      await harness.eraseStaging(change);
      return versionId;
    },
    everythingStored: async () =>
      [...(await sqlValues(pool)), ...(await documentValues(mongo, prefix))].join('\n'),
    countRows: async (tenantId) => {
      let count = 0;
      for (const table of ['console_settings', 'configuration_changes']) {
        const sql = `SELECT 1 FROM ${table} WHERE tenant_id = ?`;
        count += (await pool('root', 'configuration').query(sql, [tenantId])).length;
      }
      for (const name of ['detection_settings', 'whitelists']) {
        count += await collection(name).countDocuments({ tenantId, assetId: 'generation-1' });
      }
      return count;
    },
    countKeys: async (tenantId) =>
      (await pool('root', 'keys').query('SELECT 1 FROM data_keys WHERE tenant_id = ?', [tenantId]))
        .length,
    destroyKey: async (tenantId, keyRef) => {
      const permit = `pm_${tenantId.slice(3)}`;
      await pool('root', 'keys').execute(
        `UPDATE data_keys SET not_before = '2020-01-01' WHERE key_ref = ?`,
        [keyRef],
      );
      await pool('control', 'keys').execute('CALL ensure_epoch(?)', [tenantId]);
      await pool('issuer', 'keys').execute(
        `CALL issue_key_permit(?, 'destroy', ?, ?, 1, 1, 60, '9999-01-01')`,
        [permit, tenantId, keyRef],
      );
      await pool('destroyer', 'keys').execute('CALL destroy_key(?, ?, ?)', [
        permit,
        tenantId,
        keyRef,
      ]);
    },
    remove: async () => {
      await mongo.db(`${prefix}_assets`).dropDatabase();
      await mongo.db(`${prefix}_configuration`).dropDatabase();
      await mongo.close();
      await environment.remove();
    },
  };
  return harness;
}

async function sqlValues(pool: ConfigurationHarness['pool']): Promise<string[]> {
  const values: string[] = [];
  for (const database of ['control', 'keys', 'assets', 'configuration', 'evidence']) {
    const tables = await pool('root', database).query(
      `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()`,
    );
    for (const { name } of tables) {
      for (const row of await pool('root', database).query(`SELECT * FROM \`${String(name)}\``)) {
        values.push(
          ...Object.values(row).map((value) =>
            Buffer.isBuffer(value) ? value.toString('latin1') : String(value),
          ),
        );
      }
    }
  }
  return values;
}

async function documentValues(mongo: MongoClient, prefix: string): Promise<string[]> {
  const values: string[] = [];
  for (const database of ['assets', 'configuration']) {
    for (const collection of await mongo.db(`${prefix}_${database}`).collections()) {
      for await (const document of collection.find()) {
        values.push(
          ...Object.values(document as Record<string, unknown>).map((value) =>
            value instanceof Binary
              ? Buffer.from(value.value()).toString('latin1')
              : JSON.stringify(value),
          ),
        );
      }
    }
  }
  return values;
}
