import type { Progress } from '../../contracts/activities';
import type { LinkWriter } from '../../contracts/stores';
import { isLetheError } from '../../domain/errors';
import { refreshTenant } from '../control/refresh-tenant';
import { readCohorts, type CohortRow } from '../control/cohort-rows';
import { retireCohort } from '../destruction/destroy-cohort';
import type { DestructionPorts } from '../destruction/ports';
import { markCohort, type RunRow } from '../disposition/run-rows';
import type { VerifierPorts } from '../verification/ports';
import { readCohortCopy } from '../verification/read-copy';
import { verifyRestored } from '../verification/verify-restored';
import { RecordRestorer, type RestorePorts } from './restore-rows';

/** Logins that a restore needs: to read and verify the archive, to insert, and to retire the archive. */
export interface RestoreRunPorts {
  readonly verifier: VerifierPorts;
  readonly restorer: RestorePorts;
  readonly destruction: DestructionPorts;
  readonly links: LinkWriter;
}

/**
 * Brings a run's unmatured cohorts back: inserts every archived record, reads it back live with equal
 * digests, then ends the archive lawfully. A hold keeps the archive; the data is back all the same.
 *
 * @idempotency ids are those of before, so a repetition inserts nothing twice; cohorts that are back are
 * skipped.
 * @source AB-2
 */
export async function restoreCohorts(
  ports: RestoreRunPorts,
  run: RunRow,
  workflowNow: string,
): Promise<Progress['counts']> {
  const { control } = ports.destruction;
  const cohorts = (await readCohorts(control, run.tenantId)).filter(
    (cohort) => cohort.runId === run.runId,
  );
  const counts = { restored: 0, irrevocable: 0 };
  for (const cohort of cohorts.filter(({ state }) => state === 'restoring')) {
    if (await bringBack(ports, run, cohort)) counts.restored += 1;
    else counts.irrevocable += 1;
  }
  await refreshTenant(ports.destruction, run.tenantId);
  const returned = (await readCohorts(control, run.tenantId)).filter(
    (cohort) => cohort.runId === run.runId && cohort.state === 'returned',
  );
  for (const cohort of returned) {
    await retireIfPermitted(ports.destruction, { tenantId: run.tenantId, workflowNow, cohort });
  }
  return counts;
}

/** False when the key had gone before the tenant came back: the cohort is finished as destroyed. */
async function bringBack(ports: RestoreRunPorts, run: RunRow, cohort: CohortRow): Promise<boolean> {
  const { control } = ports.destruction;
  const restorer = new RecordRestorer(ports.restorer);
  const { dueOn } = cohort;
  try {
    for await (const member of readCohortCopy(ports.verifier, { run, dueOn, copy: 'archive' })) {
      await restorer.add(member);
      ports.verifier.pulse.beat({ step: 'restore', dueOn });
    }
  } catch (error) {
    if (!isLetheError(error) || error.code !== 'KEY_DESTROYED') throw error;
    await markCohort(control, cohort, 'irrevocable');
    return false;
  }
  await restorer.flush();
  await verifyRestored(ports.verifier, run, dueOn);
  await ports.destruction.ledger.append({
    tenantId: run.tenantId,
    kind: 'cohort-restored',
    subject: `${run.runId}/${dueOn}`,
    details: { runId: run.runId, dueOn, records: cohort.records },
  });
  await markCohort(control, cohort, 'returned');
  return true;
}

/** A refusal leaves the archive where it is; it is tried again when the hold is released. */
async function retireIfPermitted(
  ports: DestructionPorts,
  order: { readonly tenantId: string; readonly workflowNow: string; readonly cohort: CohortRow },
): Promise<void> {
  try {
    await retireCohort(ports, order);
  } catch (error) {
    if (!isLetheError(error) || error.code !== 'PERMIT_REFUSED') throw error;
  }
}
