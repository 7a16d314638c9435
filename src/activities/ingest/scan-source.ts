import { FAILURES, isLetheError, LetheError, type FailureCode } from '../../domain/errors';
import type { Progress } from '../../contracts/activities';
import type { Observation } from '../../contracts/observations';
import type { ScanResult } from '../../contracts/scans';
import { databaseNow } from '../control/tenant-facts';
import { assertShared, isShared, whileAllowed } from './authorization';
import { LayerRecords } from './layer-records';
import type { RegistryOrder, RegistryReading, ScanPorts } from './ports';
import { recordObservation, recordPart } from './record-observation';
import { readResult, type ScanOrder, type ScanReference } from './scan-orders';
import { readReport } from './staged-report';

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

/** How long a registry that is away is tried again; then its scan can be ordered again. */
const PATIENCE_SECONDS = 900;

/** How a scan ended. */
export interface Ended {
  readonly result: ScanResult;
  readonly refusedBecause: FailureCode | null;
}

/** A scan and what it reads. */
export interface OrderedScan extends ScanReference {
  readonly order: ScanOrder;
}

/** How a source that is away ends a scan; throws the error as long as it is to be tried again. */
export type WhenAway = (error: unknown) => Ended;

/**
 * Reads one source and stores what it brings.
 *
 * @idempotency see recordObservation.
 * @returns how that ended, what it waits for, or null when the next attempt has to go on with it.
 * @throws LetheError retryable codes while a store is away, codes of faults of this installation; what
 * `whenAway` throws.
 */
export async function scanSource(
  ports: ScanPorts,
  scan: OrderedScan,
  whenAway: WhenAway,
): Promise<Ended | Progress | null> {
  const observed = await observe(ports, scan, whenAway);
  if (observed === null || 'result' in observed) return observed;
  return store(ports, scan, observed);
}

/** Stores an observation; how that ended, or what it waits for. */
async function store(
  ports: ScanPorts,
  scan: OrderedScan,
  observation: Observation,
): Promise<Ended | Progress> {
  const stillAllowed = allowing(ports, scan);
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
export const allowing =
  (ports: ScanPorts, { order, ...scan }: OrderedScan) =>
  async (): Promise<void> => {
    if (order.source === 'registry') await assertShared(ports.control, { ...scan, ...order });
    if ((await readResult(ports.control, scan)) === null) return;
    throw new LetheError('OBSERVATION_REFUSED', 'the scan has a result: it was cancelled');
  };

/** Reads the source; what it brought, how the scan ended without it, or null when it goes on later. */
async function observe(
  ports: ScanPorts,
  { order, ...scan }: OrderedScan,
  whenAway: WhenAway,
): Promise<Observation | Ended | null> {
  try {
    const observation =
      order.source === 'host-report'
        ? parsed(ports, scan, await readReport(ports.control, scan.tenantId, order.report))
        : await observeRegistry(ports, { ...scan, ...order }, allowing(ports, { ...scan, order }));
    if (observation !== null) assertOwn(observation, scan, order);
    return observation;
  } catch (error) {
    return endedBy(error, whenAway);
  }
}

/**
 * How a source that cannot be read ends a scan.
 *
 * @throws LetheError a fault of this installation: it says nothing about the source.
 */
export function endedBy(error: unknown, whenAway: WhenAway): Ended {
  const code = finalCode(error);
  if (code === null) return whenAway(error);
  if (REFUSALS.has(code)) return refused(code);
  if (OWN_FAULTS.has(code)) throw error;
  return failed(code);
}

/**
 * A registry that stays away ends what it was asked for after a while, so that the tenant's process can go on.
 *
 * @param seconds - for how long it has been asked.
 */
export const patientFor =
  (seconds: number): WhenAway =>
  (error) => {
    if (!isLetheError(error) || seconds <= PATIENCE_SECONDS) throw error;
    return failed(error.code);
  };

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
