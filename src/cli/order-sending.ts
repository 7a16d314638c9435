import { randomBytes, type KeyObject } from 'node:crypto';
import { Option, type Command } from 'commander';
import type { CommandHeader } from '../client/caller-input';
import type { CommandReceipt } from '../contracts/commands';
import { orderDocument, STOP_REASONS, type OrderStop } from '../contracts/orders';
import { LetheError } from '../domain/errors';
import { parseId } from '../domain/identifiers';
import { publicKeyText, thumbprintOf } from '../transparency/signed-document';
import { addCommand, type Cli, type CommonOptions } from './cli';
import { confirm } from './confirm';
import { headerOf, naming, receiptAnswer } from './lifecycle-command';
import { signApproval, signedInstant, signStop } from './order-documents';
import { readText } from './option-values';
import { unknownOrder } from './order-tables';
import type { Answer } from './output';
import type { Session } from './session';
import { readSigningKey } from './signing-key-file';

interface SendingOptions extends CommonOptions {
  readonly tenant: string;
  readonly order: string;
  readonly key: string;
  readonly idempotencyKey?: string;
  readonly requestedBy?: string;
  readonly confirm?: string;
}

interface StopOptions extends SendingOptions {
  readonly reason: OrderStop['reason'];
}

/** `lethe order submit|approve|deny|revoke`: signed documents are sent to the tenant's process. */
export function addOrderSending(order: Command, cli: Cli): void {
  addSubmit(order, cli);
  addApprove(order, cli);
  addStop(order, cli, {
    name: 'deny',
    kind: 'denial',
    description: 'deny an order before it is approved; it needs a new one',
  });
  addStop(order, cli, {
    name: 'revoke',
    kind: 'revocation',
    description: 'revoke an approved order, unless destruction has begun',
  });
}

function addSubmit(order: Command, cli: Cli): void {
  const submit = addCommand(order, 'submit', 'send a signed order; it waits for somebody else');
  sending(submit)
    .requiredOption('--order <file>', 'the signed order; - is standard input')
    .action(
      cli.action<Omit<SendingOptions, 'key'>>(async (options, session) => {
        const document = readText(cli.io, options.order, 'order').trim();
        orderDocument('order')(document, 'order');
        return send(cli, options, {
          consequence: 'Once another person approves it, what the plan names is destroyed',
          work: (header) => session.client.submitOrder(header, document),
          session,
        });
      }),
    );
}

function addApprove(order: Command, cli: Cli): void {
  const approve = addCommand(
    order,
    'approve',
    'approve an order, as somebody else than who signed',
  );
  signing(approve).action(
    cli.action<SendingOptions>(async (options, session) => {
      const key = readSigningKey(options.key);
      const { document, asOf } = await signedOrder(session, options);
      const approval = signApproval(
        document,
        {
          approvalId: `oa_${randomBytes(16).toString('hex')}`,
          person: await personOf(session, key),
          issuedAt: asOf,
        },
        key,
      );
      return send(cli, options, {
        consequence: 'What the order names is destroyed when its windows are open',
        work: (header) => session.client.approveOrder(header, approval),
        session,
      });
    }),
  );
}

function addStop(
  order: Command,
  cli: Cli,
  stop: {
    readonly name: string;
    readonly kind: 'denial' | 'revocation';
    readonly description: string;
  },
): void {
  signing(addCommand(order, stop.name, stop.description))
    .addOption(
      new Option('--reason <word>', 'why').choices([...STOP_REASONS]).makeOptionMandatory(),
    )
    .action(
      cli.action<StopOptions>(async (options, session) => {
        const key = readSigningKey(options.key);
        const { digest, asOf } = await signedOrder(session, options);
        const { order: orderId, tenant: tenantId, reason } = options;
        const person = await personOf(session, key);
        const body = { orderId, orderDigest: digest, tenantId, reason, person, issuedAt: asOf };
        const document = signStop(stop.kind, body, key);
        return send(cli, options, {
          consequence: 'Nothing more is destroyed under the order; the clock goes on',
          work: (header) =>
            stop.kind === 'denial'
              ? session.client.denyOrder(header, document)
              : session.client.revokeOrder(header, document),
          session,
        });
      }),
    );
}

const sending = (command: Command): Command =>
  command
    .requiredOption('--tenant <id>', 'tenant, tn_…')
    .option('--idempotency-key <key>', 'makes repeating safe; a random one is made and printed')
    .option('--requested-by <id>', 'opaque id of who asks; default: LETHE_ACTOR')
    .option('--confirm <tenant>', "the tenant's id once more, instead of being asked");

const signing = (command: Command): Command =>
  sending(command)
    .requiredOption('--order <id>', 'order, do_…')
    .requiredOption('--key <file>', 'your private key in PEM');

async function send(
  cli: Cli,
  options: Omit<SendingOptions, 'key'>,
  order: {
    readonly consequence: string;
    readonly session: Session;
    readonly work: (header: CommandHeader) => Promise<CommandReceipt>;
  },
): Promise<Answer> {
  const tenantId = parseId('TenantId', options.tenant, 'tenant');
  const header = headerOf(options, order.session.config);
  await confirm(cli.io, {
    id: tenantId,
    consequence: `${order.consequence} (tenant ${tenantId})`,
    given: options.confirm,
    json: options.json,
  });
  return receiptAnswer(await naming(header, order.work(header)));
}

/** The order as it was signed, with the instant at which it was read. */
async function signedOrder(
  session: Session,
  { tenant, order }: SendingOptions,
): Promise<{ readonly document: string; readonly digest: string; readonly asOf: string }> {
  const tenantId = parseId('TenantId', tenant, 'tenant');
  const found = await session.reader.signedOrder(tenantId, order);
  if (found !== null) {
    return { ...found, asOf: signedInstant(Math.floor(Date.parse(found.asOf))) };
  }
  throw unknownOrder();
}

/** Whose key it is, by the registry. */
async function personOf(session: Session, key: KeyObject): Promise<string> {
  const kid = thumbprintOf(publicKeyText(key));
  const signer = (await session.reader.signers()).find((known) => known.kid === kid);
  if (signer !== undefined) return signer.personId;
  throw new LetheError('UNKNOWN_SIGNER', 'key is not in the registry; lethe signer list shows it', {
    field: 'key',
  });
}
