import type { Progress } from '../../contracts/activities';
import { LetheError } from '../../domain/errors';
import { RETENTION_SCHEDULE } from '../../domain/retention-schedule';
import type { RunRow } from '../disposition/run-rows';
import { required, textRow, textRows, toInstant } from '../control/sql-text';
import type { VerifierPorts } from './ports';
import { insertVerdicts, readManifest } from './verdicts';

const MINIMUM_MS = RETENTION_SCHEDULE.parameters.minimumHours * 3_600_000;

/**
 * Reads in the key store what stands behind each key of a run of strays, and records for each due day the
 * newest observation that it allows: the floor rests on it and not on what was sealed.
 *
 * Effect: one verdict for each due day.
 * @idempotency repeating reads again and adds further verdicts.
 * @throws LetheError VERIFICATION_FAILED when a key is not on record; nothing is destroyed then.
 * @source ST-1
 */
export async function verifyStrayArchives(
  ports: VerifierPorts,
  run: RunRow,
): Promise<Progress['counts']> {
  const { digest, cohorts } = await readManifest(ports.control, run.runId);
  const verdicts = await Promise.all(
    cohorts.map(async ({ dueOn }) => ({
      ...{ runId: run.runId, dueOn, subject: 'live', manifestDigest: digest, records: 0 },
      outcome: 'ok' as const,
      newestObservedAt: await newestOf(ports, run, dueOn),
    })),
  );
  await ports.control.transaction((sql) => insertVerdicts(sql, verdicts));
  return { cohorts: cohorts.length };
}

async function newestOf(ports: VerifierPorts, run: RunRow, dueOn: string): Promise<string> {
  const refs = await textRows(
    ports.control,
    'SELECT key_ref FROM cohort_keys WHERE run_id = ? AND due_on = ?',
    [run.runId, dueOn],
  );
  let newest = -Infinity;
  for (const ref of refs) {
    const key = await textRow(
      ports.keysTable,
      'SELECT not_before FROM data_keys WHERE key_ref = ? AND tenant_id = ?',
      [required(ref, 'key_ref'), run.tenantId],
    );
    if (key === null) throw new LetheError('VERIFICATION_FAILED', 'a stray has no key on record');
    newest = Math.max(newest, Date.parse(toInstant(required(key, 'not_before'))) - MINIMUM_MS);
  }
  if (newest === -Infinity) throw new LetheError('VERIFICATION_FAILED', 'a cohort has no key');
  return new Date(newest).toISOString();
}
