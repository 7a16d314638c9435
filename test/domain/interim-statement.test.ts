import { certifiedLocations, remnantLocations } from '../../src/domain/certificate';
import {
  composeInterim,
  isNothingLeft,
  type InterimFacts,
  type RemainingCohort,
} from '../../src/domain/interim-statement';

const AS_OF = '2027-03-01T00:00:00Z';
const HOLD = {
  holdId: 'hd_0123456789abcdef',
  recordClass: null,
  placedAt: '2027-02-20T00:00:00Z',
  reviewOn: '2027-08-20',
};

const cohort = (change: Partial<RemainingCohort> = {}): RemainingCohort => ({
  runId: 'rn_0123456789abcdef',
  dueOn: '2027-03-31',
  recordClass: 'asset-basic-data',
  state: 'moved',
  records: 123,
  deleteNotBefore: '2027-03-31T18:00:00Z',
  latestAt: '2027-04-01T16:00:00Z',
  counts: {
    'mongodb:assets.fingerprints': 120,
    'mysql:assets.scans': 3,
    's3:archive': 4,
    's3:backup': 4,
    'mysql:keys': 1,
  },
  verdicts: [],
  retainedUntil: null,
  ...change,
});

const facts = (change: Partial<InterimFacts> = {}): InterimFacts => ({
  ...{ tenantId: 'tn_0123456789abcdef', asOf: AS_OF, clock: 'system', stage: 'retained' },
  ...{ inUse: [], unsealed: [], cohorts: [cohort()], certificates: 0, holds: [], stop: null },
  ...{ remainders: [], backups: [] },
  ...change,
});

const remainder = (change: Partial<RemainingCohort>, more: Partial<InterimFacts> = {}) => {
  const [one] = composeInterim(facts({ cohorts: [cohort(change)], ...more })).remaining;
  if (one === undefined) throw new Error('nothing remains');
  return {
    reasons: one.reasons.map(({ reason }) => reason),
    places: Object.fromEntries(one.places.map(({ location, records }) => [location, records])),
    states: [...new Set(one.places.map(({ state }) => state))],
  };
};

