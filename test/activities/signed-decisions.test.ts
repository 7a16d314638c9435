import {
  approveChange,
  proposeChange,
  signChange,
  signChangeApproval,
} from '../../src/activities/control/authority';
import { readTrips, resetBreaker, tripBreaker } from '../../src/activities/control/breaker';
import { readCaps, setCap } from '../../src/activities/control/caps';
import { auditDecisions, readSignedRequest, termsOf } from '../../src/activities/control/decisions';
import type { FreezePorts } from '../../src/activities/control/freeze';
import { approveLift, requestLift } from '../../src/activities/control/lift-freeze';
import { proveRefusalTotals } from '../../src/activities/control/order-refusals';
import { readHold } from '../../src/activities/control/read-holds';
import { readFreeze } from '../../src/activities/control/read-interlocks';
import { DECISIONS, type Decision } from '../../src/contracts/decisions';
import type { EngineHarness } from '../support/engine';
import { newHoldId, placeOver } from '../support/holds';
import { later } from '../support/interlocks';
import { nextHour, numbersNamed } from '../support/proven-refusals';
import { agreeOn, signed } from '../support/signed-decisions';
import {
  REASON,
  asking,
  codeOf,
  createSignedStage,
  type SignedStage,
} from '../support/signed-freezes';
import { newSigner, register, type TestSigner } from '../support/signers';
import { subscribed } from '../support/tenant-life';

const HOUR = 3600;
let stage: Pick<SignedStage, 'frozen' | 'askedBy' | 'inForce'>;
let engine: EngineHarness;
let ports: FreezePorts;
let anna: TestSigner;
let bert: TestSigner;
let serial = 0;

beforeAll(async () => {
  ({ engine, ports, anna, bert, ...stage } = await createSignedStage());
});
afterAll(() => engine.remove());

describe('a lift where decisions are signed', () => {
  it('takes two signatures, of which the second names the first [AB-1]', async () => {
    const freezeId = await stage.frozen();
    const terms = await stage.askedBy(freezeId, anna);
    const document = await signed(engine, bert, {
      decision: 'approve-lift',
      subject: freezeId,
      terms,
    });
    const approval = { freezeId, approvedBy: bert.personId, document };
    expect(await approveLift(ports, approval)).toMatchObject({ inForce: false });
    expect(await approveLift(ports, approval)).toMatchObject({ inForce: false });
  });

  it('is never asked for or approved by a name alone [AB-1]', async () => {
    const freezeId = await stage.frozen();
    const [requestedBy, approvedBy] = [anna.personId, bert.personId];
    expect(await codeOf(requestLift(ports, { freezeId, requestedBy, reason: REASON }))).toBe(
      'SIGNATURE_REQUIRED',
    );
    await stage.askedBy(freezeId, anna);
    expect(await codeOf(approveLift(ports, { freezeId, approvedBy }))).toBe('SIGNATURE_REQUIRED');
    expect(await stage.inForce(freezeId)).toBe(true);
  });

  it('is not approved by the signature of another request, nor by one that was used', async () => {
    const freezeId = await stage.frozen();
    const terms = await stage.askedBy(freezeId, anna);
    const approving = { decision: 'approve-lift', subject: freezeId } as const;
    const other = await signed(engine, bert, { ...approving, terms: termsOf('another') });
    const approve = (document: string): Promise<string> =>
      codeOf(approveLift(ports, { freezeId, approvedBy: bert.personId, document }));
    expect(await approve(other)).toBe('SIGNATURE_REQUIRED');
    await later(engine, 25 * HOUR);
    const again = await stage.askedBy(freezeId, anna);
    expect(again).not.toBe(terms);
    expect(await approve(await signed(engine, bert, { ...approving, terms }))).toBe(
      'SIGNATURE_REQUIRED',
    );
    expect(await stage.inForce(freezeId)).toBe(true);
    expect(await approve(await signed(engine, bert, { ...approving, terms: again }))).toBe(
      'accepted',
    );
  });

  it('does not take a second signed request for the approval', async () => {
    const freezeId = await stage.frozen();
    await stage.askedBy(freezeId, anna);
    await stage.askedBy(freezeId, bert);
    expect(await codeOf(approveLift(ports, { freezeId, approvedBy: anna.personId }))).toBe(
      'SIGNATURE_REQUIRED',
    );
    expect(await stage.inForce(freezeId)).toBe(true);
  });

  it('counts a request no longer whose key was taken out since', async () => {
    const third = await register(ports, [anna, bert], newSigner('operator', 'person-3'));
    const freezeId = await stage.frozen();
    const terms = await stage.askedBy(freezeId, third);
    const changeId = `ch_${String((serial += 1)).padStart(20, '0')}`;
    const action = { action: 'revoke-signer', kid: third.kid } as const;
    const change = await proposeChange(ports, signChange({ changeId, ...action }, anna.key));
    await approveChange(ports, signChangeApproval(change, bert.key));
    const document = await signed(engine, bert, {
      decision: 'approve-lift',
      subject: freezeId,
      terms,
    });
    expect(
      await codeOf(approveLift(ports, { freezeId, approvedBy: bert.personId, document })),
    ).toBe('SIGNATURE_REQUIRED');
    expect(await stage.inForce(freezeId)).toBe(true);
  });
});

