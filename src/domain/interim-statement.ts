import type { NamedBackup } from './backups';
import { certifiedLocations, remnantLocations } from './certificate';
import type { EvidenceClock } from './evidence';
import { byInstant, parseInstant } from './instants';
import { INVENTORY, RECORD_LOCATIONS, type Location } from './inventory';
import type { Stage } from './lifecycle';
import type { RecordClass } from './record-class';

/**
 * What remains of a tenant, where, and why, before everything is certified. It is for people who wait for
 * a certificate and never stands in for one: nothing in it says that anything is gone.
 */

/** What happened to a cohort that has no certificate. */
export type RemainingState =
  'sealed' | 'archived' | 'moved' | 'destroying' | 'destroyed' | 'restoring' | 'returned';

/** The newest look of the verifier into one location after the destruction. */
export interface RemainingVerdict {
  readonly location: string;
  readonly outcome: 'ok' | 'failed';
  readonly records: number;
}

/** A cohort without a certificate, as control has it. Instants are RFC 3339 and UTC. */
export interface RemainingCohort {
  readonly runId: string;
  readonly dueOn: string;
  readonly recordClass: RecordClass;
  readonly state: RemainingState;
  readonly records: number;
  readonly deleteNotBefore: string | null;
  readonly latestAt: string | null;
  /** Records, object versions and keys per location, as sealed. */
  readonly counts: Readonly<Record<string, number>>;
  readonly verdicts: readonly RemainingVerdict[];
  /** Until when the provider keeps object versions whose key is destroyed; null when it keeps none. */
  readonly retainedUntil: string | null;
}

/** A hold that is in force; its ground stays in control. */
interface RemainingHold {
  readonly holdId: string;
  readonly recordClass: RecordClass | null;
  readonly placedAt: string;
  readonly reviewOn: string;
}

/** A backup or log of something that was certified, as its certificate names it. */
interface CertifiedRemainder {
  readonly location: string;
  readonly until: string;
}

/** What a statement is composed from. */
export interface InterimFacts {
  readonly tenantId: string;
  readonly asOf: string;
  readonly clock: EvidenceClock;
  readonly stage: Stage;
  /** Hosting Services in use, and the Feature. */
  readonly inUse: readonly string[];
  /** Classes whose use has ended and that no run has sealed yet. */
  readonly unsealed: readonly RecordClass[];
  readonly cohorts: readonly RemainingCohort[];
  readonly certificates: number;
  readonly holds: readonly RemainingHold[];
  /** A freeze, cap or breaker that stops what is due; null when none does. */
  readonly stop: string | null;
  readonly remainders: readonly CertifiedRemainder[];
  /** Registered backups that are not reported gone. */
  readonly backups: readonly NamedBackup[];
}

/** Why something is not certified. */
export interface RemainingReason {
  readonly reason:
    | 'in-use'
    | 'not-sealed'
    | 'hold'
    | 'term-not-over'
    | 'window-open'
    | 'being-destroyed'
    | 'object-lock'
    | 'not-verified'
    | 'not-empty'
    | 'stopped'
    | 'restoring'
    | 'late';
  readonly until?: string;
  readonly code?: string;
}

/** A place where something is, or is not shown to be gone. */
export interface RemainingPlace {
  readonly location: string;
  /** Null when nobody has counted: the data is in use, or the place was not verified. */
  readonly records: number | null;
  readonly state: 'holds' | 'not-verified' | 'not-empty';
}

/** What remains of one due day, or of a class that has none yet. */
export interface Remainder {
  readonly recordClass: RecordClass;
  /** Null while nothing is sealed. */
  readonly cohort: Pick<
    RemainingCohort,
    'runId' | 'dueOn' | 'state' | 'records' | 'deleteNotBefore' | 'latestAt'
  > | null;
  readonly reasons: readonly RemainingReason[];
  readonly places: readonly RemainingPlace[];
}

