import type { RowDataPacket } from 'mysql2/promise';
import { loadConfig } from '../src/platform/config';
import { connectAdmin } from './stage';

/** What another client of the server sees: point queries by primary key, about one a millisecond. */
export interface Latencies {
  readonly queries: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** `begin` and `end` of a span by its name; the answer to an end is the span with its latencies. */
export interface SpanMessage {
  readonly span: string;
  readonly to: 'begin' | 'end';
}

interface Id extends RowDataPacket {
  readonly asset_id: Buffer;
  readonly version_id: Buffer;
}

const PAUSE_MS = 1;
const open = new Map<string, number[]>();

function summaryOf(sample: readonly number[]): Latencies {
  const sorted = [...sample].sort((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { queries: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
}

async function main([database = '', tenantId = '']: readonly string[]): Promise<void> {
  const admin = await connectAdmin(loadConfig(), database);
  const [ids] = await admin.query<Id[]>(
    'SELECT asset_id, version_id FROM image_risks WHERE tenant_id = ? LIMIT 5000',
    [tenantId],
  );
  process.on('message', ({ span, to }: SpanMessage) => {
    const sample = open.get(span) ?? [];
    if (to === 'begin') open.set(span, sample);
    else process.send?.({ span, latencies: summaryOf(sample) });
  });
  process.on('disconnect', () => process.exit());
  process.send?.({ ready: true });
  for (let turn = 0; ; turn += 1) {
    const id = ids[(turn * 7919) % ids.length];
    if (id === undefined) throw new Error('the neighbour has no rows');
    const started = performance.now();
    await admin.execute(
      'SELECT body FROM image_risks WHERE tenant_id = ? AND asset_id = ? AND version_id = ?',
      [tenantId, id.asset_id, id.version_id],
    );
    const took = performance.now() - started;
    for (const sample of open.values()) sample.push(took);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exit(1);
});
