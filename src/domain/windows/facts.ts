import { parseInstant, type Nanoseconds } from '../instants';
import type { HostingService } from '../record-class';
import type { CalendarId } from './working-calendar';

/** A stretch of use; it is open while `endedAt` is null. */
export interface UsePeriod {
  readonly startedAt: string;
  readonly endedAt: string | null;
}

/** Link of an asset to a Hosting Service. @source HS-1 */
export interface ServiceLink extends UsePeriod {
  readonly service: HostingService;
}

/** A deletion request; withdrawn ones stay on record. @source CC-2, DR-1 */
export interface DeletionRequest {
  readonly receivedAt: string;
  readonly withdrawnAt: string | null;
}

/** A legal hold; open while `releasedAt` is null. @source CC-4 */
export interface Hold {
  readonly placedAt: string;
  readonly releasedAt: string | null;
}

interface CommonFacts {
  /** Time zone of the contract, by its IANA name. */
  readonly zone: string;
  readonly calendars: readonly CalendarId[];
  readonly deletionRequests: readonly DeletionRequest[];
  readonly holds: readonly Hold[];
}

/** Facts of one observation of an asset. All instants are RFC 3339. */
export interface AssetFacts extends CommonFacts {
  readonly recordClass: 'asset-basic-data';
  readonly collectedAt: string;
  readonly statutoryLog: boolean;
  readonly links: readonly ServiceLink[];
}

/** Facts of a tenant's configuration data received until now. */
export interface ConfigurationFacts extends CommonFacts {
  readonly recordClass: 'console-configuration-data';
  readonly featurePeriods: readonly UsePeriod[];
}

/** Facts from which a window follows. Lists need not be sorted. */
export type Facts = AssetFacts | ConfigurationFacts;

/** A stretch of use as instants. */
export interface Period {
  readonly start: Nanoseconds;
  readonly end: Nanoseconds | null;
}

/** A deletion request as instants. */
export interface Request {
  readonly received: Nanoseconds;
  readonly withdrawn: Nanoseconds | null;
}

/** A hold as instants. */
export interface HoldPeriod {
  readonly placed: Nanoseconds;
  readonly released: Nanoseconds | null;
}

const optionalInstant = (value: string | null, field: string): Nanoseconds | null =>
  value === null ? null : parseInstant(value, field);

/**
 * Reads periods of use.
 *
 * @throws LetheError INVALID_INSTANT naming the field inside `field`.
 */
export function readPeriods(periods: readonly UsePeriod[], field: string): readonly Period[] {
  return periods.map((period, index) => ({
    start: parseInstant(period.startedAt, `${field}[${index}].startedAt`),
    end: optionalInstant(period.endedAt, `${field}[${index}].endedAt`),
  }));
}

/**
 * Reads deletion requests in order of receipt; of requests received together, the one that was
 * withdrawn first comes first, so that the answer does not depend on the order of the list.
 *
 * @throws LetheError INVALID_INSTANT naming the field.
 */
export function readRequests(requests: readonly DeletionRequest[]): readonly Request[] {
  return requests
    .map((request, index) => ({
      received: parseInstant(request.receivedAt, `deletionRequests[${index}].receivedAt`),
      withdrawn: optionalInstant(request.withdrawnAt, `deletionRequests[${index}].withdrawnAt`),
    }))
    .sort((a, b) => compare(a.received, b.received) || compare(a.withdrawn, b.withdrawn));
}

/**
 * Reads holds in order of placement.
 *
 * @throws LetheError INVALID_INSTANT naming the field.
 */
export function readHolds(holds: readonly Hold[]): readonly HoldPeriod[] {
  return holds
    .map((hold, index) => ({
      placed: parseInstant(hold.placedAt, `holds[${index}].placedAt`),
      released: optionalInstant(hold.releasedAt, `holds[${index}].releasedAt`),
    }))
    .sort((a, b) => compare(a.placed, b.placed) || compare(a.released, b.released));
}

/** Ascending; what has not happened comes last. */
function compare(a: Nanoseconds | null, b: Nanoseconds | null): number {
  if (a === b) return 0;
  if (a === null) return 1;
  if (b === null) return -1;
  return a < b ? -1 : 1;
}
