import type { ReportedDueDay } from '../../contracts/request-report';
import type { DeriveWindow } from '../../contracts/windows';
import type { CalendarId } from '../../domain/windows/working-calendar';
import type { CohortRow } from './cohort-rows';
import { covers } from './governing-facts';
import { normal, normalOrNull } from './next-window';
import { dueDayName, type CertifiedEnd } from './report-rows';
import type { RequestFact, TenantFacts } from './tenant-facts';

/** What is known of a tenant's ends. */
export interface KnownEnds {
  readonly facts: TenantFacts;
  readonly derive: DeriveWindow;
  readonly cohorts: readonly CohortRow[];
  readonly certified: ReadonlyMap<string, CertifiedEnd>;
  /** Recorded breaches. */
  readonly missed: ReadonlyMap<string, readonly string[]>;
  readonly destroyed: ReadonlyMap<string, string>;
  readonly givenBack: ReadonlyMap<string, string>;
  readonly closings: ReadonlyMap<string, string>;
}

/** When what a request covers must end, and has ended. */
export interface RequestEnds {
  readonly dueDays: readonly ReportedDueDay[];
  readonly latestAt: string | null;
  readonly provisional: boolean;
  readonly isOver: boolean;
  readonly missed: readonly string[];
  /** When the last of it was destroyed, or nothing of it was found; null without either. */
  readonly endedAt: string | null;
}

/**
 * The ends of a request: those of the due days that it covers, and its own by the working days alone
 * while something of it is not sealed, or when there was nothing of it.
 */
export function endsOf(request: RequestFact, known: KnownEnds): RequestEnds {
  const covered = coveredBy(request, known);
  const left = covered.filter((cohort) => !known.givenBack.has(dueDayName(cohort)));
  const dueDays = left.map((cohort) => dueDayOf(cohort, known));
  const own = ownEnd(request, known);
  const closedAt = known.closings.get(request.requestId) ?? null;
  const isSealed = closedAt !== null;
  const isOver = isSealed && !isBack(covered, left) && dueDays.every(isCertified);
  const endedAt = lastDestroyed(dueDays) ?? closedAt;
  const stands = !isSealed || left.length === 0 ? own : ofDueDays(left, dueDays);
  const missed = [
    ...covered.flatMap((cohort) => missedOf(cohort, known)),
    ...own.missed,
    ...stands.ends,
  ];
  const until = lookedAt(request, isOver ? endedAt : null, known);
  return {
    ...{ dueDays, isOver, endedAt, latestAt: stands.latestAt, provisional: stands.provisional },
    missed: [...new Set(missed.filter((instant) => instant <= until))].sort(),
  };
}

/** Up to when an end can be missed: until the request is over, or now. */
const lookedAt = (request: RequestFact, overAt: string | null, { facts }: KnownEnds): string =>
  request.withdrawnAt ?? overAt ?? facts.now;

/** All that was sealed for it went back into use: what is there again is not over. */
const isBack = (covered: readonly CohortRow[], left: readonly CohortRow[]): boolean =>
  covered.length > 0 && left.length === 0;

const isCertified = ({ certificateId }: ReportedDueDay): boolean => certificateId !== null;

const lastDestroyed = (dueDays: readonly ReportedDueDay[]): string | undefined =>
  dueDays
    .flatMap(({ destroyedAt }) => (destroyedAt === null ? [] : [destroyedAt]))
    .sort()
    .at(-1);

/** An end that stands, and instants that are missed once they have passed. */
interface StandingEnd {
  readonly latestAt: string | null;
  readonly provisional: boolean;
  readonly ends: readonly string[];
}

const ofDueDays = (
  left: readonly CohortRow[],
  dueDays: readonly ReportedDueDay[],
): StandingEnd => ({
  latestAt: lastOf(dueDays.map(({ latestAt }) => latestAt)),
  provisional: left.some(({ provisional }) => provisional),
  // Each due day says by itself what it missed.
  ends: [],
});

/** The last of some ends; null when one of them is open. */
const lastOf = (ends: readonly (string | null)[]): string | null =>
  ends.includes(null) ? null : ([...ends].sort().at(-1) ?? null);