/** The document. It is unsigned. */
export interface InterimStatement {
  readonly document: 'lethe-interim-statement';
  readonly version: 1;
  readonly isCertificate: false;
  readonly tenantId: string;
  readonly asOf: string;
  readonly clock: EvidenceClock;
  readonly stage: Stage;
  readonly inUse: readonly string[];
  readonly certificates: number;
  readonly remaining: readonly Remainder[];
  readonly holds: readonly RemainingHold[];
  /** Object versions that nobody can remove before their key is destroyed. */
  readonly locks: readonly { readonly location: string; readonly versions: number }[];
  readonly remnants: readonly {
    readonly location: string;
    /** Null while clear data is still in the live stores: the time has not begun. */
    readonly until: string | null;
    readonly days: number;
  }[];
  readonly backups: readonly NamedBackup[];
}

/** Composes the statement. @throws LetheError INVALID_INSTANT. @source AB-3, CC-2, CC-3, CC-4, ST-1, ST-2 */
export function composeInterim(facts: InterimFacts): InterimStatement {
  const remaining = [
    ...liveClasses(facts).map((one) => liveRemainder(one, facts)),
    ...facts.cohorts.map((cohort) => remainderOf(cohort, facts)),
  ];
  return {
    document: 'lethe-interim-statement',
    version: 1,
    isCertificate: false,
    ...{ tenantId: facts.tenantId, asOf: facts.asOf, clock: facts.clock, stage: facts.stage },
    ...{ inUse: facts.inUse, certificates: facts.certificates },
    remaining,
    holds: facts.holds,
    locks: locksOf(facts.cohorts),
    remnants: remnantsOf(remaining, facts),
    backups: facts.backups,
  };
}

/** Whether nothing is known to be left. Even then it is no certificate. */
export const isNothingLeft = ({ remaining, remnants, backups }: InterimStatement): boolean =>
  remaining.length === 0 && remnants.length === 0 && backups.length === 0;

interface LiveClass {
  readonly recordClass: RecordClass;
  readonly reason: 'in-use' | 'not-sealed';
}

function liveClasses({ inUse, unsealed }: InterimFacts): readonly LiveClass[] {
  const used: readonly RecordClass[] = [
    ...(inUse.some((subject) => subject !== 'Feature') ? ['asset-basic-data' as const] : []),
    ...(inUse.includes('Feature') ? ['console-configuration-data' as const] : []),
  ];
  return [
    ...used.map((recordClass) => ({ recordClass, reason: 'in-use' as const })),
    ...[...new Set(unsealed)].map((recordClass) => ({
      recordClass,
      reason: 'not-sealed' as const,
    })),
  ];
}

/** Live data is not counted: nobody who reads for people may look into it. */
const liveRemainder = ({ recordClass, reason }: LiveClass, { holds }: InterimFacts): Remainder => ({
  recordClass,
  cohort: null,
  reasons: [{ reason }, ...heldBy(holds, recordClass)],
  places: certifiedLocations(recordClass)
    .filter(isRecords)
    .map((location) => ({ location, records: null, state: 'holds' })),
});

const isRecords = (location: string): boolean =>
  (RECORD_LOCATIONS as readonly string[]).includes(location);

const heldBy = (
  holds: InterimFacts['holds'],
  recordClass: RecordClass,
): readonly RemainingReason[] =>
  holds.some((hold) => hold.recordClass === null || hold.recordClass === recordClass)
    ? [{ reason: 'hold' }]
    : [];

function remainderOf(cohort: RemainingCohort, facts: InterimFacts): Remainder {
  const { runId, dueOn, state, records, deleteNotBefore, latestAt, recordClass } = cohort;
  return {
    recordClass,
    cohort: { runId, dueOn, state, records, deleteNotBefore, latestAt },
    reasons: reasonsOf(cohort, facts),
    places: cohort.state === 'destroyed' ? unprovenPlaces(cohort) : knownPlaces(cohort),
  };
}

function reasonsOf(cohort: RemainingCohort, facts: InterimFacts): readonly RemainingReason[] {
  const { asOf, stop, holds } = facts;
  const { latestAt } = cohort;
  const stopped = stop !== null && isDue(cohort, asOf) ? [{ reason: 'stopped', code: stop }] : [];
  const late =
    latestAt !== null && !isBefore(asOf, latestAt) ? [{ reason: 'late', until: latestAt }] : [];
  return [
    ...(cohort.state === 'destroyed' ? [] : heldBy(holds, cohort.recordClass)),
    ...ownReasons(cohort, asOf),
    ...(stopped as readonly RemainingReason[]),
    ...(late as readonly RemainingReason[]),
  ];
}

