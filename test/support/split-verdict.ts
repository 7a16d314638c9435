import { isDeepStrictEqual } from 'node:util';
import type { Records } from './archive-reader';
import { addUp, nothingFound, type Expected, type Findings, type Seen } from './verdict';

/** What a hold over one asset takes out of a due day. Instants are literal, in UTC. */
export interface Split {
  readonly assetId: string;
  /** From when on the rest is overdue. */
  readonly restBefore: string;
  /** Once the hold is placed: its id, and the key that the whole due day was under. */
  placed: { readonly holdId: string; readonly key: string } | null;
  /** A restored control has lost it: what is held is judged by keys and objects alone until it is back. */
  isLost: boolean;
  /** Everything that was live before the end, as the administrator read it. */
  records: Records;
}

/** What the copies and certificates of a tenant hold, read without the engine. */
export interface SplitSight {
  readonly live: Records;
  /** Due days on record whose two copies hold the same under a key that can be read. */
  readonly readable: readonly { readonly keyRef: string; readonly records: Records }[];
  /** The same of runs that control has lost. */
  readonly outside: readonly { readonly keyRef: string; readonly records: Records }[];
  readonly certificates: readonly {
    readonly keyRef: string;
    readonly withheld: readonly {
      readonly holdId: string;
      readonly runId: string;
      readonly records: number;
      readonly locations: readonly { readonly location: string; readonly records: number }[];
    }[];
  }[];
}

/** Attempts at a split that died: what they left has a key, an end and a certificate of its own. */
const LEFTOVERS_MAX = 1;

/** Which part of an expected life a key ends: the one of the whole due day ends the rest. */
export const partOfKey = ({ placed }: Split, keyRef: string): number =>
  placed === null || keyRef === placed.key ? 0 : 1;

/** How many more ends and certificates there may be than parts. */
export const extraEnds = (split: Split | undefined): number =>
  split === undefined ? 0 : LEFTOVERS_MAX;

/** How many records of which place can be read although control has lost their run. */
export function archivedOutside({
  outside,
}: Pick<SplitSight, 'outside'>): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const name of outside.flatMap(({ records }) => [...records.keys()])) {
    const [place = ''] = name.split(' ');
    counts[place] = (counts[place] ?? 0) + 1;
  }
  return counts;
}

const isOf = (assetId: string, name: string): boolean => name.split(' ')[1] === assetId;
const sameRecords = (some: Records, others: Records): boolean =>
  some.size === others.size && [...some].every(([name, digest]) => others.get(name) === digest);

/**
 * Judges what a narrow hold keeps and what it lets go: what is held stays byte for byte and under a key of its
 * own, nothing of the rest can be read behind its certificate, and that certificate names what is withheld.
 */
export function judgeSplit(sight: SplitSight, seen: Seen, expected: Expected): Findings {
  const findings = nothingFound();
  const { split } = expected;
  if (split === undefined) return findings;
  const isInForce = expected.holds.some(({ to }) => to === null);
  const missing = missingRecords(sight, seen, { split, isInForce });
  findings.lost += missing.length;
  if (isInForce) findings.held += missing.filter((name) => isOf(split.assetId, name)).length;
  addUp(findings, judgeCertificates(sight, split, isInForce));
  return findings;
}

/** Names of records that are nowhere as they were, although nothing has ended them. */
function missingRecords(
  { live, readable, outside }: SplitSight,
  { tombstones }: Seen,
  { split, isInForce }: { readonly split: Split; readonly isInForce: boolean },
): readonly string[] {
  const ends = new Set(tombstones.map(({ keyRef }) => partOfKey(split, keyRef)));
  const lost = split.isLost ? outside : [];
  const places = [live, ...[...readable, ...lost].map((cohort) => cohort.records)];
  const mayBeGone = (name: string): boolean =>
    isOf(split.assetId, name) ? !isInForce && ends.has(1) : ends.has(0);
  return [...split.records]
    .filter(([name, digest]) => !places.some((place) => place.get(name) === digest))
    .flatMap(([name]) => (mayBeGone(name) ? [] : [name]));
}

/** What the certificate of the rest says, and whether it is true. */
function judgeCertificates(
  { readable: known, outside, certificates }: SplitSight,
  { assetId, placed, records, isLost }: Split,
  isInForce: boolean,
): Findings {
  const findings = nothingFound();
  const rest = certificates.find(({ keyRef }) => keyRef === placed?.key);
  if (placed === null || rest === undefined) return findings;
  const held = new Map([...records].filter(([name]) => isOf(assetId, name)));
  const readable = isLost ? [...known, ...outside] : known;
  const behind = readable.flatMap((cohort) => [...cohort.records.keys()]);
  const own = readable.find((cohort) => sameRecords(cohort.records, held));
  if (isInForce && own === undefined) findings.held += 1;
  findings.lies += behind.filter((name) => !isOf(assetId, name)).length;
  findings.lies += certificates.filter((one) => one !== rest && one.withheld.length > 0).length;
  const said = { withheld: rest.withheld, holdId: placed.holdId };
  if (!isNamed(said, held, own?.keyRef)) findings.lies += 1;
  return findings;
}

/** Whether a certificate says exactly what is withheld: under which hold, in which run, and how much where. */
function isNamed(
  {
    withheld,
    holdId,
  }: Pick<SplitSight['certificates'][number], 'withheld'> & { readonly holdId: string },
  held: Records,
  own: string | undefined,
): boolean {
  const [one] = withheld;
  if (one === undefined || withheld.length > 1) return false;
  const locations = one.locations.flatMap(({ location, records }) =>
    Array.from({ length: records }, () => location),
  );
  // Once what was withheld is gone as well, only its name is left.
  const isThere = own?.startsWith(`asset:${one.runId}:`) ?? true;
  const counted = [...held.keys()].map((name) => name.split(' ')[0]);
  const isCounted = isDeepStrictEqual(locations.sort(), counted.sort());
  return isThere && isCounted && one.holdId === holdId && one.records === held.size;
}
