import type { Progress } from '../../contracts/activities';
import { decide, type Decision } from '../../domain/decide';
import { FAILURES, isLetheError, type LetheError } from '../../domain/errors';
import { mayCover } from '../../domain/hold-scope';
import { refreshTenant } from '../control/refresh-tenant';
import { isWaiting, readCohorts, type CohortRow } from '../control/cohort-rows';
import { callAboutOrders } from '../control/order-pages';
import { provingRefusedPermits } from '../control/order-refusals';
import { isFrozen, stopOf } from '../control/stops';
import { readTenantFacts, type TenantFacts } from '../control/tenant-facts';
import { assertServicesEnded } from './ask-hosting';
import { assertOrdersSigned } from './assert-orders-signed';
import { destroyAssetCohort, destroyConfigurationCohort, retireCohort } from './destroy-cohort';
import type { DestructionPorts } from './ports';

/** Refusals that mean "not now": the cohort is kept and tried again. */
const KEEPS: ReadonlySet<string> = new Set([
  'PERMIT_REFUSED',
  'SERVICE_STATE_UNKNOWN',
  'CLOCK_DISAGREES',
  'ORDER_REQUIRED',
]);

/** About everything that surrounds the worker: nothing more is tried in this round. */
const SURROUNDINGS: ReadonlySet<string> = new Set([
  'CLOCK_UNSAFE',
  'CONFIGURATION_INVALID',
  'ENVIRONMENT_MISMATCH',
]);

/**
 * Whether a failure is about one due day and not about a store or a clock, so that others go on: its key ended
 * for another reason, its orders are not what people signed, its rows are not what was sealed.
 */
const isOwn = ({ code }: LetheError): boolean =>
  code === 'VERIFICATION_FAILED' || !(FAILURES[code].retryable || SURROUNDINGS.has(code));

/**
 * Destroys every cohort of the tenant whose window is open, key first, and finishes what was begun. Each
 * cohort stands alone: one that is refused does not keep another one waiting.
 *
 * Effect: tombstones, then objects or rows.
 * @idempotency every step is read before it is tried; a repetition goes on where the last attempt ended.
 * @throws LetheError for a store that cannot be reached or a clock that is not safe; and, after the other
 *   cohorts had their turn, for one that is not what is on record or was signed. Nothing early happens.
 * @source AB-3, CC-2, CC-3, CC-4
 */
export async function destroyDue(
  ports: DestructionPorts,
  order: { readonly tenantId: string; readonly workflowNow: string },
): Promise<Progress> {
  await refreshTenant(ports, order.tenantId);
  const facts = await readTenantFacts(ports.control, order.tenantId);
  if (facts === null) return { done: true, blockedOn: null, counts: {} };
  await callAboutOrders(ports, facts);
  const frozen = await isFrozen(ports.control, order.tenantId);
  const outcome: Outcome = { destroyed: 0, kept: 0, reasons: [], raised: [] };
  for (const cohort of await readCohorts(ports.control, order.tenantId)) {
    const now = earlier(order, facts);
    if (!isReady(cohort, decisionFor({ cohort, facts, frozen, now }))) {
      const unfrozen = frozen && decisionFor({ cohort, facts, frozen: false, now });
      if (unfrozen !== false && isReady(cohort, unfrozen)) outcome.reasons.push('freeze');
      continue;
    }
    ports.pulse.beat({ step: 'destroy', dueOn: cohort.dueOn });
    const kept = await tryCohort(ports, { cohort, order, facts });
    note(outcome, kept);
  }
  const { reasons, raised, ...counts } = outcome;
  if (raised[0] !== undefined) throw raised[0];
  return { done: reasons.length === 0, blockedOn: reasons[0] ?? null, counts };
}

interface Outcome {
  destroyed: number;
  kept: number;
  readonly reasons: string[];
  /** What somebody has to look at. */
  readonly raised: LetheError[];
}

function note(outcome: Outcome, kept: string | LetheError | null): void {
  if (kept === null) outcome.destroyed += 1;
  else outcome.kept += 1;
  if (isLetheError(kept)) outcome.raised.push(kept);
  else if (kept !== null) outcome.reasons.push(kept);
}

/** Either clock saying "too early" stops the act. */
const earlier = (order: { readonly workflowNow: string }, facts: TenantFacts): string =>
  Date.parse(order.workflowNow) < Date.parse(facts.now) ? order.workflowNow : facts.now;

/** Begun cohorts are finished, restored ones retired, the others destroyed when their window is open. */
function isReady(cohort: CohortRow, decision: Decision): boolean {
  if (cohort.state === 'destroying' || cohort.state === 'returned') return true;
  return decision.action === 'destroy';
}

function decisionFor(question: {
  readonly cohort: CohortRow;
  readonly facts: TenantFacts;
  readonly frozen: boolean;
  readonly now: string;
}): Decision {
  const { cohort, facts, frozen, now } = question;
  const moved = cohort.recordClass !== 'asset-basic-data' || cohort.state === 'moved';
  return decide(
    {
      deleteNotBefore: cohort.deleteNotBefore,
      latestAt: cohort.latestAt,
      windowCurrent: isWaiting(cohort.state) && moved,
      eventStands: true,
      held: facts.holds.some((hold) => hold.releasedAt === null && mayCover(hold, cohort)),
      frozen,
      superseded: ['restoring', 'returned', 'restored', 'superseded'].includes(cohort.state),
      destroyed: cohort.state === 'destroyed' || cohort.state === 'certified',
    },
    now,
  );
}

async function tryCohort(
  ports: DestructionPorts,
  {
    cohort,
    order,
    facts,
  }: {
    readonly cohort: CohortRow;
    readonly facts: TenantFacts;
    readonly order: { readonly tenantId: string; readonly workflowNow: string };
  },
): Promise<string | LetheError | null> {
  const of = { tenantId: order.tenantId, runId: cohort.runId, dueOn: cohort.dueOn };
  try {
    return await provingRefusedPermits(ports, of, async () => {
      if (cohort.state === 'returned') return retireCohort(ports, { cohort, ...order });
      if (cohort.state !== 'destroying') await assertServicesEnded(ports, facts, cohort);
      await assertOrdersSigned(ports.control, { facts, cohort, now: earlier(order, facts) });
      return cohort.recordClass === 'asset-basic-data'
        ? destroyAssetCohort(ports, { cohort, ...order })
        : destroyConfigurationCohort(ports, { cohort, ...order });
    });
  } catch (error) {
    const stop = await stopOf(ports.breaker, of, error);
    if (stop !== null) return stop;
    if (!isLetheError(error)) throw error;
    if (KEEPS.has(error.code)) return reasonOf(error.code);
    if (isOwn(error)) return error;
    throw error;
  }
}

/** Stable words for what is waited for. */
const reasonOf = (code: string): string =>
  ({
    PERMIT_REFUSED: 'permit',
    SERVICE_STATE_UNKNOWN: 'hosting-system',
    CLOCK_DISAGREES: 'clock',
    ORDER_REQUIRED: 'order',
  })[code] ?? 'permit';
