import type { Command } from 'commander';
import { addCommand, type Cli, type CommonOptions } from '../cli';
import { addOrderMaking } from '../order-making';
import { addOrderReport } from '../order-report';
import { addOrderSending } from '../order-sending';
import { countLive } from '../../activities/preview/count-live';
import { describeOrders, describePreview, unknownOrder } from '../order-tables';
import { parseId } from '../../domain/identifiers';

interface PreviewOptions extends CommonOptions {
  readonly tenant: string;
  readonly request?: readonly string[];
}

const PREVIEW = 'what would go, what stays and why, what is live; read with logins that only read';

/** `lethe plan`: the preview of an order, for who only wants to know. */
export function addPlan(lethe: Command, cli: Cli): void {
  addPreview(addCommand(lethe, 'plan', PREVIEW), cli);
}

function addPreview(preview: Command, cli: Cli): void {
  preview
    .requiredOption('--tenant <id>', 'tenant, tn_…')
    .option('--request <id...>', 'only these requests, rq_…; default: all that stand')
    .action(
      cli.action<PreviewOptions>(async (options, session) => {
        const tenantId = parseId('TenantId', options.tenant, 'tenant');
        const plan = await session.reader.deletionPlan(tenantId, options.request);
        const view = await countLive(session.live, tenantId);
        return { data: { ...plan, ...view }, text: describePreview(plan, view) };
      }),
    );
}

/**
 * `lethe order preview|create|sign|submit|approve|deny|revoke|report|status|list`: what was requested goes only
 * under an order that one person signed and another approved. @source CC-2, DR-1
 */
export function addOrder(lethe: Command, cli: Cli): void {
  const order = lethe
    .command('order')
    .description('deletion orders: previewed, signed by one person, approved by another');
  addPreview(addCommand(order, 'preview', PREVIEW), cli);
  addOrderMaking(order, cli);
  addOrderSending(order, cli);
  addOrderReport(order, cli);
  addCommand(order, 'status', 'one order: who signed, who approved, what became of it')
    .requiredOption('--tenant <id>', 'tenant, tn_…')
    .requiredOption('--order <id>', 'order, do_…')
    .action(
      cli.action<CommonOptions & { readonly tenant: string; readonly order: string }>(
        async (options, session) => {
          const tenantId = parseId('TenantId', options.tenant, 'tenant');
          const all = await session.reader.orders(tenantId);
          const found = all.orders.filter(({ orderId }) => orderId === options.order);
          if (found.length === 0) {
            throw unknownOrder();
          }
          const requests = all.requests.filter(({ requestId }) =>
            found.some(({ requestIds }) => requestIds.includes(requestId)),
          );
          const overview = { ...all, orders: found, requests };
          return { data: overview, text: describeOrders(overview) };
        },
      ),
    );
  addCommand(order, 'list', 'every request and every order of a tenant, with their states')
    .requiredOption('--tenant <id>', 'tenant, tn_…')
    .action(
      cli.action<CommonOptions & { readonly tenant: string }>(async (options, session) => {
        const tenantId = parseId('TenantId', options.tenant, 'tenant');
        const overview = await session.reader.orders(tenantId);
        return { data: overview, text: describeOrders(overview) };
      }),
    );
}
