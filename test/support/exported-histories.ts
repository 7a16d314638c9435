import { WorkflowClient, type Connection } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils';
import { temporal } from '@temporalio/proto';

const { DescribeWorkflowExecutionResponse } = temporal.api.workflowservice.v1;

/** Everything the workflow engine keeps of one execution. */
export interface ExportedHistory {
  readonly workflowId: string;
  readonly type: string;
  /** As an export writes it: payloads are base64. */
  readonly json: string;
  /** Every text in it, names of fields too, with the payloads decoded. */
  readonly texts: readonly string[];
}

/**
 * Exports all executions of a namespace as JSON: events, and what the list and the page of an execution
 * show beside them (memo, search attributes, summaries, details of heartbeats, failures of attempts).
 */
export async function exportHistories(
  connection: Connection,
  namespace: string,
): Promise<readonly ExportedHistory[]> {
  const client = new WorkflowClient({ connection, namespace });
  const exported: ExportedHistory[] = [];
  for await (const { workflowId, runId, type } of client.list()) {
    const handle = client.getHandle(workflowId, runId);
    const { raw } = await handle.describe();
    const history: unknown = JSON.parse(historyToJSON(await handle.fetchHistory()));
    const shown = DescribeWorkflowExecutionResponse.toObject(
      DescribeWorkflowExecutionResponse.fromObject(raw),
      { bytes: String, longs: String },
    );
    const parts = [history, shown];
    exported.push({ workflowId, type, json: JSON.stringify(parts), texts: [...textsOf(parts)] });
  }
  return exported;
}

/** Ids of the executions that contain a text, whatever the case of its letters. */
export const containing = (
  histories: readonly ExportedHistory[],
  marker: string,
): readonly string[] =>
  histories
    .filter(({ texts }) => texts.some((text) => text.toLowerCase().includes(marker.toLowerCase())))
    .map(({ workflowId }) => workflowId);

/** All texts of a JSON value; what is a payload is decoded first. */
export function* textsOf(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value;
  if (typeof value !== 'object' || value === null) return;
  if (isPayload(value)) yield* decoded(Buffer.from(value.data, 'base64').toString('utf8'));
  for (const [name, part] of Object.entries(value)) {
    yield name;
    yield* textsOf(part);
  }
}

const isPayload = (value: object): value is { readonly data: string } =>
  'metadata' in value && 'data' in value && typeof value.data === 'string';

/** A payload's own text, and what it says when it is JSON. */
function* decoded(text: string): Generator<string> {
  yield text;
  try {
    yield* textsOf(JSON.parse(text));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
}
