/**
 * Evidence has a retention rule of its own: it proves that data is gone, so it outlives the data, and holds
 * none of it. Nothing of the engine ends evidence: an entry that goes makes every later proof fail.
 */
export const EVIDENCE_RETENTION = Object.freeze({
  years: 7,
  because:
    'longer than the usual time to bring a claim or to be audited, three to six years; counted anew from every entry',
});

/**
 * Civil day (UTC) until which a tenant's evidence is kept at the least; that day counts in full.
 *
 * @param newestAt - instant of the newest entry about the tenant, RFC 3339 in UTC.
 */
export function evidenceKeptUntil(newestAt: string): string {
  const [year = '', month = '', day = ''] = newestAt.slice(0, 'yyyy-mm-dd'.length).split('-');
  const kept = new Date(
    // A day that the year does not have becomes the next one: never less than promised.
    Date.UTC(Number(year) + EVIDENCE_RETENTION.years, Number(month) - 1, Number(day)),
  );
  return kept.toISOString().slice(0, 'yyyy-mm-dd'.length);
}
