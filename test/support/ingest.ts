import { MongoClient } from 'mongodb';
import { planRuns } from '../../src/activities/disposition/plan-runs';
import type { IngestPorts } from '../../src/activities/ingest/ports';
import { migrateMongo } from '../../src/activities/mongo/collections';
import type { AcceptedCommand } from '../../src/contracts/activities';
import type { Observation, ObservedAsset, ObservedRecord } from '../../src/contracts/observations';
import type { HostingService } from '../../src/domain/record-class';
import type { SqlPool, SqlRow } from '../../src/contracts/sql';
import { createControlHarness, type ControlHarness } from './control';
import { createSqlEnvironment, type SqlEnvironment } from './environment';

/** Everything live of one tenant, ids included, without the instants at which rows were written. */
export type LiveState = Readonly<Record<string, readonly object[]>>;

/** Ingest on the real SQL and document servers. */
export interface IngestHarness {
  readonly environment: SqlEnvironment;
  readonly control: ControlHarness;
  readonly ports: IngestPorts;
  /** What is stored of a tenant, in every place of asset data. */
  live(tenantId: string): Promise<LiveState>;
  /** Rows and documents of a tenant in all places together. */
  count(tenantId: string): Promise<number>;
  /** The database's clock, fixed width. */
  now(): Promise<string>;
  /** Moves the clock of a simulation environment. */
  advance(seconds: number): Promise<void>;
  remove(): Promise<void>;
}

const SERVICES = ['CVM', 'Lighthouse'] as const;
const TABLES = ['assets', 'image_risks', 'scans', 'asset_links'] as const;
const COLLECTIONS = ['fingerprints', 'images'] as const;

/** Creates an environment of its own on both servers. */
export async function createIngestHarness(
  options: { readonly simulation?: boolean } = {},
): Promise<IngestHarness> {
  const environment = await createSqlEnvironment(options);
  const client = new MongoClient(process.env['LETHE_MONGO_URL'] ?? '', { retryWrites: false });
  await client.connect();
  await migrateMongo(client, environment.prefix);
  const root = environment.pool('root', 'assets');
  const simulator = options.simulation === true ? environment.pool('simulator') : root;
  const ports: IngestPorts = {
    control: environment.pool('collector'),
    assets: environment.pool('collector', 'assets'),
    documents: { client, prefix: environment.prefix },
    heartbeat: () => undefined,
    pause: (milliseconds) =>
      new Promise((resolve) => {
        // What is left to wait for must not keep the suite alive.
        setTimeout(resolve, milliseconds).unref();
      }),
  };
  const documentsOf = (collection: string, tenantId: string): Promise<object[]> =>
    client.db(`${environment.prefix}_assets`).collection(collection).find({ tenantId }).toArray();
  const live = async (tenantId: string): Promise<LiveState> => {
    const state: Record<string, readonly object[]> = {};
    for (const table of TABLES) state[table] = await rowsOf(root, table, tenantId);
    for (const collection of COLLECTIONS) {
      state[collection] = ordered(await documentsOf(collection, tenantId));
    }
    return state;
  };
  return {
    environment,
    control: createControlHarness(environment),
    ports,
    live,
    count: async (tenantId) =>
      Object.values(await live(tenantId)).reduce((sum, rows) => sum + rows.length, 0),
    now: async () => {
      const [row] = await ports.control.query('SELECT lethe_now() AS now');
      return `${String(row?.['now']).replace(' ', 'T')}Z`;
    },
    advance: async (seconds) => {
      await simulator.execute(
        `UPDATE simulation_clock SET offset_microseconds = offset_microseconds + ? WHERE id = 1`,
        [seconds * 1_000_000],
      );
    },
    remove: async () => {
      await client.db(`${environment.prefix}_assets`).dropDatabase();
      await client.db(`${environment.prefix}_configuration`).dropDatabase();
      await client.close();
      await environment.remove();
    },
  };
}

async function rowsOf(root: SqlPool, table: string, tenantId: string): Promise<object[]> {
  const rows = await root.query(`SELECT * FROM ${table} WHERE tenant_id = ?`, [tenantId]);
  return ordered(rows.map(readable));
}

/** When a row was written differs from run to run; everything else must not. */
function readable(row: SqlRow): object {
  return Object.fromEntries(
    Object.entries(row)
      .filter(([column]) => column !== 'completed_at')
      .map(([column, value]) => [column, Buffer.isBuffer(value) ? value.toString('utf8') : value]),
  );
}

const ordered = <T>(items: T[]): T[] =>
  items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));

/** A tenant with CVM and Lighthouse whose first asset is linked to the given ones. */
export async function hostLinkedTo(
  harness: IngestHarness,
  ...services: HostingService[]
): Promise<string> {
  const tenantId = await harness.control.subscribed(...SERVICES);
  await harness.control.links.link({
    tenantId,
    assetId: assetId(1),
    services,
    linkedAt: day(1),
  });
  return tenantId;
}

/** Id of an asset by number. */
export const assetId = (number: number): string => `as_${String(number).padStart(16, '0')}`;
/** Id of a scan by number. */
export const scanId = (number: number): string => `sc_${String(number).padStart(16, '0')}`;
/** The n-th day of 2026 at noon; scans of a test follow one another. */
export const day = (number: number): string =>
  `${new Date(Date.UTC(2026, 0, number, 12)).toISOString().slice(0, -1)}000Z`;

/** A port that listens, as a fingerprint. */
export const port = (number: number, process = 'sshd'): ObservedRecord => ({
  location: 'mongodb:assets.fingerprints',
  kind: 'port',
  identity: `tcp:0.0.0.0:${number}`,
  body: { port: number, process },
});

/** An account, as a fingerprint. */
export const account = (name: string, shell = '/bin/sh'): ObservedRecord => ({
  location: 'mongodb:assets.fingerprints',
  kind: 'account',
  identity: name,
  body: { name, shell },
});

/** An image of a repository. */
export const image = (digest: string, tags: readonly string[] = ['1']): ObservedRecord => ({
  location: 'mongodb:assets.images',
  kind: 'image',
  identity: digest,
  body: { digest, tags, layers: [{ size: 1 }] },
});

/** A risk of an image. */
export const risk = (rule: string, severity = 'high'): ObservedRecord => ({
  location: 'mysql:assets.image_risks',
  kind: 'misconfiguration',
  identity: rule,
  body: { rule, severity },
});

/** A host that was linked before, with ports and accounts read completely. */
export const host = (
  records: readonly ObservedRecord[],
  given: Partial<ObservedAsset> = {},
): ObservedAsset => ({
  assetId: assetId(1),
  assetKind: 'host',
  links: { to: 'linked' },
  basics: { hostname: 'web-1' },
  completeKinds: ['port', 'account'],
  records,
  ...given,
});

/** What one scan saw. */
export const seen = (
  tenantId: string,
  scan: { readonly number: number; readonly at?: string },
  ...assets: readonly ObservedAsset[]
): Observation => ({
  tenantId,
  scanId: scanId(scan.number),
  source: 'host-report',
  observedAt: scan.at ?? day(scan.number),
  assets,
});

/** Plans the runs of an end: from then on nothing that was seen before it is taken any more. */
export async function planEnd(
  { environment }: IngestHarness,
  tenantId: string,
  { receipt }: AcceptedCommand,
): Promise<void> {
  await planRuns(
    { control: environment.pool('control'), assets: environment.pool('archiver', 'assets') },
    { tenantId, eventId: String(receipt.result['eventId']) },
  );
}
