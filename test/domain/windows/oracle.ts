import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Facts } from '../../../src/domain/windows/facts';
import { CALENDARS_DIR } from './context';

/**
 * The rules a second time, on purpose in another way: milliseconds as numbers, civil days through
 * Intl, days found by walking, nothing of the code under test. Slow, and easy to compare with the text.
 */
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NEVER = Number.POSITIVE_INFINITY;

export interface Verdict {
  readonly earliest: number;
  readonly start: number;
  readonly latest: number;
  readonly lastDay: string | null;
  readonly provisional: boolean;
  readonly breaches: readonly number[];
}

const formats = new Map<string, Intl.DateTimeFormat>();
function civil(at: number, zone: string): string {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-CA', { timeZone: zone, dateStyle: 'short' });
    formats.set(zone, format);
  }
  return format.format(at);
}

const ends = new Map<string, number>();
/** Walks in quarters of an hour to the first one that is on a later day. */
function eod(date: string, zone: string): number {
  const key = `${zone} ${date}`;
  const known = ends.get(key);
  if (known !== undefined) return known;
  let at = Date.parse(`${date}T00:00Z`) + DAY - 16 * HOUR;
  while (civil(at, zone) <= date) at += HOUR / 4;
  ends.set(key, at);
  return at;
}

const plus = (date: string, days: number): string =>
  new Date(Date.parse(`${date}T12:00Z`) + days * DAY).toISOString().slice(0, 10);

function plusMonths(date: string, months: number): string {
  const [year = 0, month = 0, day = 0] = date.split('-').map(Number);
  const zeroBased = year * 12 + month - 1 + months;
  const [y, m] = [Math.floor(zeroBased / 12), (zeroBased % 12) + 1];
  for (let d = day; ; d -= 1) {
    const text = `${y}-${String(m).padStart(2, '0')}-${String(d).padStart(2, '0')}`;
    if (!Number.isNaN(Date.parse(text)) && new Date(text).getUTCDate() === d) return text;
  }
}

interface YearFile {
  readonly off: string[];
  readonly work: string[];
}
const years = new Map<string, YearFile>();
function yearOf(id: string, year: string): YearFile {
  const path = join(CALENDARS_DIR, id, `${year}.json`);
  let data = years.get(path);
  if (data === undefined) {
    data = JSON.parse(readFileSync(path, 'utf8')) as YearFile;
    years.set(path, data);
  }
  return data;
}

function works(id: string, date: string, settled: string): boolean {
  const weekday = new Date(`${date}T00:00Z`).getUTCDay();
  const weekend = weekday === 0 || weekday === 6;
  if (date > settled) return !weekend;
  const data = yearOf(id, date.slice(0, 4));
  return weekend ? data.work.includes(date) : !data.off.includes(date);
}

function lastWorkingDay(id: string, from: string): { day: string; provisional: boolean } {
  const settled = id === 'CN' ? '2026-12-14' : '2026-12-31';
  const worked: string[] = [];
  for (let day = plus(from, 1); worked.length < 30; day = plus(day, 1)) {
    if (works(id, day, settled)) worked.push(day);
  }
  const [short = '', full = ''] = [worked[27], worked[29]];
  if (full <= settled) return { day: full, provisional: false };
  return { day: short < settled ? settled : short, provisional: true };
}

interface Span {
  readonly from: number;
  readonly to: number;
}
const ms = (text: string | null): number => (text === null ? NEVER : Date.parse(text));

/** The longest run of periods in which each one starts before the earlier ones let the data go. */
function lastEnd(spans: readonly Span[], earliestOf: (end: number) => number): number | null {
  const sorted = [...spans].sort((a, b) => a.from - b.from);
  for (let length = sorted.length; length > 0; length -= 1) {
    const run = sorted.slice(0, length);
    const reached = (until: number): number => Math.max(...run.slice(0, until).map((s) => s.to));
    const continues = run.every((s, i) => {
      if (i === 0) return true;
      const end = reached(i);
      return end === NEVER || s.from < earliestOf(end);
    });
    if (continues) return reached(length);
  }
  return null;
}

interface Ends {
  readonly earliest: number;
  readonly latest: number;
}
const NOTHING: Ends = { earliest: NEVER, latest: NEVER };

