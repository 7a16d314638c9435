import {
  forecast,
  type ForecastAnswer,
  type ForecastCohort,
  type ForecastInput,
  type ForecastUse,
} from '../../src/domain/forecast';

const cohort = (tenant: number, change: Partial<ForecastCohort> = {}): ForecastCohort => ({
  tenantId: `tn_${String(tenant).padStart(16, '0')}`,
  runId: `rn_${String(tenant).padStart(16, '0')}`,
  dueOn: '2030-03-01',
  recordClass: 'asset-basic-data',
  records: 10,
  deleteNotBefore: '2030-03-02T02:00:00Z',
  latestAt: '2030-03-03T00:00:00Z',
  ...change,
});

const use = (tenant: number, grantedAt: string, records = 10): ForecastUse => ({
  ...cohort(tenant, { records }),
  grantedAt,
});

const cap = (amount: number, share = 0): ForecastInput['caps']['cohorts-per-hour'] => ({
  inForce: { amount, share },
  pending: null,
});

const WIDE: ForecastInput['caps'] = {
  'cohorts-per-hour': cap(1_000_000),
  'store-share-per-day': cap(1_000_000),
  'tenants-per-30-days': cap(1_000_000),
  'unusual-tenants-per-day': cap(1_000_000),
  'unusual-records-per-day': cap(1_000_000),
};

const input = (
  cohorts: readonly ForecastCohort[],
  change: Partial<Omit<ForecastInput, 'caps'>> & { caps?: Partial<ForecastInput['caps']> } = {},
): ForecastInput => ({
  now: '2030-02-01T00:00:00Z',
  cohorts,
  uses: [],
  totals: {
    tenants: 0,
    records: { 'asset-basic-data': 0, 'console-configuration-data': 0 },
    busiestTenants: 0,
    busiestRecords: 0,
  },
  ...change,
  caps: { ...WIDE, ...change.caps },
});

const many = (count: number, change?: Partial<ForecastCohort>): readonly ForecastCohort[] =>
  Array.from({ length: count }, (_, tenant) => cohort(tenant, change));

const expected = (answers: readonly ForecastAnswer[]): readonly (string | null)[] =>
  answers.map(({ expectedAt }) => expectedAt);
const risks = (answers: readonly ForecastAnswer[]): readonly (string | null)[] =>
  answers.map(({ atRisk }) => atRisk);

