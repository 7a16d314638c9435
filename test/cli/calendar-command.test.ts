import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCli } from '../../src/cli/run-cli';
import { loadCalendars } from '../../src/platform/calendars';
import {
  calendarsWith,
  madeUp2027,
  removeFolders,
  shippedYear,
  yearText,
} from '../support/calendar-folders';

async function lint(text: string): Promise<{ code: number; answer: unknown; out: string }> {
  let out = '';
  const io = {
    stdout: (part: string) => (out += part),
    stderr: (part: string) => (out += part),
    read: () => text,
    env: {},
  };
  const code = await runCli(['calendar', 'lint', 'x.json', '--json'], io);
  const answer: unknown = JSON.parse(out);
  out = '';
  await runCli(['calendar', 'lint', 'x.json'], io);
  return { code, answer, out };
}

afterAll(removeFolders);

describe('lethe calendar lint', () => {
  it.each(['CN/2026', 'DE/2025', 'GB-ENG/2026', 'HK/2024', 'SG/2026', 'US/2026'])(
    'accepts a year that ships: %s [CC-2]',
    async (name) => {
      const text = readFileSync(join(__dirname, `../../calendars/${name}.json`), 'utf8');
      expect(await lint(text)).toMatchObject({ code: 0, answer: { name, problems: [] } });
    },
  );

  it('accepts a new year whose hash is its own, and loads it beside the others [CC-2]', async () => {
    const year = madeUp2027('2027-12-14');
    expect(await lint(yearText(year))).toMatchObject({ code: 0, answer: { name: 'CN/2027' } });
    const CN = loadCalendars(calendarsWith(year)).get('CN');
    expect(CN).toMatchObject({ settledThrough: '2027-12-14' });
    expect(CN?.off.has('2027-05-03')).toBe(true);
  });

  it('tells the hash that the content has when another one is written there', async () => {
    const text = yearText(shippedYear('CN/2026')).replace('"2026-12-14"', '"2026-12-15"');
    const { code, out } = await lint(text);
    expect(code).toBe(1);
    expect(out).toMatch(
      /^x\.json:\d+:\d+: sha256 is not the hash of this content; it is [0-9a-f]{64}\n$/,
    );
  });

  it.each([
    ['a day of another year', { off: ['2028-01-01'] }, 'off'],
    ['a day that is off and on', { off: ['2027-05-08'], work: ['2027-05-08'] }, 'off'],
    ['an unknown calendar', { calendar: 'XX' }, 'calendar'],
    ['a year without a source', { sources: [] }, 'sources'],
    ['no day until which it is settled', { settledThrough: 'soon' }, 'settledThrough'],
  ])('refuses %s with its place [CC-2]', async (...row) => {
    const [, changes, field] = row;
    const { code, answer } = await lint(yearText({ ...madeUp2027('2027-12-14'), ...changes }));
    expect(code).toBe(1);
    expect((answer as { problems: { field: string; line: number }[] }).problems[0]).toMatchObject({
      field,
      line: expect.any(Number) as number,
    });
  });
});
