import { assertPlaceHold } from '../../src/contracts/validate-hold';
import {
  canDivide,
  cohortName,
  coversRecord,
  isDueForReview,
  mayCover,
  type HoldReach,
  type Reachable,
  type RecordScope,
} from '../../src/domain/hold-scope';

const everything: HoldReach = {
  recordClass: null,
  hostingService: null,
  assetRuns: null,
  collectedFrom: null,
  collectedTo: null,
};
const cohort: Reachable = {
  runId: 'rn_0000000000000001',
  recordClass: 'asset-basic-data',
  subjects: ['CVM', 'ECM'],
  newestObservedAt: '2030-06-01T00:00:00.000000Z',
  oldestObservedAt: '2030-01-01T00:00:00.000000Z',
};

describe('a hold', () => {
  it.each<readonly [string, Partial<HoldReach>, boolean]>([
    ['everything', {}, true],
    ['its class', { recordClass: 'asset-basic-data' }, true],
    ['the other class', { recordClass: 'console-configuration-data' }, false],
    ['one of its services', { hostingService: 'ECM' }, true],
    ['another service', { hostingService: 'Lighthouse' }, false],
    ['an asset of the run', { assetRuns: ['rn_0000000000000001'] }, true],
    ['an asset of another run', { assetRuns: ['rn_0000000000000002'] }, false],
    ['from its newest record on', { collectedFrom: '2030-06-01T00:00:00.000000Z' }, true],
    ['from a microsecond later on', { collectedFrom: '2030-06-01T00:00:00.000001Z' }, false],
    ['until its oldest record', { collectedTo: '2030-01-01T00:00:00.000000Z' }, false],
    ['until a microsecond later', { collectedTo: '2030-01-01T00:00:00.000001Z' }, true],
    [
      'an asset of the run, of another service',
      { assetRuns: ['rn_0000000000000001'], hostingService: 'Lighthouse' },
      false,
    ],
  ])('over %s covers a due day only if it might [CC-4]', (...[, reach, covers]) => {
    expect(mayCover({ ...everything, ...reach }, cohort)).toBe(covers);
  });

  it.each<readonly [string, Partial<HoldReach>, Partial<Reachable>]>([
    ['services', { hostingService: 'Lighthouse' }, { subjects: [] }],
    ['newest record', { collectedFrom: '2099-01-01T00:00:00.000000Z' }, { newestObservedAt: null }],
    ['oldest record', { collectedTo: '2001-01-01T00:00:00.000000Z' }, { oldestObservedAt: null }],
  ])('covers a due day whose %s nobody knows [CC-4]', (...[, reach, unknown]) => {
    expect(mayCover({ ...everything, ...reach }, { ...cohort, ...unknown })).toBe(true);
    // Companion: with what is known it would not.
    expect(mayCover({ ...everything, ...reach }, cohort)).toBe(false);
  });

  it.each([
    ['2030-01-31T23:59:59.999999Z', false],
    ['2030-02-01T00:00:00.000000Z', true],
    ['2030-02-01T00:00:00.000001Z', true],
    ['2031-01-01T00:00:00.000000Z', true],
  ])('is due for review from the beginning of its day on: at %s [CC-4]', (now, isDue) => {
    expect(isDueForReview('2030-02-01', now)).toBe(isDue);
  });
});

describe('an order to place a hold', () => {
  const tenantId = 'tn_0123456789abcdef';
  const recordClass = 'asset-basic-data';
  const order = {
    holdId: 'hd_0123456789abcdef',
    scopes: [{ tenantId }],
    matter: 'mt-0001',
    groundKind: 'litigation',
    owner: 'legal-1',
    ground: { stagingId: `st_${'0'.repeat(32)}`, digest: '0'.repeat(64) },
    requestedBy: 'dpo-1',
    reviewOn: '2031-01-31',
  };
  const check = (over: object): void => {
    assertPlaceHold({ ...order, ...over });
  };

  it.each([
    ['a tenant', { tenantId }],
    ['a class', { tenantId, recordClass: 'console-configuration-data' }],
    ['a service', { tenantId, recordClass, hostingService: 'CVM' }],
    ['an asset', { tenantId, recordClass, assetId: 'as_0123456789abcdef' }],
    ['a beginning', { tenantId, recordClass, collectedFrom: '2030-01-01T00:00:00+08:00' }],
    [
      'a range',
      {
        ...{ tenantId, recordClass, collectedFrom: '2030-01-01T00:00:00Z' },
        collectedTo: '2030-01-01T00:00:00.000001Z',
      },
    ],
  ])('takes %s as a scope [CC-4]', (_, scope) => {
    expect(() => {
      check({ scopes: [scope] });
    }).not.toThrow();
  });

  it.each([
    ['no tenant', { recordClass }, 'scopes[0].tenantId'],
    ['an unknown class', { tenantId, recordClass: 'logs' }, 'scopes[0].recordClass'],
    [
      'an unknown service',
      { tenantId, recordClass, hostingService: 'X' },
      'scopes[0].hostingService',
    ],
    ['an asset by its name', { tenantId, recordClass, assetId: 'web-1' }, 'scopes[0].assetId'],
    ['a service of both classes', { tenantId, hostingService: 'CVM' }, 'scopes[0].recordClass'],
    [
      'an asset of configuration',
      { tenantId, recordClass: 'console-configuration-data', assetId: 'as_0123456789abcdef' },
      'scopes[0].recordClass',
    ],
    ['a day', { tenantId, recordClass, collectedFrom: '2030-01-01' }, 'scopes[0].collectedFrom'],
    [
      'nanoseconds',
      { tenantId, recordClass, collectedTo: '2030-01-01T00:00:00.1234567Z' },
      'scopes[0].collectedTo',
    ],
    [
      'a range that ends where it begins',
      {
        ...{ tenantId, recordClass, collectedFrom: '2030-01-01T08:00:00+08:00' },
        collectedTo: '2030-01-01T00:00:00Z',
      },
      'scopes[0].collectedTo',
    ],
    ['a repository by its name', { tenantId, repository: 'team/app' }, 'scopes[0].repository'],
  ])('refuses a scope with %s, naming the field', (...[, scope, field]) => {
    expect(() => {
      check({ scopes: [scope] });
    }).toThrow(expect.objectContaining({ field }) as Error);
  });

  it.each([
    ['matter', undefined],
    ['matter', 'Smith v. Example'],
    ['groundKind', undefined],
    ['groundKind', 'because we want to'],
    ['owner', undefined],
    ['owner', 'jane@example.com'],
    ['reviewOn', undefined],
    ['reviewOn', '2031-02-29'],
  ])('refuses %s when it is %s', (field, value) => {
    expect(() => {
      check({ [field]: value });
    }).toThrow(expect.objectContaining({ field }) as Error);
  });
});

