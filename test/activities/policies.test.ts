import { refreshTenant } from '../../src/activities/control/refresh-tenant';
import {
  activatePolicy,
  planPolicy,
  readActivations,
  type ActivationStatement,
  type PolicyPorts,
} from '../../src/activities/control/policies';
import { refreshTenants } from '../../src/activities/control/refresh-tenants';
import { exportCheckpoint } from '../../src/activities/evidence/checkpoints';
import { checkControl } from '../../src/activities/restore-gate/check-control';
import { replayControl } from '../../src/activities/restore-gate/replay-control';
import { POLICY_DOCUMENT } from '../../src/contracts/window-plans';
import { signDocument } from '../../src/transparency/signed-document';
import { DRAFT, SHIPPED, WITH_DRAFT } from '../support/draft-policy';
import type { EngineHarness } from '../support/engine';
import { printTally } from '../support/order-attacks';
import { newSigner, register, type TestSigner } from '../support/signers';
import {
  createPolicyStage,
  requestConfiguration,
  ruleOf,
  type PolicyStage,
} from '../support/policy-stage';
import { subscribed } from '../support/tenant-life';

/** Rounds of fifteen kinds of forged signatures, in both orders. */
const ROUNDS = 34;

let stage: PolicyStage;
let engine: EngineHarness;
let ports: PolicyPorts;
let officers: PolicyStage['officers'];
let requester: PolicyStage['requester'];
let tenants: PolicyStage['tenants'];
let before: PolicyStage['before'];

beforeAll(async () => {
  stage = await createPolicyStage();
  ({ engine, ports, officers, requester, tenants, before } = stage);
});
afterAll(() => engine.remove());

const reader = () => engine.stores.sql('reader', 'control');
const plan: PolicyStage['plan'] = () => stage.plan();
const dueDaysOf: PolicyStage['dueDaysOf'] = (tenantId) => stage.dueDaysOf(tenantId);

const statementOf = (planDigest: string, changes: Partial<ActivationStatement> = {}): object => ({
  version: 1,
  environment: engine.environment.name,
  policy: DRAFT.policy,
  policyDigest: DRAFT.digest,
  planDigest,
  expiresAt: '2031-01-01T00:00:00.000Z',
  ...changes,
});
const signed = (said: object, { key }: TestSigner, type = POLICY_DOCUMENT): string =>
  signDocument(said, type, key);
const activate = (first: string, second: string): ReturnType<typeof activatePolicy> =>
  activatePolicy(ports, {
    environment: engine.environment.name,
    candidate: DRAFT,
    documents: [first, second],
  });
const refusalOf = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'nothing was refused',
    (error: unknown) => (error as { code?: unknown }).code,
  );

describe('a plan of a version of the policy', () => {
  it('shows for every tenant what moves where to and why, and flags what ends earlier [CC-2]', async () => {
    const found = await plan();
    const [asked] = before.asked;
    const move = found.moves.find(({ tenantId }) => tenantId === tenants.asked);
    // Without an approved order its destruction does not begin; its end moves all the same.
    expect(move).toMatchObject({
      begins: 'same',
      ends: 'earlier',
      overdue: false,
      from: { latestAt: asked?.latestAt, deleteNotBefore: asked?.deleteNotBefore },
    });
    expect(move?.because).toMatch(/\[CC-2\]/);
    // The guard of three hours instead of two.
    expect(found.moves.find(({ tenantId }) => tenantId === tenants.ended)).toMatchObject({
      begins: 'later',
      ends: 'same',
    });
    expect(found.totals).toMatchObject({
      tenants: 3,
      endEarlier: 1,
      endLater: 0,
      beginEarlier: 0,
      beginLater: 1,
      heldBack: 1,
      nowOverdue: 0,
    });
  });

  it('changes nothing, and is the same as long as nothing changes', async () => {
    const first = await plan();
    expect((await plan()).planDigest).toBe(first.planDigest);
    expect(await dueDaysOf(tenants.asked)).toEqual(before.asked);
    expect(await readActivations(ports.control)).toEqual([]);
  });

  it('counts a promise that would be missed at once [CC-2]', async () => {
    const now = await engine.now();
    await engine.setClock('2030-02-13T00:00:00Z');
    const late = await plan();
    await engine.setClock(now);
    expect(late.totals.nowOverdue).toBe(1);
    expect(late.planDigest).not.toBe((await plan()).planDigest);
  });

  it('is refused for a version that is in force', async () => {
    const first = { policy: 'container-security@1', version: 1, digest: DRAFT.digest };
    const refused = planPolicy(reader(), first, ruleOf(WITH_DRAFT));
    expect(await refusalOf(refused)).toBe('NOT_PERMITTED');
  });
});

