import type { DutyRound, SweepOrder, SweepRound } from '../../contracts/sweep';
import type { SqlPool } from '../../contracts/sql';
import type { EvidenceLedger } from '../../contracts/stores';
import { isLetheError, type LetheError } from '../../domain/errors';
import { insertRow } from '../control/command-context';
import { proveRefusalTotals } from '../control/order-refusals';
import { readCohorts } from '../control/cohort-rows';
import { toSqlTime } from '../control/sql-text';
import { databaseNow } from '../control/tenant-facts';
import { findStrays } from '../destruction/find-strays';
import { inspectAgain } from '../destruction/inspect-cohort';
import { readRun } from '../disposition/run-rows';
import { generationNamesOf } from '../disposition/seal-configuration';
import { readUnreturnedIds } from '../verification/returned-ids';
import type { SealedIds } from '../verification/sealed-ids';
import type { VerifierPorts } from '../verification/ports';
import {
  readDueSweeps,
  readNextSweep,
  readOpenFindings,
  readTenantsWithStrays,
  type DueSweep,
} from './due-cohorts';
import { warnOfDeadlines } from './deadline-warnings';
import { readNextReview, remindOfReviews } from './hold-reviews';

/** What looking again needs; it can remove nothing. */
export interface SweepPorts {
  readonly verifier: VerifierPorts;
  /** The control login: results of the looks, events for strays. */
  readonly control: SqlPool;
  /** The control login on the key store: what that refused. */
  readonly keys: SqlPool;
  readonly ledger: EvidenceLedger;
  /** What the platform's process sees to in the same rounds: the inbox, scans on schedule. */
  readonly duties?: readonly (() => Promise<DutyRound>)[];
}

/**
 * Looks again, with the verifier's accounts, at what was certified a day, a week and a month ago. Records
 * that are there again become strays with a run, a window and a certificate of their own; everything
 * else is shown to a person until a later look finds nothing. Holds whose day of review has come are
 * put into the evidence, and so are numbers of refused orders and permits of hours that are over, and promises
 * that the caps would break within the week.
 *
 * Effect: one row per look and per warning, an entry in the ledger per finding, at most one event per tenant.
 * @idempotency a look that was clean is not repeated; a store that cannot be reached leaves no row, and
 * the cohorts behind it still get their turn.
 * @throws LetheError STORE_UNAVAILABLE or OUTCOME_UNKNOWN after all others were looked at.
 * @source ST-1
 */
export async function sweep(ports: SweepPorts, order?: SweepOrder): Promise<SweepRound> {
  const reminded = await remindOfReviews(ports);
  const warned = await warnOfDeadlines(ports);
  await proveRefusalTotals(ports);
  const duties = await seeToDuties(ports);
  const { due, more } = await readDueSweeps(ports.control);
  const unreachable = (await lookAtAll(ports, due)) ?? duties.unreachable;
  if (unreachable !== null) throw unreachable;
  for (const tenantId of new Set(due.map((cohort) => cohort.tenantId))) {
    await findStrays(ports.verifier, ports.control, tenantId);
  }
  return {
    asOf: await databaseNow(ports.control),
    swept: due.length,
    ...(await readOpenFindings(ports.control)),
    ...together([
      { tenantsToWake: [], nextAt: await readNextSweep(ports.control), more },
      await readTenantsWithStrays(ports.control, order?.wokenUpTo ?? ''),
      {
        tenantsToWake: reminded,
        nextAt: await readNextReview(ports.control),
        more: false,
      },
      warned,
      ...duties.rounds,
    ]),
  };
}

/** What cannot be done now keeps the looks from nothing; it is tried again with the whole round. */
async function seeToDuties({ duties = [] }: SweepPorts): Promise<{
  readonly rounds: readonly DutyRound[];
  readonly unreachable: LetheError | null;
}> {
  const rounds: DutyRound[] = [];
  let unreachable: LetheError | null = null;
  for (const duty of duties) {
    try {
      rounds.push(await duty());
    } catch (error) {
      if (!isLetheError(error)) throw error;
      unreachable ??= error;
    }
  }
  return { rounds, unreachable };
}

async function lookAtAll(ports: SweepPorts, due: readonly DueSweep[]): Promise<LetheError | null> {
  const sealedOf = new Map<string, SealedIds>();
  let unreachable: LetheError | null = null;
  for (const cohort of due) {
    ports.verifier.pulse.beat({ step: 'sweep', dueOn: cohort.dueOn });
    try {
      await sweepCohort(ports, cohort, sealedOf);
    } catch (error) {
      if (!isLetheError(error)) throw error;
      unreachable ??= error;
    }
  }
  return unreachable;
}

/**
 * One round out of several: everybody who has something to do, the earliest next one. Each of them is bounded
 * by itself; a bound over all would let the first ones keep the last ones waiting.
 */
function together(rounds: readonly DutyRound[]): DutyRound {
  const wake = [...new Set(rounds.flatMap(({ tenantsToWake }) => tenantsToWake))];
  const next = rounds.flatMap(({ nextAt }) => (nextAt === null ? [] : [nextAt])).sort();
  const wokenUpTo = rounds.find((round) => round.wokenUpTo !== undefined)?.wokenUpTo;
  return {
    tenantsToWake: wake,
    nextAt: next[0] ?? null,
    more: rounds.some(({ more }) => more),
    ...(wokenUpTo === undefined ? {} : { wokenUpTo }),
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
  const sealedIds = sealedOf.get(runId) ?? (await readUnreturnedIds(ports.verifier, run));
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
