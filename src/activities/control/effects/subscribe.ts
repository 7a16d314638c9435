import { LetheError } from '../../../domain/errors';
import { isTimeZone } from '../../../domain/windows/civil';
import { readPolicyInForce } from '../policy-in-force';
import {
  insertRow,
  ownId,
  startPeriod,
  type EffectContext,
  type EffectResult,
} from '../command-context';
import { toSqlTime } from '../sql-text';

/** Begins the lifecycle: contract facts, attestations, services, the Feature, the first key generation. */
export async function subscribe(context: EffectContext<'subscribe'>): Promise<EffectResult> {
  const { zone, calendars, services, attestations } = context.command.body;
  assertZone(zone);
  const policyVersion = String(await readPolicyInForce(context.sql));
  await insertRow(context.sql, 'tenants', {
    tenant_id: context.tenantId,
    zone,
    calendars: calendars.join(','),
    policy_version: policyVersion,
    accepted_at: toSqlTime(context.now),
  });
  await insertAttestations(context, attestations);
  await insertRow(context.sql, 'configuration_generations', {
    tenant_id: context.tenantId,
    generation: 1,
    opened_at: toSqlTime(context.now),
  });
  for (const subject of ['Feature', ...services]) await startPeriod(context, subject);
  return { policyVersion };
}

/** Adds attestations; a jurisdiction that was withdrawn stands again. @source AT-1 */
export async function attestMinimumAge(
  context: EffectContext<'attestMinimumAge'>,
): Promise<EffectResult> {
  await insertAttestations(context, context.command.body.attestations);
  return { attestations: context.command.body.attestations.length };
}

/**
 * Withdraws a jurisdiction's attestations; the Feature is suspended, no clock starts.
 *
 * @throws LetheError NOT_PERMITTED when the jurisdiction has no standing attestation.
 * @source AT-1
 */
export async function withdrawAttestation(
  context: EffectContext<'withdrawAttestation'>,
): Promise<EffectResult> {
  const { jurisdiction } = context.command.body;
  if (!context.facts.attestedJurisdictions.includes(jurisdiction)) {
    throw new LetheError(
      'NOT_PERMITTED',
      'jurisdiction has no standing attestation; `lethe attestations` lists them',
      {
        field: 'jurisdiction',
      },
    );
  }
  await context.sql.execute(
    `INSERT INTO attestation_withdrawals (tenant_id, attestation_id, withdrawn_at)
     SELECT a.tenant_id, a.attestation_id, ? FROM attestations a
       LEFT JOIN attestation_withdrawals w
         ON w.tenant_id = a.tenant_id AND w.attestation_id = a.attestation_id
      WHERE a.tenant_id = ? AND a.jurisdiction = ? AND w.attestation_id IS NULL`,
    [toSqlTime(context.now), context.tenantId, jurisdiction],
  );
  return { jurisdiction };
}

async function insertAttestations(
  context: EffectContext<'subscribe'> | EffectContext<'attestMinimumAge'>,
  attestations: EffectContext<'subscribe'>['command']['body']['attestations'],
): Promise<void> {
  for (const { jurisdiction, minimumAge } of attestations) {
    await insertRow(context.sql, 'attestations', {
      tenant_id: context.tenantId,
      attestation_id: ownId('at', context, jurisdiction),
      jurisdiction,
      minimum_age: minimumAge,
      attested_at: toSqlTime(context.now),
    });
  }
}

function assertZone(zone: string): void {
  if (isTimeZone(zone)) return;
  throw new LetheError('INVALID_ZONE', 'zone is not a known IANA time zone', { field: 'zone' });
}
