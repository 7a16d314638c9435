import { cohortKeyRef } from '../../contracts/keys';
import { LetheError } from '../../domain/errors';
import type { RunRow } from '../disposition/run-rows';
import { required, textRows, toInstantOrNull, toSqlTime } from '../control/sql-text';
import type { VerifierPorts } from './ports';

/** What the verifier found by itself of a run. */
export interface FoundInRun {
  /** Assets of which the batches list anything. */
  readonly assets: ReadonlySet<string>;
  /** When the newest record of each due day was last seen. */
  readonly newest: ReadonlyMap<string, string>;
}

/**
 * Compares what the seal says beside its records with what the verifier found: holds and windows rest on it, and
 * whoever seals could talk a due day out of a hold by leaving an asset out or calling its records older.
 *
 * Reading, so safe to repeat. More assets, or a newer observation, only ever keep longer.
 * @throws LetheError VERIFICATION_FAILED naming what differs.
 * @source AB-1, CC-4
 */
export async function assertSeal(
  { control }: Pick<VerifierPorts, 'control'>,
  { runId }: Pick<RunRow, 'runId'>,
  { assets, newest }: FoundInRun,
): Promise<void> {
  const listed = await textRows(control, 'SELECT asset_id FROM run_assets WHERE run_id = ?', [
    runId,
  ]);
  const known = new Set(listed.map((row) => required(row, 'asset_id')));
  if ([...assets].some((asset) => !known.has(asset))) throw differs('an asset is left out');
  const cohorts = await textRows(
    control,
    'SELECT due_on, newest_observed_at FROM cohorts WHERE run_id = ?',
    [runId],
  );
  for (const row of cohorts) {
    const said = toInstantOrNull(row['newest_observed_at']);
    const found = newest.get(required(row, 'due_on'));
    if (found !== undefined && (said === null || toSqlTime(said) < toSqlTime(found))) {
      throw differs('its records are newer than it says');
    }
  }
  const keys = await textRows(control, 'SELECT due_on, key_ref FROM cohort_keys WHERE run_id = ?', [
    runId,
  ]);
  const own = keys.filter((row) => row['key_ref'] === cohortKeyRef(runId, required(row, 'due_on')));
  if (own.length !== keys.length || own.length !== cohorts.length) {
    throw differs('it lists other keys than its own');
  }
}

const differs = (what: string): LetheError =>
  new LetheError('VERIFICATION_FAILED', `the seal of the run is not what was found: ${what}`);
