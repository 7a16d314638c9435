import { execFileSync } from 'node:child_process';
import { recordObservation } from '../src/activities/ingest/record-observation';
import { gateReport, observationOf, parseHostReport, reportText } from '../src/collector';
import { withDigest } from '../src/collector/report-digest';
import { composeControl } from '../src/composition/control';
import { shareParts } from '../src/composition/stores-of-roles';
import type { Command } from '../src/contracts/commands';
import type { Fingerprint } from '../src/contracts/schemas/fingerprints';
import type { Redactions } from '../src/contracts/schemas/host-report';
import type { IngestPorts } from '../src/activities/ingest/ports';
import { parseId } from '../src/domain/identifiers';
import { required } from '../src/platform/config';
import { openStores } from '../src/platform/connections';
import { readCredentials } from '../src/platform/credentials';
import { readClock } from '../src/simulation/clocks';
import { engineOptionsOf } from './engine-options';
import { CACHE } from './frame';
import { cpuSecondsOfAll } from './meter';
import { openStage, type Stage } from './stage';

/** What taking in one report cost, from its bytes to the stores. */
export interface IngestFigures {
  readonly name: string;
  readonly reportMb: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly serverCpuSeconds: number;
  /** Of the whole process until then. */
  readonly peakMemoryMb: number;
  /** What the product says that it stored. */
  readonly counts: Readonly<Record<string, number>>;
  /** Rows and documents that were there afterwards and not before. */
  readonly added: number;
}

const TENANT = 'tn_benchdiscovery000000';
const ASSET = parseId('AssetId', 'as_benchdiscovery000000', 'assetId');
const MB = 1_000_000;
const KIB = 1024;

/** Half archives and half packages, as a large host has them. */
const fingerprintOf = (_: unknown, number: number): Fingerprint =>
  number % 2 === 0
    ? {
        ...{ kind: 'jar-package', path: `/opt/app/lib/library-${number}.jar`, within: null },
        ...{ name: `library-${number}`, group: 'com.example', version: `1.${number % 50}` },
        ...{ mainClass: null, springBootVersion: null, sizeBytes: 1000 + number },
      }
    : {
        ...{ kind: 'software-application', manager: 'dpkg', name: `package-${number}` },
        ...{ version: `2.${number % 90}-1`, architecture: 'amd64', source: null },
      };

const NO_REDACTIONS: Redactions = {
  environmentValues: 0,
  processArguments: 0,
  taskArguments: 0,
  textsWithSecrets: 0,
};

function makeReport(fingerprints: number, collectedAt: string): string {
  const host = {
    ...{ hostname: 'bench', osId: null, osName: null, osVersion: null, kernel: null },
    ...{ architecture: null, machineKey: null, bootId: null, bootedAt: null, timeZone: null },
    ...{ vendor: null, product: null, addresses: [] },
  };
  const report = withDigest({
    ...{ reportVersion: 2, assetId: ASSET, collectedAt, scope: 'files', host },
    collector: { name: 'lethe-collector', version: '2.0.0' },
    fingerprints: Array.from({ length: fingerprints }, fingerprintOf),
    ...{ containers: [], clusters: [], unread: [], redactions: NO_REDACTIONS },
  });
  return reportText(report);
}

const MAKING = 'make-report';
const REPORT_BYTES_MAX = 64 * 1024 * 1024;

/** Another process makes the report: this one's memory is that of taking it in. */
const reportOf = (fingerprints: number, collectedAt: string): Buffer =>
  execFileSync(process.execPath, [__filename, MAKING, String(fingerprints), collectedAt], {
    maxBuffer: REPORT_BYTES_MAX,
  });

/** What the measurement works with. */
interface Bench {
  readonly ports: IngestPorts;
  readonly stage: Stage;
  now(): Promise<string>;
  close(): Promise<void>;
}

