import { formatInstant, parseInstant } from '../../src/domain/instants';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  certifiedLocations,
  remnantLocations,
  type CertificateInput,
  type VerifiedLocation,
} from '../../src/domain/certificate';
import { composeCertificate } from '../../src/domain/compose-certificate';
import type { CertifiedWithholding } from '../../src/domain/certified-order';
import { INVENTORY } from '../../src/domain/inventory';
import type { RecordClass } from '../../src/domain/record-class';
import {
  hash,
  TENANT,
  RUN,
  DUE,
  DESTROYED,
  VERIFIED,
  verified,
  ages,
  input,
  compose,
  window,
  location,
  configuration,
} from '../support/certificate-input';

const TAKEN = { what: 'key', at: '2027-02-01T09:00:00Z', takenBy: 'ops-7' } as const;

describe('a certificate of destruction', () => {
  it('has the shape that auditors know from the golden file', () => {
    const golden = readFileSync(join(__dirname, '..', 'golden', 'certificate.json'), 'utf8');
    expect(JSON.parse(JSON.stringify(compose()))).toStrictEqual(JSON.parse(golden));
  });

  it('is the same when it is composed again from the same facts', () => {
    expect(compose()).toEqual(compose());
    expect(compose({ dueOn: DUE, manifestDigest: hash('other') }).certificateId).not.toBe(
      compose().certificateId,
    );
  });

  it('speaks of every location of the class that is not left to expire, and of no other [ST-1, ST-2]', () => {
    const named = (recordClass: RecordClass): string[] =>
      [...certifiedLocations(recordClass), ...remnantLocations(recordClass)].sort();
    for (const recordClass of ['asset-basic-data', 'console-configuration-data'] as const) {
      const expected = INVENTORY.filter((item) =>
        [recordClass, 'both'].includes(item.recordClass),
      ).map(({ id }) => id);
      expect(named(recordClass)).toEqual(expected.sort());
    }
    expect(certifiedLocations('console-configuration-data')).not.toContain('s3:archive');
    expect(certifiedLocations('console-configuration-data')).toContain('mysql:keys');
  });

  it('names what was covered, who asked and who approved, as ids [AB-3]', () => {
    const { scope, people, order, withheld } = compose();
    expect(scope).toEqual(input().scope);
    expect(people).toEqual(input().people);
    expect([order, withheld]).toEqual([undefined, []]);
  });

  it('carries the signed order with its approvals, and what a hold keeps [CC-4]', () => {
    const order = { orderId: 'od_0123456789abcdef', signed: 'a.b.c', approvals: ['d.e.f'] };
    const kept = {
      ground: 'legal-hold',
      holdId: 'hd_0123456789abcdef',
      reviewOn: '2027-09-30',
      records: 4,
    } as const;
    const certificate = compose({ order, withheld: [kept] });
    expect(certificate).toMatchObject({ version: 3, order, withheld: [kept] });
  });

  it('names what people took out of the archive, and says nothing when nobody did [ST-1]', () => {
    expect(compose({ takenOut: [TAKEN] }).takenOut).toEqual([TAKEN]);
    expect('takenOut' in compose({ takenOut: [] })).toBe(false);
  });

  it('names the clauses in the words of the schedule', () => {
    expect(compose().rules).toEqual([
      { rule: 'AB-1', clause: 'Every observation lives 180 days.' },
      { rule: 'CC-4', clause: 'A legal hold, and six months for statutory logs.' },
    ]);
  });

  it('states until when logs of the key server and each backup can hold what was in clear', () => {
    const { keyRemnantUntil, remnants } = compose();
    expect(keyRemnantUntil).toBe('2027-04-01T06:30:00.000001Z');
    expect(remnants).toContainEqual({
      location: 'mysql:backups',
      until: '2027-02-18T00:00:00Z',
      afterLatest: false,
    });
    const lateCopies = compose({
      clear: { goneAt: '2027-03-31T00:00:00Z', maxAgeDays: ages('asset-basic-data'), backups: [] },
    });
    expect(lateCopies.remnants.every(({ afterLatest }) => afterLatest)).toBe(true);
  });

  it('names each registered backup that is not gone, and goes by its date when that is later [ST-1]', () => {
    const set = {
      setId: 'bs_weekly000001',
      location: 'mysql:backups' as const,
      takenAt: '2027-02-09T00:00:00Z',
      expiresAt: '2027-05-09T00:00:00Z',
    };
    const { clear } = input();
    const { remnants } = compose({ clear: { ...clear, backups: [set] } });
    expect(remnants).toContainEqual({
      location: 'mysql:backups',
      until: '2027-05-09T00:00:00Z',
      afterLatest: true,
      sets: [{ setId: set.setId, takenAt: set.takenAt, expiresAt: set.expiresAt }],
    });
    expect(remnants.filter(({ sets }) => sets !== undefined)).toHaveLength(1);
    const early = { ...set, expiresAt: '2027-02-12T00:00:00Z' };
    const sooner = compose({ clear: { ...clear, backups: [early] } }).remnants;
    expect(sooner).toContainEqual(expect.objectContaining({ until: '2027-02-18T00:00:00Z' }));
  });

  it.each([
    ['a nanosecond before', -1n, false],
    ['at', 0n, true],
    ['a nanosecond after', 1n, true],
  ] as const)('says so when a backup expires %s the promised end [ST-1]', (_, by, afterLatest) => {
    const { clear, window } = input();
    const expiresAt = formatInstant(parseInstant(window.latestAt, 'latestAt') + by);
    const set = { setId: 'bs_weekly000001', location: 'mysql:backups' as const, expiresAt };
    const { remnants } = compose({
      clear: { ...clear, backups: [{ ...set, takenAt: '2027-02-09T00:00:00Z' }] },
    });
    expect(remnants.find(({ sets }) => sets !== undefined)).toMatchObject({ afterLatest });
  });

  it('covers every generation of configuration that a request ended [CC-2]', () => {
    const certificate = compose(configuration());
    expect(certificate.keys).toHaveLength(2);
    expect(certificate.rules).toMatchObject([{ rule: 'CC-2' }]);
  });

  it.each([
    ['one microsecond before', '2027-04-01T15:59:59.999999Z', false],
    ['exactly at', '2027-04-01T16:00:00Z', true],
    ['one microsecond after', '2027-04-01T16:00:00.000001Z', true],
  ])('says whether the end came too late: %s the promised instant [AB-3]', (...[, at, late]) => {
    const [key] = input().keys;
    const certificate = compose({
      destroyedAt: at,
      keys: key === undefined ? [] : [{ ...key, destroyedAt: at }],
      locations: location('', {}).map((item) => ({ ...item, verifiedAt: '2027-04-01T17:00:00Z' })),
      issuedAt: '2027-04-01T17:00:00Z',
    });
    expect(certificate.late).toBe(late);
  });

  it('says what the provider itself still keeps of the encrypted copies, and until when', () => {
    const retained = { after: 4, retainedUntil: '2027-05-01T00:00:00Z' };
    const { locations } = compose({ locations: location('s3:backup', retained) });
    expect(locations.find((item) => item.location === 's3:backup')).toMatchObject(retained);
  });
});

