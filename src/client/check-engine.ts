import type { Connection } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import {
  fail,
  judgeClock,
  look,
  ok,
  skipped,
  type CheckResult,
  type Seen,
} from '../contracts/doctor';
import { SEARCH_ATTRIBUTES } from '../contracts/search-attributes';
import { TASK_QUEUES } from '../contracts/task-queues';

/** What looking at the workflow engine needs. */
export interface EngineAddress {
  readonly connection: Connection;
  readonly namespace: string;
}

const { IndexedValueType, TaskQueueType } = temporal.api.enums.v1;
/** Longest wait for one answer, in milliseconds. */
const ANSWER_MS = 5_000;
const START_A_WORKER = 'start a worker; docs/runbooks/what-if.md says what happens meanwhile';

/**
 * Looks at the workflow engine: version, namespace with its search attributes, workers, clock. It only
 * reads.
 */
export async function checkEngine(
  engine: EngineAddress,
  now: () => number,
): Promise<readonly CheckResult[]> {
  const { connection, namespace } = engine;
  const inTime = <T>(work: () => Promise<T>): Promise<T> =>
    connection.withDeadline(Date.now() + ANSWER_MS, work);
  const pollers = await Promise.all(
    Object.values(TASK_QUEUES).map((queue) => checkQueue(engine, queue, inTime)),
  );
  const seen = pollers.flatMap(({ seenAt }) => seenAt);
  return [
    await look('workflow engine', 'start it, or check LETHE_TEMPORAL_ADDRESS', async () => {
      const { serverVersion } = await inTime(() => connection.workflowService.getSystemInfo({}));
      return ok(`version ${serverVersion}`);
    }),
    await look(
      'search attributes',
      'run lethe migrate; one of another type must be removed first',
      async () =>
        judgeAttributes(
          (await inTime(() => connection.operatorService.listSearchAttributes({ namespace })))
            .customAttributes,
        ),
    ),
    ...pollers.map(({ result }) => result),
    await look('engine clock', 'repair time synchronisation on the machine that is wrong', () =>
      // The engine tells its time only by when it last heard of a worker, so a slow clock is not seen.
      Promise.resolve(
        seen.length === 0
          ? skipped('no worker was heard of, and the engine tells its time by nothing else')
          : judgeClock(Math.max(...seen), -Infinity, now()),
      ),
    ),
  ];
}

function judgeAttributes(known: Readonly<Record<string, number>>): Seen {
  const wrong = Object.entries(SEARCH_ATTRIBUTES).filter(([name, type]) => {
    const found = Object.hasOwn(known, name) ? known[name] : undefined;
    return found === undefined || IndexedValueType[found] !== `INDEXED_VALUE_TYPE_${type}`;
  });
  if (wrong.length === 0) return ok(`${Object.keys(SEARCH_ATTRIBUTES).length} as they should be`);
  return fail(`missing or of another type: ${wrong.map(([name]) => name).join(', ')}`);
}

async function checkQueue(
  { connection, namespace }: EngineAddress,
  queue: string,
  inTime: <T>(work: () => Promise<T>) => Promise<T>,
): Promise<{ readonly result: CheckResult; readonly seenAt: readonly number[] }> {
  const seenAt: number[] = [];
  const isWorkflows = queue === TASK_QUEUES.workflows;
  const result = await look(`workers on ${queue}`, START_A_WORKER, async () => {
    const { pollers } = await inTime(() =>
      connection.workflowService.describeTaskQueue({
        namespace,
        taskQueue: { name: queue },
        taskQueueType: isWorkflows
          ? TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
          : TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
      }),
    );
    for (const { lastAccessTime } of pollers) {
      if (lastAccessTime) seenAt.push(Number(lastAccessTime.seconds) * 1000);
    }
    return pollers.length === 0
      ? fail('nobody asks for work')
      : ok(`${pollers.length} ask for work`);
  });
  return { result, seenAt };
}