describe('an interim statement', () => {
  it('says of itself that it is no certificate', () => {
    const statement = composeInterim(facts());
    expect(statement).toMatchObject({ document: 'lethe-interim-statement', isCertificate: false });
    expect(JSON.stringify(statement)).not.toContain('lethe-certificate-of-destruction');
  });

  it('names what is archived, where, and until when its term lasts [AB-1] [AB-3]', () => {
    const [one] = composeInterim(facts()).remaining;
    expect(one?.reasons).toEqual([{ reason: 'term-not-over', until: '2027-03-31T18:00:00Z' }]);
    expect(remainder({}).places).toEqual({ 's3:archive': 4, 's3:backup': 4, 'mysql:keys': 1 });
    expect(remainder({ state: 'archived' }).places).toEqual(cohort().counts);
  });

  it.each([
    ['one tick before', '2027-03-31T17:59:59.999999Z', ['term-not-over']],
    ['exactly at', '2027-03-31T18:00:00Z', ['window-open']],
    ['at the promised end', '2027-04-01T16:00:00Z', ['window-open', 'late']],
  ])('says when the window opens and when the promise is missed: %s', (...[, asOf, expected]) => {
    expect(remainder({}, { asOf }).reasons).toEqual(expected);
  });

  it('names a hold as the reason, for its own class and for no other [CC-4]', () => {
    const held = { deleteNotBefore: null, latestAt: null };
    expect(remainder(held, { holds: [HOLD] }).reasons).toEqual(['hold']);
    const other = { ...HOLD, recordClass: 'console-configuration-data' } as const;
    expect(remainder({}, { holds: [other] }).reasons).toEqual(['term-not-over']);
    expect(composeInterim(facts({ holds: [HOLD] })).holds).toEqual([HOLD]);
  });

  it('names what stops a destruction that is due, and not one that is not', () => {
    const due = { stop: 'freeze', asOf: '2027-03-31T19:00:00Z' };
    expect(remainder({}, due).reasons).toEqual(['window-open', 'stopped']);
    expect(remainder({}, { stop: 'freeze' }).reasons).toEqual(['term-not-over']);
  });

  it('names every registered location of a destroyed cohort that was not verified [ST-1]', () => {
    const { reasons, places, states } = remainder({ state: 'destroyed' });
    expect(reasons).toEqual(['not-verified']);
    expect(Object.keys(places)).toEqual(certifiedLocations('asset-basic-data'));
    expect(states).toEqual(['not-verified']);
    const all = certifiedLocations('asset-basic-data').map((location) => ({
      ...({ location, outcome: 'ok', records: 0 } as const),
    }));
    for (const { location } of all) {
      const others = all.filter((one) => one.location !== location);
      const unproven = remainder({ state: 'destroyed', verdicts: others });
      expect(unproven).toMatchObject({ places: { [location]: null }, states: ['not-verified'] });
      expect(Object.keys(unproven.places)).toEqual([location]);
      const failed = { location, outcome: 'failed', records: 2 } as const;
      const full = remainder({ state: 'destroyed', verdicts: [...others, failed] });
      expect(full.reasons).toEqual(['not-verified', 'not-empty']);
      expect(full).toMatchObject({ places: { [location]: 2 }, states: ['not-empty'] });
    }
    expect(remainder({ state: 'destroyed', verdicts: all }).places).toEqual({});
  });

  it('names data that is in use, or not sealed yet, without counting it', () => {
    const used = composeInterim(facts({ cohorts: [], inUse: ['CVM', 'Feature'] }));
    expect(used.remaining.map(({ recordClass, reasons }) => [recordClass, reasons])).toEqual([
      ['asset-basic-data', [{ reason: 'in-use' }]],
      ['console-configuration-data', [{ reason: 'in-use' }]],
    ]);
    expect(used.remaining.flatMap(({ places }) => places.map(({ records }) => records))).toEqual(
      Array.from({ length: 10 }, () => null),
    );
    const ended = composeInterim(facts({ cohorts: [], unsealed: ['asset-basic-data'] }));
    expect(ended.remaining[0]?.reasons).toEqual([{ reason: 'not-sealed' }]);
  });

  it('counts locked versions until their key is destroyed and everything was looked at', () => {
    const locked = [
      { location: 's3:archive', versions: 8 },
      { location: 's3:backup', versions: 8 },
    ];
    const two = [cohort(), cohort({ dueOn: '2027-04-02', state: 'destroying' })];
    expect(composeInterim(facts({ cohorts: two })).locks).toEqual(locked);
    expect(composeInterim(facts({ cohorts: [cohort({ state: 'destroyed' })] })).locks).toEqual([]);
  });

  it('names backups and logs: open while clear data is live, dated once it was certified [ST-2]', () => {
    const named = (more: Partial<InterimFacts>) =>
      composeInterim(facts(more)).remnants.map(({ location, until }) => [location, until]);
    expect(named({})).toEqual(remnantLocations('asset-basic-data').map((one) => [one, null]));
    const until = '2027-03-20T00:00:00Z';
    const past = { location: 'mysql:backups', until: AS_OF };
    const dated = { cohorts: [], remainders: [past, { location: 'mongodb:backups', until }] };
    expect(named(dated)).toEqual([['mongodb:backups', until]]);
    const key = { location: 'mysql:keys', until };
    expect(named({ cohorts: [], remainders: [key] })).toEqual([['mysql:keys', until]]);
  });

  it('says that nothing is known to remain only when there is nothing at all', () => {
    expect(isNothingLeft(composeInterim(facts({ cohorts: [] })))).toBe(true);
    const set = {
      ...{ setId: 'bs_weekly000001', location: 'mysql:backups' as const },
      ...{ takenAt: '2027-02-09T00:00:00Z', expiresAt: '2027-05-09T00:00:00Z' },
    };
    for (const change of [
      { backups: [set] },
      { cohorts: [cohort({ state: 'destroyed' })] },
      { inUse: ['Feature'] },
      { remainders: [{ location: 'mysql:keys', until: '2027-03-01T00:00:01Z' }] },
    ] as const) {
      expect(isNothingLeft(composeInterim(facts({ cohorts: [], ...change })))).toBe(false);
    }
  });
});
