import { join } from 'node:path';
import { planPolicy, type PolicyPorts } from '../../src/activities/control/policies';
import { bindDeriveWindow } from '../../src/activities/windows/derive-window';
import type { DueDay } from '../../src/contracts/snapshot';
import type { PolicyPlan } from '../../src/contracts/window-plans';
import type { DeriveWindow } from '../../src/contracts/windows';
import type { PolicyShelf } from '../../src/domain/retention-schedule';
import { loadCalendars } from '../../src/platform/calendars';
import { DRAFT, WITH_DRAFT } from './draft-policy';
import { createEngineHarness, type EngineHarness } from './engine';
import { hold } from './holds';
import { firstTwo, newSigner, register, type TestSigner } from './signers';
import { requestOf, subscribed, withHost } from './tenant-life';

/** Windows as a build computes them that knows these policies. */
export const ruleOf = (policies: PolicyShelf): DeriveWindow =>
  bindDeriveWindow({
    policies,
    calendars: loadCalendars(join(__dirname, '../../calendars')),
    tzdata: process.versions['tz'] ?? 'unknown',
  });

/** An environment under version 1 with a draft of version 2 at hand, and tenants whom it would move. */
export interface PolicyStage {
  readonly engine: EngineHarness;
  readonly ports: PolicyPorts;
  readonly officers: readonly [TestSigner, TestSigner];
  readonly requester: TestSigner;
  /** One whose configuration was asked to be deleted, one whose service ended, one that is held. */
  readonly tenants: Readonly<Record<'asked' | 'ended' | 'held', string>>;
  /** Their due days before anything happens to the policy. */
  readonly before: Readonly<Record<'asked' | 'ended' | 'held', readonly DueDay[]>>;
  dueDaysOf(tenantId: string): Promise<readonly DueDay[]>;
  /** What the draft would move, read with a login that only reads. */
  plan(): Promise<PolicyPlan>;
}

/** Makes the stage for one suite, on the morning of 7 January 2030. */
export async function createPolicyStage(): Promise<PolicyStage> {
  const engine = await createEngineHarness(undefined, WITH_DRAFT);
  await engine.setClock('2030-01-07T01:00:00Z');
  const ports = portsOf(engine);
  const authority = { control: ports.control, ledger: ports.ledger };
  const officers = await firstTwo(authority);
  const requester = await register(authority, officers, newSigner('requester', 'person-3'));
  const asked = await subscribed(engine, 'CVM');
  await requestConfiguration(engine, asked);
  const ended = (await withHost(engine, 'CVM')).tenantId;
  await engine.send(ended, 'endService', { service: 'CVM' });
  await engine.runWork(ended);
  const held = await subscribed(engine, 'CVM');
  await requestConfiguration(engine, held);
  await hold(engine, held);
  const dueDaysOf: PolicyStage['dueDaysOf'] = async (tenantId) =>
    (await engine.snapshot(tenantId)).dueDays;
  return {
    ...{ engine, ports, officers, requester, dueDaysOf },
    tenants: { asked, ended, held },
    before: {
      asked: await dueDaysOf(asked),
      ended: await dueDaysOf(ended),
      held: await dueDaysOf(held),
    },
    plan: () => planPolicy(engine.stores.sql('reader', 'control'), DRAFT, ruleOf(WITH_DRAFT)),
  };
}

function portsOf({ stores, parts, options }: EngineHarness): PolicyPorts {
  return {
    control: stores.sql('control', 'control'),
    keys: stores.sql('control', 'keys'),
    ledger: parts.ledger,
    unstamp: () => Promise.resolve(),
    pause: options.pause,
    derive: ruleOf(WITH_DRAFT),
  };
}

/** Asks for the deletion of a tenant's configuration and has it sealed. */
export async function requestConfiguration(engine: EngineHarness, tenantId: string): Promise<void> {
  await engine.send(tenantId, 'requestDeletion', {
    requestId: requestOf(tenantId),
    recordClass: 'console-configuration-data',
  });
  await engine.runWork(tenantId);
}
