import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Expectations } from '../../demo/expectations';
import { checkReport, writeReport, type DemoReport } from '../../demo/report';
import { Timeline, WIDTH } from '../../demo/timeline';

const REPORT: DemoReport = {
  environment: 'lethe-demo-sim',
  clock: 'simulated',
  startedAt: '2026-11-24T19:00:00.123Z',
  tenants: [
    {
      tenantId: 'tn_reported00000000001',
      story: 'a request, a hold, a release',
      actions: 42,
      dueDays: 1,
      cohorts: [
        {
          recordClass: 'console-configuration-data',
          run: 'rn_reported00000000001',
          dueOn: '2030-02-20',
          earliestAt: '2030-01-08T01:00:00.000000Z',
          deleteNotBefore: '2030-01-15T03:00:00Z',
          latestAt: '2030-02-21T16:00:00Z',
          archivedAt: null,
          movedAt: null,
          destroyedAt: '2030-01-15T03:00:04Z',
          counts: { 'mongodb:configuration.whitelists': 3 },
          certificateId: 'ct_1',
        },
      ],
    },
  ],
  residue: { 'mongodb:configuration.whitelists': 0, 'mysql:keys': 0, 's3:archive': 0 },
};

const changed = (path: string, value: unknown): unknown => {
  const copy = structuredClone(REPORT) as unknown;
  const names = path.split('.');
  const last = names.pop() ?? '';
  const place = names.reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], copy);
  if (value === undefined) Reflect.deleteProperty(place as object, last);
  else (place as Record<string, unknown>)[last] = value;
  return copy;
};

describe('the report of the demonstration', () => {
  it('is written whole, and read back as it was', () => {
    const cache = mkdtempSync(join(tmpdir(), 'lethe-report-'));
    try {
      const path = writeReport(cache, REPORT);
      expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(REPORT);
      expect(readdirSync(join(cache, 'demo'))).toEqual(['report.json']);
    } finally {
      rmSync(cache, { recursive: true });
    }
  });

  it.each<[string, unknown, string]>([
    ['clock', 'real', 'report.clock'],
    ['environment', 'lethe', 'report.environment'],
    ['startedAt', '2026-11-24T19:00:00+08:00', 'report.startedAt'],
    ['startedAt', '2026-13-24T19:00:00Z', 'report.startedAt'],
    ['residue', {}, 'report.residue'],
    ['residue', { 'mysql:keys': -1 }, 'report.residue.mysql:keys'],
    ['residue', { lethe_demo_sim_keys: 0 }, 'report.residue lethe_demo_sim_keys'],
    ['residue', undefined, 'report.residue'],
    ['tenants', {}, 'report.tenants'],
    ['tenants.0.actions', 4.5, 'report.tenants[0].actions'],
    ['tenants.0.name', 'x', 'report.tenants[0].name'],
    ['tenants.0.tenantId', 'somebody', 'report.tenants[0].tenantId'],
    ['tenants.0.cohorts.0.dueOn', '2030-02-20T00:00:00Z', 'report.tenants[0].cohorts[0].dueOn'],
    ['tenants.0.cohorts.0.destroyedAt', null, 'report.tenants[0].cohorts[0].destroyedAt'],
    ['tenants.0.cohorts.0.certificateId', '', 'report.tenants[0].cohorts[0].certificateId'],
    ['tenants.0.cohorts.0.movedAt', undefined, 'report.tenants[0].cohorts[0].movedAt'],
  ])(
    'is refused when %s is %j, naming the field, and nothing is written',
    (...[path, value, at]) => {
      const bad = changed(path, value);
      expect(() => checkReport(bad)).toThrow(at);
      const cache = mkdtempSync(join(tmpdir(), 'lethe-report-'));
      try {
        expect(() => writeReport(cache, bad as DemoReport)).toThrow(at);
        expect(readdirSync(cache)).toEqual([]);
      } finally {
        rmSync(cache, { recursive: true });
      }
    },
  );
});