describe('a document', () => {
  it.each<[string, Partial<Decision>, string]>([
    ['of another environment', { environment: 'elsewhere' }, 'SIGNATURE_INVALID'],
    ['of another freeze', { subject: 'fz_0000000000000000' }, 'SIGNATURE_INVALID'],
    ['of another decision', { decision: 'approve-lift' }, 'SIGNATURE_INVALID'],
    ['that names somebody else', { person: 'person-2' }, 'SIGNATURE_INVALID'],
    ['over another reason', { terms: termsOf('something else') }, 'SIGNATURE_REQUIRED'],
    ['that has expired', { expiresAt: '2030-01-01T00:00:00.000Z' }, 'INVALID_INPUT'],
    ['that would count for years', { expiresAt: '2039-01-01T00:00:00.000Z' }, 'INVALID_INPUT'],
  ])('%s changes nothing', async (_what, change, code) => {
    const freezeId = await stage.frozen();
    const document = await signed(engine, anna, { ...asking(freezeId), ...change });
    const order = { freezeId, requestedBy: anna.personId, reason: REASON, document };
    expect(await codeOf(requestLift(ports, order))).toBe(code);
    expect((await readFreeze(ports.control, freezeId))?.request).toBeNull();
  });

  it('altered, of an unknown key, of another role or by somebody else changes nothing', async () => {
    const freezeId = await stage.frozen();
    const requester = await register(ports, [anna, bert], newSigner('requester', 'person-9'));
    const good = await signed(engine, anna, asking(freezeId));
    const [head = '', body = '', signature = ''] = good.split('.');
    // Another letter in any case: one signature in 256 ends as any ending that is put in its place.
    const altered = `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`;
    const cases: [string, string, string][] = [
      [`${head}.${body}.${altered}`, anna.personId, 'SIGNATURE_INVALID'],
      ['not a document', anna.personId, 'SIGNATURE_INVALID'],
      [await signed(engine, newSigner('dpo', 'x-1'), asking(freezeId)), 'x-1', 'UNKNOWN_SIGNER'],
      [await signed(engine, requester, asking(freezeId)), 'person-9', 'SIGNER_NOT_ENTITLED'],
      [good, bert.personId, 'SIGNATURE_INVALID'],
    ];
    for (const [document, requestedBy, code] of cases) {
      const order = { freezeId, requestedBy, reason: REASON, document };
      expect(await codeOf(requestLift(ports, order))).toBe(code);
    }
    expect((await readFreeze(ports.control, freezeId))?.request).toBeNull();
  });

  it('leaves each refusal in the evidence, without what was sent', async () => {
    const rows = await engine
      .root('evidence')
      .query(`SELECT entry FROM entries WHERE entry LIKE '%decision-refused%'`);
    const text = JSON.stringify(rows);
    for (const reason of ['signature-required', 'signature-invalid', 'unknown-signer']) {
      expect(text).toContain(reason);
    }
    expect(text).not.toContain('not a document');
  });
});

describe('a flood of refused decisions', () => {
  it('costs a logarithm of entries, and every refusal is counted in the evidence [CC-4]', async () => {
    const freezeId = await stage.frozen();
    await nextHour(engine.environment);
    const FLOOD = 100;
    const entries = (kind: 'decision-refused' | 'refusals-counted'): Promise<readonly number[]> =>
      numbersNamed(engine.environment, kind, 'decision-unknown-signer');
    const before = await entries('decision-refused');
    const stranger = newSigner('dpo', 'x-2');
    // Each document is another one: no digest is seen twice.
    for (let sent = 0; sent < FLOOD; sent += 1) {
      const document = await signed(engine, stranger, {
        ...asking(freezeId),
        terms: termsOf(sent),
      });
      const order = { freezeId, requestedBy: 'x-2', reason: REASON, document };
      expect(await codeOf(requestLift(ports, order))).toBe('UNKNOWN_SIGNER');
    }
    const each = Array.from({ length: 20 }, (_, at) => at + 1);
    const named = (await entries('decision-refused')).slice(before.length);
    expect(named).toEqual([...each, 32, 64]);
    await nextHour(engine.environment);
    await proveRefusalTotals({ ...ports, keys: engine.stores.sql('control', 'keys') });
    expect((await entries('refusals-counted')).at(-1)).toBe(FLOOD);
    expect(await stage.inForce(freezeId)).toBe(true);
  });
});

