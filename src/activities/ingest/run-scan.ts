import { FAILURES, isLetheError, LetheError, type FailureCode } from '../../domain/errors';
import { parseId } from '../../domain/identifiers';
import type { Progress } from '../../contracts/activities';
import type { Observation } from '../../contracts/observations';
import type { ScanResult } from '../../contracts/scans';
import { databaseNow } from '../control/tenant-facts';
import { assertShared, isShared, whileAllowed } from './authorization';
import { LayerRecords } from './layer-records';
import type { RegistryOrder, RegistryReading, ScanPorts } from './ports';
import { recordObservation, recordPart } from './record-observation';
import {
  readOrder,
  readResult,
  recordResult,
  type PlacedOrder,
  type ScanOrder,
  type ScanReference,
} from './scan-orders';
import { eraseReport, readReport } from './staged-report';

/** Refusals that end a scan: what it brought may not be stored. */
const REFUSALS: ReadonlySet<FailureCode> = new Set([
  'OBSERVATION_REFUSED',
  'STALE_OBSERVATION',
  'ASSET_WITHOUT_LINK',
  'SERVICE_NOT_ACTIVE',
  'FEATURE_NOT_ACTIVE',
  'ATTESTATION_REQUIRED',
  'AUTHORIZATION_REQUIRED',
]);

/** Faults of what was delivered: running the scan again would meet them again. */
const FAULTS: ReadonlySet<FailureCode> = new Set([
  'INVALID_INPUT',
  'UNKNOWN_KIND',
  'INVALID_INSTANT',
]);

/** Faults of this installation; none of them says anything about a source. */
const OWN_FAULTS: ReadonlySet<FailureCode> = new Set([
  'CLOCK_UNSAFE',
  'UNSAFE_STATEMENT',
  'ENVIRONMENT_MISMATCH',
  'CONFIGURATION_INVALID',
]);

/** How long after its order a scan goes on trying a registry that is away; then it can be ordered again. */
const PATIENCE_SECONDS = 900;

/**
 * Runs one ordered scan to its recorded end. What a source brings is stored or is refused for a reason
 * that is on record; only a store that is away makes it try again, and a registry for a while.
 *
 * @idempotency the result is recorded once and ends every repetition; before that, see recordObservation.
 * @throws LetheError retryable codes while a store or the registry is away; INVALID_INPUT for a scan that
 * the tenant never ordered.
 * @source DC-1, DC-2, SH-1
 */
export async function runScan(
  ports: ScanPorts,
  input: { readonly tenantId: string; readonly scanId: string },
): Promise<Progress> {
  const scan: ScanReference = {
    tenantId: parseId('TenantId', input.tenantId, 'tenantId'),
    scanId: parseId('ScanId', input.scanId, 'scanId'),
  };
  const placed = await readOrder(ports.control, scan);
  const known = await readResult(ports.control, scan);
  if (known !== null) return concluded(ports, scan, { order: placed.order, result: known });
  const observed = await observe(ports, scan, placed);
  if (observed === null) return { done: false, blockedOn: null, counts: { pauses: 1 } };
  const ended =
    'result' in observed
      ? observed
      : await store(ports, { ...scan, order: placed.order }, observed);
  if ('blockedOn' in ended) return ended;
  const meanwhile = await readResult(ports.control, scan);
  if (meanwhile !== null) {
    return concluded(ports, scan, { order: placed.order, result: meanwhile });
  }
  const result = await recordResult(ports.control, scan, ended);
  return concluded(ports, scan, { order: placed.order, result });
}

interface Ended {
  readonly result: ScanResult;
  readonly refusedBecause: FailureCode | null;
}

/** Stores an observation; how that ended, or what it waits for. */
async function store(
  ports: ScanPorts,
  { order, ...scan }: ScanReference & { readonly order: ScanOrder },
  observation: Observation,
): Promise<Ended | Progress> {
  const stillAllowed = allowing(ports, { ...scan, order });
  try {
    const { refusal, ...progress } = await recordObservation(ports, observation, stillAllowed);
    if (!progress.done) return progress;
    return {
      result: { outcome: 'complete', counts: progress.counts },
      refusedBecause: refusal?.code ?? null,
    };
  } catch (error) {
    const code = finalCode(error);
    if (code !== null && REFUSALS.has(code)) return refused(code);
    if (code !== null && FAULTS.has(code)) return failed(code);
    throw error;
  }
}

