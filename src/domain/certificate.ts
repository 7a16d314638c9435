import type { NamedBackup } from './backups';
import { assertAuthority, type Authority, type CertifiedWithholding } from './certified-order';
import { LetheError } from './errors';
import type { EvidenceClock, HashText } from './evidence';
import { isId } from './identifiers';
import { DAY, HOUR, formatInstant, later, parseInstant, type Nanoseconds } from './instants';
import { INVENTORY, type Location } from './inventory';
import type { RecordClass } from './record-class';
import { RETENTION_SCHEDULE, type RuleId } from './retention-schedule';

/**
 * The certificate of one cohort's destruction: what was destroyed, why then, how, and that somebody else
 * found nothing of it. It is composed from facts that others recorded; it names ids, counts, digests and
 * instants and no content.
 */

/** Event from which the run followed. */
type CertifiedEvent = 'termination' | 'feature-end' | 'request' | 'stray';

/** A step of the derivation without its prose. */
export interface CertifiedStep {
  readonly rule: RuleId;
  readonly date?: string;
  readonly at?: string;
}

/** A key of the cohort and its tombstone. */
interface CertifiedKey {
  readonly keyRef: string;
  readonly destroyedAt: string;
}

/** The verifier's answer for one location of the inventory. */
export interface VerifiedLocation {
  readonly location: string;
  readonly outcome: string;
  readonly before: number;
  readonly after: number;
  readonly verifiedAt: string;
  /** Until when the provider itself keeps encrypted versions whose key is gone; only in a bucket. */
  readonly retainedUntil?: string;
}

/** What a certificate is composed from. Instants are RFC 3339. */
export interface CertificateInput extends Authority {
  readonly tenantId: string;
  readonly runId: string;
  readonly dueOn: string;
  readonly generation: number;
  readonly event: { readonly kind: CertifiedEvent; readonly at: string };
  readonly policy: {
    readonly version: string;
    readonly calendarVersions: readonly string[];
    readonly tzdata: string;
  };
  /** The window under which it was destroyed; never one that a later hold made infinite. */
  readonly window: {
    readonly rules: readonly RuleId[];
    readonly earliestAt: string;
    readonly deleteNotBefore: string;
    readonly latestAt: string;
    readonly derivationDigest: string;
    readonly steps: readonly CertifiedStep[];
    readonly breaches: readonly string[];
  };
  /** From then on nothing of the cohort could be read: the last tombstone or row deletion. */
  readonly destroyedAt: string;
  readonly keys: readonly (CertifiedKey & { readonly kind: string })[];
  /** Longest life of a destroyed key in logs of its server, in hours. */
  readonly keyRemnantHours: number;
  readonly manifestDigest: string;
  readonly locations: readonly VerifiedLocation[];
  /** When the last clear copy left the live stores, and how long backups and logs may still hold it. */
  readonly clear: {
    readonly goneAt: string;
    /** Days per backup or log of the inventory, as configured. */
    readonly maxAgeDays: Readonly<Record<string, number>>;
    /** Registered backups that may hold it and are not reported gone. */
    readonly backups: readonly NamedBackup[];
  };
  readonly clock: EvidenceClock;
  readonly issuedAt: string;
}

/** A backup or log that the engine does not empty. */
interface CertifiedRemnant {
  readonly location: string;
  /** Last instant at which it can hold clear data. */
  readonly until: string;
  /** True when that lies beyond the promised end; said, not hidden. */
  readonly afterLatest: boolean;
  /** Registered backups behind it that are not gone yet; left out when there are none. */
  readonly sets?: readonly Omit<NamedBackup, 'location'>[];
}

/** The document. Version 2 has neither scope nor people and is still read. */
export interface Certificate extends Partial<Pick<Authority, 'scope' | 'people' | 'order'>> {
  readonly document: 'lethe-certificate-of-destruction';
  readonly version: 2 | 3;
  readonly certificateId: string;
  readonly tenantId: string;
  readonly recordClass: RecordClass;
  readonly runId: string;
  readonly dueOn: string;
  readonly generation: number;
  readonly event: CertificateInput['event'];
  readonly rules: readonly { readonly rule: RuleId; readonly clause: string }[];
  readonly policy: CertificateInput['policy'];
  readonly window: Omit<CertificateInput['window'], 'rules'>;
  readonly method: readonly ('key-destruction' | 'deletion')[];
  readonly destroyedAt: string;
  /** True when the promise was missed: something could still be read at or after `latestAt`. */
  readonly late: boolean;
  readonly keys: readonly CertifiedKey[];
  readonly keyRemnantHours: number;
  readonly keyRemnantUntil: string;
  readonly manifestDigest: string;
  readonly locations: readonly VerifiedLocation[];
  /** The verifier's result over all locations; it has accounts and code of its own. */
  readonly verification: {
    readonly by: 'verifier';
    readonly outcome: 'ok';
    readonly locations: number;
    readonly before: number;
    /** Locked versions without a key that the provider keeps for a time; otherwise none. */
    readonly after: number;
  };
  readonly remnants: readonly CertifiedRemnant[];
  readonly withheld: readonly CertifiedWithholding[];
  readonly clock: EvidenceClock;
  readonly issuedAt: string;
}

