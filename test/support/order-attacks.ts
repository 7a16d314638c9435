import { orderFor, signApproval, signOrder } from '../../src/cli/order-documents';
import { ORDER_DOCUMENTS, type DeletionOrder } from '../../src/contracts/orders';
import { readCompact } from '../../src/domain/signed-document';
import { digestOfDocument, signDocument } from '../../src/transparency/signed-document';
import type { ControlHarness } from './control';
import type { SqlEnvironment } from './environment';
import { documentId, officersOf, previewOf } from './orders';
import { newSigner, register, type TestSigner } from './signers';

const DAY = 86_400_000;

/** Where attacks are aimed: a tenant with a genuine order that nobody approved, and another tenant. */
export interface AttackField {
  readonly officers: readonly [TestSigner, TestSigner];
  /** A key whose validity is over. */
  readonly late: TestSigner;
  readonly victim: string;
  readonly other: string;
  readonly pristine: DeletionOrder;
  readonly genuine: string;
  /** Instant of the genuine order, in milliseconds. */
  readonly now: number;
}

/** A document that somebody sends to a tenant. */
export interface SentDocument {
  readonly to: string;
  readonly body: { readonly order: string } | { readonly approval: string };
}

/** Makes the n-th attack of its kind. */
export type Attack = (at: number) => SentDocument;

/** A tenant whose configuration was requested and sealed; the rows are the administrator's. */
export async function sealedRequest(
  environment: SqlEnvironment,
  control: Pick<ControlHarness, 'subscribed' | 'send'>,
  digit: string,
): Promise<string> {
  const tenantId = await control.subscribed('CVM');
  const recordClass = 'console-configuration-data' as const;
  await control.send(tenantId, 'requestDeletion', {
    requestId: `rq_${digit.repeat(16)}`,
    recordClass,
  });
  await sealRequested(environment, tenantId, digit);
  return tenantId;
}

/** Seals what a tenant requested, as the archiver would have: a run, a due day and its counts. */
export async function sealRequested(
  environment: SqlEnvironment,
  tenantId: string,
  digit: string,
): Promise<void> {
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
}

/** Prepares two tenants, two officers, a key that is over and a genuine order; nothing is sent. */
export async function attackField(
  environment: SqlEnvironment,
  control: ControlHarness,
): Promise<AttackField> {
  const officers = await officersOf(environment);
  const victim = await sealedRequest(environment, control, '1');
  const other = await sealedRequest(environment, control, '2');
  return fieldBetween(environment, { ledger: control.ledger, officers, victim, other });
}

/** The same for tenants that have their sealed requests already, and people who are in the registry. */
export async function fieldBetween(
  environment: SqlEnvironment,
  parties: Pick<AttackField, 'officers' | 'victim' | 'other'> & Pick<ControlHarness, 'ledger'>,
): Promise<AttackField> {
  const { ledger, officers, victim, other } = parties;
  const authority = { control: environment.pool('control'), ledger };
  const late = await register(
    authority,
    officers,
    newSigner('dpo', 'person-late', {
      validFrom: '2000-01-01T00:00:00.000Z',
      validUntil: '2001-01-01T00:00:00.000Z',
    }),
  );
  const plan = await previewOf(environment, victim);
  const now = Math.floor(Date.parse(plan.asOf));
  const pristine = orderFor(plan, {
    ...{ orderId: documentId('do'), reason: 'customer-request', person: officers[0].personId },
    expiresAt: new Date(now + 30 * DAY).toISOString(),
  });
  const genuine = signOrder(pristine, officers[0].key);
  return { officers, late, victim, other, pristine, genuine, now };
}

/** Kinds of attacks, known before there is a field for them. */
export const ATTACK_KINDS = [
  'unsigned',
  'altered',
  'of another plan',
  "of another tenant's plan and requests",
  'expired',
  'by a key that nobody knows',
  'by a key outside its validity',
  'replayed under its id with other words',
  'approved by who signed it',
  'approved for another order',
] as const;

/** Changes one letter of the payload or the signature, everywhere in turn. */
function flipped(document: string, at: number): string {
  const from = document.indexOf('.') + 1;
  const place = from + ((at * 7) % (document.length - from));
  const letter = document[place] === '.' ? 'A' : document[place] === 'A' ? 'B' : 'A';
  return document.slice(0, place) + letter + document.slice(place + 1);
}

/** An approval by who signed the order, which claims that somebody else signed it. */
function selfApproval({ officers, victim, pristine, genuine, now }: AttackField, at: number) {
  const { kid, payload } = readCompact(genuine, 'order');
  const approval = {
    ...{ version: 1, approvalId: documentId('oa'), orderId: pristine.orderId },
    ...{ orderDigest: digestOfDocument(genuine), tenantId: victim },
    ...{ planDigest: payload['planDigest'], orderKid: kid.split('').reverse().join('') },
    orderPerson: at % 2 === 0 ? 'person-2' : 'person-x',
    person: officers[0].personId,
    issuedAt: new Date(now).toISOString(),
    expiresAt: new Date(now + DAY).toISOString(),
  };
  return signDocument(approval, ORDER_DOCUMENTS.approval, officers[0].key);
}

/** Orders and approvals that must be refused, kind by kind; each one differs from the others. */
export function orderAttacks(field: AttackField): readonly (readonly [string, Attack])[] {
  const { officers, late, victim, other, pristine, genuine, now } = field;
  const sign = (over: Partial<DeletionOrder>, key = officers[0].key): string =>
    signDocument({ ...pristine, orderId: documentId('do'), ...over }, ORDER_DOCUMENTS.order, key);
  const submit = (order: string, to = victim): SentDocument => ({ to, body: { order } });
  const unsigned = genuine.slice(0, genuine.lastIndexOf('.') + 1);
  const instant = (at: number): string => new Date(at).toISOString();
  return [
    ['unsigned', (at) => submit(`${unsigned}${'A'.repeat(at % 2 === 0 ? 0 : 86)}`)],
    ['altered', (at) => submit(flipped(genuine, at))],
    ['of another plan', (at) => submit(sign({ planDigest: at.toString(16).padStart(64, 'a') }))],
    [
      "of another tenant's plan and requests",
      (at) => submit(sign(at % 2 === 0 ? {} : { tenantId: other }), other),
    ],
    [
      'expired',
      (at) => submit(sign({ issuedAt: instant(now - 3 * DAY), expiresAt: instant(now - 1 - at) })),
    ],
    ['by a key that nobody knows', () => submit(sign({}, newSigner('dpo', 'person-1').key))],
    ['by a key outside its validity', () => submit(sign({ person: late.personId }, late.key))],
    [
      'replayed under its id with other words',
      (at) => submit(sign({ orderId: pristine.orderId, expiresAt: instant(now + 2 * DAY + at) })),
    ],
    [
      'approved by who signed it',
      (at) => ({ to: victim, body: { approval: selfApproval(field, at) } }),
    ],
    [
      'approved for another order',
      () => {
        const approval = { approvalId: documentId('oa'), person: officers[1].personId };
        const issuedAt = instant(now);
        const signed = signApproval(sign({}), { ...approval, issuedAt }, officers[1].key);
        return { to: victim, body: { approval: signed } };
      },
    ],
  ];
}

/** One line per kind, for people who count: what was tried, what passed, what the evidence knows. */
export function printTally(
  kind: string,
  tally: { readonly attacks: number; readonly accepted: number; readonly proven: number },
): void {
  const { attacks, accepted, proven } = tally;
  process.stdout.write(
    `attack ${kind}: attacks=${attacks} accepted=${accepted} refused-in-evidence=${proven}\n`,
  );
}
