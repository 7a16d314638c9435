import { createHash } from 'node:crypto';
import { createScanActivities } from '../../src/activities/ingest';
import type { ScanPorts } from '../../src/activities/ingest/ports';
import type { Progress } from '../../src/contracts/activities';
import type { CommandBodies } from '../../src/contracts/commands';
import type { Observation } from '../../src/contracts/observations';
import { assetId, createIngestHarness, type IngestHarness } from './ingest';

/** Which scan is meant. */
export interface Scan {
  readonly tenantId: string;
  readonly scanId: string;
}

/** What a report says beside the scan that it belongs to. */
type Report = Omit<Observation, 'tenantId' | 'scanId'>;

/** A body that waits in staging. */
export interface Staged {
  readonly stagingId: string;
  readonly digest: string;
}

/** Scans in an environment of their own, whose reports are plain JSON. */
export interface ScanBench {
  readonly harness: IngestHarness;
  ports(given?: Partial<ScanPorts>): ScanPorts;
  run(scan: Scan, given?: Partial<ScanPorts>): Promise<Progress>;
  /** A tenant with CVM in use, to which one host is linked. */
  tenantWithHost(): Promise<string>;
  /** Puts a body into staging as the stager's login does. */
  stage(tenantId: string, body: Buffer): Promise<Staged>;
  stagedReport(tenantId: string, ...assets: Observation['assets']): Promise<Staged>;
  order(tenantId: string, body: CommandBodies['requestScan']): Promise<Scan>;
  orderReport(tenantId: string, report: Staged): Promise<Scan>;
  resultOf(scan: Scan): Promise<{ outcome: string; counts: object } | null>;
  /** Why observations of a tenant were refused. */
  refusalsOf(tenantId: string): Promise<readonly string[]>;
  remove(): Promise<void>;
}

const parseReport: ScanPorts['parseReport'] = (bytes, scan) => ({
  ...(JSON.parse(bytes.toString('utf8')) as Report),
  ...scan,
});

const elsewhere = () => Promise.reject(new Error('not part of this scan'));
/** The port of catalogs, where none is read. */
export const NO_CATALOG: Pick<ScanPorts, 'listRepositories'> = { listRepositories: elsewhere };

/** Makes the environment; its clock is moved by hand. */
export async function createScanBench(): Promise<ScanBench> {
  const harness = await createIngestHarness({ simulation: true });
  let staged = 0;
  const bench: ScanBench = {
    harness,
    ports: (given = {}) => ({
      ...harness.ports,
      parseReport,
      observeRegistry: elsewhere,
      ...NO_CATALOG,
      ...given,
    }),
    run: (scan, given = {}) => createScanActivities(bench.ports(given)).runScan(scan),
    tenantWithHost: async () => {
      const tenantId = await harness.control.subscribed('CVM');
      const linkedAt = await harness.now();
      const link = { tenantId, assetId: assetId(1), services: ['CVM'], linkedAt } as const;
      await harness.control.links.link(link);
      return tenantId;
    },
    stage: async (tenantId, body) => {
      const stagingId = `st_${String((staged += 1)).padStart(16, '0')}`;
      const digest = createHash('sha256').update(body).digest('hex');
      await harness.environment
        .pool('stager')
        .execute("INSERT INTO staging VALUES (?, ?, ?, ?, lethe_now(), 'host-report')", [
          ...[stagingId, tenantId, digest],
          body,
        ]);
      return { stagingId, digest };
    },
    stagedReport: async (tenantId, ...assets) => {
      const report = { source: 'host-report', observedAt: await harness.now(), assets };
      await harness.advance(1);
      return bench.stage(tenantId, Buffer.from(JSON.stringify(report)));
    },
    order: async (tenantId, body) => {
      const accepted = await harness.control.send(tenantId, 'requestScan', body);
      return { tenantId, scanId: String(accepted.receipt.result['scanId']) };
    },
    orderReport: (tenantId, report) => bench.order(tenantId, { source: 'host-report', report }),
    resultOf: async ({ tenantId, scanId }) => {
      const [row] = await harness.ports.control.query(
        'SELECT CAST(outcome AS CHAR) AS outcome, counts FROM scan_results WHERE tenant_id = ? AND scan_id = ?',
        [tenantId, scanId],
      );
      if (row === undefined) return null;
      const counts = JSON.parse(String(row['counts'])) as object;
      return { outcome: String(row['outcome']), counts };
    },
    refusalsOf: async (tenantId) => {
      const rows = await harness.environment
        .pool('control')
        .query(
          'SELECT CAST(reason AS CHAR) AS reason FROM refused_observations WHERE tenant_id = ?',
          [tenantId],
        );
      return rows.map((row) => String(row['reason']));
    },
    remove: () => harness.remove(),
  };
  return bench;
}
