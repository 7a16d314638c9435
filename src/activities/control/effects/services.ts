import { LetheError } from '../../../domain/errors';
import type { EvidenceLedger } from '../../../contracts/stores';
import { insertRow, startPeriod, type EffectContext, type EffectResult } from '../command-context';
import { endPeriod } from './end-period';
import { closeUnplannedEvents, isTakenOver, reviveArchived, reviveContinued } from '../revive';
import { toSqlTime } from '../sql-text';
import { openPeriod } from '../tenant-facts';

/**
 * A Hosting Service is in use, perhaps again. What was archived for its end and has not matured is
 * restored.
 *
 * @throws LetheError SERVICE_ALREADY_ACTIVE.
 * @source AB-2, HS-1
 */
export async function attachService(
  context: EffectContext<'attachService'>,
): Promise<EffectResult> {
  const { service } = context.command.body;
  if (openPeriod(context.facts, service) !== undefined) {
    throw new LetheError('SERVICE_ALREADY_ACTIVE', 'service is in use already', {
      field: 'service',
    });
  }
  await startPeriod(context, service);
  const ended = context.facts.periods.filter((period) => period.subject === service);
  await closeUnplannedEvents(context, {
    kind: 'termination',
    refs: ended.map((period) => period.subscriptionId),
  });
  const restoring = await reviveArchived(
    context,
    (cohort) =>
      (cohort.eventKind === 'termination' ||
        cohort.eventKind === 'stray' ||
        isTakenOver(cohort, context.facts)) &&
      cohort.subjects.includes(service),
  );
  const continued = await reviveContinued(context);
  return { service, restoring: restoring + continued };
}

/**
 * The use of a Hosting Service ended; its assets' clocks start.
 *
 * @throws LetheError SERVICE_NOT_ACTIVE.
 * @source AB-2, AB-3
 */
export async function endService(
  context: EffectContext<'endService'>,
  ports: { readonly ledger: EvidenceLedger },
): Promise<EffectResult> {
  const { service } = context.command.body;
  if (openPeriod(context.facts, service) === undefined) {
    throw new LetheError('SERVICE_NOT_ACTIVE', 'service is not in use', { field: 'service' });
  }
  return endPeriod(context, ports, { subject: service, eventKind: 'termination' });
}

/**
 * The use of the Feature ended; configuration data is due after one month.
 *
 * @throws LetheError FEATURE_NOT_ACTIVE.
 * @source CC-3
 */
export async function endFeature(
  context: EffectContext<'endFeature'>,
  ports: { readonly ledger: EvidenceLedger },
): Promise<EffectResult> {
  if (openPeriod(context.facts, 'Feature') === undefined) {
    throw new LetheError('FEATURE_NOT_ACTIVE', 'the Feature is not in use');
  }
  return endPeriod(context, ports, { subject: 'Feature', eventKind: 'feature-end' });
}

/**
 * The Feature is in use again. Configuration that has not matured stays; what comes now gets a
 * generation of its own, so that what has matured can still go. There is no Feature without the
 * attestations: its end stands while one is withdrawn.
 *
 * @throws LetheError FEATURE_ALREADY_ACTIVE; ATTESTATION_REQUIRED while one is withdrawn.
 * @source CC-3, AT-1
 */
export async function reactivateFeature(
  context: EffectContext<'reactivateFeature'>,
): Promise<EffectResult> {
  if (openPeriod(context.facts, 'Feature') !== undefined) {
    throw new LetheError('FEATURE_ALREADY_ACTIVE', 'the Feature is in use already');
  }
  if (context.facts.attestationWithdrawn) {
    throw new LetheError(
      'ATTESTATION_REQUIRED',
      'an attestation was withdrawn; attest the minimum age again first',
    );
  }
  const ended = context.facts.periods.filter((period) => period.subject === 'Feature');
  await startPeriod(context, 'Feature');
  await closeUnplannedEvents(context, {
    kind: 'feature-end',
    refs: ended.map((period) => period.subscriptionId),
  });
  const kept = await reviveArchived(context, (cohort) => cohort.eventKind === 'feature-end');
  const generation = await openGeneration(context);
  return { generation, kept };
}

/** Starts a new generation of the configuration key; what comes later is not covered by the old one. */
export async function openGeneration(
  context: EffectContext<'reactivateFeature'> | EffectContext<'requestDeletion'>,
): Promise<number> {
  const generation = context.facts.generation + 1;
  await insertRow(context.sql, 'configuration_generations', {
    tenant_id: context.tenantId,
    generation,
    opened_at: toSqlTime(context.now),
  });
  return generation;
}