/** Locations that must be verified before a certificate of the class: all that are not left to expire. */
export const certifiedLocations = (recordClass: RecordClass): readonly string[] =>
  locationsOf(recordClass)
    .filter(({ emptiedBy }) => emptiedBy !== 'expiry')
    .map(({ id }) => id);

/** Backups and logs whose last date the certificate of the class states. */
export const remnantLocations = (recordClass: RecordClass): readonly string[] =>
  expiringOf(recordClass).map(({ id }) => id);

/** The id follows from the cohort and its sealed manifest, so that composing again gives the same one. */
const certificateIdOf = (
  input: Pick<CertificateInput, 'tenantId' | 'runId' | 'dueOn' | 'manifestDigest'>,
  hash: HashText,
): string =>
  `ce_${hash(JSON.stringify([input.tenantId, input.runId, input.dueOn, input.manifestDigest])).slice(0, 32)}`;

/**
 * Composes the certificate of a cohort, or refuses. A statement that something is gone is made only when
 * every location of the class's inventory was found empty, after the destruction, and every key of the
 * cohort has its tombstone, not before the window opened.
 *
 * @param hash - hexadecimal SHA-256.
 * @throws LetheError VERIFICATION_FAILED naming the location or fact that stands against it; INVALID_INPUT
 *   or INVALID_INSTANT for what is malformed.
 * @source AB-3, CC-2, CC-3, DR-1, ST-1, ST-2
 */
export function composeCertificate(input: CertificateInput, hash: HashText): Certificate {
  assertShapes(input);
  const destroyed = parseInstant(input.destroyedAt, 'destroyedAt');
  const keys = certifyKeys(input, destroyed);
  assertInTime(input, destroyed);
  const locations = certifyLocations(input, destroyed);
  return {
    document: 'lethe-certificate-of-destruction',
    version: 3,
    certificateId: certificateIdOf(input, hash),
    tenantId: input.tenantId,
    recordClass: input.recordClass,
    runId: input.runId,
    dueOn: input.dueOn,
    generation: input.generation,
    event: { kind: input.event.kind, at: instantOf(input.event.at, 'event.at') },
    scope: certifyScope(input.scope),
    people: input.people,
    ...(input.order === undefined ? {} : { order: input.order }),
    rules: input.window.rules.map((rule) => ({ rule, clause: clauseOf(input.recordClass, rule) })),
    policy: input.policy,
    window: certifyWindow(input.window),
    method: ['key-destruction', 'deletion'],
    destroyedAt: formatInstant(destroyed),
    late: destroyed >= parseInstant(input.window.latestAt, 'window.latestAt'),
    keys,
    keyRemnantHours: input.keyRemnantHours,
    keyRemnantUntil: formatInstant(
      lastTombstone(keys, destroyed) + BigInt(input.keyRemnantHours) * HOUR,
    ),
    manifestDigest: input.manifestDigest,
    locations,
    verification: {
      by: 'verifier',
      outcome: 'ok',
      locations: locations.length,
      before: sumOf(locations.map(({ before }) => before)),
      after: sumOf(locations.map(({ after }) => after)),
    },
    remnants: certifyRemnants(input, destroyed),
    withheld: input.withheld ?? [],
    clock: input.clock,
    issuedAt: instantOf(input.issuedAt, 'issuedAt'),
  };
}

const locationsOf = (recordClass: RecordClass): readonly Location[] =>
  (INVENTORY as readonly Location[]).filter(
    (location) => location.recordClass === recordClass || location.recordClass === 'both',
  );

const expiringOf = (recordClass: RecordClass): readonly Location[] =>
  locationsOf(recordClass).filter(({ emptiedBy }) => emptiedBy === 'expiry');

/** Three servers give the instants; the guard before the destruction is there because clocks differ. */
const CLOCKS_DIFFER: Nanoseconds = HOUR / 12n;