describe('the activation of a version', () => {
  it('is refused with anything but two good signatures, and each refusal is evidence [CC-4]', async () => {
    const { planDigest } = await plan();
    const [one, two] = officers;
    const said = statementOf(planDigest);
    const stranger = newSigner('dpo', 'person-9');
    const second = await register(
      { control: ports.control, ledger: ports.ledger },
      officers,
      newSigner('operator', 'PERSON-1'),
    );
    const late = await register(
      { control: ports.control, ledger: ports.ledger },
      officers,
      newSigner('dpo', 'person-4', {
        validFrom: '2000-01-01T00:00:00.000000Z',
        validUntil: '2029-01-01T00:00:00.000000Z',
      }),
    );
    const good = signed(said, one);
    const attacks = (round: number): readonly (readonly [string, string, string])[] => [
      ['unsigned', good, `nothing${'g'.repeat(round)}`],
      ['single-signed', good, good],
      ['by the same person with another key', good, signed(said, second)],
      ['by a key of another role', good, signed(said, requester)],
      ['by an unknown key', good, signed(said, stranger)],
      ['by a key outside its validity', good, signed(said, late)],
      ['as another kind of document', good, signed(said, two, 'deletion-order+jws')],
      ['altered', good, `${signed(said, two).slice(0, -4 - round)}${'A'.repeat(4 + round)}`],
      [
        'with the payload of another',
        good,
        signed(said, two).replace(
          /\.[^.]+\./,
          `.${signed(statementOf(`${round + 10}`.repeat(32)), two).split('.')[1] ?? ''}.`,
        ),
      ],
      [
        'expired',
        good,
        signed(statementOf(planDigest, { expiresAt: '2030-01-01T00:00:00.000Z' }), two),
      ],
      [
        'for another environment',
        good,
        signed(statementOf(planDigest, { environment: 'elsewhere' }), two),
      ],
      [
        'for another policy',
        good,
        signed(statementOf(planDigest, { policy: 'container-security@3' }), two),
      ],
      [
        'for another document',
        good,
        signed(statementOf(planDigest, { policyDigest: '1'.repeat(64) }), two),
      ],
      ['for another plan', good, signed(statementOf(`${round + 10}`.repeat(32)), two)],
      ['with another field', good, signed({ ...said, more: 1 }, two)],
    ];
    const codes = new Map<string, unknown>();
    let attempts = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [name, first, other] of attacks(round)) {
        const code = await refusalOf(activate(first, other));
        codes.set(name, codes.get(name) ?? code);
        expect([name, code]).toEqual([name, codes.get(name)]);
        expect([name, await refusalOf(activate(other, first))]).toEqual([name, code]);
        attempts += 2;
      }
    }
    expect(attempts).toBeGreaterThanOrEqual(1_000);
    expect(Object.fromEntries(codes)).toEqual({
      unsigned: 'SIGNATURE_INVALID',
      'single-signed': 'FOUR_EYES',
      'by the same person with another key': 'FOUR_EYES',
      'by a key of another role': 'SIGNER_NOT_ENTITLED',
      'by an unknown key': 'UNKNOWN_SIGNER',
      'by a key outside its validity': 'SIGNER_NOT_VALID',
      'as another kind of document': 'SIGNATURE_INVALID',
      altered: 'SIGNATURE_INVALID',
      'with the payload of another': 'SIGNATURE_INVALID',
      expired: 'NOT_PERMITTED',
      'for another environment': 'NOT_PERMITTED',
      'for another policy': 'NOT_PERMITTED',
      'for another document': 'NOT_PERMITTED',
      'for another plan': 'NOT_PERMITTED',
      'with another field': 'INVALID_INPUT',
    });
    expect(await readActivations(ports.control)).toEqual([]);
    const refusals = await engine
      .root('evidence')
      .query(`SELECT COUNT(*) AS n FROM entries WHERE kind = 'policy-activation-refused'`);
    // What is sent again word for word is one entry.
    expect(Number(refusals[0]?.['n'])).toBeGreaterThanOrEqual(attacks(0).length);
    printTally('on the policy', {
      ...{ attacks: attempts, accepted: (await readActivations(ports.control)).length },
      proven: Number(refusals[0]?.['n']),
    });
  });

  it('is refused when the plan has changed since it was signed [CC-2]', async () => {
    const { planDigest } = await plan();
    const documents = officers.map((officer) => signed(statementOf(planDigest), officer));
    const another = await subscribed(engine, 'CVM');
    await requestConfiguration(engine, another);
    expect(await refusalOf(activate(documents[0] ?? '', documents[1] ?? ''))).toBe('PLAN_CHANGED');
    expect(await readActivations(ports.control)).toEqual([]);
  });

  it('puts it into force, voids older permits and moves what the plan showed [CC-2, CC-4]', async () => {
    const promised = await plan();
    const epoch = await globalEpoch();
    const [first, second] = officers.map((officer) =>
      signed(statementOf(promised.planDigest), officer),
    );
    const activation = await activate(first ?? '', second ?? '');
    expect(activation).toMatchObject({
      version: 2,
      signedBy: 'person-1',
      countersignedBy: 'person-2',
    });
    expect(await globalEpoch()).toBe(epoch + 1);
    const told: string[] = [];
    await refreshTenants(ports, (tenantId) => {
      told.push(tenantId);
      return Promise.resolve(true);
    });
    expect(told).toEqual(expect.arrayContaining(Object.values(tenants)));
    for (const move of promised.moves) {
      const days = await dueDaysOf(move.tenantId);
      const day = days.find(({ runId, dueOn }) => runId === move.runId && dueOn === move.dueOn);
      expect(day).toMatchObject(move.to);
    }
    // 18 working days after 7 January 2030, for no calendar is published that far.
    expect((await dueDaysOf(tenants.asked))[0]?.latestAt).toBe('2030-01-31T16:00:00.000000Z');
  });

  it('is answered again when it comes again, and nothing is done twice', async () => {
    const epoch = await globalEpoch();
    const [inForce] = await readActivations(ports.control);
    const planDigest = inForce?.planDigest ?? '';
    const [first, second] = officers.map((officer) => signed(statementOf(planDigest), officer));
    expect(await activate(first ?? '', second ?? '')).toMatchObject({ version: 2 });
    expect(await globalEpoch()).toBe(epoch);
  });

  it('records with each window which versions it follows, by number and hash [CC-4]', async () => {
    const [day] = await dueDaysOf(tenants.asked);
    const rows = await engine
      .root('control')
      .query('SELECT derivation FROM cohort_windows WHERE run_id = ? ORDER BY window_number DESC', [
        day?.runId ?? '',
      ]);
    const { policyVersions } = JSON.parse(String(rows[0]?.['derivation'])) as {
      policyVersions: string[];
    };
    expect(policyVersions).toEqual([SHIPPED.get(1)?.version, WITH_DRAFT.get(2)?.version]);
  });

  it('promises new tenants the new version only, and old ones both [CC-2]', async () => {
    const tenantId = await subscribed(engine, 'CVM');
    expect((await engine.snapshot(tenantId)).policyVersion).toBe('2');
    const rows = await engine
      .root('control')
      .query(
        'SELECT policy_version FROM tenants WHERE tenant_id IN (?, ?) ORDER BY policy_version',
        [tenantId, tenants.asked],
      );
    expect(rows.map((row) => String(row['policy_version']))).toEqual(['1', '2']);
  });

  it('keeps everything where a build does not know it: no window is computed [CC-4]', async () => {
    const old = refreshTenant({ control: ports.control, derive: ruleOf(SHIPPED) }, tenants.asked);
    expect(await refusalOf(old)).toBe('CONFIGURATION_INVALID');
    await expect(old).rejects.toThrow(/version 2 is in force and this build does not know it/);
  });

  it('is not something that a login can write by itself [CC-4]', async () => {
    const forged = ports.control.execute(
      `INSERT INTO policy_activations VALUES (3, '${'0'.repeat(64)}', '${'0'.repeat(64)}', 'a', 'b', '2030-01-01')`,
    );
    await expect(forged).rejects.toThrow(/ER_(DB|TABLE)ACCESS_DENIED_ERROR/);
    const downgrade = ports.control.execute(`CALL activate_policy(1, ?, ?, 'a', 'b', NULL)`, [
      '0'.repeat(64),
      '0'.repeat(64),
    ]);
    expect(await refusalOf(downgrade)).toBe('NOT_PERMITTED');
    const alone = ports.control.execute(`CALL activate_policy(3, ?, ?, 'a', 'A', NULL)`, [
      '0'.repeat(64),
      '0'.repeat(64),
    ]);
    expect(await refusalOf(alone)).toBe('NOT_PERMITTED');
  });
});

