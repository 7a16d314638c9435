import { AsyncLocalStorage } from 'node:async_hooks';
import { createHmac } from 'node:crypto';
import { readDigestList, readOsvDirectory } from '../advisories';
import { createScanActivities } from '../activities/ingest';
import type { RegistryReading, ScanPorts } from '../activities/ingest/ports';
import { createClamd, type ClamdAddress } from '../activities/registry/clamd';
import {
  createRegistryClient,
  type RegistryClient,
} from '../activities/registry/create-registry-client';
import type { RegistryPolicy } from '../activities/registry/endpoint';
import type { ContentOptions } from '../activities/registry/gather-images';
import { assertAuthorized, observeRepository } from '../activities/registry/observe-repository';
import { ReadingPaused, type ReadingProgress } from '../activities/registry/read-layers';
import { gateReport, observationOf, parseHostReport } from '../collector';
import type { ScanActivities } from '../contracts/activities';
import type { KekRing } from '../contracts/keys';
import type { Observation } from '../contracts/observations';
import type { RegistryCredentials } from '../contracts/registry-logins';
import type { RunningScan } from '../contracts/snapshot';
import { LetheError } from '../domain/errors';
import { UnpackingThreads, type UnpackingThreadSettings } from '../image-layers';
import { readerVersion } from './reader-version';
import type { EngineOptions, SharedParts } from './stores-of-roles';

/** Longest report that is read, in bytes; staging takes no longer one. */
const REPORT_BYTES_MAX = 48 * 1024 * 1024;

/** What scans of registries need beside the stores. */
export interface RegistryScans {
  readonly policy: RegistryPolicy;
  /** Logins of tenants; they enter no history, log or evidence. */
  readonly logins: RegistryCredentials;
  /** Folder of OSV records; undefined: no vulnerabilities are looked for. */
  readonly osvDirectory: string | undefined;
  /** File of SHA-256 digests; undefined: no malware is looked for. */
  readonly malwareDigestsFile: string | undefined;
  /** Where clamd listens; undefined: files are not scanned by it. */
  readonly clamd: ClamdAddress | undefined;
  /** How layers are unpacked beside the process's own thread; absent: in it. */
  readonly unpackingThreads?: UnpackingThreadSettings;
}

const NOTHING_READ: RunningScan = { imagesRead: 0, layersRead: 0, layersKnown: 0 };

/** Wires scans to the collector's logins. */
export async function composeScans(
  options: EngineOptions,
  parts: SharedParts,
  reading: RegistryScans,
): Promise<ScanActivities> {
  const { stores, pulse, pause } = options;
  const contents = await contentsOf(reading);
  const rules = readerVersion();
  // Every beat of a scan repeats what its own reading told last.
  const own = new AsyncLocalStorage<{ told?: RunningScan }>();
  const tell = (news?: Partial<RunningScan>): void => {
    const store = own.getStore();
    if (store !== undefined && news !== undefined)
      store.told = { ...NOTHING_READ, ...store.told, ...news };
    pulse.beat({ step: 'scan', ...store?.told });
  };
  const ports: ScanPorts = {
    control: stores.sql('collector', 'control'),
    assets: stores.sql('collector', 'assets'),
    documents: await parts.documents('collector'),
    heartbeat: () => {
      tell();
    },
    pause,
    through: (repositoriesDone, repositoriesListed) => {
      tell({ repositoriesDone, repositoriesListed });
    },
    listRepositories: (asked, signal) => listRepositories(reading, asked, signal),
    parseReport: (bytes, scan) =>
      observationOf(gateReport(parseHostReport(parseJson(bytes))), scan),
    observeRegistry: (order, signal) =>
      observeInTime(order, signal, {
        policy: reading.policy,
        logins: reading.logins,
        salt: saltOf(options.kek, order.tenantId),
        contents,
        rules,
        progress: tell,
      }),
  };
  const activities = createScanActivities(ports);
  return { runScan: (input) => own.run({}, () => activities.runScan(input)) };
}

interface ReadingParts extends Pick<RegistryScans, 'policy' | 'logins'> {
  readonly salt: Buffer;
  readonly contents: ContentOptions;
  readonly rules: string;
  readonly progress: (progress: ReadingProgress) => void;
}

const clientOf = (
  { policy, logins }: Pick<RegistryScans, 'policy' | 'logins'>,
  { tenantId, registry }: Pick<RegistryReading, 'tenantId' | 'registry'>,
): RegistryClient =>
  createRegistryClient({ baseUrl: registry, tenantId, policy, credentials: logins });

async function listRepositories(
  reading: RegistryScans,
  ...[asked, signal]: Parameters<ScanPorts['listRepositories']>
): ReturnType<ScanPorts['listRepositories']> {
  const { names, malformed } = await clientOf(reading, asked).listRepositories(asked.repository, {
    signal,
    authorize: () => assertAuthorized(asked.stillAuthorized),
  });
  return { names, malformed: malformed.length };
}

/** Reads a repository within the time of one attempt; null when the next attempt has to go on with it. */
async function observeInTime(
  { services, layers, ...order }: RegistryReading,
  ...[signal, parts]: [AbortSignal, ReadingParts]
): Promise<Observation | null> {
  const { salt, contents, rules, progress } = parts;
  try {
    return await observeRepository({
      client: clientOf(parts, order),
      repository: order.repository,
      scanId: order.scanId,
      observedAt: order.observedAt,
      ...(services === undefined ? {} : { services }),
      salt,
      contents: { ...contents, progress },
      stored: { rules, ...layers },
      signal,
      stillAuthorized: order.stillAuthorized,
    });
  } catch (error) {
    if (error instanceof ReadingPaused) return null;
    throw error;
  }
}

/** Read before the first scan: a worker that cannot read them does not start. */
async function contentsOf({
  osvDirectory,
  malwareDigestsFile,
  clamd,
  unpackingThreads,
}: RegistryScans): Promise<ContentOptions> {
  return {
    ...(osvDirectory !== undefined && { advisories: await readOsvDirectory(osvDirectory) }),
    ...(malwareDigestsFile !== undefined && { malware: await readDigestList(malwareDigestsFile) }),
    ...(clamd !== undefined && { viruses: createClamd(clamd) }),
    ...(unpackingThreads !== undefined && { threads: new UnpackingThreads(unpackingThreads) }),
  };
}

function parseJson(bytes: Buffer): unknown {
  if (bytes.length > REPORT_BYTES_MAX) {
    throw new LetheError('INVALID_INPUT', 'report is too long', { field: 'report' });
  }
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new LetheError('INVALID_INPUT', 'report is not JSON', { field: 'report' });
  }
}

/** A secret per tenant for the digests of findings; it stays while the oldest wrapping key is kept. */
function saltOf(kek: KekRing, tenantId: string): Buffer {
  const oldest = [...kek.keys].sort(([a], [b]) => (a < b ? -1 : 1))[0]?.[1];
  if (oldest === undefined) {
    throw new LetheError('CONFIGURATION_INVALID', 'LETHE_KEK_FILE holds no key', {
      field: 'LETHE_KEK_FILE',
    });
  }
  return createHmac('sha256', oldest).update(`findings ${tenantId}`).digest();
}
