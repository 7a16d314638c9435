import { acceptCommand } from '../../src/activities/control/accept-command';
import { provingRefusals } from '../../src/activities/control/order-refusals';
import { readSigners } from '../../src/activities/control/signers';
import { createEvidenceLedger } from '../../src/activities/evidence/ledger';
import { signApproval } from '../../src/cli/order-documents';
import type { Command } from '../../src/contracts/commands';
import { ORDER_DOCUMENTS } from '../../src/contracts/orders';
import type { Signer } from '../../src/domain/signers';
import { verifyDocument } from '../../src/transparency/signed-document';
import { createControlHarness, type ControlHarness } from '../support/control';
import { createSqlEnvironment, type SqlEnvironment } from '../support/environment';
import {
  ATTACK_KINDS,
  attackField,
  orderAttacks,
  printTally,
  type Attack,
  type AttackField,
} from '../support/order-attacks';
import { documentId } from '../support/orders';
import { provenDuring } from '../support/proven-refusals';

/** Attacks of each kind against the signature's check and the database's own. */
const DIRECT = 1_000;
/** Attacks of each kind that go through the whole accepting activity. */
const THROUGH_ACTIVITY = 20;
/** Attempts that are on their way at once. */
const TOGETHER = 20;

let environment: SqlEnvironment;
let control: ControlHarness;
let field: AttackField;
let signers: readonly Signer[];
let attacks: ReadonlyMap<string, Attack>;

beforeAll(async () => {
  environment = await createSqlEnvironment({ simulation: true });
  const pool = environment.pool('control');
  control = createControlHarness(
    environment,
    () => undefined,
    createEvidenceLedger({ pool: environment.pool('ledger', 'evidence') }),
  );
  field = await attackField(environment, control);
  signers = await readSigners(pool);
  attacks = new Map(orderAttacks(field));
}, 60_000);
afterAll(() => environment.remove());

const codeOf = (error: unknown): string => (error as { code?: string }).code ?? 'crashed';

/** Sends one attack past every check of the edge, straight to the activity. */
async function outcomeOf(attack: Attack, at: number): Promise<string> {
  const { to, command } = commandOf(attack, at);
  return acceptCommand(control.ports, { tenantId: to, command }).then(() => 'accepted', codeOf);
}

function commandOf(attack: Attack, at: number): { readonly to: string; readonly command: Command } {
  const { to, body } = attack(at);
  const kind = 'order' in body ? 'submitOrder' : 'approveOrder';
  const header = { idempotencyKey: documentId('do'), requestedBy: 'attacker' };
  return { to, command: { kind, ...header, body } };
}

/** The same without the activity: the signature's check, then the procedure that stores it. */
async function directOutcomeOf(attack: Attack, at: number): Promise<string> {
  const { to, command } = commandOf(attack, at);
  const isOrder = command.kind === 'submitOrder';
  const [document = ''] = Object.values(command.body) as string[];
  const kind = isOrder ? 'order' : 'approval';
  const refused = provingRefusals(control.ports, { tenantId: to, command }, async () => {
    verifyDocument(document, {
      type: ORDER_DOCUMENTS[kind],
      roles: isOrder ? ['requester', 'dpo'] : ['approver', 'dpo'],
      at: new Date(field.now).toISOString(),
      signers,
      field: kind,
    });
    await control.ports.control.execute(
      `CALL ${isOrder ? 'submit_order' : 'approve_order'}(?, ?, ?)`,
      [to, document, field.pristine.planDigest],
    );
  });
  return refused.then(() => 'accepted', codeOf);
}

async function outcomes(
  count: number,
  outcome: (at: number) => Promise<string>,
): Promise<readonly string[]> {
  const found: string[] = [];
  for (let at = 0; at < count; at += TOGETHER) {
    const batch = Array.from({ length: TOGETHER }, (_, more) => outcome(at + more));
    found.push(...(await Promise.all(batch)));
  }
  return found;
}

const inForce = async (): Promise<number> => {
  const rows = await environment.pool('root').query(
    `SELECT 1 FROM deletion_requests WHERE
         order_for_request(tenant_id, request_id, record_class, lethe_now()) IS NOT NULL`,
  );
  return rows.length;
};

describe('orders and approvals', () => {
  it('start from a genuine order that nobody has approved', async () => {
    await control.send(field.victim, 'submitOrder', { order: field.genuine });
    expect(await inForce()).toBe(0);
    expect([...attacks.keys()]).toEqual(ATTACK_KINDS);
  });

  it.each(ATTACK_KINDS)(
    'that are %s are refused a thousand times, and the evidence has each refusal [CC-2] [DR-1]',
    async (kind) => {
      const attack = attacks.get(kind) as Attack;
      const codes: string[] = [];
      const proven = await provenDuring(environment, control.ports, async () => {
        codes.push(...(await outcomes(DIRECT, (at) => directOutcomeOf(attack, at))));
        codes.push(...(await outcomes(THROUGH_ACTIVITY, (at) => outcomeOf(attack, at))));
      });
      const accepted = codes.filter((code) => code === 'accepted').length;
      printTally(kind, { attacks: codes.length, accepted, proven });
      expect([codes.length, accepted]).toEqual([DIRECT + THROUGH_ACTIVITY, 0]);
      expect(codes.filter((code) => code === 'crashed')).toEqual([]);
      expect(proven).toBe(codes.length);
      expect(await inForce()).toBe(0);
    },
    60_000,
  );

  it('leave few entries however many they are, and every number once [DR-1]', async () => {
    const [row] = await environment
      .pool('root', 'evidence')
      .query(
        `SELECT COUNT(*) AS entries FROM entries WHERE kind IN ('order-refused', 'refusals-counted')`,
      );
    const [first] = await environment
      .pool('root')
      .query('SELECT COUNT(*) AS hours FROM order_refusals');
    const perHour = 20 + Math.ceil(Math.log2(DIRECT)) + 1;
    expect(Number(row?.['entries'])).toBeLessThanOrEqual(Number(first?.['hours']) * perHour);
  });

  it('single-signed open nothing, and open what they name once a second person signs [CC-2]', async () => {
    const approval = signApproval(
      field.genuine,
      {
        ...{ approvalId: documentId('oa'), person: field.officers[1].personId },
        issuedAt: new Date(field.now).toISOString(),
      },
      field.officers[1].key,
    );
    const again = Array.from({ length: TOGETHER }, () =>
      control.send(field.victim, 'submitOrder', { order: field.genuine }),
    );
    await Promise.all(again);
    expect(await inForce()).toBe(0);
    await control.send(field.victim, 'approveOrder', { approval });
    await control.send(field.victim, 'approveOrder', { approval });
    expect(await inForce()).toBe(1);
  });
});
