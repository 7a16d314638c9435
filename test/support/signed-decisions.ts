import { randomBytes } from 'node:crypto';
import {
  approveChange,
  proposeChange,
  signChange,
  signChangeApproval,
  type AuthorityPorts,
} from '../../src/activities/control/authority';
import { signDecision } from '../../src/activities/control/decisions';
import type { Decision } from '../../src/contracts/decisions';
import type { EngineHarness } from './engine';
import type { TestSigner } from './signers';

const HOUR_MS = 3_600_000;

/** Two people agree on whether decisions need signatures. */
export async function agreeOn(
  ports: AuthorityPorts,
  [proposer, approver]: readonly [TestSigner, TestSigner],
  action: 'sign-decisions' | 'name-decisions',
): Promise<void> {
  const changeId = `ch_${randomBytes(16).toString('hex')}`;
  const proposed = await proposeChange(ports, signChange({ changeId, action }, proposer.key));
  await approveChange(ports, signChangeApproval(proposed, approver.key));
}

/** A signed decision that counts for an hour, unless `what` says otherwise. */
export async function signed(
  engine: EngineHarness,
  by: TestSigner,
  what: Pick<Decision, 'decision' | 'subject' | 'terms'> & Partial<Decision>,
): Promise<string> {
  const now = Date.parse(await engine.now());
  const decision: Decision = {
    ...{ version: 1, environment: engine.environment.name, person: by.personId },
    issuedAt: new Date(now).toISOString(),
    expiresAt: new Date(now + HOUR_MS).toISOString(),
    ...what,
  };
  return signDecision(decision, by.key);
}
