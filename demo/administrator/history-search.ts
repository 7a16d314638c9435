import { Connection } from '@temporalio/client';
import { temporal } from '@temporalio/proto';

/** Where the workflow engine is. */
export interface Engine {
  readonly address: string;
  readonly namespace: string;
}

/** One execution and everything the engine recorded of it. */
export interface RecordedHistory {
  readonly workflowId: string;
  readonly runId: string;
  readonly events: readonly temporal.api.history.v1.IHistoryEvent[];
}

const { History } = temporal.api.history.v1;
const { WorkflowExecutionInfo } = temporal.api.workflow.v1;
const PAGE_SIZE = 200;

/** Reads the histories of all executions, open and closed. */
export async function* readHistories(
  engine: Engine,
): AsyncGenerator<RecordedHistory & { readonly listed: Buffer }> {
  const connection = await Connection.connect({ address: engine.address });
  try {
    let nextPageToken: Uint8Array = new Uint8Array();
    do {
      const page = await connection.workflowService.listWorkflowExecutions({
        namespace: engine.namespace,
        pageSize: PAGE_SIZE,
        nextPageToken,
      });
      for (const listed of page.executions) {
        const { workflowId, runId } = listed.execution ?? {};
        if (!workflowId || !runId) continue;
        yield {
          workflowId,
          runId,
          events: await readEvents(connection, engine.namespace, { workflowId, runId }),
          listed: Buffer.from(WorkflowExecutionInfo.encode(listed).finish()),
        };
      }
      nextPageToken = page.nextPageToken;
    } while (nextPageToken.length > 0);
  } finally {
    await connection.close();
  }
}

async function readEvents(
  connection: Connection,
  namespace: string,
  execution: { readonly workflowId: string; readonly runId: string },
): Promise<readonly temporal.api.history.v1.IHistoryEvent[]> {
  const events: temporal.api.history.v1.IHistoryEvent[] = [];
  let nextPageToken: Uint8Array = new Uint8Array();
  do {
    const page = await connection.workflowService.getWorkflowExecutionHistory({
      namespace,
      execution,
      nextPageToken,
    });
    events.push(...(page.history?.events ?? []));
    nextPageToken = page.nextPageToken;
  } while (nextPageToken.length > 0);
  return events;
}

/** What a search of the histories saw. */
export interface HistoryFindings {
  /** Executions that were read: a search of none would prove nothing. */
  readonly executions: number;
  /** Workflow ids whose history, memo or search attributes contain the text. */
  readonly containing: readonly string[];
}

/** Looks for `text` in the bytes of every history and of what the list of workflows shows. */
export async function searchHistories(engine: Engine, text: string): Promise<HistoryFindings> {
  const containing: string[] = [];
  let executions = 0;
  for await (const { workflowId, events, listed } of readHistories(engine)) {
    executions += 1;
    const bytes = Buffer.from(History.encode({ events: [...events] }).finish());
    if (bytes.includes(text) || listed.includes(text)) containing.push(workflowId);
  }
  return { executions, containing };
}