const DIGEST = /^[0-9a-f]{64}$/;
const DUE_DAY = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/;

function assertShapes(input: CertificateInput): void {
  assertAuthority(input);
  assertShape(isId('TenantId', input.tenantId), 'tenantId');
  assertShape(isId('RunId', input.runId), 'runId');
  assertShape(DUE_DAY.test(input.dueOn), 'dueOn');
  assertShape(isCount(input.generation) && input.generation > 0, 'generation');
  assertShape(DIGEST.test(input.manifestDigest), 'manifestDigest');
  assertShape(DIGEST.test(input.window.derivationDigest), 'window.derivationDigest');
  assertShape(input.window.rules.length > 0, 'window.rules');
  assertShape(isCount(input.keyRemnantHours), 'keyRemnantHours');
}

const sumOf = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);
const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0;

function certifyKeys(input: CertificateInput, destroyed: Nanoseconds): readonly CertifiedKey[] {
  // What is found outside every run lies behind a key of the run that left it.
  const isOwn = (ref: string): boolean => {
    if (input.recordClass !== 'asset-basic-data') {
      return ref.startsWith(`configuration:${input.tenantId}:`);
    }
    if (input.event.kind === 'stray') return ref.startsWith('asset:');
    return ref === `asset:${input.runId}:${input.dueOn}`;
  };
  const keys = input.keys.map(({ keyRef, kind, destroyedAt }) => {
    if (!isOwn(keyRef)) throw unverified('keys', 'a key is not of this cohort');
    const isEarlier = endedBefore(input, destroyedAt);
    if (kind !== 'destroy' && !isEarlier)
      throw unverified('keys', 'a key was retired, not destroyed');
    const at = parseInstant(destroyedAt, 'keys.destroyedAt');
    if (at > destroyed) throw unverified('destroyedAt', 'lies before the end of a key');
    return { keyRef, destroyedAt: formatInstant(at) };
  });
  const records = sumOf(input.locations.map(({ before }) => before));
  if (keys.length === 0 && records > 0) throw unverified('keys', 'no tombstone was found');
  if (new Set(keys.map(({ keyRef }) => keyRef)).size !== keys.length) {
    throw unverified('keys', 'a key is named twice');
  }
  return keys;
}

/** A key of a stray may have ended before the stray was found, and has a certificate of its own then. */
const endedBefore = ({ event }: CertificateInput, destroyedAt: string): boolean =>
  event.kind === 'stray' &&
  parseInstant(destroyedAt, 'keys.destroyedAt') < parseInstant(event.at, 'event.at');

const lastTombstone = (keys: readonly CertifiedKey[], destroyed: Nanoseconds): Nanoseconds =>
  keys.length === 0
    ? destroyed
    : keys.map((key) => parseInstant(key.destroyedAt, 'keys.destroyedAt')).reduce(later);

/** Destroying too early is not certified: it is a breach that a person must see. @source AB-1 */
function assertInTime(input: CertificateInput, destroyed: Nanoseconds): void {
  const { earliestAt, deleteNotBefore, latestAt } = input.window;
  const earliest = parseInstant(earliestAt, 'window.earliestAt');
  const start = parseInstant(deleteNotBefore, 'window.deleteNotBefore');
  parseInstant(latestAt, 'window.latestAt');
  if (start < earliest) throw unverified('window', 'allows destruction before its own beginning');
  const keys = input.keys.filter(({ destroyedAt }) => !endedBefore(input, destroyedAt));
  const ends = [destroyed, ...keys.map((key) => parseInstant(key.destroyedAt, 'keys'))];
  if (ends.some((end) => end < earliest || end < start - CLOCKS_DIFFER)) {
    throw unverified('destroyedAt', 'lies before the window');
  }
}

function certifyLocations(
  input: CertificateInput,
  destroyed: Nanoseconds,
): readonly VerifiedLocation[] {
  const required = certifiedLocations(input.recordClass);
  const given = new Map(input.locations.map((location) => [location.location, location]));
  if (given.size !== input.locations.length) throw unverified('locations', 'one is named twice');
  const strange = [...given.keys()].find((id) => !required.includes(id));
  if (strange !== undefined)
    throw unverified('locations', 'one is not in the inventory of the class');
  const issued = parseInstant(input.issuedAt, 'issuedAt');
  return required.map((id) => {
    const location = given.get(id);
    if (location === undefined) throw unverified(id, 'was not verified');
    return certifyLocation(location, { destroyed, issued });
  });
}