function termination(facts: Facts): Ends {
  const { zone } = facts;
  const answer = (end: number): Ends => {
    const ended = civil(end, zone);
    if (facts.recordClass === 'console-configuration-data') {
      const due = plusMonths(ended, 1);
      return { earliest: eod(due, zone), latest: eod(plus(due, 1), zone) };
    }
    const due = [plus(ended, 30), ...minimum(facts)].sort().at(-1) ?? '';
    const aged = ms(facts.collectedAt) + 180 * DAY;
    return { earliest: Math.max(eod(due, zone), aged), latest: eod(plus(due, 1), zone) };
  };
  const periods = facts.recordClass === 'asset-basic-data' ? facts.links : facts.featurePeriods;
  const end = lastEnd(
    periods.map((p) => ({ from: ms(p.startedAt), to: ms(p.endedAt) })),
    (at) => answer(at).earliest,
  );
  return end === null || end === NEVER ? NOTHING : answer(end);
}

function minimum(facts: Extract<Facts, { collectedAt: string }>): string[] {
  const collected = civil(ms(facts.collectedAt), facts.zone);
  return [plus(collected, 180), ...(facts.statutoryLog ? [plusMonths(collected, 6)] : [])];
}

function requested(facts: Facts, received: number): Ends {
  const { zone } = facts;
  const days = facts.calendars.map((id) => lastWorkingDay(id, civil(received, zone)).day);
  const asked = eod(days.sort()[0] ?? '', zone);
  if (facts.recordClass === 'console-configuration-data') {
    return { earliest: received, latest: asked };
  }
  const m = minimum(facts).sort().at(-1) ?? '';
  return {
    earliest: Math.max(received, eod(m, zone), ms(facts.collectedAt) + 180 * DAY),
    latest: Math.max(eod(plus(m, 1), zone), asked),
  };
}

interface Asked {
  readonly at: number;
  readonly until: number;
}
const both = (a: Ends, b: Ends): Ends => ({
  earliest: Math.min(a.earliest, b.earliest),
  latest: Math.min(a.latest, b.latest),
});

function hold(ends: Ends, holds: readonly Span[], zone: string): Ends & { missed: number[] } {
  const [first, ...rest] = holds;
  if (first === undefined) return { ...ends, missed: [] };
  const missed = first.from >= ends.latest ? [ends.latest] : [];
  const after =
    first.to === NEVER || ends.latest === NEVER
      ? NOTHING
      : {
          earliest: Math.max(ends.earliest, first.to),
          latest: Math.max(ends.latest, eod(plus(civil(first.to, zone), 7), zone)),
        };
  const folded = hold(after, rest, zone);
  return { ...folded, missed: [...missed, ...folded.missed] };
}

/** Answers the facts. */
export function oracle(facts: Facts): Verdict {
  const { zone } = facts;
  const ended = termination(facts);
  const holds = facts.holds
    .map((h) => ({ from: ms(h.placedAt), to: ms(h.releasedAt) }))
    .sort((a, b) => a.from - b.from || (a.to < b.to ? -1 : 1));
  const asked: Asked[] = facts.deletionRequests
    .map((r) => ({ at: ms(r.receivedAt), until: ms(r.withdrawnAt) }))
    .filter(({ at }) => facts.recordClass !== 'asset-basic-data' || ms(facts.collectedAt) <= at)
    .sort((a, b) => a.at - b.at || (a.until < b.until ? -1 : 1));
  const decidingAt = (t: number): Asked | undefined =>
    asked.find(({ at, until }) => at <= t && t < until);
  const moments = asked.flatMap(({ at, until }) => [at, until]);
  const missed = asked
    .filter((request) => request.until < NEVER)
    .filter((request) => moments.some((t) => decidingAt(t) === request))
    .flatMap((request) => {
      const window = both(ended, requested(facts, request.at));
      const known = holds.filter(({ from }) => from < request.until);
      const folded = hold(window, known, zone);
      return [...folded.missed, ...(request.until >= folded.latest ? [folded.latest] : [])];
    });
  const deciding = asked.find(({ until }) => until === NEVER);
  const window = deciding === undefined ? ended : both(ended, requested(facts, deciding.at));
  const folded = hold(window, holds, zone);
  const cooled = deciding === undefined ? 0 : Math.min(deciding.at + 7 * DAY, ended.earliest);
  const counts =
    deciding === undefined
      ? []
      : facts.calendars
          .map((id) => lastWorkingDay(id, civil(deciding.at, zone)))
          .sort((a, b) => a.day.localeCompare(b.day) || (a.provisional ? 1 : -1));
  return {
    earliest: folded.earliest,
    start: Math.max(folded.earliest, cooled) + 2 * HOUR,
    latest: folded.latest,
    lastDay: counts[0]?.day ?? null,
    provisional: counts[0]?.provisional ?? false,
    breaches: [...new Set([...missed, ...folded.missed])].sort((a, b) => a - b),
  };
}
