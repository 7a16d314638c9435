import { randomBytes } from 'node:crypto';
import {
  approveChange,
  bootstrapSigner,
  proposeChange,
  signChange,
  signChangeApproval,
  type AuthorityPorts,
} from '../../src/activities/control/authority';
import { readApprovalRules } from '../../src/activities/control/read-authority';
import { readSigners } from '../../src/activities/control/signers';
import { createEvidenceLedger } from '../../src/activities/evidence/ledger';
import type { AuthorityAction } from '../../src/contracts/authority';
import type { SqlPool } from '../../src/contracts/sql';
import { isSignerValidAt } from '../../src/domain/signers';
import { createSqlEnvironment, type SqlEnvironment } from '../support/environment';
import { firstTwo, newSigner, register, type TestSigner } from '../support/signers';

let environment: SqlEnvironment;
let root: SqlPool;
let ports: AuthorityPorts;
let two: readonly [TestSigner, TestSigner];
const kinds: string[] = [];

beforeAll(async () => {
  environment = await createSqlEnvironment({ simulation: true });
  root = environment.pool('root');
  const ledger = createEvidenceLedger({ pool: environment.pool('ledger', 'evidence') });
  ports = {
    control: environment.pool('control'),
    ledger: {
      append: async (act) => {
        await ledger.append(act);
        kinds.push(act.kind);
      },
    },
  };
  two = await firstTwo(ports);
});
afterAll(() => environment.remove());

const changeId = (): string => `ch_${randomBytes(12).toString('hex')}`;
const propose = (action: AuthorityAction, by: TestSigner) =>
  proposeChange(ports, signChange({ changeId: changeId(), ...action }, by.key));
const adding = (added: TestSigner): AuthorityAction => ({ action: 'add-signer', ...added.entry });
const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'accepted',
    (error: unknown) => (error as { code: string }).code,
  );
const moveClock = (hours: number): Promise<unknown> =>
  root.execute(
    'UPDATE simulation_clock SET offset_microseconds = offset_microseconds + ? WHERE id = 1',
    [hours * 3_600_000_000],
  );

describe('the first two keys', () => {
  it('are put in by hand, and never a third', async () => {
    expect(await codeOf(bootstrapSigner(ports, two[0].entry))).toBe('accepted');
    expect(await codeOf(bootstrapSigner(ports, newSigner('dpo', 'person-3').entry))).toBe(
      'FOUR_EYES',
    );
    expect(kinds.filter((kind) => kind === 'signer-bootstrapped')).toHaveLength(3);
  });

  it('belong to two people who may change the registry', async () => {
    const empty = await createSqlEnvironment();
    try {
      const fresh = { ...ports, control: empty.pool('control') };
      const first = newSigner('operator', 'person-1');
      expect(await codeOf(bootstrapSigner(fresh, newSigner('requester', 'person-1').entry))).toBe(
        'FOUR_EYES',
      );
      expect(await codeOf(bootstrapSigner(fresh, first.entry))).toBe('accepted');
      expect(await codeOf(bootstrapSigner(fresh, newSigner('dpo', 'PERSON-1').entry))).toBe(
        'FOUR_EYES',
      );
    } finally {
      await empty.remove();
    }
  });
});

