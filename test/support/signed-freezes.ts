import { readSignedRequest, termsOf } from '../../src/activities/control/decisions';
import { placeFreeze, type FreezePorts } from '../../src/activities/control/freeze';
import { requestLift } from '../../src/activities/control/lift-freeze';
import { readFreeze } from '../../src/activities/control/read-interlocks';
import { createEngineHarness, newTenantId, type EngineHarness } from './engine';
import { freezePorts } from './interlocks';
import { agreeOn, signed } from './signed-decisions';
import { firstTwo, type TestSigner } from './signers';
import { subscribed } from './tenant-life';

/** An environment in which decisions are signed, with two people who may take them. */
export interface SignedStage {
  readonly engine: EngineHarness;
  readonly ports: FreezePorts;
  readonly anna: TestSigner;
  readonly bert: TestSigner;
  /** A freeze over a tenant of its own. */
  frozen(): Promise<string>;
  /** A signed request to lift it; gives the digest that an approval names. */
  askedBy(freezeId: string, by: TestSigner): Promise<string>;
  inForce(freezeId: string): Promise<boolean | undefined>;
}

export const REASON = 'the cause was found and is gone';

/** What a signed request to lift a freeze says. */
export const asking = (freezeId: string) =>
  ({ decision: 'request-lift', subject: freezeId, terms: termsOf(REASON) }) as const;

/** Makes it; whoever asks removes its engine. */
export async function createSignedStage(): Promise<SignedStage> {
  const engine = await createEngineHarness();
  await engine.setClock('2030-01-07T01:00:00Z');
  const ports = await freezePorts(engine);
  const [anna, bert] = await firstTwo(ports);
  await agreeOn(ports, [anna, bert], 'sign-decisions');
  return {
    ...{ engine, ports, anna, bert },
    frozen: async () => {
      const freezeId = `fz_${newTenantId().slice(3)}`;
      const scope = await subscribed(engine, 'CVM');
      await placeFreeze(ports, { freezeId, scope, placedBy: 'ops-1' });
      return freezeId;
    },
    askedBy: async (freezeId, by) => {
      const document = await signed(engine, by, asking(freezeId));
      await requestLift(ports, { freezeId, requestedBy: by.personId, reason: REASON, document });
      const request = { decision: 'request-lift', subject: freezeId, by: by.personId } as const;
      return (await readSignedRequest(ports.control, request)) ?? '';
    },
    inForce: async (freezeId) => (await readFreeze(ports.control, freezeId))?.inForce,
  };
}

/** How a decision ended: accepted, or the code of its refusal. */
export const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'accepted',
    (error: unknown) => (error as { code: string }).code,
  );
