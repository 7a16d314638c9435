import type { NamedBackup } from './backups';
import {
  certifiedLocations,
  expiringOf,
  type Certificate,
  type CertificateInput,
  type VerifiedLocation,
} from './certificate';
import { CLOCKS_DIFFER, instantOf, isCount, unverified } from './certificate-fields';
import { DAY, formatInstant, later, parseInstant, type Nanoseconds } from './instants';

/** Where nothing is left, and where something may be for a while: the two statements about places. */

/**
 * Every location of the class as somebody else found it after the destruction.
 *
 * @param destroyed - from then on nothing of the cohort could be read.
 * @throws LetheError VERIFICATION_FAILED naming the location that was not found empty.
 */
export function certifyLocations(
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

/**
 * Until when backups and logs may still hold what was destroyed.
 *
 * @throws LetheError VERIFICATION_FAILED naming the location whose age is beyond the inventory's.
 */
export function certifyRemnants(
  input: CertificateInput,
  destroyed: Nanoseconds,
): Certificate['remnants'] {
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
