import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createEvidenceLedger } from '../../src/activities/evidence/ledger';
import { signApproval, signedInstant } from '../../src/cli/order-documents';
import type { OrderOverview } from '../../src/contracts/order-records';
import type { DeletionPlan } from '../../src/contracts/orders';
import { orderDocument } from '../../src/contracts/orders';
import { FAILURES, isLetheError, type FailureCode } from '../../src/domain/errors';
import { cliEnvironment, writeKeys } from '../support/cli-people';
import { letheProcess } from '../support/cli-process';
import { subscribeTo } from '../support/control';
import { newTenantId } from '../support/engine';
import { runIn, type CliRun } from '../support/evidence-cli';
import { createLiveEngine, type LiveEngine } from '../support/live-engine';
import {
  ATTACK_KINDS,
  fieldBetween,
  orderAttacks,
  printTally,
  type Attack,
  type AttackField,
  type SentDocument,
} from '../support/order-attacks';
import { documentId } from '../support/orders';
import { nextHour, provenRefusals } from '../support/proven-refusals';
import { proveRefusalTotals } from '../../src/activities/control/order-refusals';
import { newSigner, type TestSigner } from '../support/signers';

const DAY = 86_400_000;
/** Attacks of each kind through the facade and the process. */
const ATTACKS = 20;
/** A process takes at most ten Updates at once. */
const TOGETHER = 5;

let live: LiveEngine;
let env: Readonly<Record<string, string | undefined>>;
const officers = [newSigner('dpo', 'person-1'), newSigner('dpo', 'person-2')] as const;
const clerk = newSigner('requester', 'person-3');
const stranger = newSigner('dpo', 'person-4');

beforeAll(async () => {
  live = await createLiveEngine('2030-01-07T01:00:00Z');
  env = cliEnvironment(live);
  writeKeys(live, [...officers, clerk, stranger]);
});
afterAll(() => live.remove());

const file = (name: string): string => join(live.folder, name);
const isRetryable = (code: FailureCode): boolean => FAILURES[code].retryable;
const keyOf = ({ personId }: TestSigner): string => `--key ${file(`${personId}.pem`)}`;
const written = (name: string, text: string): string => {
  writeFileSync(file(name), text);
  return file(name);
};

type Runner = typeof runIn;

/** A command line that must succeed; a process of its own takes a second, so only one path has them. */
async function asked<T>(line: string, runner: Runner = runIn, surroundings = env): Promise<T> {
  const run = await runner(surroundings, [...line.split(' '), '--json']);
  expect({ line, exitCode: run.exitCode, stderr: run.stderr }).toEqual({
    ...{ line, exitCode: 0, stderr: '' },
  });
  return JSON.parse(run.stdout) as T;
}

/** What a command line that must be refused says; it prints nothing else. */
async function refusal(line: string, runner: Runner = runIn): Promise<object> {
  const answer: CliRun = await runner(env, [...line.split(' '), '--json']);
  expect({ line, exitCode: answer.exitCode, stdout: answer.stdout }).toEqual({
    ...{ line, exitCode: 2, stdout: '' },
  });
  return (JSON.parse(answer.stderr) as { error: object }).error;
}

/** A tenant with one setting whose deletion was requested, sealed and not ordered. */
async function requested(): Promise<string> {
  const tenantId = newTenantId();
  await live.subscribe(tenantId, subscribeTo('CVM'));
  await live.send(tenantId, 'changeConfiguration', {
    ...(await live.engine.stage(tenantId, { setting: 'automatic-renewal', enabled: true })),
    configurationKind: 'console-setting',
    settingId: 'renewal',
  });
  await live.send(tenantId, 'requestDeletion', {
    requestId: `rq_${tenantId.slice(3)}`,
    recordClass: 'console-configuration-data',
  });
  await live.settled(tenantId);
  return tenantId;
}

const settings = async (tenantId: string): Promise<number> => {
  const rows = await live.engine
    .root('configuration')
    .query('SELECT 1 FROM console_settings WHERE tenant_id = ?', [tenantId]);
  return rows.length;
};

