import { LetheError } from '../../domain/errors';
import { servicesInUse, type IngestFacts } from './facts';

/**
 * Whether an observation of an asset still belongs among the live data, or comes after the fence.
 *
 * - A service of the asset is in use: it belongs, unless it was seen at or before a standing deletion
 *   request whose disposition is planned: it would be outside the run that covers it.
 * - All services of the asset have ended, the last of them at T: what was seen by T belongs until the
 *   disposition is planned, what was seen later does not. Planning waits for the writers in flight and then
 *   reads; whoever starts after it finds its runs here.
 *
 * @param services - the asset's services, those that this observation adds included.
 * @returns why it is refused; null when it belongs.
 * @source AB-2, DR-1, HS-1
 */
export function refusalAtFence(
  facts: IngestFacts,
  services: readonly string[],
  observedAt: string,
): LetheError | null {
  if (services.some((service) => servicesInUse(facts.uses).includes(service))) {
    return isLeftBehindByRequest(facts, observedAt)
      ? refused('it was seen before a deletion request whose disposition is planned')
      : null;
  }
  const ended = facts.uses.filter((use) => services.includes(use.service));
  const lastEnd = newest(ended.map((use) => use.endedAt));
  if (lastEnd === null || observedAt > lastEnd) {
    return refused('it was seen after the last service of the asset had ended');
  }
  return isLeftBehindByTermination(facts, services)
    ? refused('the disposition of the asset is planned already')
    : null;
}

function isLeftBehindByRequest(facts: IngestFacts, observedAt: string): boolean {
  return facts.requests.some(
    (request) =>
      !request.withdrawn &&
      observedAt <= request.receivedAt &&
      facts.planned.some((event) => event.kind === 'request' && event.ref === request.requestId),
  );
}

/** Planned for one of the services when all their ends were known: that planning saw the asset. */
function isLeftBehindByTermination(facts: IngestFacts, services: readonly string[]): boolean {
  const ended = facts.uses.filter((use) => services.includes(use.service));
  const knownAt = newest(ended.map((use) => use.endRecordedAt)) ?? '';
  return facts.planned.some(
    (event) =>
      event.kind === 'termination' &&
      event.plannedAt >= knownAt &&
      ended.some((use) => use.subscriptionId === event.ref),
  );
}

const newest = (instants: readonly (string | null)[]): string | null =>
  instants
    .filter((instant) => instant !== null)
    .sort()
    .at(-1) ?? null;

const refused = (because: string): LetheError =>
  new LetheError('OBSERVATION_REFUSED', `the observation is not accepted: ${because}`);
