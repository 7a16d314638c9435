import type { NamedBackup } from './backups';
import type { Authority, CertifiedWithholding } from './certified-order';
import type { EvidenceClock } from './evidence';
import { INVENTORY, type Location } from './inventory';
import type { RecordClass } from './record-class';
import type { RuleId } from './retention-schedule';
import type { TakenOut } from './taken-out';

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
export interface CertifiedKey {
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
  /** What people took out of the archive before its key ended. */
  readonly takenOut?: readonly TakenOut[];
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
  /** Left out when nothing was; the engine cannot know what became of it. */
  readonly takenOut?: readonly TakenOut[];
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

/** Backups and logs of the class: they are left to expire. */
export const expiringOf = (recordClass: RecordClass): readonly Location[] =>
  locationsOf(recordClass).filter(({ emptiedBy }) => emptiedBy === 'expiry');

const locationsOf = (recordClass: RecordClass): readonly Location[] =>
  (INVENTORY as readonly Location[]).filter(
    (location) => location.recordClass === recordClass || location.recordClass === 'both',
  );
