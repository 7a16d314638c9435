import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import examples from '../examples.json';
import { windowOf } from './context';

interface Example {
  readonly title: string;
  readonly facts: unknown;
  readonly expect: Readonly<Record<string, unknown>>;
}

const PROCESS_ZONES = [
  'Asia/Shanghai',
  'America/New_York',
  'Pacific/Kiritimati',
  'UTC',
  'Europe/Berlin',
  'Asia/Kolkata',
];

describe('computeWindow on worked examples', () => {
  for (const example of examples as readonly Example[]) {
    it(`answers "${example.title}" with the published figures`, () => {
      expect(windowOf(example.facts)).toMatchObject(example.expect);
    });
  }

  it('covers every kind of figure', () => {
    const figures = new Set((examples as readonly Example[]).flatMap((e) => Object.keys(e.expect)));
    expect([...figures].sort()).toEqual(
      ['breaches', 'deleteNotBefore', 'earliestAt', 'lastDay', 'latestAt', 'provisional'].sort(),
    );
  });
});

describe('computeWindow in processes of other time zones', () => {
  it.each(PROCESS_ZONES)('gives equal windows when the process runs in %s', (zone) => {
    const script = join(__dirname, 'print-windows.cjs');
    const printed = execFileSync(process.execPath, [script], {
      env: { ...process.env, TZ: zone },
      encoding: 'utf8',
    });
    const { processZone, windows } = JSON.parse(printed) as {
      processZone: string;
      windows: unknown[];
    };
    expect(new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone).toBe(
      processZone,
    );
    expect(windows).toEqual(
      JSON.parse(JSON.stringify((examples as readonly Example[]).map((e) => windowOf(e.facts)))),
    );
  });
});
