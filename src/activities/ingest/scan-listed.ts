import type { FailureCode } from '../../domain/errors';
import type { Progress } from '../../contracts/activities';
import { repositoryAssetId } from '../registry/observe-repository';
import { isShared, whileAllowed } from './authorization';
import type { ScanPorts } from './ports';
import type { ScanOrder } from './scan-orders';
import {
  allowing,
  endedBy,
  patientFor,
  scanSource,
  type Ended,
  type OrderedScan,
} from './scan-source';
import {
  countsOf,
  readScanned,
  recordScanned,
  wasAway,
  type ScannedRepository,
} from './scanned-repositories';

/** The order of a scan of all that a catalog lists in a scope. */
export interface ListedScan extends OrderedScan {
  readonly order: Extract<ScanOrder, { readonly source: 'registry' }>;
}

/**
 * An attempt that begins no further repository after so long ends in time, even if the last one is large, and
 * lets scans of other tenants have their turn.
 */
const ATTEMPT_MS = 5 * 60_000;
/** Repositories in a row for which the registry stayed away; it is not asked for the others then. */
const AWAY_MAX = 3;

/** Of a refusal that is about one repository the others know nothing; every other one is about all. */
const OF_ONE: ReadonlySet<FailureCode> = new Set(['STALE_OBSERVATION']);

/**
 * Scans every repository that the registry's catalog lists within the scope of an order, one after the other,
 * each as if it had been ordered by itself. What cannot be read of one, or may not be stored, is on record
 * and keeps no other one from being scanned.
 *
 * Names that a catalog lists are asset data: they are stored with the assets only. Those beyond the scope are
 * dropped page by page as they are read.
 *
 * @param ageSeconds - since the order was given.
 * @idempotency what an attempt was through with is on record, and the next one goes on behind it; a repository
 * that was stored and not yet recorded is scanned again, see recordObservation.
 * Bounds: names of one listing in memory; no further repository is begun after five minutes.
 * @returns how the scan ended, what it waits for, or null when another attempt has to go on.
 * @throws LetheError retryable codes while a store or the registry is away.
 * @source DC-2, SH-1
 */
export async function scanListed(
  ports: ScanPorts,
  scan: ListedScan,
  ageSeconds: number,
): Promise<Ended | Progress | null> {
  const begun = process.uptime();
  const { scanned, idleSeconds } = await readScanned(ports.control, scan);
  const waited = idleSeconds ?? ageSeconds;
  const listed = await readCatalog(ports, scan).catch((error: unknown) =>
    endedBy(error, patientFor(waited)),
  );
  if ('result' in listed) return withCounts(listed, scanned);
  const { names, malformed } = listed;
  const stopped = await scanEach(ports, names, { scan, scanned, waited, begun });
  return stopped === 'through' ? concluded(scanned, malformed) : stopped;
}

/** One attempt at a scan. */
interface Attempt {
  readonly scan: ListedScan;
  /** What the scan is through with; grows. */
  readonly scanned: ScannedRepository[];
  /** Seconds since something was scanned. */
  readonly waited: number;
  /** Seconds of this process at which it began. */
  readonly begun: number;
}

/** Goes through the repositories that are left, until something stops the scan or the attempt. */
async function scanEach(
  ports: ScanPorts,
  names: readonly string[],
  { scan, scanned, waited, begun }: Attempt,
): Promise<Ended | Progress | null | 'through'> {
  const { attemptMilliseconds = ATTEMPT_MS } = ports;
  const through = new Set(scanned.map(({ assetId }) => assetId));
  const left = names
    .map((repository) => ({ repository, assetId: assetOf(scan, repository) }))
    .filter(({ assetId }) => !through.has(assetId));
  let patience = waited;
  for (const { repository, assetId } of left) {
    if (isAway(scanned)) return 'through';
    ports.through?.(scanned.length, names.length);
    const ended = await scanSource(ports, orderOf(scan, repository), patientFor(patience));
    if (ended === null || 'blockedOn' in ended) return ended;
    if (isAboutAll(ended)) return withCounts(ended, scanned);
    await recordScanned(ports.control, scan, { ...ended, assetId });
    scanned.push({ ...ended, assetId });
    if (ended.result.outcome === 'complete') patience = 0;
    // After the first one, so that every attempt gets further.
    if ((process.uptime() - begun) * 1_000 > attemptMilliseconds) return null;
  }
  return 'through';
}

/** Names that lie within the scope, always in the same order. */
async function readCatalog(
  ports: ScanPorts,
  scan: ListedScan,
): Promise<{ readonly names: readonly string[]; readonly malformed: number }> {
  const { tenantId, order } = scan;
  const { registry, repository } = order;
  const stillAuthorized = (): Promise<boolean> =>
    isShared(ports.control, { ...scan, registry, repository });
  const { names, malformed } = await whileAllowed(ports, allowing(ports, scan), (signal) =>
    ports.listRepositories({ tenantId, registry, repository, stillAuthorized }, signal),
  );
  return { names: [...names].sort(), malformed };
}

const orderOf = (scan: ListedScan, repository: string): OrderedScan => ({
  ...scan,
  order: { ...scan.order, repository },
});

const assetOf = ({ tenantId, order }: ListedScan, repository: string): string =>
  repositoryAssetId(tenantId, new URL(order.registry).host, repository);

const isAboutAll = ({ result: { outcome }, refusedBecause }: Ended): boolean =>
  outcome === 'refused' && refusedBecause !== null && !OF_ONE.has(refusedBecause);

/** The registry stayed away so often in a row that it would do so for the others, too. */
const isAway = (scanned: readonly ScannedRepository[]): boolean =>
  scanned.length >= AWAY_MAX && scanned.slice(-AWAY_MAX).every(wasAway);

const withCounts = (ended: Ended, scanned: readonly ScannedRepository[]): Ended => ({
  ...ended,
  result: { ...ended.result, counts: { ...countsOf(scanned), ...ended.result.counts } },
});

/** Complete when anything was: what was not is in the counts. Otherwise it ended as the last one did. */
function concluded(scanned: readonly ScannedRepository[], malformed: number): Ended {
  const last = scanned.at(-1);
  const counts = {
    ...countsOf(scanned),
    ...(malformed > 0 && { malformedNames: malformed }),
  };
  const hasStayedAway = isAway(scanned);
  const isStored = scanned.some(({ result }) => result.outcome === 'complete');
  if (last === undefined || (isStored && !hasStayedAway)) {
    const refused = scanned.find(({ refusedBecause }) => refusedBecause !== null);
    return {
      result: { outcome: 'complete', counts },
      refusedBecause: refused?.refusedBecause ?? null,
    };
  }
  return withCounts(last, scanned);
}
