import type { Sql } from '../../contracts/sql';
import { LetheError } from '../../domain/errors';
import { cohortPrefix } from '../../domain/environment-names';
import { parseId } from '../../domain/identifiers';
import { required, textRows } from '../control/sql-text';

const COHORT_KEY = /^asset:(?<runId>[^:]+):(?<dueOn>[^:]+)$/;

/** References of a cohort's keys, in their order; one, but for strays. */
export async function keysOfCohort(
  control: Sql,
  cohort: { readonly runId: string; readonly dueOn: string },
): Promise<readonly string[]> {
  const rows = await textRows(
    control,
    'SELECT key_ref FROM cohort_keys WHERE run_id = ? AND due_on = ? ORDER BY key_ref',
    [cohort.runId, cohort.dueOn],
  );
  return rows.map((row) => required(row, 'key_ref'));
}

/**
 * Where the objects lie that were written under a key of asset data.
 *
 * @throws LetheError UNSAFE_STATEMENT for a reference that is none.
 */
export function prefixOfKey(tenantId: string, keyRef: string): string {
  const { runId, dueOn } = COHORT_KEY.exec(keyRef)?.groups ?? {};
  if (runId === undefined || dueOn === undefined) {
    throw new LetheError('UNSAFE_STATEMENT', 'keyRef must name a run and a due day', {
      field: 'keyRef',
    });
  }
  return cohortPrefix(
    parseId('TenantId', tenantId, 'tenantId'),
    parseId('RunId', runId, 'runId'),
    dueOn,
  );
}
