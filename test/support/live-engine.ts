import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { Actor } from '../../demo/processes';
import { createControlReader } from '../../src/activities/control/reader';
import { createScanKeeper } from '../../src/activities/schedule/scan-keeper';
import { createBodyStaging } from '../../src/activities/staging/body-staging';
import { LifecycleClient } from '../../src/client/lifecycle-client';
import type { CommandBodies, CommandKind, CommandReceipt } from '../../src/contracts/commands';
import { createKekFile } from '../../src/platform/kek';
import { createSigningKeys } from '../../src/platform/signing-keys';
import { migrateTemporal } from '../../src/platform/migrate/migrate-temporal';
import { createSimulator, type Simulator } from '../../src/simulation/simulator';
import { createEngineHarness, type EngineHarness } from './engine';

const ROOT = join(__dirname, '..', '..');
/** Real time that the work of one step may take, in milliseconds. */
const SETTLE_MS = 120_000;
/** Real time in which anything that is waited for happens, also on a busy machine, in milliseconds. */
const PATIENCE_MS = 60_000;

/** The engine as it runs: a worker process, the workflow engine, a hosting system of record. */
export interface LiveEngine {
  readonly engine: EngineHarness;
  readonly namespace: string;
  readonly connection: Connection;
  readonly client: LifecycleClient;
  readonly worker: Actor;
  readonly hosting: Actor;
  readonly simulator: Simulator;
  /** Where the processes write what they have to say. */
  readonly folder: string;
  /** Sends a command through the facade under a key of its own. */
  send<K extends CommandKind>(
    tenantId: string,
    kind: K,
    body: CommandBodies[K],
  ): Promise<CommandReceipt>;
  /** Starts a tenant's process and brings its clock to the environment's. */
  subscribe(tenantId: string, body: CommandBodies['subscribe']): Promise<void>;
  /** Tells the hosting system of record that a service has ended. */
  endHosting(tenantId: string, service: string): Promise<void>;
  /** Resolves when the tenant's process has set everything in motion and done it. */
  settled(tenantId: string): Promise<void>;
  /** Plays a tenant's life to its end, window by window. */
  playToTheEnd(tenantId: string): Promise<void>;
  /** Plays a tenant's life until an instant, window by window. */
  playUntil(tenantId: string, instant: string): Promise<void>;
  remove(): Promise<void>;
}

/** Creates an environment with a movable clock and starts the engine's processes in it. */
export async function createLiveEngine(
  startAt: string,
  workerEnv: Readonly<Record<string, string>> = {},
): Promise<LiveEngine> {
  const engine = await createEngineHarness();
  const namespace = engine.environment.name;
  const address = process.env['LETHE_TEMPORAL_ADDRESS'] ?? '';
  await migrateTemporal(address, namespace);
  await engine.setClock(startAt);
  const folder = mkdtempSync(join(tmpdir(), 'lethe-test-'));
  const { worker, hosting, hostingUrl } = await startProcesses(engine, {
    folder,
    workerEnv,
  });
  const connection = await Connection.connect({ address });
  const client = clientOf(engine, connection, namespace);
  const simulator = createSimulator({
    environment: namespace,
    control: engine.stores.sql('simulator', 'control'),
    keys: engine.stores.sql('simulator', 'keys'),
    evidence: engine.stores.sql('simulator', 'evidence'),
    connection,
    namespace,
  });
  let keys = 0;
  const workflow = (tenantId: string): string => `tenant-lifecycle:${tenantId}`;
  const live: LiveEngine = {
    ...{ engine, namespace, connection, client, worker, hosting, simulator, folder },
    send: (tenantId, kind, body) => {
      const header = { tenantId, idempotencyKey: `key-${(keys += 1)}`, requestedBy: 'console' };
      return client.command(kind, header, body);
    },
    subscribe: async (tenantId, body) => {
      await live.send(tenantId, 'subscribe', body);
      await simulator.join(workflow(tenantId));
    },
    endHosting: async (tenantId, service) => {
      const response = await fetch(`${hostingUrl}/tenants/${tenantId}/services/${service}`, {
        method: 'PUT',
        body: JSON.stringify({ state: 'ended', endedAt: await engine.now() }),
      });
      if (!response.ok) throw new Error(`the hosting system answered ${response.status}`);
    },
    settled: (tenantId) =>
      until(async () => (await engine.snapshot(tenantId)).work.length === 0, SETTLE_MS),
    playToTheEnd: (tenantId) => live.playUntil(tenantId, '2099-01-01T00:00:00Z'),
    playUntil: async (tenantId, instant) => {
      const walk = {
        workflowIds: () => Promise.resolve([workflow(tenantId)]),
        nextDue: async () => (await engine.snapshot(tenantId)).nextDueAt,
        settle: () => live.settled(tenantId),
      };
      try {
        await simulator.runUntil(instant, walk);
      } catch (error) {
        // What a process waits for is what somebody wants to know who reads the failure.
        const status = JSON.stringify(await client.status(tenantId));
        throw new Error(`${error instanceof Error ? error.message : 'failed'}: ${status}`, {
          cause: error,
        });
      }
    },
    remove: async () => {
      await worker.stop();
      await hosting.stop();
      await connection.close();
      rmSync(folder, { recursive: true, force: true });
      await engine.remove();
    },
  };
  return live;
}

