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
import type {
  HoldAcknowledgement,
  HoldRelease,
  HoldStatus,
  PlaceHold,
  ReleaseState,
} from '../contracts/holds';
import { HOLD_MESSAGE_NAMES, SIGNAL_NAMES } from '../contracts/messages';
import {
  assertReleaseApproval,
  assertReleaseRequest,
  assertReleaseWithdrawal,
  assertReview,
} from '../contracts/validate-hold';
import { lifecycleWorkflowId } from '../domain/identifiers';
import { control, retired } from './activity-options';
import { checked, isGone } from './failures';
import { answered, BLOCKED_RETRY } from './keep-going';

/** A database whose clock is a moment behind is asked again after this long. */
const CLOCK_STEP_MS = 1_000;

setWorkflowOptions({ versioningBehavior: 'PINNED' }, holdPlacement);
/**
 * A legal hold has a short process of its own, so that it works when the tenant's does not. It is in
 * force when control and the key store both know it and no older permit lives in either. One person asks
 * to release it, another one approves, and when the delay is over the process tells the tenants.
 *
 * @idempotency placing is keyed by the hold's id; a repeated placement returns the first acknowledgement.
 * @source CC-4
 */
export async function holdPlacement(input: PlaceHold): Promise<HoldStatus> {
  const hold = new Hold(input);
  hold.acknowledgement = await control.placeHold(input);
  hold.releasesAt = hold.acknowledgement.releasesAt ?? null;
  await tellTenants(input);
  while (hold.release === null) await untilReleased(hold);
  await tellTenants(input);
  await condition(allHandlersFinished);
  return hold.status();
}

/** Waits until somebody decides, or until an approved release takes effect. */
async function untilReleased(hold: Hold): Promise<void> {
  const { releasesAt } = hold;
  const changed = (): boolean => hold.release !== null || hold.releasesAt !== releasesAt;
  if (releasesAt === null) {
    await condition(changed);
    return;
  }
  const wait = Math.max(CLOCK_STEP_MS, Date.parse(releasesAt) + 1 - Date.now());
  if (await condition(changed, wait, { summary: `the release takes effect at ${releasesAt}` })) {
    return;
  }
  const { holdId } = hold.input;
  const { answer, refusal } = await answered(control.settleHoldRelease({ holdId }));
  if (refusal !== null) {
    const summary = `the end of the release cannot be recorded: ${refusal}; tried again`;
    await condition(changed, BLOCKED_RETRY, { summary });
    return;
  }
  const { state, releasedAt } = answer;
  if (state === 'released' && releasedAt !== null) {
    hold.release = { holdId, releasedAt };
  }
  hold.releasesAt = releasedAt;
}

/** What a release of before said. */
interface InOneStep {
  readonly requestedBy: string;
  readonly approvedBy: string;
}

const refuseInOneStep: (order: InOneStep) => void = () => {
  throw ApplicationFailure.nonRetryable(
    'a release is asked for by one person and approved by another: send requestRelease',
    'NOT_PERMITTED',
  );
};

/** What the process knows, and what can be told to it and asked of it. */
class Hold {
  acknowledgement: HoldAcknowledgement | null = null;
  release: HoldRelease | null = null;
  /** When an approved release takes effect. */
  releasesAt: string | null = null;

  constructor(readonly input: PlaceHold) {
    setHandler(defineQuery<HoldStatus>(HOLD_MESSAGE_NAMES.holdStatusQuery), () => this.status());
    setHandler(
      defineUpdate<HoldAcknowledgement>(HOLD_MESSAGE_NAMES.awaitAcknowledgementUpdate),
      async () => {
        await condition(() => this.acknowledgement !== null);
        return this.acknowledgement as HoldAcknowledgement;
      },
    );
    this.decides(HOLD_MESSAGE_NAMES.requestReleaseUpdate, assertReleaseRequest, (order) =>
      control.requestHoldRelease(order),
    );
    this.decides(HOLD_MESSAGE_NAMES.approveReleaseUpdate, assertReleaseApproval, (order) =>
      control.approveHoldRelease(order),
    );
    this.decides(HOLD_MESSAGE_NAMES.withdrawReleaseUpdate, assertReleaseWithdrawal, (order) =>
      control.withdrawHoldRelease(order),
    );
    this.decides(HOLD_MESSAGE_NAMES.reviewHoldUpdate, assertReview, (order) =>
      control.reviewHold(order),
    );
    this.answersHistories();
  }

  status(): HoldStatus {
    const { acknowledgement, release, releasesAt } = this;
    return { holdId: this.input.holdId, state: this.state(), acknowledgement, release, releasesAt };
  }

  private state(): HoldStatus['state'] {
    if (this.release !== null) return 'released';
    if (this.acknowledgement === null) return 'placing';
    return this.releasesAt === null ? 'in-force' : 'release-approved';
  }

  /** A decision of a person: checked, committed in control, told to the tenants. */
  private decides<T extends object>(
    name: string,
    check: (value: unknown) => asserts value is T,
    act: (order: T & { readonly holdId: string }) => Promise<ReleaseState>,
  ): void {
    setHandler(
      defineUpdate<ReleaseState, [T]>(name),
      async (order) => {
        await condition(() => this.acknowledgement !== null);
        const state = await refusing(act({ ...order, holdId: this.input.holdId }));
        this.releasesAt = state.releasedAt;
        await tellTenants(this.input);
        return state;
      },
      {
        validator: (order) => {
          checked(() => {
            check(order);
          });
        },
      },
    );
  }

  /** Histories of before know a release in one step; nobody can ask for one any more. */
  private answersHistories(): void {
    setHandler(
      defineUpdate<HoldRelease, [InOneStep]>(HOLD_MESSAGE_NAMES.releaseHoldUpdate),
      async (order) => {
        await condition(() => this.acknowledgement !== null);
        this.release = await refusing(retired.releaseHold({ holdId: this.input.holdId, ...order }));
        return this.release;
      },
      {
        validator: refuseInOneStep,
      },
    );
  }
}

/** What the activity refuses is the answer of the Update. */
async function refusing<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
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
      await getExternalWorkflowHandle(lifecycleWorkflowId(tenantId)).signal(
        SIGNAL_NAMES.factsChangedSignal,
      );
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
}
