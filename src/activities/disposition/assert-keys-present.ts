import { cohortKeyRef } from '../../contracts/keys';
import { isLetheError, LetheError } from '../../domain/errors';
import { required, textRows } from '../control/sql-text';
import type { ArchivePorts } from './ports';
import type { RunRow } from './run-rows';

/** What the key store answers when a key cannot open anything any more. */
const LOST: ReadonlySet<string> = new Set(['KEY_DESTROYED', 'STORE_REFUSED', 'ARCHIVE_INVALID']);

/**
 * Opens the key of every due day of a run once more. Between the look of the verifier and the move hours can
 * pass, and a key store that was restored meanwhile has lost what was made since: without its key a copy is no
 * copy, and what is live is all there is. Reading, so safe to repeat.
 *
 * @throws LetheError VERIFICATION_FAILED when a key is not there or does not open; nothing is moved then.
 * @source AB-2
 */
export async function assertKeysPresent(
  { control, keys }: Pick<ArchivePorts, 'control' | 'keys'>,
  { runId, tenantId }: Pick<RunRow, 'runId' | 'tenantId'>,
): Promise<void> {
  const rows = await textRows(control, 'SELECT due_on FROM cohorts WHERE run_id = ?', [runId]);
  for (const row of rows) {
    try {
      await keys.read({ keyRef: cohortKeyRef(runId, required(row, 'due_on')), tenantId });
    } catch (cause) {
      if (!isLetheError(cause) || !LOST.has(cause.code)) throw cause;
      throw new LetheError(
        'VERIFICATION_FAILED',
        'a key of the run is gone; its copies are no copies',
        {
          cause,
        },
      );
    }
  }
}
