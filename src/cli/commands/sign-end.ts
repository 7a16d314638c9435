import type { Command } from 'commander';
import { termsOfEnd } from '../../activities/control/decisions';
import { instant } from '../../contracts/field-checks';
import { LetheError } from '../../domain/errors';
import { parseId } from '../../domain/identifiers';
import type { HostingService } from '../../domain/record-class';
import { digestOfDocument } from '../../transparency/signed-document';
import { addCommand, type Cli, type CommonOptions } from '../cli';
import { serviceOption } from '../option-values';
import { decide } from '../sign-decision';

interface Options extends CommonOptions {
  readonly tenant: string;
  readonly service?: HostingService;
  readonly feature: boolean;
  readonly endedAt: string;
  readonly approve: boolean;
  readonly key: string;
}

/** `lethe sign-end`: one of the two signatures for an end that is dated back; sends nothing. */
export function addSignEnd(lethe: Command, cli: Cli): void {
  addCommand(lethe, 'sign-end', 'sign an end in the past, which needs two people; sends nothing')
    .requiredOption('--tenant <id>', 'tenant, tn_…')
    .addOption(serviceOption('Hosting Service whose use ended').makeOptionMandatory(false))
    .option('--feature', 'the use of the Feature ended', false)
    .requiredOption('--ended-at <instant>', 'when it ended, RFC 3339 with offset')
    .option('--approve', 'sign as the second person, who approves it', false)
    .requiredOption('--key <file>', 'your private key in PEM')
    .action(
      cli.action<Options>(async (options, session) => {
        const subject = parseId('TenantId', options.tenant, 'tenant');
        const use = useOf(options);
        instant(options.endedAt, 'endedAt');
        const { document = '' } = await decide(session, { key: options.key, by: undefined }, () =>
          Promise.resolve({
            decision: options.approve ? 'approve-end' : 'request-end',
            ...{ subject, terms: termsOfEnd(use, options.endedAt) },
          }),
        );
        return { data: { document, digest: digestOfDocument(document) }, text: `${document}\n` };
      }),
    );
}

function useOf({ service, feature }: Options): string {
  if (feature !== (service !== undefined)) return service ?? 'Feature';
  throw new LetheError('INVALID_INPUT', 'service or feature is needed, and only one of them', {
    field: 'service',
  });
}
