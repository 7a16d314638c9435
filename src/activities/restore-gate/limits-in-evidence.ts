import { CAPS, type BreakerCause, type BreakerScope, type CapName } from '../../domain/caps';
import type { CapSetting } from '../../domain/caps';
import type { LedgerEntry } from '../../domain/evidence';
import { DEFAULT_THROTTLE, type Throttle } from '../../domain/pacing';

/** An entry of the evidence that this build cannot read, or that contradicts another one. */
export interface UnreadableEntry {
  readonly sequence: number;
  readonly kind: string;
  readonly subject: string;
}

/** A trip of the circuit breaker, as the evidence tells of it. */
export interface SaidTrip {
  readonly tripId: string;
  readonly scope: BreakerScope;
  readonly cause: BreakerCause;
  readonly tenantId: string;
  readonly runId: string;
  readonly trippedAt: string;
}

/** A setting of a cap, as the evidence tells of it. */
export interface SaidSetting extends CapSetting {
  readonly number: number;
  readonly setBy: string;
  readonly recordedAt: string;
  /** Later than `recordedAt` for one that loosens. */
  readonly effectiveAt: string;
}

/** The newest setting of the throttle; of quiet hours the evidence has the digest. */
export interface SaidThrottle extends Omit<Throttle, 'quietHours'> {
  readonly number: number;
  readonly setAt: string;
  readonly quietHoursDigest: string | null;
}

/** What entries say about limits, one after the other. */
export interface Limits {
  readonly caps: Map<CapName, SaidSetting[]>;
  readonly trips: Map<string, { readonly trip: SaidTrip; readonly entry: LedgerEntry }>;
  /** Instants by trip; the entry of a reset may come before the one of its trip. */
  readonly resets: Map<string, string>;
  throttle: SaidThrottle | null;
  readonly unreadable: UnreadableEntry[];
}

/** Before the first entry. */
export const noLimits = (): Limits => ({
  ...{ caps: new Map(), trips: new Map(), resets: new Map(), throttle: null, unreadable: [] },
});

/** Takes an entry about a cap, a trip or the throttle; any other changes nothing. What cannot be read is listed. */
export function noteLimit(limits: Limits, entry: LedgerEntry): void {
  const note = NOTES[entry.kind.replace(/-again$/, '')];
  if (note !== undefined && !note(limits, entry)) limits.unreadable.push(nameOf(entry));
}

const isReset = ({ resets }: Limits, { tripId, trippedAt }: SaidTrip): boolean =>
  (resets.get(tripId) ?? '') >= trippedAt;

/** Trips that nobody has reset. One whose reset lies before it stays open. */
export const openTrips = (limits: Limits): readonly SaidTrip[] =>
  [...limits.trips.values()].map(({ trip }) => trip).filter((trip) => !isReset(limits, trip));

/** Entries that this build cannot read, and trips whose reset lies before them. */
export const unreadableEntries = (limits: Limits): readonly UnreadableEntry[] => [
  ...limits.unreadable,
  ...[...limits.trips.values()]
    .filter(({ trip }) => limits.resets.has(trip.tripId) && !isReset(limits, trip))
    .map(({ entry }) => nameOf(entry)),
];

/**
 * What is in force at an instant by the settings of a cap in their order; null when only what was shipped is. One
 * that took effect at once can only have tightened; a looser one counts unless another came before its time.
 */
export function settingInForce(
  cap: CapName,
  said: readonly SaidSetting[],
  now: string,
): CapSetting | null {
  let inForce: CapSetting | null = null;
  let waiting: SaidSetting | null = null;
  for (const setting of said) {
    if (waiting !== null && waiting.effectiveAt <= setting.recordedAt) inForce = waiting;
    const waits = setting.effectiveAt > setting.recordedAt;
    waiting = waits ? setting : null;
    if (!waits) inForce = inForce === null ? setting : stricterOf(cap, inForce, setting);
  }
  if (waiting !== null && waiting.effectiveAt <= now) inForce = waiting;
  return inForce === null ? null : { amount: inForce.amount, share: inForce.share };
}

/** The stricter of both numbers; a longer delay of looser settings is the stricter one. */
export function stricterOf(cap: CapName, one: CapSetting, other: CapSetting): CapSetting {
  const amount = cap === 'loosening-hours' ? Math.max : Math.min;
  return {
    amount: amount(one.amount, other.amount),
    share: Math.min(one.share, other.share),
  };
}