describe('a change of the registry', () => {
  it('takes effect when a second person signed it, and says so in the evidence', async () => {
    const added = newSigner('requester', 'person-4');
    const proposed = await propose(adding(added), two[0]);
    expect(proposed).toMatchObject({ proposedBy: 'person-1', approvedBy: null, kid: added.kid });
    expect((await readSigners(ports.control)).map(({ kid }) => kid)).not.toContain(added.kid);
    const approval = signChangeApproval(proposed, two[1].key);
    const approved = await approveChange(ports, approval);
    expect(approved).toMatchObject({ approvedBy: 'person-2' });
    expect(await approveChange(ports, approval)).toEqual(approved);
    const found = (await readSigners(ports.control)).find(({ kid }) => kid === added.kid);
    expect(found).toMatchObject({ role: 'requester', personId: 'person-4', revokedAt: null });
    expect(kinds.slice(-3)).toEqual([
      'authority-change-proposed',
      'authority-changed',
      'authority-changed',
    ]);
  });

  it('is not approved by who proposed it, also not with a second key or other capitals', async () => {
    const second = await register(ports, two, newSigner('operator', 'PERSON-1'));
    const proposed = await propose(adding(newSigner('approver', 'person-5')), two[0]);
    for (const { key } of [two[0], second]) {
      expect(await codeOf(approveChange(ports, signChangeApproval(proposed, key)))).toBe(
        'FOUR_EYES',
      );
    }
  });

  it('is signed by keys of an officer or an operator, as what it is', async () => {
    const requester = await register(ports, two, newSigner('requester', 'person-6'));
    const added = adding(newSigner('approver', 'person-7'));
    expect(await codeOf(propose(added, requester))).toBe('SIGNER_NOT_ENTITLED');
    expect(await codeOf(propose(added, newSigner('dpo', 'person-1')))).toBe('UNKNOWN_SIGNER');
    const change = signChange({ changeId: changeId(), ...added }, two[0].key);
    expect(await codeOf(approveChange(ports, change))).toBe('SIGNATURE_INVALID');
  });

  it('is approved as it was proposed and under no other id', async () => {
    const added = adding(newSigner('approver', 'person-8'));
    const first = await propose(added, two[0]);
    const other = await propose(added, two[0]);
    const mixed = { changeId: first.changeId, digest: other.digest };
    expect(await codeOf(approveChange(ports, signChangeApproval(mixed, two[1].key)))).toBe(
      'SIGNATURE_INVALID',
    );
    const again = signChange(
      { changeId: first.changeId, ...adding(newSigner('dpo', 'person-9')) },
      two[0].key,
    );
    expect(await codeOf(proposeChange(ports, again))).toBe('IDEMPOTENCY_CONFLICT');
    const unknown = { changeId: changeId(), digest: first.digest };
    expect(await codeOf(approveChange(ports, signChangeApproval(unknown, two[1].key)))).toBe(
      'UNKNOWN_CHANGE',
    );
  });

  it('expires after seven days without a second person', async () => {
    const proposed = await propose(adding(newSigner('approver', 'person-10')), two[0]);
    await moveClock(7 * 24);
    expect(await codeOf(approveChange(ports, signChangeApproval(proposed, two[1].key)))).toBe(
      'NOT_PERMITTED',
    );
  });

  it('ends a key for good, while two people remain who could change the registry', async () => {
    const added = await register(ports, two, newSigner('dpo', 'person-11'));
    const proposed = await propose({ action: 'revoke-signer', kid: added.kid }, two[0]);
    await approveChange(ports, signChangeApproval(proposed, two[1].key));
    const found = (await readSigners(ports.control)).find(({ kid }) => kid === added.kid);
    if (found === undefined) throw new Error('a key that ended stays on record');
    expect(isSignerValidAt(found, '2100-01-01T00:00:00Z')).toBe(false);
    expect(await codeOf(propose(adding(newSigner('dpo', 'person-12')), added))).toBe(
      'SIGNER_NOT_VALID',
    );
    expect(await codeOf(register(ports, two, added))).toBe('NOT_PERMITTED');
  });

  it('is refused when it would leave fewer than two people', async () => {
    const empty = await createSqlEnvironment();
    try {
      const fresh = { ...ports, control: empty.pool('control') };
      const pair = await firstTwo(fresh);
      const change = { changeId: changeId(), action: 'revoke-signer', kid: pair[0].kid } as const;
      const proposed = await proposeChange(fresh, signChange(change, pair[0].key));
      expect(await codeOf(approveChange(fresh, signChangeApproval(proposed, pair[1].key)))).toBe(
        'NOT_PERMITTED',
      );
    } finally {
      await empty.remove();
    }
  });

  it('sets another rule of approvals, by two as well', async () => {
    const rule = { action: 'set-rule', approvalsNeeded: 2, approveWithinHours: 48 } as const;
    const proposed = await propose(rule, two[0]);
    expect((await readApprovalRules(ports.control))[0]).toMatchObject({ approvalsNeeded: 1 });
    await approveChange(ports, signChangeApproval(proposed, two[1].key));
    expect((await readApprovalRules(ports.control))[0]).toMatchObject({
      ruleNumber: 2,
      approvalsNeeded: 2,
      approveWithinHours: 48,
    });
  });
});

describe('the registry', () => {
  it.each(['signers', 'signer_revocations', 'approval_rules', 'authority_approvals'])(
    'lets no login add to %s but through its procedures',
    async (table) => {
      for (const role of ['control', 'issuer', 'verifier', 'reader'] as const) {
        await expect(
          environment.pool(role).execute(`INSERT INTO ${table} SELECT * FROM ${table}`),
        ).rejects.toThrow(/ER_(DB|TABLE)ACCESS_DENIED_ERROR/);
      }
    },
  );
});
