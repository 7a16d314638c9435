import { mkdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { WorkflowClient, type Connection } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils';

/** Histories of one behaviour that are worth keeping. */
const PER_BEHAVIOUR_MAX = 3;

/**
 * Writes histories of the demonstration as JSON, for the replay by later versions: every tenant's process,
 * every hold, some scans, and some runs of each mode. They hold ids, counts and instants only; the name of
 * this machine is taken out.
 */
export async function recordHistories(
  connection: Connection,
  namespace: string,
  folder: string,
): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const client = new WorkflowClient({ connection, namespace });
  const counts = new Map<string, number>();
  for await (const { workflowId, type } of client.list()) {
    const history = await client.getHandle(workflowId).fetchHistory();
    const input =
      history.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0];
    const behaviour = [kebab(type), ...modeOf(input?.data)].join('-');
    const count = (counts.get(behaviour) ?? 0) + 1;
    counts.set(behaviour, count);
    if (count > PER_BEHAVIOUR_MAX) continue;
    const text = JSON.stringify(JSON.parse(historyToJSON(history)), withoutIdentity);
    writeFileSync(join(folder, `${behaviour}-${count}.json`), `${text}\n`);
  }
}

const kebab = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** Of a disposition run: whether it disposes or restores. */
function modeOf(data: Uint8Array | null | undefined): readonly string[] {
  if (data === null || data === undefined) return [];
  const { mode } = JSON.parse(Buffer.from(data).toString('utf8')) as { mode?: string };
  return mode === undefined ? [] : [mode];
}

function withoutIdentity(name: string, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  return name === 'identity' ? 'process' : value.replaceAll(hostname(), 'host');
}