const isBefore = (a: string, b: string): boolean =>
  byInstant(parseInstant(a, 'asOf'), parseInstant(b, 'window')) < 0;

/** What a stop can stop: a window that is open, or a destruction that is under way. */
const isDue = ({ state, deleteNotBefore }: RemainingCohort, asOf: string): boolean =>
  state === 'destroying' || (deleteNotBefore !== null && !isBefore(asOf, deleteNotBefore));

function ownReasons(cohort: RemainingCohort, asOf: string): readonly RemainingReason[] {
  switch (cohort.state) {
    case 'sealed':
    case 'archived':
    case 'moved':
      return waitingReasons(cohort, asOf);
    case 'destroying':
      return [{ reason: 'being-destroyed' }, ...lockedBy(cohort)];
    case 'destroyed':
      return cohort.verdicts.some(({ outcome }) => outcome === 'failed')
        ? [{ reason: 'not-verified' }, { reason: 'not-empty' }]
        : [{ reason: 'not-verified' }];
    case 'restoring':
    case 'returned':
      return [{ reason: 'restoring' }, ...lockedBy(cohort)];
  }
}

/** What nobody can open is still there: a certificate waits until it is gone. */
const lockedBy = ({ retainedUntil }: RemainingCohort): readonly RemainingReason[] =>
  retainedUntil === null ? [] : [{ reason: 'object-lock', until: retainedUntil }];

/** Without an instant there is a hold, and that is named on its own. */
function waitingReasons(
  { deleteNotBefore }: RemainingCohort,
  asOf: string,
): readonly RemainingReason[] {
  if (deleteNotBefore === null) return [];
  return isBefore(asOf, deleteNotBefore)
    ? [{ reason: 'term-not-over', until: deleteNotBefore }]
    : [{ reason: 'window-open' }];
}

/** Live rows of assets are gone once they were moved, the key once destruction has begun. */
function knownPlaces({ recordClass, state, counts }: RemainingCohort): readonly RemainingPlace[] {
  const moved = recordClass === 'asset-basic-data' && ['moved', 'destroying'].includes(state);
  return Object.entries(counts)
    .filter(([location, records]) => records > 0 && !(moved && isRecords(location)))
    .filter(([location]) => state !== 'destroying' || location !== 'mysql:keys')
    .map(([location, records]) => ({ location, records, state: 'holds' as const }));
}

/** Every registered location of the class that nobody has found empty, named. */
function unprovenPlaces({ recordClass, verdicts }: RemainingCohort): readonly RemainingPlace[] {
  return certifiedLocations(recordClass).flatMap((location): readonly RemainingPlace[] => {
    const verdict = verdicts.find((one) => one.location === location);
    if (verdict === undefined) return [{ location, records: null, state: 'not-verified' }];
    if (verdict.outcome === 'ok' && verdict.records === 0) return [];
    return [{ location, records: verdict.records, state: 'not-empty' }];
  });
}

function locksOf(cohorts: readonly RemainingCohort[]): InterimStatement['locks'] {
  return ['s3:archive', 's3:backup'].flatMap((location) => {
    const versions = cohorts
      .filter(({ state }) => state !== 'destroyed')
      .reduce((sum, { counts }) => sum + (counts[location] ?? 0), 0);
    return versions === 0 ? [] : [{ location, versions }];
  });
}

/** Clear data that is still live ages nothing; what was certified ages until its certificate says. */
function remnantsOf(
  remaining: readonly Remainder[],
  { remainders, asOf }: InterimFacts,
): InterimStatement['remnants'] {
  const open = new Set(
    remaining.flatMap(({ recordClass, cohort }) =>
      cohort === null || cohort.state !== 'destroyed' ? remnantLocations(recordClass) : [],
    ),
  );
  type Remnants = InterimStatement['remnants'];
  return (INVENTORY as readonly Location[]).flatMap(({ id, maxAgeDays: days = 0 }): Remnants => {
    if (open.has(id)) return [{ location: id, until: null, days }];
    const until = remainders
      .filter((one) => one.location === id && isBefore(asOf, one.until))
      .map((one) => one.until)
      .sort()
      .at(-1);
    return until === undefined ? [] : [{ location: id, until, days }];
  });
}
