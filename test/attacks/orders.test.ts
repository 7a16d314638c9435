import { acceptCommand } from '../../src/activities/control/accept-command';
import { orderFor, signApproval, signOrder } from '../../src/cli/order-documents';
import { readCompact } from '../../src/domain/signed-document';
import type { Command } from '../../src/contracts/commands';
import { ORDER_DOCUMENTS, type DeletionOrder } from '../../src/contracts/orders';
import type { SqlPool } from '../../src/contracts/sql';
import type { Signer } from '../../src/domain/signers';
import { readSigners } from '../../src/activities/control/signers';
import {
  digestOfDocument,
  signDocument,
  verifyDocument,
} from '../../src/transparency/signed-document';
import { createControlHarness, type ControlHarness } from '../support/control';
import { createSqlEnvironment, type SqlEnvironment } from '../support/environment';
import { documentId, officersOf, previewOf } from '../support/orders';
import { newSigner, register, type TestSigner } from '../support/signers';

/** Attacks of each kind against the signature's check and the database's own. */
const EACH = 1_000;
/** Attacks of each kind that go through the whole accepting activity and leave evidence. */
const THROUGH_ACTIVITY = 20;
/** Attempts that are on their way at once. */
const TOGETHER = 20;
const DAY = 86_400_000;

let environment: SqlEnvironment;
let control: ControlHarness;
let officers: readonly [TestSigner, TestSigner];
let late: TestSigner;
let victim: string;
let other: string;
let pristine: DeletionOrder;
let genuine: string;
let now: number;
let pool: SqlPool;
let signers: readonly Signer[];
const entries: { kind: string; details: Readonly<Record<string, unknown>> }[] = [];

beforeAll(async () => {
  environment = await createSqlEnvironment({ simulation: true });
  control = createControlHarness(environment, (act) => entries.push(act));
  officers = await officersOf(environment);
  const authority = { control: environment.pool('control'), ledger: control.ledger };
  late = await register(
    authority,
    officers,
    newSigner('dpo', 'person-late', {
      validFrom: '2000-01-01T00:00:00.000Z',
      validUntil: '2001-01-01T00:00:00.000Z',
    }),
  );
  pool = environment.pool('control');
  signers = await readSigners(pool);
  victim = await sealedRequest('1');
  other = await sealedRequest('2');
  const plan = await previewOf(environment, victim);
  now = Math.floor(Date.parse(plan.asOf));
  pristine = orderFor(plan, {
    ...{ orderId: documentId('do'), reason: 'customer-request', person: officers[0].personId },
    expiresAt: new Date(now + 30 * DAY).toISOString(),
  });
  genuine = signOrder(pristine, officers[0].key);
}, 60_000);
afterAll(() => environment.remove());

/** A tenant whose configuration was requested and sealed; the rows are the administrator's. */
async function sealedRequest(digit: string): Promise<string> {
  const tenantId = await control.subscribed('CVM');
  const requestId = `rq_${digit.repeat(16)}`;
  const recordClass = 'console-configuration-data' as const;
  const { receipt } = await control.send(tenantId, 'requestDeletion', { requestId, recordClass });
  const root = environment.pool('root');
  const run = `rn_${digit.repeat(16)}`;
  for (const statement of [
    `INSERT INTO runs SELECT '${run}', tenant_id, event_id, record_class, 'request', event_ref, event_at, 1,
       NULL, 1, 1, lethe_now() FROM events WHERE tenant_id = '${tenantId}'`,
    `INSERT INTO cohorts VALUES ('${run}', '2030-01-01', '${tenantId}', NULL, NULL, NULL, 2, lethe_now())`,
    `INSERT INTO cohort_counts VALUES ('${run}', '2030-01-01', 'mysql:configuration.console_settings', 2)`,
    `INSERT INTO event_closings SELECT tenant_id, event_id, lethe_now() FROM events WHERE tenant_id = '${tenantId}'`,
  ]) {
    await root.execute(statement);
  }
  expect(receipt.result['requestId']).toBe(requestId);
  return tenantId;
}

type Attack = (at: number) => { readonly to: string; readonly body: Body };
type Body = { readonly order: string } | { readonly approval: string };

const sign = (over: Partial<DeletionOrder>, key = officers[0].key): string =>
  signDocument({ ...pristine, orderId: documentId('do'), ...over }, 'deletion-order+jws', key);
const submit = (order: string, to = victim): ReturnType<Attack> => ({ to, body: { order } });

/** Changes one letter of the payload or the signature, everywhere in turn. */
function flipped(document: string, at: number): string {
  const from = document.indexOf('.') + 1;
  const place = from + ((at * 7) % (document.length - from));
  const letter = document[place] === '.' ? 'A' : document[place] === 'A' ? 'B' : 'A';
  return document.slice(0, place) + letter + document.slice(place + 1);
}