async function openBench(): Promise<Bench> {
  const stage = await openStage(CACHE);
  const { config } = stage;
  const file = required(config.credentialsFile, 'LETHE_CREDENTIALS_FILE');
  const stores = openStores(config, readCredentials(file));
  const options = engineOptionsOf(stores, required(config.kekFile, 'LETHE_KEK_FILE'));
  const parts = shareParts(options);
  const control = await composeControl(options, parts);
  const now = async (): Promise<string> => {
    const instant = await readClock(stores.sql('simulator', 'control'));
    return new Date(Number(instant / 1_000_000n)).toISOString();
  };
  const send = async (key: string, command: Partial<Command>): Promise<void> => {
    const whole = { idempotencyKey: key, requestedBy: 'bench', ...command } as Command;
    await control.acceptCommand({ tenantId: TENANT, command: whole, workflowNow: await now() });
  };
  await send('subscribe', {
    kind: 'subscribe',
    body: {
      ...{ zone: 'Asia/Shanghai', calendars: ['CN'], services: ['CVM'] },
      attestations: [{ jurisdiction: 'SG', minimumAge: 13 }],
    },
  });
  await send('link', { kind: 'linkAsset', body: { assetId: ASSET, services: ['CVM'] } });
  const ports = {
    control: stores.sql('collector', 'control'),
    assets: stores.sql('collector', 'assets'),
    documents: await parts.documents('collector'),
    heartbeat: () => undefined,
    pause: options.pause,
  };
  const close = async (): Promise<void> => {
    await stores.close();
    await stage.close();
  };
  return { ports, stage, now, close };
}

/** Rows and documents of the tenant in the places that a host's report goes to. */
async function stored({ ports, stage }: Bench): Promise<number> {
  const { client, prefix } = ports.documents;
  const documents = await client
    .db(`${prefix}_assets`)
    .collection('fingerprints')
    .countDocuments({ tenantId: TENANT });
  let rows = 0;
  for (const table of ['assets', 'scans']) {
    const [found] = await stage.admin.query(
      `SELECT COUNT(*) AS n FROM ${table} WHERE tenant_id = ?`,
      [TENANT],
    );
    rows += Number((found as { n: number }[])[0]?.n);
  }
  return documents + rows;
}

async function take(
  bench: Bench,
  ...[name, number, of]: [name: string, number: number, of: number]
): Promise<IngestFigures> {
  const bytes = reportOf(of, await bench.now());
  const before = await stored(bench);
  const { servers } = bench.stage;
  const [cpuBefore, serversBefore] = [process.cpuUsage(), cpuSecondsOfAll(servers)];
  const begun = performance.now();
  const report = gateReport(parseHostReport(JSON.parse(bytes.toString('utf8'))));
  const scanId = `sc_benchdiscovery00000${number}`;
  const { counts, done } = await recordObservation(
    bench.ports,
    observationOf(report, { tenantId: TENANT, scanId }),
  );
  const seconds = (performance.now() - begun) / 1000;
  if (!done) throw new Error('another writer was at work');
  const { user, system } = process.cpuUsage(cpuBefore);
  return {
    ...{ name, reportMb: bytes.length / MB, seconds, counts },
    cpuSeconds: (user + system) / 1_000_000,
    serverCpuSeconds: cpuSecondsOfAll(servers) - serversBefore,
    peakMemoryMb: process.resourceUsage().maxRSS / KIB,
    added: (await stored(bench)) - before,
  };
}

async function main(fingerprints: number): Promise<void> {
  const bench = await openBench();
  try {
    process.send?.([
      await take(bench, 'the first report', 1, fingerprints),
      await take(bench, 'the same, nothing changed', 2, fingerprints),
    ] satisfies readonly IngestFigures[]);
  } finally {
    await bench.close();
  }
  process.disconnect();
}

const [what, fingerprints, collectedAt = ''] = process.argv.slice(2);
if (what === MAKING) process.stdout.write(makeReport(Number(fingerprints), collectedAt));
else {
  main(Number(what)).catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? '') : String(error)}\n`);
    process.exit(1);
  });
}
