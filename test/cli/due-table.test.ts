import { dueCsv, dueTable, foreseen, slowRuns } from '../../src/cli/due-table';
import type { RunProgress } from '../../src/contracts/control-reader';
import type { DueDay } from '../../src/contracts/snapshot';

const DAY: DueDay = {
  runId: 'rn_0000000000000001',
  recordClass: 'asset-basic-data',
  dueOn: '2030-07-06',
  earliestAt: '2030-07-06T16:00:00Z',
  deleteNotBefore: '2030-07-06T18:00:00Z',
  latestAt: '2030-07-07T16:00:00Z',
  records: 7,
  state: 'archived',
  because: 'AB-3',
  provisional: false,
};
const RUN: RunProgress = {
  runId: DAY.runId,
  phase: 'moving',
  rows: { done: 1, left: 6 },
  bytes: { done: 1, left: 6 },
  rowsPerSecond: 1,
  estimatedEndAt: '2030-01-16T12:00:00.000Z',
  moveBy: '2030-01-17T00:00:00.000Z',
  latestAt: DAY.latestAt,
  waitsFor: null,
  warning: 'tight',
  isLate: false,
};
const CAP = {
  tenantId: 'tn_0000000000000001',
  runId: DAY.runId,
  dueOn: DAY.dueOn,
  expectedAt: '2030-07-09T00:00:00Z',
  atRisk: 'tenants-per-30-days',
} as const;

describe('a due day', () => {
  it('is at risk when its rows move too slowly, and the estimate is shown [AB-3]', () => {
    const [day] = foreseen([DAY], { caps: [], slow: [RUN] });
    expect(day).toMatchObject({ atRisk: 'pace', expectedAt: RUN.estimatedEndAt });
    expect(dueTable([day ?? { ...DAY, expectedAt: null, atRisk: null }])).toMatch(
      /AT RISK[\s\S]*pace: 2030-01-16/,
    );
  });

  it('of configuration is sealed where it is: nothing says that it was archived [ST-2]', () => {
    const states = ['archived', 'moved'] as const;
    const text = (recordClass: DueDay['recordClass']): readonly string[] =>
      states.map((state) =>
        dueTable(foreseen([{ ...DAY, recordClass, state }], { caps: [], slow: [] })),
      );
    expect(text('asset-basic-data').map((table, at) => table.includes(states[at] ?? '-'))).toEqual([
      true,
      true,
    ]);
    for (const table of text('console-configuration-data')) {
      expect(table).toMatch(/console-configuration-data +sealed/);
    }
  });

  it('shows an unknown end while nothing moves, which is not the same as never', () => {
    const still = { ...RUN, estimatedEndAt: null };
    expect(dueTable(foreseen([DAY], { caps: [], slow: [still] }))).toContain('pace: unknown');
    const never = { ...CAP, expectedAt: null };
    expect(dueTable(foreseen([DAY], { caps: [never], slow: [] }))).toContain(': never');
  });

  it('names the cap first: it needs a person and some days', () => {
    const [day] = foreseen([DAY], { caps: [CAP], slow: [RUN] });
    expect(day).toMatchObject({ atRisk: CAP.atRisk, expectedAt: CAP.expectedAt });
  });

  it('is not at risk for what another run does', () => {
    const other = { ...RUN, runId: 'rn_0000000000000002' };
    expect(foreseen([DAY], { caps: [], slow: [other] })).toMatchObject([{ atRisk: null }]);
  });
});

describe('the runs that are too slow', () => {
  it('are those with a warning, of each tenant once', async () => {
    const asked: string[] = [];
    const reader = {
      progress: (tenantId: string): Promise<readonly RunProgress[]> => {
        asked.push(tenantId);
        return Promise.resolve([RUN, { ...RUN, warning: null }]);
      },
    };
    expect(await slowRuns(reader, ['tn_a', 'tn_b', 'tn_a'])).toEqual([RUN, RUN]);
    expect(asked).toEqual(['tn_a', 'tn_b']);
  });
});

describe('due days for a spreadsheet', () => {
  const foreseenDay = {
    ...DAY,
    tenantId: CAP.tenantId,
    band: 'overdue',
    expectedAt: null,
    atRisk: null,
  };

  it('are one line each, with the same fields as in JSON [AB-3]', () => {
    expect(dueCsv([foreseenDay])).toBe(
      'tenantId,band,dueOn,recordClass,state,earliestAt,deleteNotBefore,latestAt,provisional,because,records,runId,atRisk\r\n' +
        'tn_0000000000000001,overdue,2030-07-06,asset-basic-data,archived,2030-07-06T16:00:00Z,2030-07-06T18:00:00Z,2030-07-07T16:00:00Z,false,AB-3,7,rn_0000000000000001,\r\n',
    );
  });

  it('leave instants empty that a hold keeps open, and have a head without any [CC-4]', () => {
    const held = { ...foreseenDay, earliestAt: null, deleteNotBefore: null, latestAt: null };
    expect(dueCsv([held])).toContain(',archived,,,,false,');
    expect(dueCsv([])).toMatch(/^tenantId,.*\r\n$/);
  });

  it('quote what has a comma, and turn no text into a formula', () => {
    const odd = { ...foreseenDay, because: '=1+1', band: 'a,"b"' };
    expect(dueCsv([odd])).toContain(`,'=1+1,`);
    expect(dueCsv([odd])).toContain(',"a,""b""",');
  });
});
