import { setWorkflowOptions, sleep } from '@temporalio/workflow';
import { scans } from './activity-options';
import { assertInput } from './check-input';

/** How long a scan waits when the store or the registry is away. */
const BLOCKED_RETRY = '1 minute';

setWorkflowOptions({ versioningBehavior: 'PINNED' }, scanRun);
/**
 * One scan of one source. Inserts versions that differ and, last, the row that says it is complete.
 *
 * @idempotency ids are derived from the scan, so a repeated attempt writes nothing twice.
 * @source DC-1, DC-2
 */
export async function scanRun(input: { tenantId: string; scanId: string }): Promise<void> {
  assertInput(input, 'scanId');
  for (;;) {
    const progress = await scans.runScan(input);
    if (progress.done) return;
    if (progress.blockedOn !== null) {
      await sleep(BLOCKED_RETRY, { summary: `blocked on ${progress.blockedOn}` });
    }
  }
}
