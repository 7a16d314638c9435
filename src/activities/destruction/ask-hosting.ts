import { LetheError } from '../../domain/errors';
import type { HostedService } from '../../contracts/stores';
import type { CohortRow } from '../control/cohort-rows';
import type { TenantFacts } from '../control/tenant-facts';
import type { DestructionPorts } from './ports';

/**
 * Asks the hosting system of record again before anything of an ended service is destroyed: a report that
 * was wrong is noticed here, while everything can still come back. No clear answer means keep.
 *
 * @throws LetheError SERVICE_STATE_UNKNOWN when it does not answer, does not know a service, or says that
 * one of them is in use.
 * @source AB-2, HS-1
 */
export async function assertServicesEnded(
  ports: Pick<DestructionPorts, 'hosting'>,
  facts: Pick<TenantFacts, 'tenantId' | 'requests'>,
  cohort: CohortRow,
): Promise<void> {
  const byEnd = cohort.eventKind !== 'request' || !isOrdered(cohort, facts);
  if (cohort.recordClass !== 'asset-basic-data' || !byEnd) return;
  const known = await ports.hosting.servicesOf(facts.tenantId);
  const isOver = (subject: string): boolean => {
    const service = known.find((candidate) => candidate.service === subject);
    return service?.state === 'ended' || isNewUse(service, cohort.baseEarliestAt);
  };
  // A cohort of no service is none of which anybody could say that its use has ended.
  if (cohort.subjects.length > 0 && cohort.subjects.every(isOver)) return;
  throw new LetheError(
    'SERVICE_STATE_UNKNOWN',
    'the hosting system of record does not say that the service has ended: data is kept',
  );
}

/** Whether an approved order lets it go; a withdrawn request has none, and the end of use decides. */
const isOrdered = (cohort: CohortRow, facts: Pick<TenantFacts, 'requests'>): boolean =>
  facts.requests.some(
    ({ requestId, withdrawnAt, orderId }) =>
      requestId === cohort.eventRef && withdrawnAt === null && orderId !== null,
  );

/** Used again after the window had opened: the old use's promise still ends as it was made. */
function isNewUse(service: HostedService | undefined, baseEarliestAt: string | null): boolean {
  const startedAt = service?.startedAt ?? null;
  if (baseEarliestAt === null || startedAt === null) return false;
  return Date.parse(startedAt) >= Date.parse(baseEarliestAt);
}
