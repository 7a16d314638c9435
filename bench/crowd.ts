import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { Actor } from '../demo/processes';
import { atOnce } from '../src/activities/at-once';
import { composeControl } from '../src/composition/control';
import { shareParts } from '../src/composition/stores-of-roles';
import type { ControlActivities } from '../src/contracts/activities';
import type { Command } from '../src/contracts/commands';
import { TASK_QUEUES } from '../src/contracts/task-queues';
import { loadConfig, required } from '../src/platform/config';
import { openStores, type Stores } from '../src/platform/connections';
import { readCredentials } from '../src/platform/credentials';
import { createSigningKeys } from '../src/platform/signing-keys';
import { engineOptionsOf } from './engine-options';
import { fill, type MeasuredTenant } from './fill';
import { CACHE, onStage, print, runBenchmark, whole, writeFigures } from './frame';
import { peakMemoryMbOf } from './meter';
import type { Stage } from './stage';

const SUBSCRIBED_AT = '2030-01-01T00:00:00Z';
const ENDED_AT = '2030-03-01T00:00:00Z';
const WORKER_READY_MS = 120_000;
/** Commands that are sent at the same time while the tenants are made. */
const COMMANDS_AT_ONCE = 4;
/** A tenant's rows are spread over assets of about this many. */
const ROWS_OF_ASSET = 500;
const LOOK_MS = 200;

interface CrowdPlan {
  /** Small tenants beside the large one. */
  readonly tenants: number;
  readonly smallRows: number;
  readonly rows: number;
  readonly json: string;
}

/** When everybody was through, in seconds from the moment at which all were due. */
interface CrowdFigures {
  readonly plan: CrowdPlan;
  readonly largeSeconds: number;
  readonly smallSeconds: { readonly first: number; readonly median: number; readonly last: number };
  /** Longest time in which no small tenant came to its end while some were left. */
  readonly longestGapSeconds: number;
  readonly throughBeforeLarge: number;
  /** Of the worker when it was ready, with nothing to do yet, and at most. */
  readonly workerReadyMb: number;
  readonly workerPeakMb: number;
}

function readPlan(argv: readonly string[]): CrowdPlan {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      tenants: { type: 'string', default: '40' },
      'small-rows': { type: 'string', default: '100' },
      rows: { type: 'string', default: '100000' },
      json: { type: 'string', default: join(CACHE, 'bench', 'crowd.json') },
    },
  });
  return {
    tenants: whole('tenants', values.tenants),
    smallRows: whole('small-rows', values['small-rows']),
    rows: whole('rows', values.rows),
    json: values.json,
  };
}

const smallOf = (plan: CrowdPlan): readonly MeasuredTenant[] =>
  Array.from({ length: plan.tenants }, (_, index) => ({
    tenantId: `tn_small${String(index).padStart(15, '0')}`,
    rows: plan.smallRows,
    assets: 1,
  }));

const largeOf = (plan: CrowdPlan): MeasuredTenant => ({
  tenantId: 'tn_large000000000000000',
  rows: plan.rows,
  assets: Math.max(1, Math.ceil(plan.rows / ROWS_OF_ASSET)),
});

async function setClock(stores: Stores, instant: string): Promise<void> {
  for (const database of ['control', 'keys', 'evidence'] as const) {
    await stores.sql('simulator', database).execute(
      `UPDATE simulation_clock SET offset_microseconds = TIMESTAMPDIFF(MICROSECOND, SYSDATE(6), ?)
        WHERE id = 1`,
      [instant.replace('T', ' ').replace('Z', '')],
    );
  }
}

/** Lets the lives of all tenants begin together and end together; gives the event of each end. */
async function endLives(
  stores: Stores,
  control: ControlActivities,
  tenantIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const all = (instant: string, command: Partial<Command>): Promise<unknown> =>
    atOnce(tenantIds, COMMANDS_AT_ONCE, (tenantId) => {
      const whole = { idempotencyKey: command.kind ?? '', requestedBy: 'bench', ...command };
      return control.acceptCommand({ tenantId, command: whole as Command, workflowNow: instant });
    });
  await setClock(stores, SUBSCRIBED_AT);
  await all(SUBSCRIBED_AT, {
    kind: 'subscribe',
    body: {
      zone: 'Asia/Shanghai',
      calendars: ['CN'],
      services: ['CVM'],
      attestations: [{ jurisdiction: 'SG', minimumAge: 13 }],
    },
  });
  await setClock(stores, ENDED_AT);
  await all(ENDED_AT, { kind: 'endService', body: { service: 'CVM' } });
  const rows = await stores
    .sql('control', 'control')
    .query('SELECT tenant_id, event_id FROM events');
  return new Map(rows.map((row) => [String(row['tenant_id']), String(row['event_id'])]));
}

