import type { SweepRound } from '../../contracts/sweep';
import type { SqlPool } from '../../contracts/sql';
import type { EvidenceLedger } from '../../contracts/stores';
import { isLetheError } from '../../domain/errors';
import { insertRow } from '../control/command-context';
import { readCohorts } from '../control/cohort-rows';
import { toSqlTime } from '../control/sql-text';
import { databaseNow } from '../control/tenant-facts';
import { findStrays } from '../destruction/find-strays';
import { inspectAgain } from '../destruction/inspect-cohort';
import { readRun } from '../disposition/run-rows';
import { generationNamesOf } from '../disposition/seal-configuration';
import { readSealedIds, type SealedIds } from '../verification/sealed-ids';
import type { VerifierPorts } from '../verification/ports';
import {
  readDueSweeps,
  readNextSweep,
  readOpenFindings,
  readTenantsWithStrays,
  type DueSweep,
} from './due-cohorts';
import { readNextReview, remindOfReviews } from './hold-reviews';

/** What looking again needs; it can remove nothing. */
export interface SweepPorts {
  readonly verifier: VerifierPorts;
  /** The control login: results of the looks, events for strays. */
  readonly control: SqlPool;
  readonly ledger: EvidenceLedger;
}

/**
 * Looks again, with the verifier's accounts, at what was certified a day, a week and a month ago. Records
 * that are there again become strays with a run, a window and a certificate of their own; everything
 * else is shown to a person until a later look finds nothing. Holds whose day of review has come are
 * put into the evidence.
 *
 * Effect: one row per look, an entry in the ledger per finding, at most one event per tenant.
 * @idempotency a look that was clean is not repeated; a store that cannot be reached leaves no row, and
 * the cohorts behind it still get their turn.
 * @throws LetheError STORE_UNAVAILABLE or OUTCOME_UNKNOWN after all others were looked at.
 * @source ST-1
 */
export async function sweep(ports: SweepPorts): Promise<SweepRound> {
  const reminded = await remindOfReviews(ports);
  const { due, more } = await readDueSweeps(ports.control);
  const sealedOf = new Map<string, SealedIds>();
  let unreachable: unknown = null;
  for (const cohort of due) {
    ports.verifier.pulse.beat({ step: 'sweep', dueOn: cohort.dueOn });
    try {
      await sweepCohort(ports, cohort, sealedOf);
    } catch (error) {
      if (!isLetheError(error)) throw error;
      unreachable ??= error;
    }
  }
  if (unreachable !== null) throw unreachable as Error;
  for (const tenantId of new Set(due.map((cohort) => cohort.tenantId))) {
    await findStrays(ports.verifier, ports.control, tenantId);
  }
  const strays = await readTenantsWithStrays(ports.control);
  const next = [await readNextSweep(ports.control), await readNextReview(ports.control)];
  return {
    asOf: await databaseNow(ports.control),
    swept: due.length,
    ...(await readOpenFindings(ports.control)),
    tenantsToWake: [...new Set([...strays, ...reminded])],
    nextAt: next.filter((instant) => instant !== null).sort()[0] ?? null,
    more,
  };
}

async function sweepCohort(
  ports: SweepPorts,
  due: DueSweep,
  sealedOf: Map<string, SealedIds>,
): Promise<void> {
  const { tenantId, runId, dueOn, round } = due;
  const run = await readRun(ports.control, tenantId, runId);
  const cohorts = await readCohorts(ports.control, tenantId);
  const cohort = cohorts.find((row) => row.runId === runId && row.dueOn === dueOn);
  if (cohort === undefined) throw new Error('a certified cohort is not on record');
  const sealedIds = sealedOf.get(runId) ?? (await readSealedIds(ports.verifier, run));
  sealedOf.set(runId, sealedIds);
  const generations = generationNamesOf(run);
  const look = await inspectAgain(ports.verifier, { tenantId, cohort, sealedIds, generations });
  const found = look.records + look.others;
  const outcome = !look.complete ? 'unreadable' : found > 0 ? 'reappeared' : 'clean';
  if (outcome !== 'clean') {
    await ports.ledger.append({
      tenantId,
      kind: outcome === 'reappeared' ? 'data-reappeared' : 'verification-impossible',
      subject: `${runId}/${dueOn}/${round}`,
      details: { runId, dueOn, round, records: look.records, others: look.others },
    });
  }
  await insertRow(ports.control, 'sweeps', {
    run_id: runId,
    due_on: dueOn,
    round,
    swept_at: toSqlTime(await databaseNow(ports.control)),
    outcome,
    found,
  });
}