describe('expectations of the demonstration', () => {
  it('take the same moment with more digits as equal, and one microsecond later as a difference', () => {
    const expectations = new Expectations();
    expectations.expectDate('same', '2031-03-31T16:00:00.000000Z', '2031-03-31T16:00:00Z');
    expectations.expectDate('same', '2031-03-31T16:00:00.100Z', '2031-03-31T16:00:00.1Z');
    expectations.expectDate('day', '2031-03-31', '2031-03-31');
    expect(expectations.differences).toEqual([]);
    expectations.expectDate('late', '2031-03-31T16:00:00.000001Z', '2031-03-31T16:00:00Z');
    expectations.expectDate('missing', null, '2031-03-31T16:00:00Z');
    expectations.expectDate('other day', '2031-03-30', '2031-03-31');
    expect(expectations.differences.map(({ name }) => name)).toEqual([
      'late',
      'missing',
      'other day',
    ]);
    expect(expectations.exitCode).toBe(1);
  });

  it('count the first instant of a window as inside and its end as too late', () => {
    const window = { from: '2031-03-31T18:00:00Z', before: '2031-04-01T16:00:00Z' };
    const within = (at: string | null): number => {
      const expectations = new Expectations();
      expectations.expectWithin('destroyed', at, window);
      return expectations.exitCode;
    };
    expect(
      [
        '2031-03-31T17:59:59.999Z',
        '2031-03-31T18:00:00Z',
        '2031-04-01T15:59:59.999Z',
        '2031-04-01T16:00:00Z',
        null,
      ].map(within),
    ).toEqual([1, 0, 0, 1, 1]);
  });

  it('are not met by having searched nowhere, nor by a run that compared nothing', () => {
    const expectations = new Expectations();
    expect(expectations.exitCode).toBe(1);
    expectations.expectNothing('gone', { 's3:archive': 0, 'mysql:keys': 0 });
    expect(expectations.exitCode).toBe(0);
    expectations.expectNothing('nowhere', {});
    expectations.expectNothing('left', { 's3:archive': 0, 'mysql:keys': 2 });
    expect(expectations.summary()).toEqual([
      '3 expectations, 2 differences',
      '  nowhere: expected nothing left, found no place was searched',
      '  left: expected nothing left, found {"mysql:keys":2}',
    ]);
  });
});

describe('the timeline', () => {
  const printed = (tell: (timeline: Timeline) => void): string[] => {
    const lines: string[] = [];
    tell(new Timeline((line) => lines.push(line)));
    return lines;
  };

  it("shows an event in the tenant's own day and in UTC, with each due date, its rule and its reason", () => {
    const lines = printed((timeline) => {
      timeline.record({
        at: '2031-02-28T17:30:00.123456Z',
        tenantId: 'tn_timeline0000000001',
        zone: 'Asia/Shanghai',
        what: 'CVM ended',
        due: [
          {
            dueOn: '2031-03-31',
            earliestAt: '2031-03-31T16:00:00Z',
            latestAt: '2031-04-01T16:00:00Z',
            deleteNotBefore: '2031-03-31T18:00:00Z',
            rule: 'AB-3',
            reason: '30 days after 2031-03-01',
          },
        ],
      });
    });
    expect(lines).toEqual([
      '',
      'tn_timeline0000000001 (Asia/Shanghai)',
      '2031-03-01 01:30:00 | 2031-02-28T17:30:00Z | CVM ended',
      '    due 2031-03-31, AB-3: 30 days after 2031-03-01',
      '        window [2031-03-31T16:00:00Z, 2031-04-01T16:00:00Z), not before 2031-03-31T18:00:00Z',
    ]);
  });

  it('shows a word where a hold leaves no instant', () => {
    const open = 'while a hold is open';
    const lines = printed((timeline) => {
      timeline.record({
        at: '2031-02-28T17:30:00Z',
        tenantId: 'tn_timeline0000000001',
        zone: 'UTC',
        what: 'hold placed',
        due: [
          {
            dueOn: '2031-03-31',
            earliestAt: open,
            latestAt: open,
            deleteNotBefore: open,
            rule: 'CC-4',
            reason: 'a hold is open',
          },
        ],
      });
    });
    expect(lines.at(-1)).toBe(`        window [${open}, ${open}), not before ${open}`);
  });

  it('shows counts before and after, and how many places were searched', () => {
    const lines = printed((timeline) => {
      timeline.counts(
        'counts',
        { 'mysql:assets.scans': 12, 's3:archive': 0, 'mysql:keys': 1 },
        { 'mysql:assets.scans': 0, 's3:archive': 0, 'mysql:keys': 1 },
      );
    });
    expect(lines).toEqual([
      'counts: 3 places searched',
      '    mysql:assets.scans      12 ->       0',
      '    mysql:keys               1 ->       1',
    ]);
  });

  it('is never wider than a line, loses no character, and has no colours', () => {
    const long = `${'word '.repeat(60)}${'x'.repeat(300)}`;
    const lines = printed((timeline) => {
      timeline.note(long);
      timeline.record({
        at: '2030-01-07T01:00:00Z',
        tenantId: `tn_${'a'.repeat(40)}`,
        zone: 'America/Argentina/ComodRivadavia',
        what: long,
      });
    });
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(WIDTH);
    expect(lines.join('').replaceAll(' ', '').match(/x/g)).toHaveLength(600);
    expect(lines.join('')).not.toContain('\u001b');
  });
});
