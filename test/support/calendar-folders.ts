import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import canonicalize from 'canonicalize';
import { sha256 } from '../../src/platform/calendars';

/** A year of a calendar as a file states it, without its hash. */
export type YearContent = Readonly<Record<string, unknown>>;

const SHIPPED = join(__dirname, '../../calendars');
const folders: string[] = [];

/** Text of a year's file, with the hash of its content. */
export const yearText = (content: YearContent): string =>
  `${JSON.stringify({ ...content, sha256: sha256(canonicalize(content) ?? '') }, null, 2)}\n`;

/** The content of a year that ships, with changes. */
export function shippedYear(name: string, changes: YearContent = {}): YearContent {
  const content = Object.entries(
    JSON.parse(readFileSync(join(SHIPPED, `${name}.json`), 'utf8')) as YearContent,
  ).filter(([field]) => field !== 'sha256');
  return { ...Object.fromEntries(content), ...changes };
}

/** A made-up 2027 of mainland China: three days off at its beginning, and a week of May. */
export const madeUp2027 = (settledThrough: string): YearContent => ({
  calendar: 'CN',
  year: 2027,
  status: 'published',
  sources: [{ title: 'made up for tests', publishedAt: null }],
  weekend: [6, 7],
  off: ['2027-01-01', '2027-01-02', '2027-01-03', '2027-05-03', '2027-05-04', '2027-05-05'],
  work: ['2027-05-08'],
  settledThrough,
});

/** The calendars that ship, and these years besides or instead; removed by {@link removeFolders}. */
export function calendarsWith(...years: readonly YearContent[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'calendars-'));
  folders.push(folder);
  cpSync(SHIPPED, folder, { recursive: true });
  for (const year of years) {
    const name = `${String(year['calendar'])}/${String(year['year'])}.json`;
    writeFileSync(join(folder, name), yearText(year));
  }
  return folder;
}

/** Removes what {@link calendarsWith} made. */
export function removeFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}
