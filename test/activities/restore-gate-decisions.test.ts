import {
  areDecisionsSigned,
  readSignedRequest,
  termsOf,
} from '../../src/activities/control/decisions';
import { readHold } from '../../src/activities/control/read-holds';
import { textRows } from '../../src/activities/control/sql-text';
import { exportCheckpoint } from '../../src/activities/evidence/checkpoints';
import { checkControl } from '../../src/activities/restore-gate/check-control';
import {
  replayControl,
  type ReplayControlPorts,
} from '../../src/activities/restore-gate/replay-control';
import { createEngineHarness, type EngineHarness } from '../support/engine';
import { newHoldId, placeOver } from '../support/holds';
import { loseRows, replayPorts } from '../support/restore-gate';
import { agreeOn, signed } from '../support/signed-decisions';
import { firstTwo, type TestSigner } from '../support/signers';
import { subscribed } from '../support/tenant-life';

let engine: EngineHarness;
let ports: ReplayControlPorts;
let officers: readonly [TestSigner, TestSigner];

beforeEach(async () => {
  engine = await createEngineHarness();
  await engine.setClock('2030-01-07T01:00:00Z');
  ports = replayPorts(engine);
  officers = await firstTwo(ports);
  await agreeOn(ports, officers, 'sign-decisions');
});
afterEach(() => engine.remove());

const checkpoint = () => exportCheckpoint(engine.parts.checkpoints, { mode: 'legal-hold' });
const replay = () => replayControl(ports, { replayedBy: 'ops-1' });

/** A hold whose release two people signed. */
async function releasedBySignatures(): Promise<string> {
  const tenantId = await subscribed(engine, 'CVM');
  const holdId = newHoldId();
  await placeOver(engine, [{ tenantId }], { holdId });
  const [anna, bert] = officers;
  const ask = { decision: 'request-release', subject: holdId } as const;
  const request = await signed(engine, anna, { ...ask, terms: termsOf() });
  const { activities } = engine;
  await activities.requestHoldRelease({ holdId, requestedBy: anna.personId, document: request });
  const terms = await readSignedRequest(ports.control, { ...ask, by: anna.personId });
  const approve = { decision: 'approve-release', subject: holdId, terms: terms ?? '' } as const;
  const document = await signed(engine, bert, approve);
  await activities.approveHoldRelease({ holdId, approvedBy: bert.personId, document });
  return holdId;
}

describe('signed decisions after control came back from a backup', () => {
  it('are back as they were decided, and the next one needs a signature again [CC-4]', async () => {
    const holdId = await releasedBySignatures();
    const before = await readHold(ports.control, holdId);
    await checkpoint();
    await loseRows(engine, [
      'DELETE FROM hold_releases',
      'DELETE FROM hold_release_requests',
      'DELETE FROM signed_decisions',
    ]);
    expect(await replay()).toMatchObject({ releaseSteps: 2 });
    expect(await readHold(ports.control, holdId)).toEqual(before);
    expect(await textRows(engine.root('control'), 'SELECT * FROM decision_replays')).toEqual([]);
    const { activities } = engine;
    await activities.withdrawHoldRelease({ holdId, withdrawnBy: 'dpo-7' });
    await expect(
      activities.requestHoldRelease({ holdId, requestedBy: 'dpo-1' }),
    ).rejects.toMatchObject({ code: 'SIGNATURE_REQUIRED' });
  });

  it('are needed although the backup does not know that two people agreed on it [CC-4]', async () => {
    await checkpoint();
    await loseRows(engine, ['DELETE FROM decision_rules WHERE rule_number > 1']);
    expect(await areDecisionsSigned(ports.control)).toBe(false);
    expect((await checkControl(ports.checkpoints)).authority).toMatchObject([
      { what: 'decisions-rule', signed: true },
    ]);
    expect(await replay()).toMatchObject({ authority: 1 });
    expect(await areDecisionsSigned(ports.control)).toBe(true);
    expect((await checkControl(ports.checkpoints)).authority).toEqual([]);
  });

  it('are put back only while everything is frozen', async () => {
    const holdId = await releasedBySignatures();
    await expect(
      ports.control.execute(
        `CALL replay_hold_release(?, 9, 'requested', '', 'dpo-9', lethe_now(), lethe_now())`,
        [holdId],
      ),
    ).rejects.toMatchObject({ code: 'NOT_PERMITTED' });
    expect(await textRows(engine.root('control'), 'SELECT * FROM decision_replays')).toEqual([]);
  });
});
