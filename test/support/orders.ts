import { randomBytes } from 'node:crypto';
import { createEvidenceLedger } from '../../src/activities/evidence/ledger';
import { readPlan } from '../../src/activities/control/order-plan';
import { readTenantFacts } from '../../src/activities/control/tenant-facts';
import { orderFor, signApproval, signedInstant, signOrder } from '../../src/cli/order-documents';
import type { DeletionPlan } from '../../src/contracts/orders';
import type { CommandBodies, CommandKind } from '../../src/contracts/commands';
import type { SqlEnvironment } from './environment';
import { firstTwo, type TestSigner } from './signers';

/** Where orders can be sent: an environment with a way to send commands to its tenants. */
export interface OrderDesk {
  readonly environment: SqlEnvironment;
  send<K extends CommandKind>(
    tenantId: string,
    kind: K,
    ...rest: [CommandBodies[K], string?]
  ): Promise<unknown>;
}

/** A signed order and its signed approval. */
export interface SignedPair {
  readonly plan: DeletionPlan;
  readonly order: string;
  readonly approval: string;
}

const known = new WeakMap<SqlEnvironment, Promise<readonly [TestSigner, TestSigner]>>();

/** An id of a document that no other test has. */
export const documentId = (prefix: 'do' | 'oa'): string =>
  `${prefix}_${randomBytes(10).toString('hex')}`;

/** The two officers of an environment, put into its registry at the first call. */
export function officersOf(
  environment: SqlEnvironment,
): Promise<readonly [TestSigner, TestSigner]> {
  const two =
    known.get(environment) ??
    firstTwo({
      control: environment.pool('control'),
      ledger: createEvidenceLedger({ pool: environment.pool('ledger', 'evidence') }),
    });
  known.set(environment, two);
  return two;
}

/** The plan as a person sees it, read with a login that can only read. */
export async function previewOf(
  environment: SqlEnvironment,
  tenantId: string,
  requestIds?: readonly string[],
): Promise<DeletionPlan> {
  const reader = environment.pool('reader');
  const facts = await readTenantFacts(reader, tenantId);
  if (facts === null) throw new Error('the tenant never subscribed');
  return readPlan(reader, facts, requestIds);
}

/** Previews, signs and approves, by two people; nothing is sent. */
export async function signedPair(
  environment: SqlEnvironment,
  tenantId: string,
  over: { readonly requestIds?: readonly string[]; readonly expiresAt?: string } = {},
): Promise<SignedPair> {
  const [requester, approver] = await officersOf(environment);
  const plan = await previewOf(environment, tenantId, over.requestIds);
  const order = signOrder(
    orderFor(plan, {
      ...{ orderId: documentId('do'), reason: 'customer-request', person: requester.personId },
      ...(over.expiresAt === undefined ? {} : { expiresAt: over.expiresAt }),
    }),
    requester.key,
  );
  const approval = signApproval(
    order,
    {
      ...{ approvalId: documentId('oa'), person: approver.personId },
      issuedAt: signedInstant(Date.parse(plan.asOf)),
    },
    approver.key,
  );
  return { plan, order, approval };
}

/** Two people order the deletion of what a tenant requested, as the command line lets them. */
export async function orderDeletion(
  desk: OrderDesk,
  tenantId: string,
  requestIds?: readonly string[],
): Promise<SignedPair> {
  const pair = await signedPair(
    desk.environment,
    tenantId,
    requestIds === undefined ? {} : { requestIds },
  );
  await desk.send(tenantId, 'submitOrder', { order: pair.order });
  await desk.send(tenantId, 'approveOrder', { approval: pair.approval });
  return pair;
}