function workerOf({ env, folder }: Stage): Actor {
  const signing = join(folder, 'signing');
  createSigningKeys(signing, 'lethe.example/bench');
  return new Actor({
    name: 'worker',
    command: join(__dirname, '..', '..', 'bin', 'lethe-worker'),
    args: [],
    env: {
      ...env,
      LETHE_LOG_KEY_FILE: join(signing, 'log-key.pem'),
      LETHE_CERTIFICATE_KEY_FILE: join(signing, 'certificate-key.pem'),
      LETHE_PUBLIC_KEYS_FILE: join(signing, 'keys.json'),
      // Archiving asks nobody; whoever is asked before a destruction does not answer here.
      LETHE_HOSTING_URL: 'http://127.0.0.1:9',
    },
    ready: /^lethe worker ready/,
    readyMs: WORKER_READY_MS,
    log: join(folder, 'worker.log'),
  });
}

/** Starts every tenant's disposition in the same moment, the large one first, and sees when each ends. */
async function dispose(
  client: Client,
  tenantIds: readonly string[],
  events: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<string, number>> {
  const started = performance.now();
  const ends = new Map<string, number>();
  await Promise.all(
    tenantIds.map(async (tenantId) => {
      const eventId = events.get(tenantId) ?? '';
      const handle = await client.workflow.start('dispositionRun', {
        taskQueue: TASK_QUEUES.workflows,
        workflowId: `disposition-run:${tenantId}:${eventId}`,
        args: [{ tenantId, eventId, mode: 'dispose' }],
        priority: { fairnessKey: tenantId },
      });
      await handle.result();
      ends.set(tenantId, (performance.now() - started) / 1000);
    }),
  );
  return ends;
}

function figuresOf(
  plan: CrowdPlan,
  ends: ReadonlyMap<string, number>,
  memory: Pick<CrowdFigures, 'workerReadyMb' | 'workerPeakMb'>,
): CrowdFigures {
  const largeSeconds = ends.get(largeOf(plan).tenantId) ?? Infinity;
  const small = smallOf(plan)
    .map(({ tenantId }) => ends.get(tenantId) ?? Infinity)
    .sort((a, b) => a - b);
  const at = (share: number): number => small[Math.floor((small.length - 1) * share)] ?? 0;
  const gaps = small.map((end, index) => end - (small[index - 1] ?? 0));
  return {
    ...{ plan, largeSeconds, ...memory },
    smallSeconds: { first: at(0), median: at(0.5), last: at(1) },
    longestGapSeconds: Math.max(...gaps),
    throughBeforeLarge: small.filter((end) => end < largeSeconds).length,
  };
}

function report(figures: CrowdFigures): void {
  const { plan, smallSeconds, largeSeconds, longestGapSeconds } = figures;
  print(
    `large tenant, ${plan.rows} rows: through after ${largeSeconds.toFixed(1)} s\n` +
      `${plan.tenants} small tenants, ${plan.smallRows} rows each: first after ${smallSeconds.first.toFixed(1)} s, ` +
      `half after ${smallSeconds.median.toFixed(1)} s, last after ${smallSeconds.last.toFixed(1)} s; ` +
      `${figures.throughBeforeLarge} before the large one\n` +
      `longest time without an end of a small one: ${longestGapSeconds.toFixed(1)} s\n` +
      `memory of the worker: ${figures.workerReadyMb.toFixed(0)} MB when it was ready, ${figures.workerPeakMb.toFixed(0)} MB at most`,
  );
  print(`figures: ${writeFigures(plan.json, figures)}`);
}

async function measure(stage: Stage, plan: CrowdPlan): Promise<void> {
  const tenants = [largeOf(plan), ...smallOf(plan)];
  await fill(stage.admin, tenants, () => undefined);
  const file = required(stage.config.credentialsFile, 'LETHE_CREDENTIALS_FILE');
  const stores = openStores(loadConfig(stage.env), readCredentials(file));
  const options = engineOptionsOf(stores, required(stage.config.kekFile, 'LETHE_KEK_FILE'));
  const control = await composeControl(options, shareParts(options));
  const tenantIds = tenants.map(({ tenantId }) => tenantId);
  const events = await endLives(stores, control, tenantIds);
  await stores.close();
  const worker = workerOf(stage);
  await worker.start();
  const workerReadyMb = peakMemoryMbOf(worker.pid);
  let workerPeakMb = 0;
  const look = setInterval(() => {
    workerPeakMb = Math.max(workerPeakMb, peakMemoryMbOf(worker.pid));
  }, LOOK_MS);
  const { address, namespace } = stage.config.temporal;
  const connection = await Connection.connect({ address });
  try {
    const ends = await dispose(new Client({ connection, namespace }), tenantIds, events);
    report(figuresOf(plan, ends, { workerReadyMb, workerPeakMb }));
  } finally {
    clearInterval(look);
    await connection.close();
    await worker.stop();
  }
}

runBenchmark(async (argv) => {
  const plan = readPlan(argv);
  await onStage((stage) => measure(stage, plan));
  return 0;
});
