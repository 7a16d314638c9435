import { termsOfEnd } from '../../src/activities/control/decisions';
import type { FreezePorts } from '../../src/activities/control/freeze';
import type { CommandBodies } from '../../src/contracts/commands';
import type { DecisionKind } from '../../src/contracts/decisions';
import { createEngineHarness, type EngineHarness } from '../support/engine';
import { freezePorts, later } from '../support/interlocks';
import { agreeOn, signed } from '../support/signed-decisions';
import { firstTwo, newSigner, register, type TestSigner } from '../support/signers';
import { subscribed } from '../support/tenant-life';

const HOUR = 3600;
let engine: EngineHarness;
let ports: FreezePorts;
let first: readonly [TestSigner, TestSigner];
/** Who sends commands in these tests, with a key. */
let sender: TestSigner;
let bert: TestSigner;
let serial = 0;

beforeAll(async () => {
  engine = await createEngineHarness();
  await engine.setClock('2030-01-07T01:00:00Z');
  ports = await freezePorts(engine);
  first = await firstTwo(ports);
  bert = first[1];
  sender = await register(ports, first, newSigner('operator', 'console'));
  await agreeOn(ports, first, 'sign-decisions');
});
afterAll(() => engine.remove());

/** A tenant whose service ended an hour ago, and nobody has said so yet. */
async function ended(): Promise<{ readonly tenantId: string; readonly endedAt: string }> {
  const tenantId = await subscribed(engine, 'CVM');
  await later(engine, 2 * HOUR);
  const endedAt = new Date(Date.parse(await engine.now()) - HOUR * 1000).toISOString();
  return { tenantId, endedAt };
}

type What = Awaited<ReturnType<typeof ended>> & { readonly use?: string };

const sign = (by: TestSigner, decision: DecisionKind, { tenantId, endedAt, use = 'CVM' }: What) =>
  signed(engine, by, { decision, subject: tenantId, terms: termsOfEnd(use, endedAt) });

/** Both signatures, over `what`. */
const both = async (what: What, approver = bert): Promise<readonly string[]> => [
  await sign(sender, 'request-end', what),
  await sign(approver, 'approve-end', what),
];

const report = (
  { tenantId, endedAt }: What,
  change: Partial<CommandBodies['endService']> = {},
  key = `end-${(serial += 1)}`,
): Promise<string> => {
  const body = { service: 'CVM', endedAt, approvedBy: bert.personId, ...change } as const;
  return engine.send(tenantId, 'endService', body, key).then(
    () => 'accepted',
    (error: unknown) => (error as { code: string }).code,
  );
};

const isOpen = async ({ tenantId }: What): Promise<boolean> =>
  (await engine.activities.refresh({ tenantId, workflowNow: '' })).activeServices.includes('CVM');

describe('an end that is dated back, where decisions are signed', () => {
  it('takes the signatures of two people over tenant, use and instant [AB-3]', async () => {
    const what = await ended();
    expect(await report(what)).toBe('SIGNATURE_REQUIRED');
    expect(await isOpen(what)).toBe(true);
    expect(await report(what, { documents: await both(what) })).toBe('accepted');
    expect(await isOpen(what)).toBe(false);
  });

  it('is answered again under its key, also when the signatures have run out [AB-3]', async () => {
    const what = await ended();
    const documents = await both(what);
    expect(await report(what, { documents }, 'again')).toBe('accepted');
    await later(engine, 25 * HOUR);
    expect(await report(what, { documents }, 'again')).toBe('accepted');
  });

  it.each<[string, (what: What) => Promise<readonly string[]>]>([
    ['for another tenant', async (what) => both({ ...(await ended()), endedAt: what.endedAt })],
    ['for another use', (what) => both({ ...what, use: 'Feature' })],
    [
      'for an earlier instant',
      (what) => both({ ...what, endedAt: new Date(Date.parse(what.endedAt) - 1).toISOString() }),
    ],
    ['twice by the same person', (what) => both(what, sender)],
    ['as an approval of something else', async (what) => (await both(what)).toReversed()],
  ])('is refused when it was signed %s [AB-3]', async (_, documents) => {
    const what = await ended();
    expect(['SIGNATURE_REQUIRED', 'SIGNATURE_INVALID']).toContain(
      await report(what, { documents: await documents(what) }),
    );
    expect(await isOpen(what)).toBe(true);
    expect(await report(what, { documents: await both(what) })).toBe('accepted');
  });

  it('does not count a signature whose key was taken out since', async () => {
    const what = await ended();
    const gone = await register(ports, first, newSigner('dpo', `person-${(serial += 1)}`));
    const documents = await both(what, gone);
    await engine
      .root('control')
      .execute(
        `INSERT INTO signer_revocations (kid, change_id, revoked_at) VALUES (?, ?, lethe_now())`,
        [gone.kid, 'ch_0000000000000000'],
      );
    await later(engine, 1);
    expect(await report(what, { documents, approvedBy: gone.personId })).toBe('SIGNER_NOT_VALID');
    expect(await isOpen(what)).toBe(true);
  });

  it('takes none when it is reported as it comes', async () => {
    const tenantId = await subscribed(engine, 'CVM');
    await engine.send(tenantId, 'endService', { service: 'CVM' });
    expect(await isOpen({ tenantId, endedAt: '' })).toBe(false);
  });

  it('leaves evidence of both signatures with its tenant, and of what was refused', async () => {
    const what = await ended();
    await report(what);
    await report(what, { documents: await both(what) });
    const count = async (kind: string): Promise<number> => {
      const [row] = await engine
        .root('evidence')
        .query(
          'SELECT COUNT(*) AS n FROM entries WHERE kind = ? AND tenant_id <=> ? AND entry LIKE ?',
          [kind, kind === 'decision-signed' ? what.tenantId : null, '%-end"%'],
        );
      return Number(row?.['n']);
    };
    expect(await count('decision-signed')).toBe(2);
    expect(await count('decision-refused')).toBeGreaterThan(0);
  });
});

describe('an end that is dated back, where names are enough', () => {
  it('is not approved by who reports it under another spelling [AB-3]', async () => {
    await agreeOn(ports, first, 'name-decisions');
    const what = await ended();
    expect(await report(what, { approvedBy: 'CONSOLE' })).toBe('BACKDATING_NEEDS_APPROVAL');
    expect(await isOpen(what)).toBe(true);
    expect(await report(what, { approvedBy: 'operator-2' })).toBe('accepted');
  });
});
