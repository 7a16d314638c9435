import type { Character, Play } from './play';
import type { ReportedCohort } from './report';

/** A cohort as it is written down beforehand; an absent instant depends on the second of a command. */
export interface ExpectedCohort {
  readonly recordClass: ReportedCohort['recordClass'];
  readonly dueOn: string;
  readonly earliestAt?: string;
  readonly deleteNotBefore?: string;
  readonly latestAt: string;
  /** When it must have been destroyed; by default between `deleteNotBefore` and `latestAt`. */
  readonly destroyed?: { readonly from: string; readonly before: string };
}

/** Cohorts of a tenant that were destroyed, from control and the evidence store. */
export async function destroyedCohorts(
  play: Play,
  { tenantId }: Pick<Character, 'tenantId'>,
): Promise<readonly ReportedCohort[]> {
  const control = play.stage.stores.sql('reader', 'control');
  const rows = await control.query(
    `SELECT CONVERT(r.record_class USING ascii) AS record_class, CONVERT(c.run_id USING ascii) AS run,
            CONVERT(c.due_on USING ascii) AS due_on, w.earliest_at, w.delete_not_before, w.latest_at,
            (SELECT s.at FROM run_states s WHERE s.run_id = c.run_id AND s.state = 'archived') AS archived_at,
            (SELECT s.at FROM run_states s WHERE s.run_id = c.run_id AND s.state = 'moved') AS moved_at,
            (SELECT MAX(t.destroyed_at) FROM tombstones t
              WHERE t.run_id = c.run_id AND t.due_on = c.due_on) AS destroyed_at,
            (SELECT GROUP_CONCAT(CONCAT(CONVERT(n.location USING ascii), '=', n.records))
               FROM cohort_counts n WHERE n.run_id = c.run_id AND n.due_on = c.due_on) AS counts
       FROM cohorts c JOIN runs r ON r.run_id = c.run_id
       JOIN cohort_states d ON d.run_id = c.run_id AND d.due_on = c.due_on AND d.state = 'certified'
       JOIN cohort_windows w ON w.run_id = c.run_id AND w.due_on = c.due_on
        AND w.window_number = (SELECT MAX(v.window_number) FROM cohort_windows v
                                WHERE v.run_id = c.run_id AND v.due_on = c.due_on)
      WHERE c.tenant_id = ? ORDER BY c.due_on, r.record_class, c.run_id`,
    [tenantId],
  );
  const certificates = await certificateIds(play, tenantId);
  return rows.map((row) => {
    const text = (name: string): string => String(row[name]);
    const archived = text('record_class') === 'asset-basic-data';
    return {
      recordClass: text('record_class') as ReportedCohort['recordClass'],
      run: text('run'),
      dueOn: text('due_on'),
      earliestAt: instant(row['earliest_at']),
      deleteNotBefore: instant(row['delete_not_before']),
      latestAt: instant(row['latest_at']),
      archivedAt: archived ? instant(row['archived_at']) : null,
      movedAt: archived ? instant(row['moved_at']) : null,
      destroyedAt: instant(row['destroyed_at']),
      counts: countsOf(text('counts')),
      certificateId: certificates.get(`${text('run')} ${text('due_on')}`) ?? 'missing',
    };
  });
}

/** Compares what was destroyed with what was written down: as many, the same days, inside their windows. */
export async function expectCohorts(
  play: Play,
  character: Character,
  expected: readonly ExpectedCohort[],
): Promise<void> {
  const found = [...(await destroyedCohorts(play, character))];
  play.expectations.expectEqual(`${character.story}: cohorts`, found.length, expected.length);
  for (const cohort of expected) {
    const index = found.findIndex(
      (candidate) =>
        candidate.dueOn === cohort.dueOn && candidate.recordClass === cohort.recordClass,
    );
    const name = `${character.tenantId} ${cohort.recordClass} due ${cohort.dueOn}`;
    play.expectations.expectEqual(`${name}: destroyed`, index >= 0, true);
    const [actual] = index < 0 ? [] : found.splice(index, 1);
    if (actual !== undefined) compare(play, name, { cohort, actual });
  }
}

function compare(
  play: Play,
  name: string,
  { cohort, actual }: { readonly cohort: ExpectedCohort; readonly actual: ReportedCohort },
): void {
  const { expectations } = play;
  if (cohort.earliestAt !== undefined) {
    expectations.expectDate(`${name}: earliest`, actual.earliestAt, cohort.earliestAt);
  }
  if (cohort.deleteNotBefore !== undefined) {
    expectations.expectDate(`${name}: not before`, actual.deleteNotBefore, cohort.deleteNotBefore);
  }
  expectations.expectDate(`${name}: latest`, actual.latestAt, cohort.latestAt);
  const from = cohort.destroyed?.from ?? cohort.deleteNotBefore ?? actual.deleteNotBefore;
  const before = cohort.destroyed?.before ?? cohort.latestAt;
  expectations.expectWithin(`${name}: destroyed in its window`, actual.destroyedAt, {
    from,
    before,
  });
}

async function certificateIds(play: Play, tenantId: string): Promise<ReadonlyMap<string, string>> {
  const rows = await play.stage.stores.sql('reader', 'evidence').query(
    `SELECT CONVERT(run_id USING ascii) AS run, CONVERT(due_on USING ascii) AS due_on,
              CONVERT(certificate_id USING ascii) AS id FROM certificates WHERE tenant_id = ?`,
    [tenantId],
  );
  return new Map(
    rows.map((row) => [`${String(row['run'])} ${String(row['due_on'])}`, String(row['id'])]),
  );
}

/** `2030-09-19 16:00:00.000000` (UTC) as RFC 3339 without needless digits. */
function instant(value: unknown): string {
  const [date = '', time = ''] = String(value).split(' ');
  return `${date}T${time.replace(/\.0*$/, '').replace(/(\.\d*?)0+$/, '$1')}Z`;
}

const countsOf = (text: string): Readonly<Record<string, number>> =>
  Object.fromEntries(
    text.split(',').map((pair): [string, number] => {
      const [place = '', count = '0'] = pair.split('=');
      return [place, Number(count)];
    }),
  );
