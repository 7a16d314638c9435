import type { DestructionActivities, Progress } from '../../contracts/activities';
import { isLetheError } from '../../domain/errors';
import { refreshTenant } from '../control/refresh-tenant';
import { readCohorts, type CohortRow } from '../control/cohort-rows';
import { textRow } from '../control/sql-text';
import { tripping } from '../control/stops';
import { markCohort, readRun } from '../disposition/run-rows';
import { generationNamesOf } from '../disposition/seal-configuration';
import { isBringingBack, readUnreturnedIds } from '../verification/returned-ids';
import type { SealedIds } from '../verification/sealed-ids';
import { certifyCohort, type CertifyPorts } from './certify-cohort';
import { findStrays } from './find-strays';
import type { DestructionPorts } from './ports';

/** What verifying and certifying need. */
export interface VerifyAndCertifyPorts extends CertifyPorts {
  readonly destruction: DestructionPorts;
  /** Puts the ledger's present position where no administrator of the databases can change it. */
  readonly exportCheckpoint: () => Promise<unknown>;
}

type Answer = Awaited<ReturnType<DestructionActivities['verifyAndCertify']>>;

/**
 * Lets somebody else confirm what was destroyed, cohort by cohort, and issues the certificates; then looks
 * whether anything of the tenant is stored that belongs to nothing.
 *
 * Effect: verdicts, certificates; an event for strays.
 * @idempotency certified cohorts are not looked at again.
 * @source AB-3, CC-2, CC-3, ST-1, ST-2
 */
export async function verifyAndCertify(
  ports: VerifyAndCertifyPorts,
  order: { readonly tenantId: string },
): Promise<Answer> {
  const { control } = ports.destruction;
  // Bodies that nobody accepted within a day are gone before anybody counts them.
  await control.execute('CALL erase_stale_staging()');
  const counts = { certified: 0, unverified: 0 };
  let blockedOn: string | null = null;
  const sealedOf = new Map<string, SealedIds>();
  for (const cohort of await readCohorts(control, order.tenantId)) {
    if (cohort.state !== 'destroyed') continue;
    const reason = await tryToCertify(ports, { ...order, cohort, sealedOf });
    if (reason === null) counts.certified += 1;
    else counts.unverified += 1;
    blockedOn ??= reason;
  }
  if (counts.certified > 0) await ports.exportCheckpoint();
  await findStrays(ports.verifier, control, order.tenantId);
  const snapshot = await refreshTenant(ports.destruction, order.tenantId);
  const progress: Progress = { done: blockedOn === null, blockedOn, counts };
  return { progress, snapshot };
}

/** Whoever may still write to a store can leave something behind a look into it. */
async function hasWriters(ports: VerifyAndCertifyPorts, tenantId: string): Promise<boolean> {
  const row = await textRow(
    ports.destruction.control,
    `SELECT COUNT(*) AS writers FROM attempts WHERE tenant_id = ? AND ended_at IS NULL
       AND purpose IN ('ingest', 'archive') AND lease_until > lethe_now()`,
    [tenantId],
  );
  return Number(row?.['writers'] ?? 1) > 0;
}

/** A location that is not empty or cannot be read holds up its own cohort and no other. */
async function tryToCertify(
  ports: VerifyAndCertifyPorts,
  order: {
    readonly tenantId: string;
    readonly cohort: CohortRow;
    readonly sealedOf: Map<string, SealedIds>;
  },
): Promise<string | null> {
  const { tenantId, cohort, sealedOf } = order;
  if (await hasWriters(ports, tenantId)) return 'writers';
  if (await isBringingBack(ports.destruction.control, tenantId)) return 'restore';
  try {
    const run = await readRun(ports.destruction.control, tenantId, cohort.runId);
    const sealedIds = sealedOf.get(run.runId) ?? (await readUnreturnedIds(ports.verifier, run));
    sealedOf.set(run.runId, sealedIds);
    const generations = generationNamesOf(run);
    const at = { tenantId, runId: cohort.runId, dueOn: cohort.dueOn, location: undefined };
    await tripping(ports.destruction.breaker, at, () =>
      certifyCohort(ports, { tenantId, cohort, sealedIds, generations }),
    );
  } catch (error) {
    if (!isLetheError(error) || error.code !== 'VERIFICATION_FAILED') throw error;
    return 'verification';
  }
  await markCohort(ports.destruction.control, cohort, 'certified');
  return null;
}
