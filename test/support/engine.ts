import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { migrateMongo } from '../../src/activities/mongo/collections';
import { migrateObjects } from '../../src/activities/objects/migrate-objects';
import { recordObservation } from '../../src/activities/ingest/record-observation';
import { createBodyStaging } from '../../src/activities/staging/body-staging';
import { composeControl } from '../../src/composition/control';
import { composeDisposition } from '../../src/composition/disposition';
import {
  shareParts,
  type EngineOptions,
  type SharedParts,
} from '../../src/composition/stores-of-roles';
import type {
  ControlActivities,
  DestructionActivities,
  DispositionActivities,
} from '../../src/contracts/activities';
import type {
  Command,
  CommandBodies,
  CommandKind,
  CommandReceipt,
} from '../../src/contracts/commands';
import type { Observation } from '../../src/contracts/observations';
import type { SweepActivities } from '../../src/contracts/sweep';
import type { LifecycleSnapshot } from '../../src/contracts/snapshot';
import type { SqlPool } from '../../src/contracts/sql';
import type { BodyStaging, HostedService } from '../../src/contracts/stores';
import { LetheError } from '../../src/domain/errors';
import { loadConfig } from '../../src/platform/config';
import { loadPolicies } from '../../src/platform/policies/load-policies';
import { openStores, type Stores } from '../../src/platform/connections';
import type { Credentials } from '../../src/platform/credentials';
import {
  createObjectAccounts,
  removeObjectAccounts,
} from '../../src/platform/migrate/object-accounts';
import { connectObjects } from '../../src/platform/objects';
import { removeBuckets } from './buckets';
import { createSqlEnvironment, type SqlEnvironment } from './environment';
import { newSigningKeys } from './signing-keys';

type Activities = ControlActivities &
  DispositionActivities &
  DestructionActivities &
  SweepActivities;

/** The whole engine on the real servers, without a workflow engine: activities are called by hand. */
export interface EngineHarness {
  readonly environment: SqlEnvironment;
  readonly stores: Stores;
  readonly activities: Activities;
  readonly parts: SharedParts;
  readonly options: EngineOptions;
  readonly mongo: MongoClient;
  /** The object store's administrator. */
  readonly admin: ReturnType<typeof connectObjects>;
  /** Logins of every role, as the credentials file has them. */
  readonly credentials: Credentials;
  /** What the hosting system of record answers; null: it does not answer. */
  hosted: readonly HostedService[] | null;
  root(database: string): SqlPool;
  /** Moves the three database clocks to an instant; only forward. */
  setClock(instant: string): Promise<void>;
  now(): Promise<string>;
  send<K extends CommandKind>(
    tenantId: string,
    kind: K,
    ...rest: [CommandBodies[K], string?]
  ): Promise<CommandReceipt>;
  snapshot(tenantId: string): Promise<LifecycleSnapshot>;
  observe(observation: Observation): Promise<void>;
  /** Stages a body of configuration unless it is for something else. */
  stage(
    tenantId: string,
    body: object,
    what?: keyof BodyStaging,
  ): Promise<{ stagingId: string; digest: string }>;
  /** Runs everything the tenant's process would set in motion, until nothing is left to do. */
  runWork(tenantId: string): Promise<LifecycleSnapshot>;
  /** One round of destruction and certification at the present clock. */
  destroy(tenantId: string): Promise<{ blockedOn: string | null; snapshot: LifecycleSnapshot }>;
  remove(): Promise<void>;
}

const administrator = (): Parameters<typeof createObjectAccounts>[0] => ({
  endpoint: process.env['LETHE_S3_ENDPOINT'] ?? '',
  region: 'us-east-1',
  accessKey: process.env['LETHE_S3_ADMIN_ACCESS_KEY'] ?? '',
  secretKey: process.env['LETHE_S3_ADMIN_SECRET_KEY'] ?? '',
});

/** A tenant id that no other test uses. */
export const newTenantId = (): string => `tn_${randomBytes(10).toString('hex')}`;

/** Creates an environment of its own in every store, with a movable clock. */
export async function createEngineHarness(
  through: (stores: Stores) => Stores = (stores) => stores,
  policies = loadPolicies(join(__dirname, '..', '..', 'policies')),
): Promise<EngineHarness> {
  const environment = await createSqlEnvironment({ simulation: true });
  const admin = connectObjects({ ...administrator(), pathStyle: true });
  await migrateObjects(admin, environment.name);
  const s3 = await createObjectAccounts(administrator(), environment.name);
  const mongo = await MongoClient.connect(process.env['LETHE_MONGO_URL'] ?? '');
  await migrateMongo(mongo, environment.prefix);
  const config = loadConfig({
    ...process.env,
    LETHE_ENVIRONMENT: environment.name,
    LETHE_KEYS_MYSQL_URL: '',
    LETHE_EVIDENCE_MYSQL_URL: '',
  });
  const credentials: Credentials = { mysql: environment.logins, s3, mongo: {} };
  const stores = through(openStores(config, credentials));
  const harness: { hosted: readonly HostedService[] | null } = { hosted: [] };
  const options: EngineOptions = {
    stores,
    kek: { currentId: 'kek-test', keys: new Map([['kek-test', randomBytes(32)]]) },
    signing: newSigningKeys(environment.name),
    hosting: { servicesOf: () => hostedBy(harness.hosted) },
    calendarsFolder: join(__dirname, '..', '..', 'calendars'),
    policies,
    lockMode: 'legal-hold',
    remnants: {
      keyRemnantHours: 0,
      maxAgeDays: {
        'mongodb:oplog': 7,
        'mongodb:backups': 7,
        'mysql:binary-logs': 7,
        'mysql:backups': 7,
        'worker:temporary-files': 0,
      },
    },
    pulse: { beat: () => undefined },
    pause: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
  };
  const parts = shareParts(options);
  const activities: Activities = {
    ...(await composeControl(options, parts)),
    ...(await composeDisposition(options, parts)),
  };
  const pieces = { environment, stores, activities, parts, options, mongo, credentials };
  return assemble({ ...pieces, admin, harness });
}

