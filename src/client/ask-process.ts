import type { WorkflowClient, WorkflowExecutionDescription } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { STORE_NAMES, type StoreKind } from '../domain/errors';
import type { AwaitedStore, LifecycleStatus, ProcessStatus } from '../contracts/snapshot';
import { within } from './bounded';

/** After this long a process is taken to be silent and control is asked, in milliseconds. */
export const PROCESS_WAIT_MS = 3_000;

/** What is awaited when the process itself does not answer. */
export const SILENT_PROCESS: AwaitedStore = {
  store: 'engine',
  step: null,
  attempt: 1,
  code: 'ENGINE_UNAVAILABLE',
};

/** Answer of a process to a query, or null when nothing answers: control knows the facts then. */
export async function queryProcess<T>(
  workflows: WorkflowClient,
  workflowId: string,
  name: string,
): Promise<T | null> {
  try {
    return await within(workflows, PROCESS_WAIT_MS, () =>
      workflows.getHandle(workflowId).query<T>(name),
    );
  } catch {
    return null;
  }
}

/**
 * Which store keeps a process, or the child it waits for, from going on. The engine knows it, because it
 * holds the failure of the last attempt; the process does not, it only waits for an answer.
 */
export async function findAwaitedStore(
  workflows: WorkflowClient,
  workflowId: string,
): Promise<AwaitedStore | null> {
  try {
    return await within(workflows, PROCESS_WAIT_MS, async () => {
      const { raw } = await workflows.getHandle(workflowId).describe();
      const own = awaitedIn(raw);
      if (own !== null) return own;
      for (const { workflowId: child } of raw.pendingChildren ?? []) {
        const described = await workflows.getHandle(child ?? '').describe();
        const found = awaitedIn(described.raw);
        if (found !== null) return found;
      }
      return null;
    });
  } catch {
    // It is an extra: that it cannot be had must not take the status away.
    return null;
  }
}

/** Adds to a status what is away, in words as well. */
export function awaiting(status: ProcessStatus, awaits: AwaitedStore | null): LifecycleStatus {
  if (awaits === null) return { ...status, awaits };
  const who =
    awaits.store === 'engine'
      ? 'its process does not answer'
      : `${STORE_NAMES[awaits.store]} is away (${awaits.step ?? ''}, attempt ${awaits.attempt})`;
  return { ...status, awaits, waitsFor: `${status.waitsFor}; ${who}` };
}

type Described = WorkflowExecutionDescription['raw'];

function awaitedIn(raw: Described): AwaitedStore | null {
  for (const { activityType, attempt, lastFailure } of raw.pendingActivities ?? []) {
    const failed = failureOf(lastFailure);
    if (failed === null) continue;
    return { ...failed, step: activityType?.name ?? null, attempt: attempt ?? 1 };
  }
  return null;
}

type Failure = NonNullable<Described['pendingActivities']>[number]['lastFailure'];

function failureOf(failure: Failure): Pick<AwaitedStore, 'store' | 'code'> | null {
  const info = failure?.applicationFailureInfo;
  const store = storeIn(info?.details?.payloads?.[0]);
  return store === null ? null : { store, code: info?.type ?? '' };
}

type Payload = Parameters<typeof defaultPayloadConverter.fromPayload>[0];

function storeIn(payload: Payload | undefined): StoreKind | null {
  if (payload === undefined) return null;
  const { store } = defaultPayloadConverter.fromPayload<{ readonly store?: unknown }>(payload);
  return typeof store === 'string' && Object.hasOwn(STORE_NAMES, store)
    ? (store as StoreKind)
    : null;
}
