import type { Command } from 'commander';
import { readAttestations, readAuthorizations } from '../../activities/control/read-permissions';
import { parseId } from '../../domain/identifiers';
import { addCommand, type Cli, type CommonOptions } from '../cli';
import { ofKnownTenant } from '../known-tenant';
import { table, type Answer } from '../output';
import type { Session } from '../session';

interface Options extends CommonOptions {
  readonly tenant: string;
}

/** `lethe attestations list`: who attested the minimum age where, when, and who withdrew it. */
export function addAttestations(lethe: Command, cli: Cli): void {
  const attestations = lethe
    .command('attestations')
    .description('attestations of the minimum age, with their history');
  addCommand(attestations, 'list', 'every attestation of a tenant, withdrawn ones too')
    .requiredOption('--tenant <id>', 'tenant, tn_…')
    .action(cli.action<Options>(listAttestations));
}

/** `lethe authorizations list`: which registries a tenant shares, since when, until when, and who said so. */
export function addAuthorizations(lethe: Command, cli: Cli): void {
  const authorizations = lethe
    .command('authorizations')
    .description('authorizations to share basics of image repositories, with their history');
  addCommand(authorizations, 'list', 'every authorization of a tenant, ended ones too')
    .requiredOption('--tenant <id>', 'tenant, tn_…')
    .action(cli.action<Options>(listAuthorizations));
}

async function listAttestations({ tenant }: Options, session: Session): Promise<Answer> {
  const tenantId = parseId('TenantId', tenant, 'tenant');
  const control = session.stores.sql('reader', 'control');
  const known = await readAttestations(control, tenantId);
  const found = await ofKnownTenant(session, tenantId, known);
  const rows = found.map((one) => [
    ...[one.jurisdiction, one.minimumAge, one.attestedAt, one.attestedBy],
    ...[one.withdrawnAt, one.withdrawnBy],
  ]);
  const head = ['country', 'age', 'attested', 'by', 'withdrawn', 'by'];
  return { data: found, text: rows.length === 0 ? 'no attestations\n' : table(head, rows) };
}

async function listAuthorizations({ tenant }: Options, session: Session): Promise<Answer> {
  const tenantId = parseId('TenantId', tenant, 'tenant');
  const control = session.stores.sql('reader', 'control');
  const known = await readAuthorizations(control, tenantId);
  const found = await ofKnownTenant(session, tenantId, known);
  const rows = found.map((one) => [
    ...[one.authorizationId, one.registry, one.repositories.join(', '), one.state],
    ...[one.grantedAt, one.grantedBy, one.validUntil, one.revokedAt, one.revokedBy],
  ]);
  const head = [
    ...['authorization', 'registry', 'repositories', 'state', 'granted', 'by'],
    ...['valid until', 'revoked', 'by'],
  ];
  return { data: found, text: rows.length === 0 ? 'no authorizations\n' : table(head, rows) };
}