/**
 * What a request covers: what its state looks at, and what an earlier request of its class was about and
 * was still there when this one came, for it asks for that as well. What the use had taken back, or what had
 * gone, before it came is no matter of it.
 */
export function coveredBy(request: RequestFact, known: KnownEnds): readonly CohortRow[] {
  return known.cohorts.filter((cohort) => {
    const backAt = known.givenBack.get(dueDayName(cohort));
    if (cohort.recordClass !== request.recordClass) return false;
    if (backAt !== undefined && backAt <= request.receivedAt) return false;
    if (wasGoneBefore(cohort, request, known)) return false;
    if (covers(cohort, request.requestId, request.receivedAt)) return true;
    return backAt === undefined && wasLeftBy(cohort, request, known);
  });
}

/** What was destroyed before somebody asked, for another reason, is no matter of the request either. */
function wasGoneBefore(
  cohort: CohortRow,
  { receivedAt }: RequestFact,
  { certified }: KnownEnds,
): boolean {
  const goneAt = certified.get(dueDayName(cohort))?.destroyedAt;
  return goneAt !== undefined && goneAt <= receivedAt;
}

/** Whether it is of an earlier request, and was still there when a later one that stands came. */
function wasLeftBy(
  cohort: CohortRow,
  { receivedAt, withdrawnAt }: RequestFact,
  { facts }: KnownEnds,
): boolean {
  if (cohort.eventKind !== 'request' || withdrawnAt !== null) return false;
  const earlier = facts.requests.find(({ requestId }) => requestId === cohort.eventRef);
  return earlier !== undefined && earlier.receivedAt < receivedAt;
}

function dueDayOf(cohort: CohortRow, { certified }: KnownEnds): ReportedDueDay {
  const end = certified.get(dueDayName(cohort));
  const { runId, dueOn } = cohort;
  return {
    ...{ runId, dueOn, latestAt: end?.latestAt ?? cohort.latestAt },
    destroyedAt: end?.destroyedAt ?? null,
    certificateId: end?.certificateId ?? null,
  };
}

/** Ends of a due day that passed while it was there: recorded, certified, or just now. */
function missedOf(cohort: CohortRow, known: KnownEnds): readonly string[] {
  const name = dueDayName(cohort);
  const end = known.certified.get(name);
  const recorded = [...(known.missed.get(name) ?? []), ...(end?.missed ?? [])];
  const { latestAt } = cohort;
  if (end !== undefined || latestAt === null || known.givenBack.has(name)) return recorded;
  // Destroyed in time and not verified yet: no certificate says so, and nothing says otherwise.
  const goneAt = known.destroyed.get(name) ?? known.facts.now;
  return goneAt >= latestAt ? [...recorded, latestAt] : recorded;
}

interface OwnEnd extends StandingEnd {
  /** Ends that had passed when a hold came or it was withdrawn. */
  readonly missed: readonly string[];
}

/** By the working days alone: of asset data, for which more time may be left, the strictest view. */
function ownEnd(request: RequestFact, { facts, derive }: KnownEnds): OwnEnd {
  const isConfiguration = request.recordClass === 'console-configuration-data';
  const { receivedAt, withdrawnAt } = request;
  const window = derive(
    {
      recordClass: 'console-configuration-data',
      zone: facts.zone,
      calendars: facts.calendars as readonly CalendarId[],
      deletionRequests: [{ receivedAt, withdrawnAt }],
      featurePeriods: isConfiguration
        ? facts.periods.filter(({ subject }) => subject === 'Feature')
        : [],
      holds: facts.holds
        .filter(({ recordClass }) => recordClass === null || recordClass === request.recordClass)
        .map(({ placedAt, releasedAt }) => ({ placedAt, releasedAt })),
    },
    { discoveredAt: null, policyVersions: facts.policyVersions },
  );
  const latestAt = withdrawnAt === null ? normalOrNull(window.latestAt) : null;
  return {
    ...{ latestAt, provisional: window.provisional, ends: latestAt === null ? [] : [latestAt] },
    missed: isConfiguration ? window.breaches.map(normal) : [],
  };
}
