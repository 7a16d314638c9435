import { cohortKeyRef } from '../../contracts/keys';
import type { Sql } from '../../contracts/sql';
import { LetheError } from '../../domain/errors';
import type { TakenOut } from '../../domain/taken-out';
import { required, textRow } from '../control/sql-text';
import { readTakenOut } from '../evidence/taken-out';

/** Splits of splits; every hold withholds once, so that more are no chain of splits. */
const ORIGINS_MAX = 1000;

/**
 * What people took out of the archive of a cohort: under its own keys, and, when a hold withheld it of another due
 * day, under the key of that one, which opened the same records.
 *
 * @idempotency reads only.
 * @throws LetheError DIGEST_MISMATCH when the ledger is not readable; VERIFICATION_FAILED when splits of a due day lead
 *   back to themselves.
 * @source AB-3, ST-1
 */
export async function takenOutOf(
  { control, evidence }: { readonly control: Sql; readonly evidence: Sql },
  cohort: { readonly tenantId: string; readonly runId: string },
  keyRefs: readonly string[],
): Promise<readonly TakenOut[]> {
  const origins: string[] = [];
  for (let origin = await originOf(control, cohort.runId); origin !== null;) {
    origins.unshift(cohortKeyRef(origin.runId, origin.dueOn));
    if (origins.length > ORIGINS_MAX) {
      throw new LetheError('VERIFICATION_FAILED', 'splits of a due day lead back to themselves');
    }
    origin = await originOf(control, origin.runId);
  }
  return readTakenOut(evidence, cohort.tenantId, [...origins, ...keyRefs]);
}

/** Of which due day a run withholds; null when it withholds nothing. */
async function originOf(
  control: Sql,
  runId: string,
): Promise<{ readonly runId: string; readonly dueOn: string } | null> {
  const row = await textRow(
    control,
    'SELECT run_id, due_on FROM cohort_splits WHERE withheld_run_id = ?',
    [runId],
  );
  return row === null ? null : { runId: required(row, 'run_id'), dueOn: required(row, 'due_on') };
}
