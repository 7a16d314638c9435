import { extraEnds, partOfKey, type Split } from './split-verdict';

/** What an oracle expects and sees, and how it judges; it shares no code with the engine. */

/** Rows and documents by place. */
export type Rows = Readonly<Record<string, number>>;

/** What ends together, with one key. */
export interface Part {
  /** Earliest instant of its destruction. */
  readonly notBefore: string;
  readonly rows: Rows;
}

/** What was put in, and what may happen to it. Instants are literal, in UTC. */
export interface Expected {
  readonly tenantId: string;
  /** In the order of their ends. */
  readonly parts: readonly Part[];
  /** Keys that are there from the beginning. */
  readonly keys?: number;
  /** Legal holds over all of the tenant's data; one without an end is in force. */
  readonly holds: readonly { readonly from: string; readonly to: string | null }[];
  /** The holds cover one asset of the first due day: `parts` are the rest, then what is held. */
  readonly split?: Split;
  /** At the end everything is live again, and nothing is archived. */
  readonly comesBack?: boolean;
  /** Nobody may touch these tenants: rows by place. */
  readonly neighbours: Readonly<Record<string, Rows>>;
}

/** What is in the stores of one tenant. */
export interface Seen {
  readonly now: string;
  readonly rows: Rows;
  /** Rows by place in cohorts whose key is readable and whose two copies are complete. */
  readonly archived: Rows;
  readonly objects: number;
  readonly wrappings: number;
  /** Keys that can still be read. */
  readonly readableKeys: number;
  readonly manifests: number;
  readonly verdicts: number;
  readonly stamped: number;
  readonly openPermits: number;
  readonly tombstones: readonly {
    readonly keyRef: string;
    readonly at: string;
    /** `destroy`, or `retire` after everything was back. */
    readonly kind: string;
  }[];
  /** Splits of due days on record, and verdicts about them. */
  readonly splits: number;
  readonly splitVerdicts: number;
  readonly readableDespiteTombstone: number;
  readonly certificates: readonly {
    /** Run and due day. */
    readonly cohort: string;
    readonly objectsLeft: number;
    readonly keysLeft: number;
  }[];
}

/** Findings by kind. */
export type Findings = Record<
  'lost' | 'early' | 'held' | 'cross' | 'lies' | 'ghosts' | 'dup',
  number
>;

/** The line that a suite prints. */
export const line = (faults: number, findings: Findings): string =>
  [`faults=${faults}`, ...Object.entries(findings).map(([kind, n]) => `${kind}=${n}`)].join(' ');

export const nothingFound = (): Findings => ({
  ...{ lost: 0, early: 0, held: 0, cross: 0, lies: 0, ghosts: 0, dup: 0 },
});

/** Adds findings to others. */
export function addUp(sum: Findings, more: Findings): void {
  for (const kind of Object.keys(sum) as (keyof Findings)[]) sum[kind] += more[kind];
}

const instant = (text: string): number =>
  Date.parse(text.endsWith('Z') ? text : `${text.replace(' ', 'T')}Z`);
/** Rows of all of some parts together. */
export function rowsOf(parts: readonly Part[]): Rows {
  const sum: Record<string, number> = {};
  for (const [place, n] of parts.flatMap(({ rows }) => Object.entries(rows))) {
    sum[place] = (sum[place] ?? 0) + n;
  }
  return sum;
}

/** How much more than allowed is in `rows`, place by place. */
export const excess = (rows: Rows, allowed: Rows): number =>
  Object.entries(rows).reduce((sum, [at, n]) => sum + Math.max(0, n - (allowed[at] ?? 0)), 0);

/** Judges what was seen of a tenant; `over` says that its life has ended and nothing may be left. */
export function judgeSeen(seen: Seen, expected: Expected, over: boolean): Findings {
  const findings = nothingFound();
  const { rows, tombstones, certificates } = seen;
  const destroyed = tombstones.filter(({ kind }) => kind === 'destroy');
  const { split } = expected;
  const partOf = (keyRef: string, index: number): number =>
    split === undefined ? index : partOfKey(split, keyRef);
  const ends = new Set(destroyed.map(({ keyRef }, index) => partOf(keyRef, index)));
  const left = expected.parts.filter((_, index) => !ends.has(index));
  findings.lost = lostOf(seen, expected, left);
  const covers = ({ from, to }: Expected['holds'][number], at: string): boolean =>
    instant(at) >= instant(from) && (to === null || instant(at) < instant(to));
  destroyed.forEach(({ at, keyRef }, index) => {
    const number = partOf(keyRef, index);
    const part = expected.parts[number];
    if (part === undefined || instant(at) < instant(part.notBefore)) findings.early += 1;
    const isRest = split !== undefined && number === 0;
    if (!isRest && expected.holds.some((hold) => covers(hold, at))) findings.held += 1;
    if (isRest && instant(at) >= instant(split.restBefore)) findings.ghosts += 1;
  });
  // What is missing while a hold is in force is gone under it.
  if (expected.holds.some((hold) => covers(hold, seen.now))) findings.held += findings.lost;
  findings.lies += seen.readableDespiteTombstone;
  for (const { objectsLeft, keysLeft } of certificates) findings.lies += objectsLeft + keysLeft;
  const uncertified = rowsOf(expected.parts.slice(certificates.length));
  if (certificates.length > 0) findings.lies += excess(rows, uncertified);
  if (over) {
    const live = expected.comesBack === true ? rowsOf(expected.parts) : {};
    findings.ghosts += excess(rows, live) + seen.objects + seen.wrappings + seen.stamped;
    findings.lost += excess(live, rows);
  }
  findings.dup += Math.max(
    certificates.length - new Set(certificates.map(({ cohort }) => cohort)).size,
    certificates.length - expected.parts.length - extraEnds(split),
    tombstones.length - expected.parts.length - extraEnds(split),
    0,
  );
  return findings;
}

/** What has not ended must be live or archived, and every key is there or has its tombstone. */
function lostOf(seen: Seen, expected: Expected, parts: readonly Part[]): number {
  const { rows, archived, tombstones, readableKeys } = seen;
  const keys = Math.max(0, (expected.keys ?? 0) - readableKeys - tombstones.length);
  const left = Object.entries(rowsOf(parts));
  return left.reduce(
    (lost, [place, n]) => lost + Math.max(0, n - (rows[place] ?? 0) - (archived[place] ?? 0)),
    keys,
  );
}
