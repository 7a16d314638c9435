import type { FingerprintKind, ObservedRecord } from '../contracts/observations';
import type { Fingerprint, FingerprintOf } from '../contracts/schemas/fingerprints';
import { identityOf, isRedacted } from './identity';
import { byText } from './text';
import { without } from './without';

type Body = Readonly<Record<string, unknown>>;

/** Steps in which what changes by itself is kept: coarse enough to stay the same most of the time. */
const STEPS = Object.freeze({ memoryPercent: 25, filesystemPercent: 10 });

/** Load for each processor, in hundredths, from which on a machine is called busy or overloaded. */
const BUSY = 70;
const OVERLOADED = 200;

/**
 * Records of one asset as they are stored, each identity once. What makes two sightings the same
 * thing is in the identity; what makes a new version is in the body.
 */
export function recordsOf(fingerprints: readonly Fingerprint[]): readonly ObservedRecord[] {
  const capacity = capacityOf(fingerprints);
  const records = new Map<string, ObservedRecord>();
  for (const fingerprint of fingerprints) {
    const body = bodyOf(fingerprint, capacity);
    if (body === null) continue;
    const identity = identityOf(fingerprint);
    const key = `${fingerprint.kind} ${identity}${apart(identity, body)}`;
    const known = records.get(key);
    records.set(key, {
      location: 'mongodb:assets.fingerprints',
      kind: fingerprint.kind,
      identity,
      body: known === undefined ? body : mergedBody(known.body, body),
    });
  }
  return [...records].sort(([a], [b]) => byText(a, b)).map(([, record]) => record);
}

/**
 * Two things that only a sensitive value told apart stay two: ingest tells them apart by their content.
 * Processes of one program are one record in any case.
 */
const apart = (identity: string, body: Body): string =>
  isRedacted(identity) && typeof body['several'] !== 'boolean' ? JSON.stringify(body) : '';

/** What loads and free memory are measured against. */
interface Capacity {
  readonly processors: number;
  readonly memoryBytes: number;
}

function capacityOf(fingerprints: readonly Fingerprint[]): Capacity {
  let processors = 1;
  let memoryBytes = 0;
  for (const record of fingerprints) {
    if (record.kind !== 'resource-monitoring') continue;
    if (record.item === 'processor') processors = Math.max(1, record.logicalProcessors);
    if (record.item === 'memory') memoryBytes = record.totalBytes;
  }
  return { processors, memoryBytes };
}

type Reduce<Kind extends FingerprintKind> = (
  record: FingerprintOf<Kind>,
  capacity: Capacity,
) => Body | null;

/** Kinds in which something changes by itself; the others are kept as they are. */
const REDUCED: { readonly [Kind in FingerprintKind]?: Reduce<Kind> } = {
  'resource-monitoring': (record, capacity) =>
    record.item === 'usage' ? usageBody(record, capacity) : plainBody(record),
  process: (record) => processBody(record),
  // The process id changes with every restart of the same service.
  port: (record) => without(plainBody(record), 'pid'),
  // Which programs have it changes with every short-lived one.
  'environment-variable': (record) => without(plainBody(record), 'programs'),
  'kernel-module': (record) => without(plainBody(record), 'usedBy'),
};

/** The kind stands beside the body, the container is the asset itself. */
const plainBody = (record: Fingerprint): Body => without(record, 'kind', 'containerId');

function bodyOf(record: Fingerprint, capacity: Capacity): Body | null {
  const reduce = REDUCED[record.kind] as Reduce<FingerprintKind> | undefined;
  return reduce === undefined ? plainBody(record) : reduce(record, capacity);
}

/** Threads of the kernel come and go with its load and are no software of the tenant's. */
function processBody(record: FingerprintOf<'process'>): Body | null {
  if (record.kernelThread) return null;
  const { program, exe, exeDeleted, uid, user, commandLine, startedAfterBootSeconds } = record;
  const several = false;
  return { program, exe, exeDeleted, uid, user, commandLine, startedAfterBootSeconds, several };
}

/**
 * Processes of one program are one record: the oldest tells when it was started. Command lines that
 * differ are left out, because which of them run changes from one moment to the next.
 */
function mergedBody(known: Body, body: Body): Body {
  if (typeof known['several'] !== 'boolean') return known;
  const started = [known, body].map(({ startedAfterBootSeconds: at }) =>
    typeof at === 'number' ? at : 0,
  );
  return {
    ...known,
    exeDeleted: known['exeDeleted'] === true || body['exeDeleted'] === true,
    commandLine: known['commandLine'] === body['commandLine'] ? known['commandLine'] : null,
    startedAfterBootSeconds: Math.min(...started),
    several: true,
  };
}

type Usage = Extract<FingerprintOf<'resource-monitoring'>, { item: 'usage' }>;

/** Exact figures would make a new version at every scan; an uptime would make one every second. */
function usageBody(record: Usage, { processors, memoryBytes }: Capacity): Body {
  return {
    item: record.item,
    load: loadBand(record.load15Hundredths / processors),
    memoryUsedPercentStep: stepOf(
      memoryBytes - record.memoryAvailableBytes,
      memoryBytes,
      STEPS.memoryPercent,
    ),
    filesystems: record.filesystems.map(({ mountPoint, totalBytes, freeBytes }) => ({
      mountPoint,
      usedPercentStep: stepOf(totalBytes - freeBytes, totalBytes, STEPS.filesystemPercent),
    })),
  };
}

function loadBand(hundredthsEach: number): 'normal' | 'busy' | 'overloaded' {
  if (hundredthsEach >= OVERLOADED) return 'overloaded';
  return hundredthsEach >= BUSY ? 'busy' : 'normal';
}

/** Largest multiple of `step` percent that is not more than the part. */
function stepOf(part: number, whole: number, step: number): number {
  const percent = whole === 0 ? 0 : (Math.max(0, part) / whole) * 100;
  return Math.floor(percent / step) * step;
}
