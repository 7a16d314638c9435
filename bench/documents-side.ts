import { randomBytes } from 'node:crypto';
import type { MongoClient } from 'mongodb';
import { createPartWriter, createSetDigest } from '../src/archive-format';
import { readRawGroups } from '../src/activities/mongo/raw-documents';
import { databasePrefix } from '../src/domain/environment-names';
import { loadConfig, required } from '../src/platform/config';
import { connectMongo } from '../src/platform/mongo';

/** Figures of the export of documents. */
export interface DocumentFigures {
  readonly documents: number;
  readonly megabytes: number;
  /** A cursor of the driver over the same documents that does nothing with them. */
  readonly plainCursorSeconds: number;
  /** Read, compressed, encrypted, hashed. */
  readonly exportSeconds: number;
  /** The export alone, fed from memory: megabytes a second of one core. */
  readonly pipelineMbPerCpuSecond: number;
}

const TENANT = 'tn_benchdocuments00000001';
const ASSETS = 40;
const CHUNK = 1000;
const PART_BYTES = 8 * 1024 * 1024;
const MB = 1_000_000;

const assetIdOf = (index: number): string => `as_${String(index % ASSETS).padStart(20, '0')}`;

const documentOf = (index: number): object => ({
  _id: `vr_${String(index).padStart(26, '0')}`,
  tenantId: TENANT,
  assetId: assetIdOf(index),
  recordId: `rc_${String(index % 997).padStart(26, '0')}`,
  kind: 'process',
  scanId: `sc_${String(index % 10).padStart(20, '0')}`,
  observedAt: '2030-01-02T03:04:05.678901Z',
  vanished: false,
  contentDigest: randomBytes(32).toString('hex'),
  body: { name: `worker-${index}`, pid: index, path: '/usr/lib/app/bin', threads: 12, share: 0.25 },
});

/** Feeds documents through what a part of the archive is made of. */
class Export {
  private readonly dataKey = randomBytes(32);
  private readonly digest = createSetDigest(this.dataKey);
  private part = 1;
  private writer = this.begin();

  add(content: Buffer, versionId: string): void {
    this.writer.append(content);
    this.digest.add({ location: LOCATION, assetId: 'as_0000000000000000', versionId, content });
    if (this.writer.plaintextBytes < PART_BYTES) return;
    this.writer.finish();
    this.part += 1;
    this.writer = this.begin();
  }

  end(): void {
    this.writer.finish();
  }

  private begin(): ReturnType<typeof createPartWriter> {
    return createPartWriter({
      identity: {
        tenantId: TENANT,
        recordClass: 'asset-basic-data',
        runId: 'rn_00000000000000000001',
        dueOn: '2030-07-01',
        attempt: 'a'.repeat(26),
        location: LOCATION,
        part: this.part,
      },
      schema: { kind: 'bson' },
      dataKey: this.dataKey,
    });
  }
}

const LOCATION = 'mongodb:assets.fingerprints' as const;

async function plainCursor(client: MongoClient, prefix: string): Promise<number> {
  const started = performance.now();
  const documents = client.db(`${prefix}_assets`).collection('fingerprints');
  for (let asset = 0; asset < ASSETS; asset += 1) {
    const cursor = documents.find(
      { tenantId: TENANT, assetId: assetIdOf(asset) },
      { raw: true, batchSize: 500 },
    );
    while ((await cursor.next()) !== null);
    await cursor.close();
  }
  return (performance.now() - started) / 1000;
}

async function wholeExport(
  client: MongoClient,
  prefix: string,
): Promise<{ readonly seconds: number; readonly contents: readonly Buffer[] }> {
  const contents: Buffer[] = [];
  const started = performance.now();
  const sink = new Export();
  const assetIds = Array.from({ length: ASSETS }, (_, asset) => assetIdOf(asset));
  const groups = { location: LOCATION, tenantId: TENANT, assetIds };
  for await (const answer of readRawGroups({ client, prefix }, groups)) {
    for (const content of answer.contents) sink.add(content, 'vr_00000000000000000000000000');
    contents.push(...answer.contents);
  }
  sink.end();
  return { seconds: (performance.now() - started) / 1000, contents };
}

async function main([count = '']: readonly string[]): Promise<void> {
  const config = loadConfig();
  const client = await connectMongo(required(config.mongoUrl, 'LETHE_MONGO_URL'));
  const prefix = databasePrefix(config.environment);
  const total = Number(count);
  for (let from = 0; from < total; from += CHUNK) {
    const length = Math.min(CHUNK, total - from);
    const chunk = Array.from({ length }, (_, index) => documentOf(from + index));
    await client.db(`${prefix}_assets`).collection('fingerprints').insertMany(chunk);
  }
  const plainCursorSeconds = await plainCursor(client, prefix);
  const { seconds, contents } = await wholeExport(client, prefix);
  const megabytes = contents.reduce((sum, { length }) => sum + length, 0) / MB;
  const before = process.cpuUsage();
  const sink = new Export();
  for (const content of contents) sink.add(content, 'vr_00000000000000000000000000');
  sink.end();
  const { user, system } = process.cpuUsage(before);
  const figures: DocumentFigures = {
    documents: contents.length,
    megabytes,
    plainCursorSeconds,
    exportSeconds: seconds,
    pipelineMbPerCpuSecond: megabytes / ((user + system) / 1_000_000),
  };
  process.send?.(figures);
  await client.close();
  process.disconnect();
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exit(1);
});
