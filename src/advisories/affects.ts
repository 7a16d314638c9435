import type { OsvEvent } from './osv-record';

/** Compares two versions of one ecosystem; Number.NaN when one of them is none. */
export type Comparator = (a: string, b: string) => number;

/** What a record says of one package, in the form that is kept. */
export interface Affected {
  readonly id: string;
  readonly aliases: readonly string[];
  readonly severity: string | null;
  readonly ranges: readonly (readonly OsvEvent[])[];
  readonly versions: readonly string[];
}

/** Whether a version is affected, and where it would be no more. */
export interface Verdict {
  readonly affected: boolean;
  readonly fixedVersion: string | null;
}

/**
 * Decides whether a version is affected: it is listed, or lies in a range. A version that its ecosystem
 * cannot order lies in no range.
 */
export function judge(version: string, entry: Affected, compare: Comparator): Verdict {
  const containing = entry.ranges.filter((events) => contains(version, events, compare));
  const isListed = entry.versions.some(
    (listed) => listed === version || compare(listed, version) === 0,
  );
  if (!isListed && containing.length === 0) return { affected: false, fixedVersion: null };
  const ranges = containing.length > 0 ? containing : entry.ranges;
  return { affected: true, fixedVersion: firstFixed(version, ranges, compare) };
}

/** What an event says, and the version it says it of. */
interface Point {
  readonly kind: 'introduced' | 'fixed' | 'last_affected';
  readonly version: string;
}

/** Before every version, whatever the ecosystem. */
const BEGINNING = '0';

function contains(version: string, events: readonly OsvEvent[], compare: Comparator): boolean {
  if (isBehindLimits(version, events, compare)) return false;
  let inside = false;
  for (const point of sorted(withoutEmptyRanges(pointsOf(events), compare), compare)) {
    const order = point.version === BEGINNING ? 1 : compare(version, point.version);
    const isPassed = point.kind === 'last_affected' ? order > 0 : order >= 0;
    if (isPassed) inside = point.kind === 'introduced';
  }
  // From the beginning on would otherwise hold even for what is no version at all.
  return inside && !Number.isNaN(compare(version, version));
}

function isBehindLimits(
  version: string,
  events: readonly OsvEvent[],
  compare: Comparator,
): boolean {
  const limits = events.flatMap(({ limit }) => (limit === undefined ? [] : [limit]));
  return limits.length > 0 && !limits.some((limit) => limit === '*' || compare(version, limit) < 0);
}

const pointsOf = (events: readonly OsvEvent[]): readonly Point[] =>
  events.flatMap((event) =>
    (['introduced', 'fixed', 'last_affected'] as const).flatMap((kind) => {
      const version = event[kind];
      return version === undefined ? [] : [{ kind, version }];
    }),
  );

const isSameVersion = (a: string, b: string, compare: Comparator): boolean =>
  a === b || (a !== BEGINNING && b !== BEGINNING && compare(a, b) === 0);

/** What is introduced and fixed in one version changes nothing there, whatever held before it. */
function withoutEmptyRanges(points: readonly Point[], compare: Comparator): readonly Point[] {
  const has = (kind: Point['kind'], version: string): boolean =>
    points.some((point) => point.kind === kind && isSameVersion(point.version, version, compare));
  return points.filter(
    ({ kind, version }) =>
      kind === 'last_affected' || !has(kind === 'fixed' ? 'introduced' : 'fixed', version),
  );
}

/** The last version that is affected may be the one in which it was introduced. */
function sorted(points: readonly Point[], compare: Comparator): readonly Point[] {
  const order = (point: Point): number => (point.kind === 'last_affected' ? 1 : 0);
  return [...points].sort((a, b) => {
    if (a.version === b.version) return order(a) - order(b);
    if (a.version === BEGINNING) return -1;
    if (b.version === BEGINNING) return 1;
    return compare(a.version, b.version) || order(a) - order(b);
  });
}

function firstFixed(
  version: string,
  ranges: readonly (readonly OsvEvent[])[],
  compare: Comparator,
): string | null {
  const later = ranges
    .flat()
    .flatMap(({ fixed }) => (fixed !== undefined && compare(fixed, version) > 0 ? [fixed] : []));
  return later.sort(compare)[0] ?? null;
}