function hostedBy(answer: readonly HostedService[] | null): Promise<readonly HostedService[]> {
  if (answer !== null) return Promise.resolve(answer);
  return Promise.reject(new LetheError('SERVICE_STATE_UNKNOWN', 'it is away'));
}

interface Pieces extends Pick<
  EngineHarness,
  'environment' | 'stores' | 'activities' | 'parts' | 'options' | 'mongo' | 'credentials' | 'admin'
> {
  readonly harness: { hosted: readonly HostedService[] | null };
}

function assemble(pieces: Pieces): EngineHarness {
  const { environment, stores, activities, parts } = pieces;
  const roots = new Map<string, SqlPool>();
  const root = (database: string): SqlPool => {
    const pool = roots.get(database) ?? environment.pool('root', database);
    roots.set(database, pool);
    return pool;
  };
  const staging = createBodyStaging(stores.sql('stager', 'control'));
  let keys = 0;
  const now = async (): Promise<string> => {
    const rows = await root('control').query('SELECT lethe_now() AS now');
    return `${String(rows[0]?.['now']).replace(' ', 'T')}Z`;
  };
  const engine: EngineHarness = {
    ...pieces,
    get hosted() {
      return pieces.harness.hosted;
    },
    set hosted(answer) {
      pieces.harness.hosted = answer;
    },
    root,
    now,
    setClock: (instant) => setClock(root, instant),
    send: async (tenantId, kind, ...[body, key = `key-${(keys += 1)}`]) => {
      const command = { kind, idempotencyKey: key, requestedBy: 'console', body } as Command;
      const workflowNow = await now();
      return (await activities.acceptCommand({ tenantId, command, workflowNow })).receipt;
    },
    snapshot: (tenantId) => activities.refresh({ tenantId, workflowNow: '' }),
    observe: async (observation) => {
      const collector = {
        control: stores.sql('collector', 'control'),
        assets: stores.sql('collector', 'assets'),
        documents: await parts.documents('collector'),
        heartbeat: () => undefined,
        pause: pieces.options.pause,
      };
      await recordObservation(collector, observation);
    },
    stage: (tenantId, body, what = 'configuration') => staging[what].stage(tenantId, body),
    runWork: (tenantId) => runWork(activities, tenantId),
    destroy: async (tenantId) => {
      const order = { tenantId, workflowNow: await now() };
      const destroyed = await activities.destroyDue(order);
      const { progress, snapshot } = await activities.verifyAndCertify(order);
      return { blockedOn: destroyed.blockedOn ?? progress.blockedOn, snapshot };
    },
    remove: () => removeAll(pieces),
  };
  return engine;
}

async function setClock(root: (database: string) => SqlPool, instant: string): Promise<void> {
  for (const database of ['control', 'keys', 'evidence']) {
    await root(database).execute(
      `UPDATE simulation_clock SET offset_microseconds =
         TIMESTAMPDIFF(MICROSECOND, SYSDATE(6), ?) WHERE id = 1`,
      [instant.replace('T', ' ').replace('Z', '')],
    );
  }
}

/** What the tenant's process does with its work, step by step and in its order. */
async function runWork(activities: Activities, tenantId: string): Promise<LifecycleSnapshot> {
  for (let round = 0; round < 20; round += 1) {
    const snapshot = await activities.refresh({ tenantId, workflowNow: '' });
    const item = snapshot.work.find(({ kind }) => kind === 'dispose');
    if (item?.kind !== 'dispose') return snapshot;
    const { eventId, mode } = item;
    const { runIds } = await activities.planRuns({ tenantId, eventId, mode });
    for (const runId of runIds) {
      const run = { tenantId, runId, eventId };
      if (mode === 'restore') {
        await activities.restoreRun(run);
        continue;
      }
      await activities.sealAndCopy(run);
      await activities.verifyCopies(run);
      await activities.moveRows(run);
      await activities.verifyMoved(run);
    }
  }
  throw new Error('the work does not end');
}

async function removeAll({ environment, stores, mongo, admin }: Pieces): Promise<void> {
  await stores.close();
  for (const database of ['assets', 'configuration']) {
    await mongo.db(`${environment.prefix}_${database}`).dropDatabase();
  }
  await mongo.close();
  await removeBuckets(admin, environment.name);
  await removeObjectAccounts(administrator(), environment.name);
  await environment.remove();
}