/** Previews, makes and signs an order at the terminal; the signed file is not sent. */
async function signedAtTerminal(
  tenantId: string,
  runner: Runner = runIn,
): Promise<{ readonly orderId: string; readonly path: string }> {
  const plan = await asked<DeletionPlan>(`order preview --tenant ${tenantId}`, runner);
  expect(plan).toMatchObject({ tenantId, ready: true });
  const made = await asked<{ orderId: string }>(
    `order create --tenant ${tenantId} --plan-digest ${plan.planDigest} --person ${clerk.personId} --reason customer-request`,
    runner,
  );
  const unsigned = written(`${made.orderId}.json`, JSON.stringify(made));
  // Without any variable no server can be reached.
  const signed = await asked<{ orderId: string; document: string }>(
    `order sign --order ${unsigned} ${keyOf(clerk)}`,
    runner,
    {},
  );
  expect(signed.orderId).toBe(made.orderId);
  return { ...made, path: written(`${made.orderId}.jws`, `${signed.document}\n`) };
}

const statusOf = (tenantId: string, orderId: string): Promise<OrderOverview> =>
  asked(`order status --tenant ${tenantId} --order ${orderId}`);

describe('two people at their terminals', () => {
  it('put their keys into the registry, and a third only together [CC-2]', async () => {
    const add = ({ personId, role }: TestSigner): string =>
      `signer add --public-key ${file(`${personId}.pub`)} --role ${role} --person ${personId} --valid-from 2000-01-01T00:00:00Z`;
    expect(await refusal(add(officers[0]))).toMatchObject({
      ...{ code: 'CONFIRMATION_REQUIRED', field: 'confirm' },
      message: expect.stringContaining(`give --confirm ${officers[0].kid}`) as string,
    });
    for (const one of officers) {
      const { kid, personId, role } = one;
      const first = await asked<object>(`${add(one)} --confirm ${kid}`, letheProcess);
      expect(first).toMatchObject({ kid, personId, role });
    }
    const proposed = await asked<{ changeId: string }>(
      `${add(clerk)} --confirm ${clerk.kid} ${keyOf(officers[0])}`,
    );
    const approve = `signer approve --change ${proposed.changeId} --confirm ${proposed.changeId}`;
    expect(await refusal(`${approve} ${keyOf(officers[0])}`)).toMatchObject({ code: 'FOUR_EYES' });
    const before = await asked<object>('signer list');
    expect(before).toMatchObject({ signers: [{}, {}], waiting: [{ changeId: proposed.changeId }] });
    const approved = await asked<object>(`${approve} ${keyOf(officers[1])}`, letheProcess);
    expect(approved).toMatchObject({ action: 'add-signer', approvedBy: officers[1].personId });
    const after = await asked<{ signers: object[]; waiting: object[] }>(
      'signer list',
      letheProcess,
    );
    expect(after.waiting).toEqual([]);
    expect(after.signers).toContainEqual(expect.objectContaining({ kid: clerk.kid }));
  });

  it('order what was requested step by step, and only then it goes [CC-2]', async () => {
    const tenantId = await requested();
    const { orderId, path } = await signedAtTerminal(tenantId, letheProcess);
    const submit = `order submit --tenant ${tenantId} --order ${path}`;
    expect(await refusal(`${submit} --confirm ${newTenantId()}`, letheProcess)).toMatchObject({
      ...{ code: 'CONFIRMATION_REQUIRED', field: 'confirm' },
      message: expect.stringContaining(`give --confirm ${tenantId}`) as string,
    });
    expect(await asked(`order list --tenant ${tenantId}`)).toMatchObject({ orders: [] });
    await asked(`${submit} --confirm ${tenantId}`, letheProcess);
    expect(await statusOf(tenantId, orderId)).toMatchObject({
      orders: [{ orderId, state: 'pending', orderedBy: clerk.personId, approvedBy: [] }],
      requests: [{ state: 'awaiting_approval', orderId }],
    });

    const approve = `order approve --tenant ${tenantId} --order ${orderId} --confirm ${tenantId}`;
    expect(await refusal(`${approve} ${keyOf(clerk)}`)).toMatchObject({ code: 'FOUR_EYES' });
    await asked(`${approve} ${keyOf(officers[1])}`, letheProcess);
    expect(await asked(`order list --tenant ${tenantId}`, letheProcess)).toMatchObject({
      orders: [{ orderId, state: 'approved', approvedBy: [officers[1].personId] }],
      requests: [{ state: 'scheduled', orderId }],
    });
    expect(await settings(tenantId)).toBe(1);
    const over = new Date(Date.parse(await live.engine.now()) + 10 * DAY).toISOString();
    await live.playUntil(tenantId, over);
    expect(await settings(tenantId)).toBe(0);
    expect(await statusOf(tenantId, orderId)).toMatchObject({ requests: [{ state: 'fulfilled' }] });
  });

  it('stop an order before and after its approval, and nothing goes under it [CC-2]', async () => {
    const tenantId = await requested();
    const of = (orderId: string): string =>
      `--tenant ${tenantId} --order ${orderId} --confirm ${tenantId} ${keyOf(officers[1])}`;
    const stops: string[] = [];
    for (const [verb, state] of [
      ['deny', 'denied'],
      ['revoke', 'revoked'],
    ] as const) {
      const { orderId, path } = await signedAtTerminal(tenantId);
      await asked(`order submit --tenant ${tenantId} --order ${path} --confirm ${tenantId}`);
      if (verb === 'revoke') await asked(`order approve ${of(orderId)}`);
      await asked(`order ${verb} ${of(orderId)} --reason mistake`);
      const { orders } = await statusOf(tenantId, orderId);
      expect(orders).toMatchObject([
        { orderId, state, stopped: { by: officers[1].personId, reason: 'mistake' } },
      ]);
      expect(await refusal(`order approve ${of(orderId)}`)).toMatchObject({
        code: 'ORDER_STOPPED',
      });
      stops.push(state);
    }
    expect(stops).toEqual(['denied', 'revoked']);
    expect(await settings(tenantId)).toBe(1);
    const waiting = await live.engine.snapshot(tenantId);
    expect(waiting.dueDays).toMatchObject([{ deleteNotBefore: null, waitsForOrder: true }]);
  });

  it('are told the field and what to do when something is wrong, and nothing changes', async () => {
    const tenantId = await requested();
    const { orderId, path } = await signedAtTerminal(tenantId);
    await asked(`order submit --tenant ${tenantId} --order ${path} --confirm ${tenantId}`);
    const before = await asked(`order list --tenant ${tenantId}`);
    const of = (id: string, who: TestSigner): string =>
      `--tenant ${tenantId} --order ${id} --confirm ${tenantId} ${keyOf(who)}`;
    const open = written('open.pem', 'no secret');
    const altered = written('altered.jws', 'a.b.c');
    const none = 'do_0000000000000000';
    const change = 'ch_0000000000000000';
    const cases: readonly [string, string, string, RegExp][] = [
      [`order preview --tenant nobody`, 'INVALID_TENANT_ID', 'tenant', /tn_/],
      [
        `order create --tenant ${tenantId} --plan-digest ${'0'.repeat(64)} --person p --reason legal-duty`,
        ...(['PLAN_CHANGED', 'planDigest', /preview it again/] as const),
      ],
      [
        `order sign --order ${file(`${orderId}.json`)} --key ${open}`,
        ...(['CONFIGURATION_INVALID', 'key', /chmod 600/] as const),
      ],
      [
        `order submit --tenant ${tenantId} --order ${altered} --confirm ${tenantId}`,
        ...(['SIGNATURE_INVALID', 'order', /order/] as const),
      ],
      [
        `order status --tenant ${tenantId} --order ${none}`,
        ...(['UNKNOWN_ORDER', 'order', /lethe order list/] as const),
      ],
      [
        `order approve ${of(none, officers[1])}`,
        ...(['UNKNOWN_ORDER', 'order', /lethe order list/] as const),
      ],
      [
        `order approve ${of(orderId, stranger)}`,
        ...(['UNKNOWN_SIGNER', 'key', /lethe signer list/] as const),
      ],
      [`order deny ${of(orderId, officers[1])}`, 'INVALID_INPUT', 'reason', /--reason/],
      [
        `signer approve --change ${change} --confirm ${change} ${keyOf(officers[1])}`,
        ...(['UNKNOWN_CHANGE', 'change', /lethe signer list/] as const),
      ],
    ];
    for (const [line, code, field, message] of cases) {
      expect(await refusal(line)).toMatchObject({
        ...{ code, field },
        message: expect.stringMatching(message) as string,
      });
    }
    expect(await asked(`order list --tenant ${tenantId}`)).toEqual({
      ...(before as object),
      asOf: expect.any(String) as string,
    });
  });
});