describe('the release of a hold where decisions are signed', () => {
  it('takes two signatures, and keeping it takes none [CC-4]', async () => {
    const tenantId = await subscribed(engine, 'CVM');
    const holdId = newHoldId();
    await placeOver(engine, [{ tenantId }], { holdId });
    const { activities } = engine;
    const request = { holdId, requestedBy: anna.personId };
    const approval = { holdId, approvedBy: bert.personId };
    expect(await codeOf(activities.requestHoldRelease(request))).toBe('SIGNATURE_REQUIRED');
    const asked = { decision: 'request-release', subject: holdId } as const;
    const ask = async (): Promise<string> => {
      const document = await signed(engine, anna, { ...asked, terms: termsOf() });
      await activities.requestHoldRelease({ ...request, document });
      const by = { ...asked, by: anna.personId };
      return (await readSignedRequest(ports.control, by)) ?? '';
    };
    await ask();
    expect(await codeOf(activities.approveHoldRelease(approval))).toBe('SIGNATURE_REQUIRED');
    await activities.withdrawHoldRelease({ holdId, withdrawnBy: 'dpo-7' });
    await later(engine, 1);
    const terms = await ask();
    const approve = { decision: 'approve-release', subject: holdId, terms } as const;
    const document = await signed(engine, bert, approve);
    const state = await activities.approveHoldRelease({ ...approval, document });
    expect(state).toMatchObject({ state: 'release-approved', approvedBy: bert.personId });
    expect(await activities.approveHoldRelease({ ...approval, document })).toEqual(state);
    expect((await readHold(ports.control, holdId))?.release).toBeNull();
  });
});

describe('caps and the circuit breaker where decisions are signed', () => {
  const looser = { cap: 'rows-per-batch', amount: 20_000, share: 0, reason: REASON } as const;
  const inForceOf = async (): Promise<unknown> =>
    (await readCaps(ports.control)).find(({ cap }) => cap === looser.cap);

  it('a looser cap takes a signature over its numbers, a stricter one none', async () => {
    const order = { ...looser, setBy: anna.personId };
    const before = await inForceOf();
    expect(await codeOf(setCap(ports, order))).toBe('SIGNATURE_REQUIRED');
    const what = { decision: 'set-cap', subject: looser.cap } as const;
    const larger = await signed(engine, anna, { ...what, terms: termsOf(90_000, 0, REASON) });
    expect(await codeOf(setCap(ports, { ...order, document: larger }))).toBe('SIGNATURE_REQUIRED');
    expect(await inForceOf()).toEqual(before);
    const document = await signed(engine, anna, { ...what, terms: termsOf(20_000, 0, REASON) });
    expect(await setCap(ports, { ...order, document })).toMatchObject({
      pending: { amount: 20_000, setBy: anna.personId },
    });
    expect(await setCap(ports, { ...looser, amount: 500, setBy: 'ops-1' })).toMatchObject({
      inForce: { amount: 500 },
    });
    // The document that was used does not bring its numbers back.
    expect(await codeOf(setCap(ports, { ...order, document }))).toBe('SIGNATURE_REQUIRED');
  });

  it('a reset takes a signature', async () => {
    const tenantId = await subscribed(engine, 'CVM');
    const trip = {
      scope: 'mysql',
      cause: 'verification',
      tenantId,
      runId: `rn_${tenantId.slice(3)}`,
      dueOn: '',
    };
    await tripBreaker({ ...ports, newToken: engine.parts.newToken }, trip as never);
    const tripId = (await readTrips(ports.control))[0]?.tripId ?? '';
    const reset = { tripId, resetBy: bert.personId, reason: REASON };
    expect(await codeOf(resetBreaker(ports, reset))).toBe('SIGNATURE_REQUIRED');
    const what = { decision: 'reset-breaker', subject: tripId, terms: termsOf(REASON) } as const;
    const document = await signed(engine, bert, what);
    expect(await resetBreaker(ports, { ...reset, document })).toMatchObject({
      reset: { resetBy: bert.personId },
    });
  });
});

describe('what is on record', () => {
  it('verifies again, and a row that was written past the engine does not', async () => {
    const before = await auditDecisions(ports.control);
    expect(before).toMatchObject({ wrong: [] });
    expect(before.checked).toBeGreaterThan(5);
    await engine.root('control').execute(
      `INSERT INTO signed_decisions SELECT REPEAT('a', 64), decision, 'fz_forged', terms, document, kid,
         person_id, recorded_at, expires_at, used_at FROM signed_decisions WHERE used_at IS NOT NULL LIMIT 1`,
    );
    expect((await auditDecisions(ports.control)).wrong).toEqual(['a'.repeat(64)]);
  });

  it('is written by no login, only by the procedure', async () => {
    for (const table of ['signed_decisions', 'decision_rules', 'decision_replays']) {
      await expect(ports.control.execute(`DELETE FROM ${table} WHERE 1 = 0`)).rejects.toMatchObject(
        { code: 'ER_TABLEACCESS_DENIED_ERROR' },
      );
    }
    expect(DECISIONS).toHaveLength(8);
  });
});

describe('the rule', () => {
  it('is undone by two signatures as well, and then names are enough', async () => {
    await agreeOn(ports, [anna, bert], 'name-decisions');
    const freezeId = await stage.frozen();
    await requestLift(ports, { freezeId, requestedBy: 'ops-1', reason: REASON });
    expect(await approveLift(ports, { freezeId, approvedBy: 'ops-2' })).toMatchObject({
      inForce: false,
    });
  });
});
