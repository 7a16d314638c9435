import type { Certificate, CertificateInput, CertifiedKey } from './certificate';
import {
  CIVIL_DATE,
  CLOCKS_DIFFER,
  assertShape,
  instantOf,
  isCount,
  unverified,
} from './certificate-fields';
import { assertAuthority, type Authority } from './certified-order';
import { certifyLocations, certifyRemnants } from './certify-locations';
import type { HashText } from './evidence';
import { isId } from './identifiers';
import { HOUR, formatInstant, later, parseInstant, type Nanoseconds } from './instants';
import type { RecordClass } from './record-class';
import { RETENTION_SCHEDULE, type RuleId } from './retention-schedule';
import { certifyTakenOut } from './taken-out';

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
    ...certifyTakenOut(input.takenOut),
    clock: input.clock,
    issuedAt: instantOf(input.issuedAt, 'issuedAt'),
  };
}

const DIGEST = /^[0-9a-f]{64}$/;

function assertShapes(input: CertificateInput): void {
  assertAuthority(input);
  assertShape(isId('TenantId', input.tenantId), 'tenantId');
  assertShape(isId('RunId', input.runId), 'runId');
  assertShape(CIVIL_DATE.test(input.dueOn), 'dueOn');
  assertShape(isCount(input.generation) && input.generation > 0, 'generation');
  assertShape(DIGEST.test(input.manifestDigest), 'manifestDigest');
  assertShape(DIGEST.test(input.window.derivationDigest), 'window.derivationDigest');
  assertShape(input.window.rules.length > 0, 'window.rules');
  assertShape(isCount(input.keyRemnantHours), 'keyRemnantHours');
}

const sumOf = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);

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

function clauseOf(recordClass: RecordClass, id: RuleId): string {
  const found = RETENTION_SCHEDULE.classes[recordClass].find(({ rule }) => rule === id);
  if (found === undefined) throw unverified('window.rules', 'names a rule of another class');
  return found.summary;
}

function dayOf(date: string): string {
  assertShape(CIVIL_DATE.test(date), 'window.steps');
  return date;
}