describe('orders through the facade and the process', () => {
  let field: AttackField;
  let attacks: ReadonlyMap<string, Attack>;
  let before: number;
  /** Attacks that were well-formed, so that they came to the process. */
  let arrived = 0;

  /** The code with which one attack is refused. */
  async function outcomeOf({ to, body }: SentDocument): Promise<string> {
    const header = {
      tenantId: to,
      idempotencyKey: documentId('do'),
      requestedBy: 'attacker',
    };
    if (isWellFormed(body)) arrived += 1;
    const sent =
      'order' in body
        ? live.client.submitOrder(header, body.order)
        : live.client.approveOrder(header, body.approval);
    return sent.then(
      () => 'accepted',
      (error: unknown) => (isLetheError(error) ? error.code : 'crashed'),
    );
  }

  function isWellFormed(body: SentDocument['body']): boolean {
    try {
      if ('order' in body) orderDocument('order')(body.order, 'order');
      else orderDocument('approval')(body.approval, 'approval');
      return true;
    } catch (error) {
      if (isLetheError(error)) return false;
      throw error;
    }
  }

  it('start from a genuine order that nobody has approved', async () => {
    const { environment } = live.engine;
    const ledger = createEvidenceLedger({ pool: environment.pool('ledger', 'evidence') });
    const [victim, other] = [await requested(), await requested()];
    field = await fieldBetween(environment, { ledger, officers, victim, other });
    attacks = new Map(orderAttacks(field));
    await live.send(victim, 'submitOrder', { order: field.genuine });
    before = await provenRefusals(environment);
    expect([...attacks.keys()]).toEqual(ATTACK_KINDS);
  });

  it.each(ATTACK_KINDS)('that are %s are refused, and nothing goes [CC-2] [DR-1]', async (kind) => {
    const attack = attacks.get(kind) as Attack;
    const codes: string[] = [];
    for (let at = 0; at < ATTACKS; at += TOGETHER) {
      const batch = Array.from({ length: TOGETHER }, (_, more) => outcomeOf(attack(at + more)));
      codes.push(...(await Promise.all(batch)));
    }
    expect(codes).toHaveLength(ATTACKS);
    // Each is refused for what it is: no time-out, no crash, nothing that trying again would change.
    const final = codes.filter((code) => code in FAILURES && !isRetryable(code as FailureCode));
    expect(final).toEqual(codes);
    expect([await settings(field.victim), await settings(field.other)]).toEqual([1, 1]);
    for (const tenantId of [field.victim, field.other]) {
      const { dueDays } = await live.engine.snapshot(tenantId);
      expect(dueDays).toMatchObject([{ deleteNotBefore: null, waitsForOrder: true }]);
    }
  });

  it('are approved by a genuine second signature all the same [CC-2]', async () => {
    const [, second] = field.officers;
    const approval = signApproval(
      field.genuine,
      {
        ...{ approvalId: documentId('oa'), person: second.personId },
        issuedAt: signedInstant(field.now),
      },
      second.key,
    );
    await live.send(field.victim, 'approveOrder', { approval });
    expect((await live.engine.snapshot(field.victim)).dueDays).toMatchObject([
      { deleteNotBefore: expect.any(String) as string },
    ]);
    expect((await live.engine.snapshot(field.other)).dueDays).toMatchObject([
      { waitsForOrder: true },
    ]);
  });

  it('leave every refusal that came to the process in the evidence [DR-1]', async () => {
    const { environment } = live.engine;
    const ledger = createEvidenceLedger({ pool: environment.pool('ledger', 'evidence') });
    await nextHour(environment);
    await proveRefusalTotals({
      control: environment.pool('control'),
      keys: environment.pool('control', 'keys'),
      ledger,
    });
    const proven = (await provenRefusals(environment)) - before;
    printTally('through the process', {
      ...{ attacks: ATTACKS * ATTACK_KINDS.length, accepted: 0, proven },
    });
    expect(arrived).toBeGreaterThan(ATTACKS * (ATTACK_KINDS.length - 2));
    expect(proven).toBe(arrived);
  });
});