function certifyLocation(
  location: VerifiedLocation,
  when: { readonly destroyed: Nanoseconds; readonly issued: Nanoseconds },
): VerifiedLocation {
  const { location: id, outcome, before, after } = location;
  const at = parseInstant(location.verifiedAt, `${id}.verifiedAt`);
  if (outcome !== 'ok') throw unverified(id, 'was not verified');
  if (!isCount(before) || !isCount(after)) throw unverified(id, 'has no counts');
  if (at < when.destroyed) throw unverified(id, 'was verified before the destruction');
  if (at > when.issued + CLOCKS_DIFFER) {
    throw unverified(id, 'was verified after the certificate was issued');
  }
  const verified = { location: id, outcome, before, after, verifiedAt: formatInstant(at) };
  if (after === 0 && location.retainedUntil === undefined) return verified;
  return { ...verified, retainedUntil: formatInstant(retentionOf(location, at)) };
}

/** The key is gone; what the provider's own lock still keeps is ciphertext that nobody can open. */
function retentionOf(location: VerifiedLocation, verified: Nanoseconds): Nanoseconds {
  const { location: id, before, after, retainedUntil } = location;
  if (!id.startsWith('s3:') || retainedUntil === undefined || after === 0 || after > before) {
    throw unverified(id, 'is not empty');
  }
  const until = parseInstant(retainedUntil, `${id}.retainedUntil`);
  if (until <= verified) throw unverified(id, 'is not empty although its lock has ended');
  return until;
}

const certifyScope = ({ newestObservedAt, ...scope }: Authority['scope']): Authority['scope'] => ({
  ...scope,
  newestObservedAt:
    newestObservedAt === null ? null : instantOf(newestObservedAt, 'scope.newestObservedAt'),
});

function certifyWindow(window: CertificateInput['window']): Certificate['window'] {
  return {
    earliestAt: instantOf(window.earliestAt, 'window.earliestAt'),
    deleteNotBefore: instantOf(window.deleteNotBefore, 'window.deleteNotBefore'),
    latestAt: instantOf(window.latestAt, 'window.latestAt'),
    derivationDigest: window.derivationDigest,
    steps: window.steps.map(({ rule, date, at }) => ({
      rule,
      ...(date === undefined ? {} : { date: dayOf(date) }),
      ...(at === undefined ? {} : { at: instantOf(at, 'window.steps') }),
    })),
    breaches: window.breaches.map((breach) => instantOf(breach, 'window.breaches')),
  };
}

function certifyRemnants(input: CertificateInput, destroyed: Nanoseconds): Certificate['remnants'] {
  const gone = parseInstant(input.clear.goneAt, 'clear.goneAt');
  if (gone > destroyed) throw unverified('clear.goneAt', 'lies after the destruction');
  const latest = parseInstant(input.window.latestAt, 'window.latestAt');
  return expiringOf(input.recordClass).map(({ id, maxAgeDays = -1 }) => {
    const days = input.clear.maxAgeDays[id];
    if (!isCount(days) || days > maxAgeDays) {
      throw unverified(id, 'has no age within the bound of the inventory');
    }
    const sets = input.clear.backups.filter(({ location }) => location === id).map(certifySet);
    const until = sets
      .map(({ expiresAt }) => parseInstant(expiresAt, 'clear.backups.expiresAt'))
      .reduce(later, gone + BigInt(days) * DAY);
    const remnant = { location: id, until: formatInstant(until), afterLatest: until >= latest };
    return sets.length === 0 ? remnant : { ...remnant, sets };
  });
}

const certifySet = (set: NamedBackup): Omit<NamedBackup, 'location'> => ({
  setId: set.setId,
  takenAt: instantOf(set.takenAt, 'clear.backups.takenAt'),
  expiresAt: instantOf(set.expiresAt, 'clear.backups.expiresAt'),
});

function clauseOf(recordClass: RecordClass, id: RuleId): string {
  const found = RETENTION_SCHEDULE.classes[recordClass].find(({ rule }) => rule === id);
  if (found === undefined) throw unverified('window.rules', 'names a rule of another class');
  return found.summary;
}

function dayOf(date: string): string {
  assertShape(DUE_DAY.test(date), 'window.steps');
  return date;
}

const instantOf = (value: string, field: string): string =>
  formatInstant(parseInstant(value, field));

function assertShape(condition: boolean, field: string): void {
  if (condition) return;
  throw new LetheError('INVALID_INPUT', `${field} is malformed; no certificate was composed`, {
    field,
  });
}

const unverified = (field: string, why: string): LetheError =>
  new LetheError('VERIFICATION_FAILED', `${field} ${why}; no certificate was composed`, { field });