const ATTACKS: readonly (readonly [string, Attack])[] = [
  [
    'unsigned',
    (at) =>
      submit(
        `${genuine.slice(0, genuine.lastIndexOf('.') + 1)}${'A'.repeat(at % 2 === 0 ? 0 : 86)}`,
      ),
  ],
  ['altered', (at) => submit(flipped(genuine, at))],
  ['of another plan', (at) => submit(sign({ planDigest: at.toString(16).padStart(64, 'a') }))],
  [
    "of another tenant's plan and requests",
    (at) => (at % 2 === 0 ? submit(sign({}), other) : submit(sign({ tenantId: other }), other)),
  ],
  [
    'expired',
    (at) =>
      submit(
        sign({
          issuedAt: new Date(now - 3 * DAY).toISOString(),
          expiresAt: new Date(now - 1 - at).toISOString(),
        }),
      ),
  ],
  ['by a key that nobody knows', () => submit(sign({}, newSigner('dpo', 'person-1').key))],
  ['by a key outside its validity', () => submit(sign({ person: late.personId }, late.key))],
  [
    'replayed under its id with other words',
    (at) =>
      submit(
        sign({ orderId: pristine.orderId, expiresAt: new Date(now + DAY + at).toISOString() }),
      ),
  ],
  [
    'approved by who signed it',
    (at) => {
      const { kid, payload } = readCompact(genuine, 'order');
      const claims = at % 2 === 0 ? 'person-2' : 'person-x';
      const approval = {
        ...{ version: 1, approvalId: documentId('oa'), orderId: pristine.orderId },
        ...{
          orderDigest: digestOfDocument(genuine),
          tenantId: victim,
          planDigest: payload['planDigest'],
        },
        ...{ orderKid: kid.split('').reverse().join(''), orderPerson: claims },
        person: officers[0].personId,
        issuedAt: new Date(now).toISOString(),
        expiresAt: new Date(now + DAY).toISOString(),
      };
      const document = signDocument(approval, 'deletion-approval+jws', officers[0].key);
      return { to: victim, body: { approval: document } };
    },
  ],
  [
    'approved for another order',
    () => {
      const another = sign({});
      const approval = signApproval(
        another,
        {
          ...{ approvalId: documentId('oa'), person: officers[1].personId },
          issuedAt: new Date(now).toISOString(),
        },
        officers[1].key,
      );
      return { to: victim, body: { approval } };
    },
  ],
];

/** Sends one attack past every check of the edge, straight to the activity. */
async function outcomeOf(attack: Attack, at: number): Promise<string> {
  const { to, body } = attack(at);
  const kind = 'order' in body ? 'submitOrder' : 'approveOrder';
  const command = {
    ...{ kind, idempotencyKey: documentId('do'), requestedBy: 'attacker' },
    body,
  } as Command;
  try {
    await acceptCommand(control.ports, { tenantId: to, command });
    return 'accepted';
  } catch (error) {
    return (error as { code?: string }).code ?? 'crashed';
  }
}

/** The same attack without anything around it: the signature's check, then the procedure that stores it. */
async function directOutcomeOf(attack: Attack, at: number): Promise<string> {
  const { to, body } = attack(at);
  const [kind, procedure] =
    'order' in body
      ? (['order', 'submit_order'] as const)
      : (['approval', 'approve_order'] as const);
  const document = 'order' in body ? body.order : body.approval;
  try {
    verifyDocument(document, {
      type: ORDER_DOCUMENTS[kind],
      roles: kind === 'order' ? ['requester', 'dpo'] : ['approver', 'dpo'],
      at: new Date(now).toISOString(),
      signers,
      field: kind,
    });
    await pool.execute(`CALL ${procedure}(?, ?, ?)`, [to, document, pristine.planDigest]);
    return 'accepted';
  } catch (error) {
    return (error as { code?: string }).code ?? 'crashed';
  }
}

async function outcomes(
  count: number,
  outcome: (at: number) => Promise<string>,
): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  for (let at = 0; at < count; at += TOGETHER) {
    const batch = Array.from({ length: TOGETHER }, (_, more) => outcome(at + more));
    for (const code of await Promise.all(batch)) found.set(code, (found.get(code) ?? 0) + 1);
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
    await control.send(victim, 'submitOrder', { order: genuine });
    expect(await inForce()).toBe(0);
  });

  it.each(ATTACKS)(
    'that are %s are refused a thousand times, with evidence [CC-2] [DR-1]',
    async (_, attack) => {
      const before = entries.length;
      const direct = await outcomes(EACH, (at) => directOutcomeOf(attack, at));
      const through = await outcomes(THROUGH_ACTIVITY, (at) => outcomeOf(attack, at));
      for (const [found, count] of [
        [direct, EACH],
        [through, THROUGH_ACTIVITY],
      ] as const) {
        expect([...found.values()].reduce((sum, each) => sum + each, 0)).toBe(count);
        expect([found.get('accepted'), found.get('crashed')]).toEqual([undefined, undefined]);
      }
      expect(await inForce()).toBe(0);
      const refusals = entries.slice(before).filter(({ kind }) => kind === 'order-refused');
      expect(refusals.length).toBeGreaterThan(0);
      expect(refusals.length).toBeLessThanOrEqual(THROUGH_ACTIVITY);
    },
    60_000,
  );

  it('count every refusal exactly, whatever the evidence names one by one [DR-1]', async () => {
    const rows = await environment
      .pool('root')
      .query('SELECT SUM(refused) AS refused FROM order_refusals');
    expect(Number(rows[0]?.['refused'])).toBe(THROUGH_ACTIVITY * ATTACKS.length);
  });

  it('single-signed open nothing, and open what they name once a second person signs [CC-2]', async () => {
    const { plan, order } = { plan: await previewOf(environment, victim), order: genuine };
    const approval = signApproval(
      order,
      {
        ...{ approvalId: documentId('oa'), person: officers[1].personId },
        issuedAt: new Date(Math.floor(Date.parse(plan.asOf))).toISOString(),
      },
      officers[1].key,
    );
    for (let at = 0; at < THROUGH_ACTIVITY; at += TOGETHER) {
      const again = Array.from({ length: TOGETHER }, () =>
        control.send(victim, 'submitOrder', { order }),
      );
      await Promise.all(again);
      expect(await inForce()).toBe(0);
    }
    await control.send(victim, 'approveOrder', { approval });
    await control.send(victim, 'approveOrder', { approval });
    expect(await inForce()).toBe(1);
  });
});
