import type { Command } from 'commander';
import { LetheError } from '../../domain/errors';
import { parseId } from '../../domain/identifiers';
import { addCommand, type Cli, type CommonOptions } from '../cli';
import { facts, table } from '../output';

/** `lethe certificate list|show`: what proves that data is gone. */
export function addCertificate(lethe: Command, cli: Cli): void {
  const certificate = lethe.command('certificate').description('certificates of destruction');
  addCommand(certificate, 'list', 'certificates of a tenant')
    .requiredOption('--tenant <id>', 'tenant, tn_…')
    .action(
      cli.action<CommonOptions & { readonly tenant: string }>(async (options, session) => {
        const tenantId = parseId('TenantId', options.tenant, 'tenant');
        const found = await session.reader.certificatesOf(tenantId);
        const rows = found.map((one) => [one.certificateId, one.dueOn, one.runId, one.issuedAt]);
        return {
          data: found,
          text:
            rows.length === 0
              ? 'no certificates\n'
              : table(['certificate', 'due on', 'run', 'issued'], rows),
        };
      }),
    );
  addCommand(certificate, 'show', 'one certificate, as it was issued')
    .requiredOption('--certificate <id>', 'certificate')
    .action(
      cli.action<CommonOptions & { readonly certificate: string }>(async (options, session) => {
        const found = await session.reader.certificate(options.certificate);
        if (found === null) {
          throw new LetheError('INVALID_INPUT', 'certificate names none', { field: 'certificate' });
        }
        const { body, ...summary } = found;
        const text = facts([
          ['certificate', summary.certificateId],
          ['tenant', summary.tenantId],
          ['run', summary.runId],
          ['due on', summary.dueOn],
          ['issued', summary.issuedAt],
          ['SHA-256', summary.digest],
        ]);
        return { data: found, text: `${text}\n${indented(body)}\n` };
      }),
    );
}

/** The body as it is when it is no JSON: it is evidence and not ours to refuse here. */
function indented(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}