describe('a forecast', () => {
  it('lets everything end at the start of its window when no cap is near [AB-3]', () => {
    const answers = forecast(input(many(50)));
    expect(new Set(expected(answers))).toEqual(new Set(['2030-03-02T02:00:00Z']));
    expect(new Set(risks(answers))).toEqual(new Set([null]));
  });

  it('spreads what is more than an hour may end over hours, and is calm while the day suffices', () => {
    const answers = forecast(input(many(5), { caps: { 'cohorts-per-hour': cap(2) } }));
    expect(expected(answers)).toEqual([
      '2030-03-02T02:00:00Z',
      '2030-03-02T02:00:00Z',
      '2030-03-02T03:00:00Z',
      '2030-03-02T03:00:00Z',
      '2030-03-02T04:00:00Z',
    ]);
    expect(new Set(risks(answers))).toEqual(new Set([null]));
  });

  it('says which cap makes which promise miss its end [AB-3]', () => {
    const answers = forecast(input(many(12), { caps: { 'tenants-per-30-days': cap(10) } }));
    expect(risks(answers).slice(0, 10)).toEqual(Array(10).fill(null));
    expect(risks(answers).slice(10)).toEqual(['tenants-per-30-days', 'tenants-per-30-days']);
    expect(expected(answers).at(-1)).toBe('2030-04-01T02:00:00Z');
  });

  it('counts what has ended already, as long as the cap remembers it', () => {
    const caps = { 'tenants-per-30-days': cap(2) };
    const uses = [use(101, '2030-02-05T00:00:00Z'), use(102, '2030-01-10T00:00:00Z')];
    const [first, second] = forecast(input(many(2), { uses, caps }));
    expect(first).toMatchObject({ expectedAt: '2030-03-02T02:00:00Z', atRisk: null });
    expect(second).toMatchObject({
      expectedAt: '2030-03-07T00:00:00Z',
      atRisk: 'tenants-per-30-days',
    });
  });

  it('does not let one tenant that waits hold another one up', () => {
    const caps = { 'tenants-per-30-days': cap(1) };
    const uses = [use(7, '2030-02-20T00:00:00Z')];
    const again = cohort(7, { dueOn: '2030-03-02', deleteNotBefore: '2030-03-02T05:00:00Z' });
    const answers = forecast(input([cohort(1), again], { uses, caps }));
    const own = answers.find(({ tenantId }) => tenantId === again.tenantId);
    expect(own).toMatchObject({ expectedAt: '2030-03-02T05:00:00Z', atRisk: null });
  });

  it('knows a cohort that can never pass, because it alone is more than the cap', () => {
    const [answer] = forecast(
      input([cohort(1, { records: 500 })], { caps: { 'store-share-per-day': cap(100) } }),
    );
    expect(answer).toMatchObject({ expectedAt: null, atRisk: 'store-share-per-day' });
  });

  it('takes the larger of amount and share', () => {
    const records = { 'asset-basic-data': 10_000, 'console-configuration-data': 0 };
    const totals = { tenants: 0, records, busiestTenants: 0, busiestRecords: 0 };
    const large = [cohort(1, { records: 500 })];
    const answers = forecast(
      input(large, { totals, caps: { 'store-share-per-day': cap(100, 50) } }),
    );
    expect(risks(answers)).toEqual([null]);
  });

  it('counts a looser cap from the instant at which it takes effect', () => {
    const pending = { amount: 1000, share: 0, effectiveAt: '2030-03-02T12:00:00Z' };
    const caps = { 'store-share-per-day': { inForce: { amount: 100, share: 0 }, pending } };
    const [answer] = forecast(input([cohort(1, { records: 500 })], { caps }));
    expect(answer).toMatchObject({ expectedAt: '2030-03-02T12:00:00Z', atRisk: null });
  });

  it('shows that the circuit breaker would want a person, while there is still time to ask one', () => {
    const answers = forecast(input(many(9), { caps: { 'unusual-tenants-per-day': cap(8) } }));
    expect(risks(answers).at(-1)).toBe('unusual-tenants-per-day');
  });

  it('blames no cap for what is late for another reason', () => {
    const late = cohort(1, {
      latestAt: '2030-01-15T00:00:00Z',
      deleteNotBefore: '2030-01-14T00:00:00Z',
    });
    const [answer] = forecast(input([late]));
    expect(answer).toMatchObject({ expectedAt: '2030-02-01T00:00:00Z', atRisk: null });
  });

  it('keeps two hours before the end of a promise', () => {
    const caps = { 'cohorts-per-hour': cap(1) };
    const end = (latestAt: string) =>
      risks(forecast(input(many(2, { latestAt }), { caps }))).at(-1);
    expect(end('2030-03-02T05:00:00Z')).toBeNull();
    expect(end('2030-03-02T04:59:59Z')).toBe('cohorts-per-hour');
  });

  /** Cohorts of a few days, the same ones in every run. */
  const scattered = (rounds: number): readonly (readonly ForecastCohort[])[] => {
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed % below;
    };
    return Array.from({ length: rounds }, () =>
      Array.from({ length: 60 }, () => {
        const start = Date.UTC(2030, 2, 1 + random(3), random(24), random(60));
        return cohort(random(25), {
          dueOn: `2030-03-${String(1 + random(28)).padStart(2, '0')}`,
          records: 1 + random(40),
          deleteNotBefore: new Date(start).toISOString(),
          latestAt: new Date(start + 86_400_000).toISOString(),
        });
      }),
    );
  };
  const instantsOf = (answers: readonly ForecastAnswer[]): readonly number[] =>
    expected(answers).flatMap((at) => (at === null ? [] : [Date.parse(at)]));
  const withinHourBefore = (instants: readonly number[], at: number): number =>
    instants.filter((other) => other <= at && other > at - 3_600_000).length;

  it('never lets more pass than a cap allows, whatever is due when [AB-1]', () => {
    for (const cohorts of scattered(20)) {
      const caps = { 'cohorts-per-hour': cap(3), 'store-share-per-day': cap(300) };
      const answers = forecast(input(cohorts, { caps }));
      expect(answers).toHaveLength(cohorts.length);
      const instants = instantsOf(answers);
      for (const at of instants) expect(withinHourBefore(instants, at)).toBeLessThanOrEqual(3);
    }
  });

  it('lets none wait longer than the cap asks for, whatever is due when [AB-3]', () => {
    let waited = 0;
    for (const cohorts of scattered(20)) {
      const answers = forecast(input(cohorts, { caps: { 'cohorts-per-hour': cap(1) } }));
      const instants = instantsOf(answers);
      const starts = new Set(cohorts.map(({ deleteNotBefore }) => Date.parse(deleteNotBefore)));
      for (const at of instants.filter((instant) => !starts.has(instant))) {
        waited += 1;
        // A moment earlier another one still stood in the way.
        expect(withinHourBefore(instants, at - 1)).toBe(1);
      }
    }
    expect(waited).toBeGreaterThan(0);
  });

  it('lets cohorts follow as ends are forgotten, one by one, beside thousands that count', () => {
    const MINUTE = 60_000;
    const first = Date.UTC(2030, 0, 20);
    // Five hundred tenants take turns four times; each is forgotten thirty days after its last turn.
    const uses = Array.from({ length: 2000 }, (_, turn) =>
      use(10_000 + (turn % 500), new Date(first + turn * MINUTE).toISOString()),
    );
    const waiting = many(300, {
      deleteNotBefore: '2030-02-02T00:00:00Z',
      latestAt: '2030-03-03T00:00:00Z',
    });
    const caps = { 'tenants-per-30-days': cap(100) };
    const answers = forecast(input(waiting, { uses, caps }));
    expect(answers).toHaveLength(300);
    const forgotten = (turn: number): number => first + turn * MINUTE + 30 * 86_400_000;
    expect(instantsOf(answers).slice(0, 99)).toEqual(
      Array.from({ length: 99 }, (_, place) => forgotten(1900 + place)),
    );
  });

  it('answers for two thousand cohorts', () => {
    const cohorts = many(2000).map((one, index) => ({ ...one, tenantId: `tn_${index % 300}` }));
    const caps = { 'cohorts-per-hour': cap(50), 'tenants-per-30-days': cap(100) };
    expect(forecast(input(cohorts, { caps }))).toHaveLength(2000);
  });
});