describe('the certificate of a stray', () => {
  const stray = { event: { kind: 'stray', at: '2027-03-30T09:00:00Z' } } as const;
  const key = (kind: string, destroyedAt: string): CertificateInput['keys'][number] => ({
    ...{ keyRef: 'asset:rn_another000000000:2026-01-01', kind, destroyedAt },
  });

  it('names the key of the run that left it, also one that ended before it was found [ST-1]', () => {
    for (const kind of ['destroy', 'retire']) {
      const keys = [key(kind, '2026-02-01T00:00:00Z')];
      expect(composeCertificate(input({ ...stray, keys }), hash).keys).toHaveLength(1);
    }
  });

  it('is refused for a key that was retired after the discovery, or went before the window [ST-1] [AB-1]', () => {
    for (const [kind, at, why] of [
      ['retire', DESTROYED, /a key was retired, not destroyed/],
      ['destroy', '2027-03-31T10:00:00Z', /lies before the window/],
    ] as const) {
      const keys = [key(kind, at)];
      expect(() => composeCertificate(input({ ...stray, keys }), hash)).toThrow(why);
    }
    const keys = [key('destroy', DESTROYED)];
    expect(() => composeCertificate(input({ keys }), hash)).toThrow(/not of this cohort/);
  });
});

describe('no certificate is composed', () => {
  const refusal = (change: Partial<CertificateInput>): { code?: string; field?: string } => {
    try {
      compose(change);
    } catch (error) {
      return error as { code?: string; field?: string };
    }
    return {};
  };

  it.each(certifiedLocations('asset-basic-data'))('while %s is unverified or not empty', (id) => {
    const missing = verified('asset-basic-data').filter((item) => item.location !== id);
    expect(refusal({ locations: missing })).toMatchObject({
      code: 'VERIFICATION_FAILED',
      field: id,
    });
    for (const change of [
      { after: 1 },
      { after: Number.NaN },
      { after: -1 },
      { before: 0.5 },
      { outcome: 'failed' },
      { outcome: '' },
      { verifiedAt: '2027-03-31T18:30:00Z' },
      { verifiedAt: '2027-04-02T00:00:00Z' },
    ]) {
      expect(refusal({ locations: location(id, change) })).toMatchObject({
        code: 'VERIFICATION_FAILED',
        field: id,
      });
    }
    expect(refusal({ locations: location(id, {}) })).toEqual({});
  });

  it('for rows that only a retention would explain, or for a retention that has ended', () => {
    const until = '2027-05-01T00:00:00Z';
    for (const [id, change] of [
      ['mysql:assets.scans', { after: 1, retainedUntil: until }],
      ['s3:archive', { after: 0, retainedUntil: until }],
      ['s3:archive', { after: 5, retainedUntil: until }],
      ['s3:archive', { after: 1, retainedUntil: VERIFIED }],
    ] as const) {
      expect(refusal({ locations: location(id, change) })).toMatchObject({ field: id });
    }
  });

  it('that keeps more than there was, or elsewhere than it says [CC-4]', () => {
    const kept = (change: object) => ({
      ...{ ground: 'legal-hold', holdId: 'hd_0123456789abcdef', reviewOn: '2027-09-30' },
      ...{ records: 4, locations: [{ location: 'mysql:assets.scans', records: 4 }] },
      ...change,
    });
    const field = (...withheld: readonly object[]): string | undefined =>
      refusal({ withheld: withheld as CertifiedWithholding[] }).field;
    const records = compose({}).scope?.records ?? 0;
    const all = { records, locations: [{ location: 'mysql:assets.scans', records }] };
    expect([field(kept({})), field(kept(all))]).toEqual([undefined, undefined]);
    expect(field(kept(all), kept({}))).toBe('withheld.records');
    expect(field(kept({ records: records + 1 }))).toBe('withheld.records');
    for (const locations of [
      [],
      [{ location: 'mysql:assets.scans', records: 3 }],
      [{ location: 'a place', records: 4 }],
    ]) {
      expect(field(kept({ locations }))).toBe('withheld.locations');
    }
  });

  it('on a location that is named twice or is not in the inventory', () => {
    const all = verified('asset-basic-data');
    const strange = { ...(all[0] as VerifiedLocation), location: 'mysql:assets.copies' };
    for (const locations of [
      [...all, all[0] as VerifiedLocation],
      [...all, strange],
    ]) {
      expect(refusal({ locations })).toMatchObject({
        code: 'VERIFICATION_FAILED',
        field: 'locations',
      });
    }
  });

  const [key] = input().keys;
  const keyed = (change: object) => ({ keys: [{ ...key, ...change } as typeof key & object] });
  it.each([
    ['without a tombstone', { keys: [] }, 'keys'],
    ['for the key of another run', keyed({ keyRef: `asset:rn_another0000000000:${DUE}` }), 'keys'],
    ['for the key of another due day', keyed({ keyRef: `asset:${RUN}:2027-04-01` }), 'keys'],
    ['for a key that was only retired', keyed({ kind: 'retire' }), 'keys'],
    ['for a key that ended later', keyed({ destroyedAt: '2027-03-31T18:30:01Z' }), 'destroyedAt'],
    [
      'for a key that ended before the window opened, however little [AB-1]',
      {
        ...keyed({ destroyedAt: '2027-03-31T15:59:59.999999Z' }),
        window: window({ deleteNotBefore: '2027-03-31T16:00:00Z' }),
      },
      'destroyedAt',
    ],
    [
      'for a key that ended before the guard was over, by more than clocks differ',
      keyed({ destroyedAt: '2027-03-31T17:54:59.999999Z' }),
      'destroyedAt',
    ],
    [
      'for a window that opens after it allows destruction',
      { window: window({ deleteNotBefore: '2027-03-31T15:00:00Z' }) },
      'window',
    ],
    ['for a rule of the other class', { window: window({ rules: ['CC-2'] }) }, 'window.rules'],
    [
      'while the age of a backup is unknown',
      { clear: { goneAt: '2027-02-11T00:00:00Z', maxAgeDays: {} } },
      'mongodb:oplog',
    ],
    [
      'while a backup may live longer than the inventory promises',
      {
        clear: {
          goneAt: '2027-02-11T00:00:00Z',
          maxAgeDays: { ...ages('asset-basic-data'), 'mysql:backups': 22 },
          backups: [],
        },
      },
      'mysql:backups',
    ],
    [
      'for clear data that was seen after the destruction',
      {
        clear: {
          goneAt: '2027-04-01T00:00:00Z',
          maxAgeDays: ages('asset-basic-data'),
          backups: [],
        },
      },
      'clear.goneAt',
    ],
    ...['tn_another000000000', TENANT.slice(0, -1)].map(
      (owner) =>
        [
          `for the configuration key of ${owner}`,
          configuration({
            keys: [{ keyRef: `configuration:${owner}:1`, kind: 'destroy', destroyedAt: DESTROYED }],
          }),
          'keys',
        ] as const,
    ),
  ])('%s', (...[, change, field]) => {
    expect(refusal(change as Partial<CertificateInput>)).toMatchObject({
      code: 'VERIFICATION_FAILED',
      field,
    });
  });

  it.each([
    ['tenantId', { tenantId: '' }],
    ['runId', { runId: 'rn_1' }],
    ['dueOn', { dueOn: '31.03.2027' }],
    ['generation', { generation: 0 }],
    ['scope.records', { scope: { ...input().scope, records: -1 } }],
    ['scope.subjects', { scope: { ...input().scope, subjects: ['web-1.example.com'] } }],
    ['scope.newestObservedAt', { scope: { ...input().scope, newestObservedAt: 'late' } }],
    ['people.personId', { people: [{ role: 'requester', personId: 'Jo Doe' }] }],
    ['people.personId', { people: [{ role: 'approver', personId: 'jo@example.com' }] }],
    [
      'people',
      {
        people: [
          { role: 'requester', personId: 'dpo-7' },
          { role: 'approver', personId: 'dpo-7' },
        ],
      },
    ],
    ['order.signed', { order: { orderId: 'od_0123456789abcdef', signed: '{}', approvals: [] } }],
    ['order.orderId', { order: { orderId: 'Order 7', signed: 'a.b.c', approvals: [] } }],
    [
      'order.approvals',
      { order: { orderId: 'od_0123456789abcdef', signed: 'a.b.c', approvals: ['yes'] } },
    ],
    [
      'withheld.holdId',
      {
        withheld: [{ ground: 'legal-hold', holdId: 'a court', reviewOn: '2027-09-30', records: 1 }],
      },
    ],
    ['takenOut.takenBy', { takenOut: [{ ...TAKEN, takenBy: 'Ann from support' }] }],
    ['takenOut.what', { takenOut: [{ ...TAKEN, what: 'everything' as 'key' }] }],
    ['manifestDigest', { manifestDigest: '' }],
    ['keyRemnantHours', { keyRemnantHours: Number.NaN }],
    ['window.derivationDigest', { window: window({ derivationDigest: 'x' }) }],
    ['window.rules', { window: window({ rules: [] }) }],
    ['window.steps', { window: window({ steps: [{ rule: 'AB-1', date: 'today' }] }) }],
    ['destroyedAt', { destroyedAt: 'soon' }],
    ['window.latestAt', { window: window({ latestAt: '' }) }],
  ] as readonly (readonly [string, Partial<CertificateInput>])[])(
    'from a malformed %s',
    (field, change) => {
      expect(refusal(change)).toMatchObject({ field });
    },
  );
});
