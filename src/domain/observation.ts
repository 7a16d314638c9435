import { LetheError } from './errors';

/**
 * Until when an observation was seen to be so, and what a scan adds to what is known.
 *
 * Instants are UTC text of fixed width, `2026-03-01T07:00:00.000000Z`: their order as text is their order
 * in time. Everything here is about one asset at a time.
 */

/** The kind under which an asset's own basics count as read; every complete scan reads them. */
export const OWN_BASICS = 'asset';

/** A row that says a scan of an asset is complete, and for which kinds of records. */
export interface CompleteScan {
  readonly observedAt: string;
  /** Kinds of which everything was read. Of a kind that is not named the scan says nothing. */
  readonly kinds: readonly string[];
}

/** A version of a record, as far as its life depends on it. */
export interface VersionLife {
  readonly versionId: string;
  readonly recordId: string;
  readonly kind: string;
  readonly observedAt: string;
}

/**
 * The last instant at which a record is known to have been as this version says: its own scan, or the
 * newest complete scan after it that met no further version of the record. Complete means: the scan's row names the version's kind, so the record was looked for
 * and found to be as the version says (there as described, or gone). At the instant of the next version
 * it was found to be otherwise, so that instant does not count.
 *
 * @param scans - complete scans of the version's asset, in any order. The list is indexed once and must
 * not be changed afterwards.
 * @throws LetheError INVALID_INSTANT when an instant is not of the fixed width: nothing is derived then.
 * @source AB-1
 */
export function lastSighting(
  version: {
    readonly observedAt: string;
    readonly kind: string;
    /** When the next version of the same record was seen; null for the newest. */
    readonly nextObservedAt: string | null;
  },
  scans: readonly CompleteScan[],
): string {
  const own = fixedWidth(version.observedAt);
  const end = version.nextObservedAt === null ? null : fixedWidth(version.nextObservedAt);
  return latest(own, lastBefore(instantsOf(scans, version.kind), end));
}

/**
 * C of every version of one asset, by version id.
 *
 * @throws LetheError INVALID_INSTANT, see {@link lastSighting}.
 */
export function observedUntil(
  versions: readonly VersionLife[],
  scans: readonly CompleteScan[],
): ReadonlyMap<string, string> {
  const ordered = [...versions].sort(byRecordAndTime);
  return new Map(
    ordered.map((version, index) => {
      const next = ordered[index + 1];
      const nextObservedAt = next?.recordId === version.recordId ? next.observedAt : null;
      return [version.versionId, lastSighting({ ...version, nextObservedAt }, scans)];
    }),
  );
}

/** C of a link: the last complete scan of its asset, whatever it read, and at least the linking itself. */
export function linkObservedUntil(linkedAt: string, scans: readonly CompleteScan[]): string {
  return latest(fixedWidth(linkedAt), lastBefore(instantsOf(scans, ANY_KIND), null));
}

/** The newest version of a record before a scan. */
export interface RecordHead {
  readonly recordId: string;
  readonly kind: string;
  readonly observedAt: string;
  readonly vanished: boolean;
  readonly contentDigest: string;
}

/** A record as a scan sees it. */
export type SeenRecord = Pick<RecordHead, 'recordId' | 'kind' | 'contentDigest'>;

/** What one scan saw of an asset, beside what was known before it. */
export interface ScanReading<Head extends RecordHead, Seen extends SeenRecord> {
  readonly observedAt: string;
  readonly completeKinds: ReadonlySet<string>;
  readonly seen: readonly Seen[];
  /** Newest version of each record that was observed before this scan, by record id. */
  readonly heads: ReadonlyMap<string, Head>;
  /** When deletion of asset data was requested, withdrawn or not. */
  readonly requestedAt: readonly string[];
}

/**
 * Which versions a scan adds. A record that is as it was needs none, because the row of the complete scan
 * says so; it gets one all the same when
 *
 * - its kind was not read completely: no row would say that it was seen, and it would be kept too short;
 * - deletion was requested since its newest version: the request covers what was seen up to its receipt,
 *   and a version whose C grew past it would escape. The same holds for what was gone and still is.
 *
 * Depends only on what was observed before the scan, so a repetition yields the same versions.
 *
 * @source AB-1, DR-1
 */
export function versionsToAdd<Head extends RecordHead, Seen extends SeenRecord>(
  reading: ScanReading<Head, Seen>,
): { readonly present: readonly Seen[]; readonly vanished: readonly Head[] } {
  const { heads, completeKinds } = reading;
  const seenIds = new Set(reading.seen.map((record) => record.recordId));
  const present = reading.seen.filter((record) => {
    const head = heads.get(record.recordId);
    const same = head?.vanished === false && head.contentDigest === record.contentDigest;
    return !same || !completeKinds.has(record.kind) || isRequestedSince(head, reading);
  });
  const vanished = [...heads.values()].filter(
    (head) =>
      completeKinds.has(head.kind) &&
      !seenIds.has(head.recordId) &&
      (!head.vanished || isRequestedSince(head, reading)),
  );
  return { present, vanished };
}

/** True when a request covers the version and not the scan. */
function isRequestedSince(
  head: RecordHead,
  {
    observedAt,
    requestedAt,
  }: Pick<ScanReading<RecordHead, SeenRecord>, 'observedAt' | 'requestedAt'>,
): boolean {
  return requestedAt.some((received) => head.observedAt <= received && received < observedAt);
}

const FIXED_WIDTH = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$/;

function fixedWidth(instant: string): string {
  if (FIXED_WIDTH.test(instant)) return instant;
  throw new LetheError(
    'INVALID_INSTANT',
    'an observation must carry its instant in UTC with six fractional digits',
    { field: 'observedAt' },
  );
}

const latest = (a: string, b: string | undefined): string => (b !== undefined && b > a ? b : a);

function byRecordAndTime(a: VersionLife, b: VersionLife): number {
  return (
    compare(a.recordId, b.recordId) ||
    compare(a.observedAt, b.observedAt) ||
    compare(a.versionId, b.versionId)
  );
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Stands for the scans of every kind; no kind is empty. */
const ANY_KIND = '';

/** Sorted instants of complete scans by kind, for lists that were asked about before. */
const INDEXES = new WeakMap<readonly CompleteScan[], ReadonlyMap<string, readonly string[]>>();

function instantsOf(scans: readonly CompleteScan[], kind: string): readonly string[] {
  const index = INDEXES.get(scans) ?? indexByKind(scans);
  INDEXES.set(scans, index);
  return index.get(kind) ?? [];
}

function indexByKind(scans: readonly CompleteScan[]): ReadonlyMap<string, readonly string[]> {
  const index = new Map<string, string[]>();
  for (const { observedAt, kinds } of scans) {
    for (const kind of [ANY_KIND, ...kinds]) {
      const instants = index.get(kind) ?? [];
      instants.push(fixedWidth(observedAt));
      index.set(kind, instants);
    }
  }
  for (const instants of index.values()) instants.sort(compare);
  return index;
}

/** The last of sorted instants, of those before `end` when there is one. */
function lastBefore(instants: readonly string[], end: string | null): string | undefined {
  if (end === null) return instants.at(-1);
  let [low, high] = [0, instants.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((instants[middle] ?? end) < end) low = middle + 1;
    else high = middle;
  }
  return instants[low - 1];
}
