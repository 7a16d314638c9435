import { createHash } from 'node:crypto';
import { BSON } from 'mongodb';
import {
  createPartWriter,
  createSetDigest,
  encodeSqlRow,
  readPart,
  recordKeyOf,
  sealManifest,
  type CodecId,
  type CohortIdentity,
  type ManifestContent,
  type ManifestPart,
  type PartExpectation,
  type PartIdentity,
  type RecordSchema,
  type SealedPart,
} from '../../src/archive-format';
import { cohortKeyRef } from '../../src/contracts/keys';
import { archiveObjectName } from '../../src/domain/environment-names';
import { parseId } from '../../src/domain/identifiers';

/** A data key that only tests use. */
export const KEY = Buffer.from('4b'.repeat(16) + '11'.repeat(16), 'hex');
export const OTHER_KEY = Buffer.from('22'.repeat(32), 'hex');

export const COHORT: CohortIdentity = Object.freeze({
  tenantId: 'tn_0000000000000001',
  recordClass: 'asset-basic-data',
  runId: 'rn_0000000000000001',
  dueOn: '2027-03-31',
  attempt: 'attempt01',
});

export const ROW_PART: PartIdentity = {
  ...COHORT,
  location: 'mysql:assets.image_risks',
  part: 1,
};
export const DOCUMENT_PART: PartIdentity = {
  ...COHORT,
  location: 'mongodb:assets.fingerprints',
  part: 2,
};
export const ROWS: RecordSchema = {
  kind: 'sql',
  columns: [
    { name: 'asset_id', type: 'ascii' },
    { name: 'version_id', type: 'ascii' },
    { name: 'body', type: 'text' },
  ],
};
export const DOCUMENTS: RecordSchema = { kind: 'bson' };

export const row = (version: number | string, body: unknown = 'text'): Buffer =>
  encodeSqlRow(['as_0000000000000001', `v${version}`, body]);

export const document = (version: number | string, body: unknown = 'text'): Buffer =>
  Buffer.from(BSON.serialize({ _id: `v${version}`, assetId: 'as_0000000000000001', body }));

export const schemaOf = ({ location }: PartIdentity): RecordSchema =>
  location.startsWith('mysql:') ? ROWS : DOCUMENTS;

/** Seals records into a part. */
export function sealPart(
  records: readonly Buffer[],
  identity = ROW_PART,
  manner: { codec?: CodecId; schema?: RecordSchema; dataKey?: Buffer } = {},
): SealedPart {
  const writer = createPartWriter({
    identity,
    schema: schemaOf(identity),
    dataKey: KEY,
    ...manner,
  });
  for (const record of records) writer.append(record);
  return writer.finish();
}

/** Reads a part to its end. */
export async function readAll(
  source: AsyncIterable<Buffer> | Buffer,
  expectation: Partial<PartExpectation> = {},
): Promise<Buffer[]> {
  const records: Buffer[] = [];
  for await (const record of readPart(source, { dataKey: KEY, expect: ROW_PART, ...expectation })) {
    records.push(record);
  }
  return records;
}

/** A stream of `bytes` in pieces of the given lengths, the last one again and again. */
export async function* inPieces(bytes: Buffer, ...lengths: number[]): AsyncGenerator<Buffer> {
  for (let from = 0, index = 0; from < bytes.length; index += 1) {
    const length = lengths[Math.min(index, lengths.length - 1)] ?? bytes.length;
    yield await Promise.resolve(bytes.subarray(from, from + length));
    from += length;
  }
}

export const nameOf = (cohort: CohortIdentity, part: number | 'manifest'): string =>
  archiveObjectName({
    tenantId: parseId('TenantId', cohort.tenantId, 'tenantId'),
    runId: parseId('RunId', cohort.runId, 'runId'),
    dueOn: cohort.dueOn,
    attempt: cohort.attempt,
    part,
  });

/** A sealed cohort with its objects by name. */
export interface SampleCohort {
  readonly content: ManifestContent;
  readonly manifest: Buffer;
  readonly objects: ReadonlyMap<string, Buffer>;
}

/** How a sample is sealed. */
interface Sealing {
  readonly dataKey?: Buffer;
  readonly cohort?: CohortIdentity;
  readonly codec?: CodecId;
}

/** Seals parts of rows and documents, and their manifest. */
export function sealCohort(
  records: Readonly<Partial<Record<'rows' | 'documents', readonly (readonly Buffer[])[]>>>,
  { dataKey = KEY, cohort = COHORT, codec = 'brotli' }: Sealing = {},
): SampleCohort {
  const objects = new Map<string, Buffer>();
  const parts: ManifestPart[] = [];
  const locations: ManifestContent['locations'][number][] = [];
  for (const [of, { location }] of [
    ['rows', ROW_PART],
    ['documents', DOCUMENT_PART],
  ] as const) {
    const lists = records[of];
    if (lists === undefined) continue;
    const total = createSetDigest(dataKey);
    const identity = { ...cohort, location, part: 0 };
    const schema = schemaOf(identity);
    for (const list of lists) {
      const part = parts.length + 1;
      const { bytes, ...figures } = sealPart(list, { ...identity, part }, { dataKey, codec });
      const objectName = nameOf(cohort, part);
      objects.set(objectName, bytes);
      parts.push({ location, part, objectName, ...figures, bytes: bytes.length });
      for (const content of list) {
        total.add({ location, content, ...recordKeyOf(content, schema) });
      }
    }
    locations.push({ location, schema, records: total.count, setDigest: total.value() });
  }
  const content: ManifestContent = {
    ...cohort,
    generation: 1,
    event: { kind: 'termination', at: '2026-09-01T00:00:00Z' },
    keyRef: cohortKeyRef(cohort.runId, cohort.dueOn),
    createdAt: '2026-10-01T00:00:00.123456Z',
    newestObservedAt: parts.some((part) => part.records > 0) ? '2026-08-31T00:00:00Z' : null,
    source: { 'mysql.version': '8.4.0' },
    locations,
    parts,
  };
  const manifest = sealManifest(content, dataKey);
  objects.set(nameOf(cohort, 'manifest'), manifest);
  return { content, manifest, objects };
}

/** The records as digests: comparing long buffers element by element takes minutes. */
export const fingerprints = (records: readonly Buffer[]): readonly string[] =>
  records.map((record) => `${record.length} ${createHash('sha256').update(record).digest('hex')}`);
