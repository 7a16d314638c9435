import { randomBytes } from 'node:crypto';
import { Option, type Command } from 'commander';
import { ORDER_REASONS, type DeletionOrder } from '../contracts/orders';
import { LetheError } from '../domain/errors';
import { parseId } from '../domain/identifiers';
import { digestOfDocument } from '../transparency/signed-document';
import { addCommand, type Cli, type CommonOptions } from './cli';
import { readJson } from './option-values';
import { orderFor, signOrder } from './order-documents';
import { describePlan } from './order-tables';
import { readSigningKey } from './signing-key-file';

interface CreateOptions extends CommonOptions {
  readonly tenant: string;
  readonly request?: readonly string[];
  readonly person: string;
  readonly reason: DeletionOrder['reason'];
  readonly order?: string;
  readonly planDigest: string;
  readonly expiresAt?: string;
}

/** `lethe order create|sign`: an order is made of a plan that was seen, and signed without a server. */
export function addOrderMaking(order: Command, cli: Cli): void {
  addCommand(order, 'create', 'make an order of the plan that was previewed; prints it, unsigned')
    .requiredOption('--tenant <id>', 'tenant, tn_…')
    .option('--request <id...>', 'only these requests, rq_…; default: all that stand')
    .requiredOption('--plan-digest <sha256>', 'digest of the plan that was previewed')
    .requiredOption('--person <id>', 'opaque id of who will sign it')
    .addOption(
      new Option('--reason <word>', 'why').choices([...ORDER_REASONS]).makeOptionMandatory(),
    )
    .option('--order <id>', 'order, do_…; a random one is made and printed')
    .option('--expires-at <instant>', 'until when it counts; default: two weeks after the last end')
    .action(
      cli.action<CreateOptions>(async (options, session) => {
        const tenantId = parseId('TenantId', options.tenant, 'tenant');
        const plan = await session.reader.deletionPlan(tenantId, options.request);
        if (plan.planDigest !== options.planDigest) {
          throw new LetheError('PLAN_CHANGED', 'the plan is another one by now; preview it again', {
            field: 'planDigest',
          });
        }
        if (!plan.ready) {
          throw new LetheError(
            'PLAN_NOT_READY',
            'nothing of the plan can be ordered yet; the preview says why',
            {
              field: 'planDigest',
            },
          );
        }
        const made = orderFor(plan, {
          orderId: options.order ?? `do_${randomBytes(16).toString('hex')}`,
          reason: options.reason,
          person: options.person,
          ...(options.expiresAt === undefined ? {} : { expiresAt: options.expiresAt }),
        });
        return { data: made, text: `${describePlan(plan)}\n${JSON.stringify(made)}\n` };
      }),
    );
  addCommand(order, 'sign', 'sign an order with a private key; needs no server')
    .requiredOption('--order <file>', 'what order create --json printed; - is standard input')
    .requiredOption('--key <file>', 'private key in PEM')
    .action(
      cli.action<CommonOptions & { readonly order: string; readonly key: string }>((options) => {
        const made = readJson(cli.io, options.order, 'order') as DeletionOrder;
        const document = signOrder(made, readSigningKey(options.key));
        const data = { orderId: made.orderId, digest: digestOfDocument(document), document };
        return Promise.resolve({ data, text: `${document}\n` });
      }),
    );
}
