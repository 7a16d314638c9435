import type { WorkflowClient, WorkflowExecutionDescription } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { STORE_NAMES, type StoreKind } from '../domain/errors';
import type {
  AwaitedStore,
  LifecycleStatus,
  ProcessStatus,
  RunningScan,
} from '../contracts/snapshot';
import { within } from './bounded';

/** After this long a process is taken to be silent and control is asked, in milliseconds. */
const PROCESS_WAIT_MS = 3_000;

/** What is awaited when the process itself does not answer. */
export const SILENT_PROCESS = {
  awaits: { store: 'engine', step: null, attempt: 1, code: 'ENGINE_UNAVAILABLE' },
  scanning: null,
} as const;

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

/** Tells a process something that it would find out by itself, later; false when it could not be told. */
export async function tellProcess(
  workflows: WorkflowClient,
  workflowId: string,
  signal: string,
): Promise<boolean> {
  try {
    await within(workflows, PROCESS_WAIT_MS, () => workflows.getHandle(workflowId).signal(signal));
    return true;
  } catch {
    return false;
  }
}

/** What the engine knows of a process and of the child it waits for. */
interface Seen {
  readonly awaits: AwaitedStore | null;
  readonly scanning: RunningScan | null;
}

/** Nothing is known to be away, and no scan tells how far it is. */
export const NOTHING_SEEN: Seen = { awaits: null, scanning: null };

/**
 * Which store keeps a process, or the child it waits for, from going on, and how far its scan is. The engine
 * knows both, because it holds the failure and the last word of an attempt; the process only waits for an
 * answer.
 */
export async function lookAt(workflows: WorkflowClient, workflowId: string): Promise<Seen> {
  try {
    return await within(workflows, PROCESS_WAIT_MS, async () => {
      const { raw } = await workflows.getHandle(workflowId).describe();
      let { awaits, scanning } = seenIn(raw);
      for (const { workflowId: child } of raw.pendingChildren ?? []) {
        if (awaits !== null) break;
        const own = seenIn((await workflows.getHandle(child ?? '').describe()).raw);
        awaits = own.awaits;
        scanning ??= own.scanning;
      }
      return { awaits, scanning };
    });
  } catch {
    // It is an extra: that it cannot be had must not take the status away.
    return NOTHING_SEEN;
  }
}

const seenIn = (raw: Described): Seen => ({ awaits: awaitedIn(raw), scanning: scanningIn(raw) });

/** Adds to a status what is away, in words as well, and how far a scan is. */
export function awaiting(status: ProcessStatus, { awaits, scanning }: Seen): LifecycleStatus {
  const told = { ...status, awaits, ...(scanning !== null && { scanning }) };
  if (awaits === null) return told;
  const who =
    awaits.store === 'engine'
      ? 'its process does not answer'
      : `${STORE_NAMES[awaits.store]} is away (${awaits.step ?? ''}, attempt ${awaits.attempt})`;
  return { ...told, waitsFor: `${status.waitsFor}; ${who}` };
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

const NUMBERS = ['imagesRead', 'layersRead', 'layersKnown'] as const;
const OF_MANY = ['repositoriesDone', 'repositoriesListed'] as const;

function scanningIn(raw: Described): RunningScan | null {
  for (const { activityType, heartbeatDetails } of raw.pendingActivities ?? []) {
    const told = heartbeatDetails?.payloads?.[0];
    if (activityType?.name !== 'runScan' || told === undefined) continue;
    const beat = defaultPayloadConverter.fromPayload<Partial<RunningScan>>(told);
    const known = [...NUMBERS, ...OF_MANY].filter((name) => typeof beat[name] === 'number');
    if (!NUMBERS.every((name) => known.includes(name))) continue;
    return Object.fromEntries(known.map((name) => [name, beat[name]])) as unknown as RunningScan;
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
