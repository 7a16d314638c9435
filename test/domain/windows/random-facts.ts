import fc from 'fast-check';
import { HOSTING_SERVICES } from '../../../src/domain/record-class';
import type { AssetFacts, ConfigurationFacts, Facts } from '../../../src/domain/windows/facts';
import { CALENDAR_IDS } from '../../../src/domain/windows/working-calendar';

const FROM = Date.parse('2023-02-01T00:00:00Z');
const TO = Date.parse('2028-06-01T00:00:00Z');

/** Zones with midnight gaps, half hours, both ends of the day and plain ones. */
const ZONES = [
  'Asia/Shanghai',
  'UTC',
  'America/New_York',
  'America/Santiago',
  'America/Havana',
  'Africa/Cairo',
  'Asia/Beirut',
  'Asia/Kathmandu',
  'Australia/Lord_Howe',
  'Europe/Berlin',
  'Pacific/Kiritimati',
  'Pacific/Pago_Pago',
];

const text = (at: number): string => new Date(at).toISOString();
const moment = fc.integer({ min: FROM / 1000, max: TO / 1000 }).map((seconds) => seconds * 1000);
const SPANS = [0, 1, 3_600_000, 86_400_000, 30 * 86_400_000, 200 * 86_400_000, 500 * 86_400_000];
const span = fc.oneof(
  fc.constantFrom(...SPANS),
  fc.integer({ min: 0, max: 90 * 86_400 }).map((seconds) => seconds * 1000),
);
/** A stretch of time, open in one of four cases. */
const stretch = fc
  .record({ at: moment, span, open: fc.integer({ min: 0, max: 3 }) })
  .map(({ at, span: length, open }) => ({
    from: text(at),
    to: open === 0 ? null : text(at + length),
  }));

const shared = {
  zone: fc.constantFrom(...ZONES),
  calendars: fc.uniqueArray(fc.constantFrom(...CALENDAR_IDS), { minLength: 1, maxLength: 3 }),
  deletionRequests: fc.array(
    stretch.map(({ from, to }) => ({ receivedAt: from, withdrawnAt: to })),
    { maxLength: 3 },
  ),
  holds: fc.array(
    stretch.map(({ from, to }) => ({ placedAt: from, releasedAt: to })),
    { maxLength: 3 },
  ),
};

/** Facts of asset data. */
export const assetFacts: fc.Arbitrary<AssetFacts> = fc.record({
  recordClass: fc.constant('asset-basic-data' as const),
  ...shared,
  collectedAt: moment.map(text),
  statutoryLog: fc.boolean(),
  links: fc.array(
    fc
      .tuple(stretch, fc.constantFrom(...HOSTING_SERVICES))
      .map(([{ from, to }, service]) => ({ service, startedAt: from, endedAt: to })),
    { minLength: 1, maxLength: 4 },
  ),
});

/** Facts of configuration data. */
const configurationFacts: fc.Arbitrary<ConfigurationFacts> = fc.record({
  recordClass: fc.constant('console-configuration-data' as const),
  ...shared,
  featurePeriods: fc.array(
    stretch.map(({ from, to }) => ({ startedAt: from, endedAt: to })),
    { maxLength: 4 },
  ),
});

/** Facts of either class. */
export const anyFacts: fc.Arbitrary<Facts> = fc.oneof(assetFacts, configurationFacts);
