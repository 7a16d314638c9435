import { checkControl } from '../../src/activities/restore-gate/check-control';
import {
  replayControl,
  type ReplayControlPorts,
} from '../../src/activities/restore-gate/replay-control';
import {
  approveChange,
  proposeChange,
  signChange,
  signChangeApproval,
} from '../../src/activities/control/authority';
import { textRow } from '../../src/activities/control/sql-text';
import { exportCheckpoint } from '../../src/activities/evidence/checkpoints';
import { signedInstant, signStop } from '../../src/cli/order-documents';
import { readCompact } from '../../src/domain/signed-document';
import { digestOfDocument } from '../../src/transparency/signed-document';
import { createEngineHarness, type EngineHarness } from '../support/engine';
import { officersOf, orderDeletion, signedPair } from '../support/orders';
import { loseRows, replayPorts } from '../support/restore-gate';
import { newSigner, register } from '../support/signers';
import { requestedSetting, requestOf } from '../support/tenant-life';

const DAY = 86_400_000;
let engine: EngineHarness;
let ports: ReplayControlPorts;

beforeAll(async () => {
  engine = await createEngineHarness();
  await engine.setClock('2030-01-07T01:00:00Z');
  ports = replayPorts(engine);
});
afterAll(() => engine.remove());

const lose = (...statements: readonly string[]): Promise<void> => loseRows(engine, statements);

const requested = (): Promise<string> => requestedSetting(engine);

const inForce = async (tenantId: string): Promise<string | null> => {
  const row = await textRow(
    engine.root('control'),
    `SELECT order_for_request(?, ?, 'console-configuration-data', lethe_now()) AS order_id`,
    [tenantId, requestOf(tenantId)],
  );
  return row?.['order_id'] ?? null;
};

/** Replays, and lets two people lift the freeze under which everything stands then. */
async function replayed(): Promise<Awaited<ReturnType<typeof replayControl>>> {
  const result = await replayControl(ports, { replayedBy: 'ops-1' });
  await lose(
    `INSERT INTO freeze_lifts SELECT freeze_id, 'a', lethe_now() FROM freezes WHERE freeze_id = '${result.freezeId}'`,
    `INSERT INTO freeze_lifts SELECT freeze_id, 'b', lethe_now() FROM freezes WHERE freeze_id = '${result.freezeId}'`,
  );
  return result;
}

describe('orders after control came back from a backup', () => {
  it('that were revoked stay revoked, although the backup knows them in force [CC-2] [DR-1]', async () => {
    const tenantId = await requested();
    const { order } = await orderDeletion(engine, tenantId);
    const orderId = (await inForce(tenantId)) ?? '';
    const [officer] = await officersOf(engine.environment);
    const body = {
      ...{ orderId, orderDigest: digestOfDocument(order), tenantId, reason: 'mistake' as const },
      ...{ person: officer.personId, issuedAt: signedInstant(Date.parse(await engine.now())) },
    };
    const revocation = signStop('revocation', body, officer.key);
    await engine.send(tenantId, 'revokeOrder', { revocation }, 'revoke');
    expect(await inForce(tenantId)).toBeNull();
    await exportCheckpoint(engine.parts.checkpoints, { mode: 'legal-hold' });
    await lose(
      'DELETE FROM deletion_order_stops',
      `DELETE FROM commands WHERE kind = 'revokeOrder'`,
    );
    expect(await inForce(tenantId)).toBe(orderId);
    expect(await checkControl(ports.checkpoints)).toMatchObject({
      older: true,
      authority: [{ what: 'order-stopped', tenantId, orderId, stop: 'revoked', reason: 'mistake' }],
    });
    expect(await replayed()).toMatchObject({
      authority: 1,
      commands: [{ command: 'revokeOrder' }],
    });
    expect(await inForce(tenantId)).toBeNull();
    expect((await checkControl(ports.checkpoints)).authority).toEqual([]);
    await engine.setClock(new Date(Date.parse(await engine.now()) + 8 * DAY).toISOString());
    await engine.destroy(tenantId);
    const left = await engine
      .root('configuration')
      .query('SELECT 1 FROM console_settings WHERE tenant_id = ?', [tenantId]);
    expect(left).toHaveLength(1);
  });

  it('are stopped where the withdrawal of their request was lost, until people order again [CC-2]', async () => {
    const tenantId = await requested();
    await orderDeletion(engine, tenantId);
    await engine.send(tenantId, 'withdrawDeletion', { requestId: requestOf(tenantId) }, 'withdraw');
    await lose(
      `DELETE FROM deletion_withdrawals WHERE tenant_id = '${tenantId}'`,
      `DELETE FROM commands WHERE kind = 'withdrawDeletion'`,
    );
    expect(await inForce(tenantId)).not.toBeNull();
    expect(await replayed()).toMatchObject({ authority: 1 });
    expect(await inForce(tenantId)).toBeNull();
    // The sender withdraws again under its key, and the evidence keeps both instants.
    await engine.send(tenantId, 'withdrawDeletion', { requestId: requestOf(tenantId) }, 'withdraw');
    expect((await checkControl(ports.checkpoints)).authority).toEqual([]);
  });

  it('and approvals that were lost are sent again as they were signed [CC-2]', async () => {
    const tenantId = await requested();
    const { order, approval } = await signedPair(engine.environment, tenantId);
    const send = async (): Promise<void> => {
      await engine.send(tenantId, 'submitOrder', { order }, 'submit');
      await engine.send(tenantId, 'approveOrder', { approval }, 'approve');
    };
    await send();
    const { orderId } = readCompact(order, 'order').payload;
    await lose(
      ...['deletion_approvals', 'deletion_order_requests', 'deletion_orders'].map(
        (table) => `DELETE FROM ${table} WHERE order_id = '${String(orderId)}'`,
      ),
      `DELETE FROM commands WHERE idempotency_key IN ('submit', 'approve')`,
    );
    expect(await inForce(tenantId)).toBeNull();
    const { commands } = await replayed();
    expect(commands.map(({ idempotencyKey }) => idempotencyKey)).toEqual(
      expect.arrayContaining(['submit', 'approve']),
    );
    await engine.setClock(new Date(Date.parse(await engine.now()) + 60_000).toISOString());
    await send();
    expect(await inForce(tenantId)).toBe(orderId);
  });

  it('do not count by a key that was taken out, nor by an older rule of approvals [CC-2]', async () => {
    const officers = await officersOf(engine.environment);
    const third = await register(ports, officers, newSigner('dpo', 'person-3'));
    const tenantId = await requested();
    await orderDeletion(engine, tenantId);
    for (const action of [
      { action: 'revoke-signer', kid: third.kid },
      { action: 'set-rule', approvalsNeeded: 3, approveWithinHours: 24 },
    ] as const) {
      const changeId = `ch_${action.action === 'set-rule' ? '1' : '2'}${'0'.repeat(16)}`;
      const change = await proposeChange(
        ports,
        signChange({ changeId, ...action }, officers[0].key),
      );
      await approveChange(ports, signChangeApproval(change, officers[1].key));
    }
    expect(await inForce(tenantId)).toBeNull();
    await lose(
      'DELETE FROM signer_revocations',
      'DELETE FROM approval_rules WHERE rule_number > 1',
    );
    expect(await inForce(tenantId)).not.toBeNull();
    expect(await replayed()).toMatchObject({ authority: 2 });
    expect(await inForce(tenantId)).toBeNull();
    const [row] = await engine
      .root('control')
      .query('SELECT kid FROM signer_revocations WHERE kid = ?', [third.kid]);
    expect(String(row?.['kid'])).toBe(third.kid);
  });
});