const nameOf = ({ sequence, kind, subject }: LedgerEntry): UnreadableEntry => ({
  ...{ sequence, kind, subject },
});

/** Each says whether it could read the entry. */
const NOTES: Readonly<Record<string, (limits: Limits, entry: LedgerEntry) => boolean>> = {
  'cap-set': ({ caps }, entry) => {
    const cap = entry.details['cap'] as CapName;
    const setting = settingOf(entry);
    if (setting === null || !Object.hasOwn(CAPS, cap)) return false;
    caps.set(cap, [...(caps.get(cap) ?? []), setting]);
    return true;
  },
  'breaker-tripped': ({ trips }, entry) => {
    const trip = tripOf(entry);
    if (trip !== null) trips.set(trip.tripId, { trip, entry });
    return trip !== null;
  },
  'breaker-reset': ({ resets }, { subject, details }) => {
    const { tripId, resetAt } = details;
    if (typeof tripId !== 'string' || !isInstant(resetAt)) return false;
    if (subject.split('/')[0] !== tripId) return false;
    // A control store that was restored has it reset once more; the later one counts.
    resets.set(tripId, resetAt);
    return true;
  },
  'throttle-set': (limits, entry) => {
    const throttle = throttleOf(entry);
    if (throttle !== null) limits.throttle = throttle;
    return throttle !== null;
  },
};

/** As every instant in the evidence is written, so that text order is time order. */
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$/;

const isInstant = (value: unknown): value is string =>
  typeof value === 'string' && INSTANT.test(value) && !Number.isNaN(Date.parse(value));

const isCount = (value: unknown, least = 0): value is number =>
  Number.isSafeInteger(value) && (value as number) >= least;

/** Entries of before do not say when a setting was recorded: not after they were written. */
function settingOf({ subject, details, at }: LedgerEntry): SaidSetting | null {
  const [cap, number] = subject.split('/');
  const { effectiveAt } = details;
  const until = typeof effectiveAt === 'string' && effectiveAt < at ? effectiveAt : at;
  const { recordedAt = until } = details;
  const isReadable = [
    cap === details['cap'],
    typeof details['setBy'] === 'string',
    isCount(Number(number), 1),
    isCount(details['amount'], 1),
    isCount(details['share']),
    isInstant(recordedAt),
    isInstant(effectiveAt),
  ].every(Boolean);
  if (!isReadable || String(effectiveAt) < String(recordedAt)) return null;
  return {
    ...(details as unknown as SaidSetting),
    recordedAt: String(recordedAt),
    number: Number(number),
  };
}

const SCOPES: readonly BreakerScope[] = ['all', 'mysql', 'mongodb', 'keys'];
const CAUSES: readonly BreakerCause[] = ['volume', 'count-mismatch', 'verification'];

function tripOf({ subject, tenantId, details }: LedgerEntry): SaidTrip | null {
  const { tripId, runId, trippedAt } = details;
  const scope = SCOPES.find((one) => one === details['scope']);
  const cause = CAUSES.find((one) => one === details['cause']);
  if (tripId !== subject || tenantId === null || typeof runId !== 'string') return null;
  if (scope === undefined || cause === undefined || !isInstant(trippedAt)) return null;
  return { tripId: subject, scope, cause, tenantId, runId, trippedAt };
}

/** Entries of before say nothing about replicas: what was shipped counted then. */
function throttleOf({ details }: LedgerEntry): SaidThrottle | null {
  const { replicaLagMaxSeconds, replicaLagResumeSeconds } = DEFAULT_THROTTLE;
  const said: Readonly<Record<string, unknown>> = {
    ...{ replicaLagMaxSeconds, replicaLagResumeSeconds, quietHoursDigest: null },
    ...details,
  };
  const { rowsPerSecondMax, quietHoursDigest } = said;
  const counts = ['number', 'threadsRunningMax', 'replicaLagMaxSeconds', 'replicaLagResumeSeconds'];
  const isReadable = [
    ...counts.map((field) => isCount(said[field], 1)),
    rowsPerSecondMax === null || isCount(rowsPerSecondMax, 1),
    typeof said['paused'] === 'boolean',
    quietHoursDigest === null || typeof quietHoursDigest === 'string',
    isInstant(said['setAt']),
  ].every(Boolean);
  return isReadable ? (said as unknown as SaidThrottle) : null;
}
