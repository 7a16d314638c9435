import { randomUUID } from 'node:crypto';
import { WithStartWorkflowOperation, type WorkflowClient } from '@temporalio/client';
import { LetheError } from '../domain/errors';
import { holdWorkflowId, parseId, type HoldId } from '../domain/identifiers';
import type { ControlReader } from '../contracts/control-reader';
import type { HoldAcknowledgement, HoldStatus, PlaceHold, ReleaseState } from '../contracts/holds';
import { HOLD_MESSAGE_NAMES } from '../contracts/messages';
import {
  assertReleaseApproval,
  assertReleaseRequest,
  assertReleaseWithdrawal,
  assertReview,
} from '../contracts/validate-hold';
import { queryProcess } from './ask-process';
import { holdBeginning } from './beginnings';

/** What people decide about a hold: the Update that carries it, and its check. */
const HOLD_DECISIONS = Object.freeze({
  requestRelease: [HOLD_MESSAGE_NAMES.requestReleaseUpdate, assertReleaseRequest],
  approveRelease: [HOLD_MESSAGE_NAMES.approveReleaseUpdate, assertReleaseApproval],
  withdrawRelease: [HOLD_MESSAGE_NAMES.withdrawReleaseUpdate, assertReleaseWithdrawal],
  review: [HOLD_MESSAGE_NAMES.reviewHoldUpdate, assertReview],
} as const satisfies Record<string, readonly [string, (order: unknown) => void]>);

/** Starts the process of a hold, or finds it, and waits until the hold is in force. */
export function bindPlacement(
  workflows: WorkflowClient,
  order: PlaceHold,
): () => Promise<HoldAcknowledgement> {
  const holdId = parseId('HoldId', order.holdId, 'holdId');
  const updateId = randomUUID();
  return () =>
    workflows.executeUpdateWithStart<
      (input: PlaceHold) => Promise<unknown>,
      HoldAcknowledgement,
      []
    >(HOLD_MESSAGE_NAMES.awaitAcknowledgementUpdate, {
      updateId,
      startWorkflowOperation: new WithStartWorkflowOperation('holdPlacement', {
        ...holdBeginning(holdId, order.scopes.length),
        args: [order],
        workflowIdConflictPolicy: 'USE_EXISTING',
        workflowIdReusePolicy: 'REJECT_DUPLICATE',
      }),
    });
}

/**
 * Sends a person's decision to the process of a hold.
 *
 * @throws LetheError naming the field, before anything is sent.
 */
export function bindDecision(
  workflows: WorkflowClient,
  decision: keyof typeof HOLD_DECISIONS,
  { holdId, order }: { readonly holdId: string; readonly order: object },
): () => Promise<ReleaseState> {
  const [name, check] = HOLD_DECISIONS[decision];
  check(order);
  const workflowId = holdWorkflowId(parseId('HoldId', holdId, 'holdId'));
  const updateId = randomUUID();
  return () =>
    workflows
      .getHandle(workflowId)
      .executeUpdate<ReleaseState, [object]>(name, { args: [order], updateId });
}

/** State of a hold: from its process, or from control when the engine does not answer. */
export async function readHoldStatus(
  workflows: WorkflowClient,
  control: Pick<ControlReader, 'hold'>,
  id: HoldId,
): Promise<HoldStatus> {
  const fromProcess = await queryProcess<HoldStatus>(
    workflows,
    holdWorkflowId(id),
    HOLD_MESSAGE_NAMES.holdStatusQuery,
  );
  if (fromProcess !== null) return fromProcess;
  const record = await control.hold(id);
  if (record === null) throw await noSuchHold();
  const { release, approved } = record;
  return {
    holdId: id,
    state: release !== null ? 'released' : approved === null ? 'in-force' : 'release-approved',
    // What was gone at the placement is known to the process and to the key store, not to control.
    acknowledgement: null,
    release: release === null ? null : { holdId: id, releasedAt: release.releasedAt },
    releasesAt: approved?.releasedAt ?? null,
  };
}

/** The answer to whoever names a hold that has no process. */
export const noSuchHold = (): Promise<LetheError> =>
  Promise.resolve(
    new LetheError('UNKNOWN_HOLD', 'holdId names no hold in force', { field: 'holdId' }),
  );
