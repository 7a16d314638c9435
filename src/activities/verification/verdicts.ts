import type { Sql } from '../../contracts/sql';
import { LetheError } from '../../domain/errors';
import { insertRows } from '../control/command-context';
import { required, textRow, textRows, toInstant, toSqlTime } from '../control/sql-text';
import { databaseNow } from '../control/tenant-facts';

/** A verdict of the verifier over one subject of one cohort. */
export interface Verdict {
  readonly runId: string;
  readonly dueOn: string;
  /** `live`, `copy:archive`, `copy:backup`, `moved`, `sealed`, `restored`, `destroyed:<location>`. */
  readonly subject: string;
  readonly manifestDigest: string;
  readonly outcome: 'ok' | 'failed';
  readonly records: number;
  readonly newestObservedAt: string | null;
}

/** Records verdicts together; a half-written set would say that everything was verified. */
export async function insertVerdicts(sql: Sql, verdicts: readonly Verdict[]): Promise<void> {
  const now = toSqlTime(await databaseNow(sql));
  await insertRows(
    sql,
    'verifications',
    verdicts.map((verdict) => ({
      run_id: verdict.runId,
      due_on: verdict.dueOn,
      subject: verdict.subject,
      manifest_digest: verdict.manifestDigest,
      outcome: verdict.outcome,
      records: verdict.records,
      newest_observed_at:
        verdict.newestObservedAt === null ? null : toSqlTime(verdict.newestObservedAt),
      verified_at: now,
    })),
  );
}

/** Records from when the records of each cohort were collected. @source CC-4 */
export async function insertSpans(
  sql: Sql,
  runId: string,
  oldest: ReadonlyMap<string, string>,
): Promise<void> {
  const now = toSqlTime(await databaseNow(sql));
  await insertRows(
    sql,
    'cohort_spans',
    [...oldest].map(([dueOn, oldestObservedAt]) => ({
      run_id: runId,
      due_on: dueOn,
      oldest_observed_at: toSqlTime(oldestObservedAt),
      verified_at: now,
    })),
  );
}

/** Cohorts of a run that carry a good verdict on `subject`, with the newest observation it found. */
export async function verifiedCohorts(
  sql: Sql,
  runId: string,
  subject: string,
): Promise<ReadonlyMap<string, string | null>> {
  const rows = await textRows(
    sql,
    `SELECT v.due_on, MAX(v.newest_observed_at) AS newest FROM verifications v
       JOIN manifests m ON m.run_id = v.run_id AND m.digest = v.manifest_digest
      WHERE v.run_id = ? AND v.subject = ? AND v.outcome = 'ok' GROUP BY v.due_on`,
    [runId, subject],
  );
  return new Map(
    rows.map((row) => [
      required(row, 'due_on'),
      row['newest'] === null || row['newest'] === undefined ? null : toInstant(row['newest']),
    ]),
  );
}

/** The sealed manifest of a run. */
export interface SealedManifest {
  readonly digest: string;
  readonly attempt: string;
  readonly cohorts: readonly { readonly dueOn: string; readonly records: number }[];
}

/**
 * Reads what was sealed; fails closed when nothing was.
 *
 * @throws LetheError VERIFICATION_FAILED when the run was not sealed.
 */
export async function readManifest(sql: Sql, runId: string): Promise<SealedManifest> {
  const manifest = await textRow(sql, 'SELECT digest, attempt_id FROM manifests WHERE run_id = ?', [
    runId,
  ]);
  if (manifest === null) throw new LetheError('VERIFICATION_FAILED', 'the run is not sealed');
  const cohorts = await textRows(
    sql,
    'SELECT due_on, records FROM cohorts WHERE run_id = ? ORDER BY due_on',
    [runId],
  );
  return {
    digest: required(manifest, 'digest'),
    attempt: required(manifest, 'attempt_id').slice('at_'.length),
    cohorts: cohorts.map((row) => ({
      dueOn: required(row, 'due_on'),
      records: Number(required(row, 'records')),
    })),
  };
}
