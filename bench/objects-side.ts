import { randomBytes } from 'node:crypto';
import { createPartWriter, readPart, type SealedPart } from '../src/archive-format';
import { putLocked } from '../src/activities/objects/put-locked';
import { readVersion } from '../src/activities/objects/read-version';
import { archiveObjectName } from '../src/domain/environment-names';
import { parseId } from '../src/domain/identifiers';
import { loadConfig, required } from '../src/platform/config';
import { openStores, type Stores } from '../src/platform/connections';
import { readCredentials } from '../src/platform/credentials';
import { connectObjects } from '../src/platform/objects';

/** Writing two copies and reading both back, per megabyte of records. */
export interface ObjectFigures {
  readonly megabytes: number;
  /** The same client with the records as they are: no compression, encryption, hash or lock. */
  readonly plainSeconds: number;
  readonly productSeconds: number;
}

const PARTS = 12;
const PART_BYTES = 8 * 1024 * 1024;
const MB = 1_000_000;
const COPIES = ['archive', 'backup'] as const;
const IDENTITY = Object.freeze({
  tenantId: 'tn_benchobjects0000000001',
  recordClass: 'asset-basic-data',
  runId: 'rn_00000000000000000001',
  dueOn: '2030-07-01',
  attempt: 'a'.repeat(26),
  location: 'mysql:assets.image_risks',
} as const);
const SCHEMA = Object.freeze({
  kind: 'sql',
  columns: [{ name: 'body', type: 'text' }],
} as const);

/** Counted, so that nothing is left out because nobody looks at it. */
let bytesRead = 0;

/** Lines like those of rows: a digest that nothing shortens and words that repeat. */
function linesOf(bytes: number): readonly Buffer[] {
  const lines: Buffer[] = [];
  for (let sum = 0; sum < bytes;) {
    const digest = randomBytes(48).toString('hex');
    const words = 'severity high package libcrypt layer fixed title vulnerability '.repeat(4);
    const line = Buffer.from(JSON.stringify([`${digest} ${words}${lines.length}`]));
    lines.push(line);
    sum += line.length + 1;
  }
  return lines;
}

async function plain(records: readonly Buffer[]): Promise<number> {
  const config = loadConfig();
  const s3 = required(config.s3, 'LETHE_S3_ENDPOINT');
  const client = connectObjects({
    ...s3,
    accessKey: required(s3.adminAccessKey, 'LETHE_S3_ADMIN_ACCESS_KEY'),
    secretKey: required(s3.adminSecretKey, 'LETHE_S3_ADMIN_SECRET_KEY'),
  });
  const buckets = COPIES.map((copy) => `bench-plain-${copy}`);
  for (const bucket of buckets) await client.makeBucket(bucket);
  const body = Buffer.concat(records);
  const started = performance.now();
  for (let part = 0; part < PARTS; part += 1) {
    await Promise.all(buckets.map((bucket) => client.putObject(bucket, `part-${part}`, body)));
  }
  for (const bucket of buckets) {
    for (let part = 0; part < PARTS; part += 1) {
      const stream = await client.getObject(bucket, `part-${part}`);
      for await (const chunk of stream) bytesRead += (chunk as Buffer).length;
    }
  }
  return (performance.now() - started) / 1000;
}

async function product(stores: Stores, records: readonly Buffer[]): Promise<number> {
  const writer = { client: stores.objects('archiver'), environment: stores.environment };
  const reader = { client: stores.objects('verifier'), environment: stores.environment };
  const dataKey = randomBytes(32);
  const written: (SealedPart & { part: number; name: string; versionIds: string[] })[] = [];
  const started = performance.now();
  for (let part = 1; part <= PARTS; part += 1) {
    const sealing = createPartWriter({
      identity: { ...IDENTITY, part },
      schema: SCHEMA,
      dataKey,
    });
    for (const record of records) sealing.append(record);
    const sealed = sealing.finish();
    const name = nameOf(part);
    const order = { name, body: sealed.bytes, lock: { mode: 'legal-hold' as const } };
    const stored = await Promise.all(
      COPIES.map((bucket) => putLocked(writer, { ...order, bucket })),
    );
    written.push({ ...sealed, part, name, versionIds: stored.map(({ versionId }) => versionId) });
  }
  for (const [at, bucket] of COPIES.entries()) {
    for (const { part, name, versionIds, ...sealed } of written) {
      const address = { bucket, name, versionId: versionIds[at] ?? '' };
      const expect = { ...IDENTITY, part };
      const listed = { ...sealed, bytes: sealed.bytes.length };
      const source = readVersion(reader, address);
      for await (const record of readPart(source, { dataKey, expect, listed }))
        bytesRead += record.length;
    }
  }
  return (performance.now() - started) / 1000;
}

const nameOf = (part: number): string =>
  archiveObjectName({
    tenantId: parseId('TenantId', IDENTITY.tenantId, 'tenantId'),
    runId: parseId('RunId', IDENTITY.runId, 'runId'),
    dueOn: IDENTITY.dueOn,
    attempt: IDENTITY.attempt,
    part,
  });

async function main(): Promise<void> {
  const config = loadConfig();
  const file = required(config.credentialsFile, 'LETHE_CREDENTIALS_FILE');
  const stores = openStores(config, readCredentials(file));
  const records = linesOf(PART_BYTES);
  const plainSeconds = await plain(records);
  const productSeconds = await product(stores, records);
  const megabytes = (PARTS * records.reduce((sum, { length }) => sum + length, 0)) / MB;
  if (bytesRead < 2 * megabytes * MB) throw new Error('not everything was read back');
  const figures: ObjectFigures = { megabytes, plainSeconds, productSeconds };
  process.send?.(figures);
  await stores.close();
  process.exit();
}

main().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exit(1);
});
