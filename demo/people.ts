import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { bootstrapSigner } from '../src/activities/control/authority';
import { createControlReader } from '../src/activities/control/reader';
import { createEvidenceLedger } from '../src/activities/evidence/ledger';
import { orderFor, signApproval, signedInstant, signOrder } from '../src/cli/order-documents';
import type { DeletionPlan } from '../src/contracts/orders';
import { isLetheError } from '../src/domain/errors';
import { publicKeyText } from '../src/transparency/signed-document';
import type { Play } from './play';

/** A person with a key of their own; it never leaves this process. */
interface Person {
  readonly personId: string;
  readonly key: KeyObject;
}

/** Two officers of the demonstration, whose keys are the first two of the registry. */
export interface Officers {
  readonly requester: Person;
  readonly approver: Person;
}

/** Makes two keys and puts them into the registry of signers. */
export async function makeOfficers({ stage }: Play): Promise<Officers> {
  const [requester, approver] = [newPerson('dpo-1'), newPerson('dpo-2')];
  const ports = {
    control: stage.stores.sql('control', 'control'),
    ledger: createEvidenceLedger({ pool: stage.stores.sql('ledger', 'evidence') }),
  };
  for (const { personId, key } of [requester, approver]) {
    await bootstrapSigner(ports, {
      ...{ publicKey: publicKeyText(key), role: 'dpo', personId },
      // A simulated clock starts in any year.
      ...{ validFrom: '2000-01-01T00:00:00.000Z', validUntil: null },
    });
  }
  return { requester, approver };
}

const newPerson = (personId: string): Person => ({
  personId,
  key: generateKeyPairSync('ed25519').privateKey,
});

/** What would go and what stays, read with a login that only reads. */
export async function preview(play: Play, tenantId: string): Promise<DeletionPlan> {
  const { stores } = play.stage;
  return createControlReader(
    stores.sql('reader', 'control'),
    stores.sql('reader', 'evidence'),
  ).deletionPlan(tenantId);
}

/** One person signs the order of a plan and sends it. */
export async function submit(
  play: Play,
  plan: DeletionPlan,
  { personId, key }: Person,
): Promise<string> {
  const order = signOrder(
    orderFor(plan, {
      orderId: `do_${plan.planDigest.slice(0, 32)}`,
      reason: 'customer-request',
      person: personId,
    }),
    key,
  );
  await play.client.submitOrder(play.header(plan.tenantId), order);
  return order;
}

/** Approves an order, or answers with the code with which that was refused. */
export async function approve(
  play: Play,
  { tenantId, order }: { readonly tenantId: string; readonly order: string },
  { personId, key }: Person,
): Promise<string> {
  try {
    const issuedAt = signedInstant(Math.floor(Date.parse(await play.stage.simulator.now())));
    const approvalId = `oa_${personId.replace(/\W/g, '')}000000000000`;
    const approval = signApproval(order, { approvalId, person: personId, issuedAt }, key);
    await play.client.approveOrder(play.header(tenantId), approval);
    return 'approved';
  } catch (error) {
    if (isLetheError(error)) return error.code;
    throw error;
  }
}
