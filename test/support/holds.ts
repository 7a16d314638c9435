import type { HoldAcknowledgement, HoldScope, PlaceHold } from '../../src/contracts/holds';
import { newTenantId, type EngineHarness } from './engine';

/** Hours between the approval of a release and its effect. */
export const RELEASE_DELAY_HOURS = 24;
const HOUR_MS = 3_600_000;

/** What every order to place a hold says beside its scopes; long runs of races count on by half a year each. */
export const HOLD_FACTS = Object.freeze({
  matter: 'mt-0001',
  groundKind: 'litigation',
  owner: 'legal-1',
  requestedBy: 'dpo-1',
  reviewOn: '2200-12-31',
} as const satisfies Partial<PlaceHold>);

/** An id of a hold that nothing else has. */
export const newHoldId = (): string => `hd_${newTenantId().slice(3)}`;

/** Places a hold over the given scopes, with a ground that the first tenant staged. */
export async function placeOver(
  engine: EngineHarness,
  scopes: readonly HoldScope[],
  over: Partial<PlaceHold> = {},
): Promise<HoldAcknowledgement> {
  const ground = await engine.stage(scopes[0]?.tenantId ?? '', { ground: 'a case' }, 'grounds');
  return engine.activities.placeHold({
    ...HOLD_FACTS,
    holdId: newHoldId(),
    scopes,
    ground,
    ...over,
  });
}

/** One person asks, another one approves; the hold is in force until the delay is over. */
export async function approveRelease(engine: EngineHarness, holdId: string): Promise<string> {
  await engine.activities.requestHoldRelease({ holdId, requestedBy: 'dpo-1' });
  const { releasedAt } = await engine.activities.approveHoldRelease({
    holdId,
    approvedBy: 'dpo-2',
  });
  if (releasedAt === null) throw new Error('an approved release has an instant');
  return releasedAt;
}

/** Releases a hold by two people and lets the delay pass on the databases' clocks. */
export async function release(engine: EngineHarness, holdId: string): Promise<void> {
  const releasedAt = await approveRelease(engine, holdId);
  const later = new Date(Math.max(Date.parse(releasedAt), Date.parse(await engine.now())) + 1000);
  await engine.setClock(later.toISOString());
  const { state } = await engine.activities.settleHoldRelease({ holdId });
  if (state !== 'released') throw new Error(`the hold is ${state}`);
}

/** Places a hold over the whole tenant and gives back how two people release it. */
export async function hold(engine: EngineHarness, tenantId: string): Promise<() => Promise<void>> {
  const { holdId } = await placeOver(engine, [{ tenantId }]);
  return () => release(engine, holdId);
}

/** Days that pass while a hold is being released, for tests that count on. */
export const RELEASE_DELAY_MS = RELEASE_DELAY_HOURS * HOUR_MS;
