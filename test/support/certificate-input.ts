import { createHash } from 'node:crypto';
import {
  certifiedLocations,
  remnantLocations,
  type CertificateInput,
  type VerifiedLocation,
} from '../../src/domain/certificate';
import { composeCertificate } from '../../src/domain/compose-certificate';
import type { RecordClass } from '../../src/domain/record-class';

export const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
export const TENANT = 'tn_0123456789abcdef';
export const RUN = 'rn_0123456789abcdef';
export const DUE = '2027-03-31';
export const DESTROYED = '2027-03-31T18:30:00.000001Z';
export const VERIFIED = '2027-03-31T18:31:00Z';

const BEFORE: Readonly<Record<string, number>> = {
  'mongodb:assets.fingerprints': 120,
  'mysql:assets.scans': 3,
  's3:archive': 4,
  's3:backup': 4,
  'mysql:keys': 1,
};

export const verified = (recordClass: RecordClass): VerifiedLocation[] =>
  certifiedLocations(recordClass).map((location) => ({
    location,
    outcome: 'ok',
    before: BEFORE[location] ?? 0,
    after: 0,
    verifiedAt: VERIFIED,
  }));

export const ages = (recordClass: RecordClass): Record<string, number> =>
  Object.fromEntries(remnantLocations(recordClass).map((location) => [location, 7]));

export const input = (change: Partial<CertificateInput> = {}): CertificateInput => ({
  tenantId: TENANT,
  recordClass: 'asset-basic-data',
  runId: RUN,
  dueOn: DUE,
  generation: 1,
  event: { kind: 'termination', at: '2027-02-10T09:00:00Z' },
  scope: { subjects: ['CVM'], records: 123, newestObservedAt: '2026-10-02T08:00:00Z' },
  people: [
    { role: 'requester', personId: 'console-backend' },
    { role: 'approver', personId: 'dpo-7' },
  ],
  policy: {
    version: 'container-security@1+0123456789ab',
    calendarVersions: ['0123456789ab'],
    tzdata: '2025b',
  },
  window: {
    rules: ['AB-1', 'CC-4'],
    earliestAt: '2027-03-31T16:00:00Z',
    deleteNotBefore: '2027-03-31T18:00:00Z',
    latestAt: '2027-04-01T16:00:00Z',
    derivationDigest: hash('derivation'),
    steps: [
      { rule: 'AB-2', at: '2027-02-10T09:00:00Z' },
      { rule: 'AB-1', date: DUE, at: '2027-03-31T16:00:00Z' },
    ],
    breaches: [],
  },
  destroyedAt: DESTROYED,
  keys: [{ keyRef: `asset:${RUN}:${DUE}`, kind: 'destroy', destroyedAt: DESTROYED }],
  keyRemnantHours: 12,
  manifestDigest: hash('manifest'),
  locations: verified('asset-basic-data'),
  clear: { goneAt: '2027-02-11T00:00:00Z', maxAgeDays: ages('asset-basic-data'), backups: [] },
  clock: 'system',
  issuedAt: '2027-03-31T18:32:00Z',
  ...change,
});

export const compose = (change: Partial<CertificateInput> = {}) =>
  composeCertificate(input(change), hash);
export const window = (change: Partial<CertificateInput['window']>) => ({
  ...input().window,
  ...change,
});
export const location = (id: string, change: Partial<VerifiedLocation>): VerifiedLocation[] =>
  verified('asset-basic-data').map((item) =>
    item.location === id ? { ...item, ...change } : item,
  );

export const configuration = (
  change: Partial<CertificateInput> = {},
): Partial<CertificateInput> => ({
  recordClass: 'console-configuration-data',
  event: { kind: 'request', at: '2027-02-10T09:00:00Z' },
  window: window({ rules: ['CC-2'], steps: [] }),
  keys: [1, 2].map((generation) => ({
    keyRef: `configuration:${TENANT}:${generation}`,
    kind: 'destroy',
    destroyedAt: DESTROYED,
  })),
  locations: verified('console-configuration-data'),
  clear: { goneAt: DESTROYED, maxAgeDays: ages('console-configuration-data'), backups: [] },
  ...change,
});