describe('a record of a due day', () => {
  const scope: RecordScope = {
    ...{ recordClass: 'asset-basic-data', hostingService: null, assetId: null },
    ...{ collectedFrom: null, collectedTo: null },
  };
  const record = {
    assetId: 'as_0000000000000001',
    observedAt: '2030-03-01T00:00:00.000000Z',
    observedUntil: null,
  };

  it.each<readonly [string, Partial<RecordScope>, boolean]>([
    ['its asset', { assetId: 'as_0000000000000001' }, true],
    ['another asset', { assetId: 'as_0000000000000002' }, false],
    ['until it was seen first', { collectedTo: '2030-03-01T00:00:00.000000Z' }, false],
    ['until a microsecond later', { collectedTo: '2030-03-01T00:00:00.000001Z' }, true],
    [
      'from the newest record of its day on',
      { collectedFrom: '2030-06-01T00:00:00.000000Z' },
      true,
    ],
    ['from later on', { collectedFrom: '2030-06-01T00:00:00.000001Z' }, false],
    ['a service of its run', { hostingService: 'CVM' }, true],
    ['another service', { hostingService: 'Lighthouse' }, false],
  ])(
    'is withheld under a hold over %s only if that might cover it [CC-4]',
    (...[, over, covers]) => {
      expect(coversRecord({ ...scope, ...over }, cohort, record)).toBe(covers);
    },
  );

  it('that does not say when it was seen is covered by every range [CC-4]', () => {
    const until = { ...scope, collectedTo: '2001-01-01T00:00:00.000000Z' };
    expect(coversRecord(until, cohort, { ...record, observedAt: null })).toBe(true);
    // Companion: one that says so is not.
    expect(coversRecord(until, cohort, record)).toBe(false);
  });

  it('is covered by a range that it was seen in, and not by one from after its last sighting on [CC-4]', () => {
    const seen = { ...record, observedUntil: '2030-04-01T00:00:00.000000Z' };
    const from = (collectedFrom: string) => ({ ...scope, collectedFrom });
    expect(coversRecord(from('2030-04-01T00:00:00.000000Z'), cohort, seen)).toBe(true);
    expect(coversRecord(from('2030-04-01T00:00:00.000001Z'), cohort, seen)).toBe(false);
    const before = { ...from('2030-01-01T00:00:00.000000Z'), collectedTo: record.observedAt };
    expect(coversRecord(before, cohort, seen)).toBe(false);
    // What nobody knows the end of lived as long as anything of its day.
    expect(coversRecord(from('2030-04-01T00:00:00.000001Z'), cohort, record)).toBe(true);
  });

  it('never falls under a hold that would not keep the due day with that record in it [CC-4]', () => {
    const reaches = [
      {},
      { assetId: record.assetId },
      { collectedTo: '2030-03-02T00:00:00.000000Z' },
    ];
    for (const over of reaches) {
      const { assetId, ...rest } = { ...scope, ...over };
      const assetRuns = assetId === null ? null : [cohort.runId];
      const day = { ...cohort, oldestObservedAt: record.observedAt };
      expect(coversRecord({ ...scope, ...over }, cohort, record)).toBe(true);
      expect(mayCover({ ...rest, assetRuns }, day)).toBe(true);
    }
  });
});

describe('a due day that was split', () => {
  const dueOn = '2030-12-01';
  const reach = { ...everything, relieved: [cohortName({ runId: cohort.runId, dueOn })] };

  it('no longer falls under the hold, and every other due day does [CC-4]', () => {
    expect(mayCover(reach, { ...cohort, dueOn })).toBe(false);
    expect(mayCover(reach, { ...cohort, dueOn: '2030-12-02' })).toBe(true);
    expect(mayCover(reach, { ...cohort, dueOn, runId: 'rn_0000000000000002' })).toBe(true);
    expect(mayCover(reach, cohort)).toBe(true);
    expect(mayCover(everything, { ...cohort, dueOn })).toBe(true);
  });

  it('is divided by an asset or a range of collection and by nothing else [CC-4]', () => {
    expect(canDivide({ ...everything, assetRuns: [cohort.runId] })).toBe(true);
    expect(canDivide({ ...everything, collectedTo: '2030-03-01T00:00:00.000000Z' })).toBe(true);
    expect(canDivide({ ...everything, collectedFrom: '2030-01-01T00:00:00.000000Z' })).toBe(true);
    expect(canDivide({ ...everything, hostingService: 'CVM' })).toBe(false);
  });
});
