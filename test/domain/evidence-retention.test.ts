import { EVIDENCE_RETENTION, evidenceKeptUntil } from '../../src/domain/evidence-retention';

describe('evidence', () => {
  it.each([
    ['2030-07-06T18:00:01.168704Z', '2037-07-06'],
    ['2028-02-29T00:00:00.000000Z', '2035-03-01'],
    ['2029-02-28T23:59:59.999999Z', '2036-02-28'],
    ['2026-12-31T23:59:59.999999Z', '2033-12-31'],
  ])('about a tenant whose newest entry is of %s is kept until %s at the least', (at, until) => {
    expect(evidenceKeptUntil(at)).toBe(until);
    expect(Date.parse(until) - Date.parse(at.slice(0, 10))).toBeGreaterThanOrEqual(
      EVIDENCE_RETENTION.years * 365 * 86_400_000,
    );
  });
});