/** Whether a scan may go on: nobody has cancelled it, and what it reads is still shared. */
const allowing =
  (ports: ScanPorts, { order, ...scan }: ScanReference & { readonly order: ScanOrder }) =>
  async (): Promise<void> => {
    if (order.source === 'registry') await assertShared(ports.control, { ...scan, ...order });
    if ((await readResult(ports.control, scan)) === null) return;
    throw new LetheError('OBSERVATION_REFUSED', 'the scan has a result: it was cancelled');
  };

/** Reads the source; what it brought, how the scan ended without it, or null when it goes on later. */
async function observe(
  ports: ScanPorts,
  scan: ScanReference,
  placed: PlacedOrder,
): Promise<Observation | Ended | null> {
  const { order } = placed;
  try {
    const observation =
      order.source === 'host-report'
        ? parsed(ports, scan, await readReport(ports.control, scan.tenantId, order.report))
        : await observeRegistry(ports, { ...scan, ...order }, allowing(ports, { ...scan, order }));
    if (observation !== null) assertOwn(observation, scan, order);
    return observation;
  } catch (error) {
    const code = finalCode(error);
    if (code === null) return endWithoutSource(error, placed);
    if (REFUSALS.has(code)) return refused(code);
    if (OWN_FAULTS.has(code)) throw error;
    return failed(code);
  }
}

/** A registry that stays away ends the scan after a while, so that the tenant's process can go on. */
function endWithoutSource(error: unknown, { order, ageSeconds }: PlacedOrder): Ended {
  const isAway = order.source === 'registry' && isLetheError(error);
  if (!isAway || ageSeconds <= PATIENCE_SECONDS) throw error;
  return failed(error.code);
}

/** The code of a failure that trying again cannot help; null for every other. */
const finalCode = (error: unknown): FailureCode | null =>
  isLetheError(error) && !FAILURES[error.code].retryable ? error.code : null;

const refused = (code: FailureCode): Ended => ({
  result: { outcome: 'refused', counts: { code } },
  refusedBecause: code,
});

const failed = (code: FailureCode): Ended => ({
  result: { outcome: 'failed', counts: { code } },
  refusedBecause: null,
});

function assertOwn(
  observation: Observation,
  scan: ScanReference,
  order: Pick<ScanOrder, 'source'>,
): void {
  const { tenantId, scanId, source } = observation;
  if (tenantId === scan.tenantId && scanId === scan.scanId && source === order.source) return;
  throw new LetheError('INVALID_INPUT', 'the observation belongs to another scan', {
    field: 'scanId',
  });
}

/** Parsing is pure: what makes it stumble once makes it stumble always. */
function parsed(ports: ScanPorts, scan: ScanReference, bytes: Buffer): Observation {
  try {
    return ports.parseReport(bytes, scan);
  } catch (error) {
    if (isLetheError(error)) throw error;
    throw new LetheError('INVALID_INPUT', 'the staged report cannot be read', {
      field: 'report',
      cause: error,
    });
  }
}

async function observeRegistry(
  ports: ScanPorts,
  order: RegistryOrder,
  stillAllowed: () => Promise<void>,
): Promise<Observation | null> {
  const observedAt = await databaseNow(ports.control);
  const stillAuthorized = (): Promise<boolean> => isShared(ports.control, order);
  const stored = new LayerRecords(ports, order.tenantId);
  const layers: RegistryReading['layers'] = {
    find: (chains, readWith) => stored.find(chains, readWith),
    keep: async (part) => {
      assertOwn(part, order, { source: 'registry' });
      await recordPart(ports, part, stillAllowed);
    },
  };
  return whileAllowed(ports, stillAllowed, (signal) =>
    ports.observeRegistry({ ...order, observedAt, stillAuthorized, layers }, signal),
  );
}

/** The result stands: what was delivered for it is erased, again after a crash in between. */
async function concluded(
  ports: ScanPorts,
  scan: ScanReference,
  { order, result }: { readonly order: ScanOrder; readonly result: ScanResult },
): Promise<Progress> {
  if (order.source === 'host-report') {
    await eraseReport(ports.control, scan.tenantId, order.report);
  }
  const counts: Record<string, number> = {};
  for (const [name, count] of Object.entries(result.counts)) {
    if (typeof count === 'number') counts[name] = count;
  }
  if (result.outcome !== 'complete') counts[result.outcome] = 1;
  return { done: true, blockedOn: null, counts };
}
