import {
  ActivityFailure,
  allHandlersFinished,
  ApplicationFailure,
  condition,
  defineQuery,
  defineUpdate,
  getExternalWorkflowHandle,
  setHandler,
  setWorkflowOptions,
} from '@temporalio/workflow';
import type { HoldAcknowledgement, HoldRelease, HoldStatus, PlaceHold } from '../contracts/holds';
import { HOLD_MESSAGE_NAMES, SIGNAL_NAMES } from '../contracts/messages';
import { control } from './activity-options';
import { checked, isGone } from './failures';
import { assertRelease } from '../contracts/validate-hold';

/** Order to release a hold: two different people. */
export interface ReleaseHold {
  readonly requestedBy: string;
  readonly approvedBy: string;
}

setWorkflowOptions({ versioningBehavior: 'PINNED' }, holdPlacement);
/**
 * A legal hold has a short process of its own, so that it works when the tenant's does not. It is in
 * force when control and the key store both know it and no older permit lives in either.
 *
 * @idempotency placing is keyed by the hold's id; a repeated placement returns the first acknowledgement.
 * @source CC-4
 */
export async function holdPlacement(input: PlaceHold): Promise<HoldStatus> {
  let acknowledgement: HoldAcknowledgement | null = null;
  let release: HoldRelease | null = null;
  const status = (): HoldStatus => ({
    holdId: input.holdId,
    state: release !== null ? 'released' : acknowledgement === null ? 'placing' : 'in-force',
    acknowledgement,
    release,
  });
  setHandler(defineQuery<HoldStatus>(HOLD_MESSAGE_NAMES.holdStatusQuery), status);
  setHandler(
    defineUpdate<HoldRelease, [ReleaseHold]>(HOLD_MESSAGE_NAMES.releaseHoldUpdate),
    async (order) => {
      await condition(() => acknowledgement !== null);
      release = await released(input, order);
      return release;
    },
    {
      validator: (order) => {
        checked(() => {
          assertRelease(order);
        });
      },
    },
  );
  setHandler(
    defineUpdate<HoldAcknowledgement>(HOLD_MESSAGE_NAMES.awaitAcknowledgementUpdate),
    async () => {
      await condition(() => acknowledgement !== null);
      return acknowledgement as unknown as HoldAcknowledgement;
    },
  );

  acknowledgement = await control.placeHold(input);
  await tellTenants(input);
  await condition(() => release !== null);
  await tellTenants(input);
  await condition(allHandlersFinished);
  return status();
}

async function released(input: PlaceHold, order: ReleaseHold): Promise<HoldRelease> {
  try {
    return await control.releaseHold({ holdId: input.holdId, ...order });
  } catch (error) {
    if (error instanceof ActivityFailure && error.cause instanceof ApplicationFailure) {
      throw error.cause;
    }
    throw error;
  }
}

/** The control row is the truth; a tenant's process that is not there learns it when it starts. */
async function tellTenants(input: PlaceHold): Promise<void> {
  for (const tenantId of new Set(input.scopes.map((scope) => scope.tenantId))) {
    try {
      await getExternalWorkflowHandle(`tenant-lifecycle:${tenantId}`).signal(
        SIGNAL_NAMES.factsChangedSignal,
      );
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
}
