import type { Progress } from '../../contracts/activities';
import { decide, type Decision } from '../../domain/decide';
import { isLetheError } from '../../domain/errors';
import { mayCover } from '../../domain/hold-scope';
import { refreshTenant } from '../control/accept-command';
import { isWaiting, readCohorts, type CohortRow } from '../control/cohort-rows';
import { callAboutOrders } from '../control/order-pages';
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

/**
 * Destroys every cohort of the tenant whose window is open, key first, and finishes what was begun. Each
 * cohort stands alone: one that is refused does not keep another one waiting.
 *
 * Effect: tombstones, then objects or rows.
 * @idempotency every step is read before it is tried; a repetition goes on where the last attempt ended.
 * @throws LetheError for a store that cannot be reached or a clock that disagrees; nothing early happens.
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
  const counts = { destroyed: 0, kept: 0 };
  let blockedOn: string | null = null;
  for (const cohort of await readCohorts(ports.control, order.tenantId)) {
    const now = earlier(order, facts);
    if (!isReady(cohort, decisionFor({ cohort, facts, frozen, now }))) {
      if (frozen && isReady(cohort, decisionFor({ cohort, facts, frozen: false, now }))) {
        blockedOn ??= 'freeze';
      }
      continue;
    }
    ports.pulse.beat({ step: 'destroy', dueOn: cohort.dueOn });
    const reason = await tryCohort(ports, { cohort, order, facts });
    if (reason === null) counts.destroyed += 1;
    else counts.kept += 1;
    blockedOn ??= reason;
  }
  return { done: blockedOn === null, blockedOn, counts };
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
): Promise<string | null> {
  try {
    if (cohort.state === 'returned') return await retireCohort(ports, { cohort, ...order });
    if (cohort.state !== 'destroying') await assertServicesEnded(ports, facts, cohort);
    await assertOrdersSigned(ports.control, { facts, cohort, now: earlier(order, facts) });
    return cohort.recordClass === 'asset-basic-data'
      ? await destroyAssetCohort(ports, { cohort, ...order })
      : await destroyConfigurationCohort(ports, { cohort, ...order });
  } catch (error) {
    const stop = await stopOf(
      ports.breaker,
      { tenantId: order.tenantId, runId: cohort.runId, dueOn: cohort.dueOn },
      error,
    );
    if (stop !== null) return stop;
    if (isLetheError(error) && KEEPS.has(error.code)) return reasonOf(error.code);
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