describe('a control store that came back from before the activation', () => {
  it('gets the version back that the evidence knows, before any window is computed [CC-2, CC-4]', async () => {
    const checkpoints = engine.parts.checkpoints;
    await exportCheckpoint(checkpoints, { mode: 'legal-hold' });
    const activations = await readActivations(ports.control);
    await engine.root('control').transaction(async (sql) => {
      await sql.execute('SET SESSION sql_safe_updates = 0');
      await sql.execute('DELETE FROM policy_activations');
      await sql.execute('SET SESSION sql_safe_updates = 1');
    });
    const verdict = await checkControl(checkpoints);
    expect(verdict).toMatchObject({
      older: true,
      policies: [{ version: 2, signedBy: 'person-1' }],
    });
    const { newToken } = engine.parts;
    const replayed = await replayControl(
      { ...ports, checkpoints, newToken },
      { replayedBy: 'ops-1' },
    );
    expect(replayed).toMatchObject({ policies: 1 });
    expect(await readActivations(ports.control)).toEqual(activations);
    expect(await checkControl(checkpoints)).toMatchObject({ older: false, policies: [] });
  });
});

async function globalEpoch(): Promise<number> {
  const rows = await engine
    .root('control')
    .query(`SELECT epoch FROM interlocks WHERE scope = 'global'`);
  return Number(rows[0]?.['epoch']);
}