/** Polls a condition in real time, without a fixed sleep, until it holds or the time is over. */
export async function until(
  condition: () => Promise<boolean>,
  milliseconds = PATIENCE_MS,
): Promise<void> {
  const end = performance.now() + milliseconds;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not reached within ${milliseconds} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function startProcesses(
  engine: EngineHarness,
  {
    folder,
    workerEnv,
  }: { readonly folder: string; readonly workerEnv: Readonly<Record<string, string>> },
): Promise<{ readonly worker: Actor; readonly hosting: Actor; readonly hostingUrl: string }> {
  const credentials = join(folder, 'credentials.json');
  const kek = join(folder, 'kek.json');
  writeFileSync(credentials, JSON.stringify(engine.credentials), { mode: 0o600 });
  createKekFile(kek);
  const keys = createSigningKeys(folder, `lethe.example/${engine.environment.name}`);
  const hosting = new Actor({
    name: 'hosting system',
    command: process.execPath,
    args: [
      join(ROOT, 'dist', 'demo', 'hosting-system.js'),
      ...['--port', '0', '--file', join(folder, 'hosting.json')],
    ],
    env: process.env,
    ready: /^http:\/\/127\.0\.0\.1:\d+$/,
    readyMs: 20_000,
    log: join(folder, 'hosting.log'),
  });
  const hostingUrl = (await hosting.start()).trim();
  const worker = new Actor({
    name: 'worker',
    command: join(ROOT, 'bin', 'lethe-worker'),
    args: [],
    env: {
      ...process.env,
      LETHE_ENVIRONMENT: engine.environment.name,
      LETHE_TEMPORAL_NAMESPACE: engine.environment.name,
      LETHE_KEYS_MYSQL_URL: '',
      LETHE_EVIDENCE_MYSQL_URL: '',
      LETHE_CREDENTIALS_FILE: credentials,
      LETHE_KEK_FILE: kek,
      LETHE_LOG_KEY_FILE: keys.logKey,
      LETHE_CERTIFICATE_KEY_FILE: keys.certificateKey,
      LETHE_PUBLIC_KEYS_FILE: keys.publicKeys,
      LETHE_HOSTING_URL: hostingUrl,
      LETHE_REGISTRY_ALLOW_HTTP: registryAuthority(),
      LETHE_REGISTRY_ALLOW_PRIVATE: registryAuthority(),
      ...workerEnv,
    },
    ready: /^lethe worker ready/,
    readyMs: 60_000,
    log: join(folder, 'worker.log'),
  });
  await worker.start();
  return { worker, hosting, hostingUrl };
}

const registryAuthority = (): string =>
  (process.env['LETHE_REGISTRY_URL'] ?? 'http://127.0.0.1:1').replace(/^https?:\/\//, '');

function clientOf(
  engine: EngineHarness,
  connection: Connection,
  namespace: string,
): LifecycleClient {
  return new LifecycleClient({
    connection,
    namespace,
    control: createControlReader(
      engine.stores.sql('reader', 'control'),
      engine.stores.sql('reader', 'evidence'),
    ),
    staging: createBodyStaging(engine.stores.sql('stager', 'control')),
    scans: createScanKeeper({
      control: engine.stores.sql('control', 'control'),
      ledger: engine.parts.ledger,
    }),
  });
}
