import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { type ByteSource } from './byte-source';
import { isCodecId, type CodecId } from './codecs';
import { partKeys } from './derived-keys';
import { asArchive, invalid } from './failures';
import type { FrameKey } from './frames';
import {
  COHORT_FIELDS,
  assertSchema,
  canonicalText,
  type PartIdentity,
  type RecordSchema,
} from './identity';

/**
 * A part begins with: magic (8 bytes), format version (u16), length of the header (u32), header
 * (canonical JSON), header tag (32 bytes). Numbers are big-endian.
 */
const MAGIC = Buffer.from('LETHEARC', 'latin1');
const FORMAT_VERSION = 1;
const VERSION_AT = 8;
const LENGTH_AT = 10;
const PREFIX_BYTES = 14;
const TAG_BYTES = 32;
const SALT_BYTES = 32;
/** 4096 columns with long names fit. */
const HEADER_BYTES_MAX = 1024 * 1024;
const SALT = /^[0-9a-f]{64}$/;

/** How a part is written, beside which part it is. */
export interface PartManner {
  readonly schema: RecordSchema;
  readonly codec: CodecId;
}

/** What stands at the beginning of a new part, and the key of its frames. */
export interface NewHeader {
  readonly bytes: Buffer;
  readonly frameKey: FrameKey;
}

/** Begins a part under a fresh salt. */
export function beginHeader(
  identity: PartIdentity,
  manner: PartManner,
  dataKey: Buffer,
): NewHeader {
  const salt = randomBytes(SALT_BYTES);
  const head = headOf(identity, manner, salt.toString('hex'));
  const headerHash = createHash('sha256').update(head).digest();
  const { fileKey, headerTag } = partKeys(dataKey, salt, headerHash);
  return { bytes: Buffer.concat([head, headerTag]), frameKey: { fileKey, headerHash } };
}

function headOf(identity: PartIdentity, { schema, codec }: PartManner, salt: string): Buffer {
  const { tenantId, recordClass, location, runId, dueOn, attempt, part } = identity;
  const named = { tenantId, recordClass, location, runId, dueOn, attempt, part };
  const text = Buffer.from(canonicalText({ ...named, schema, codec, salt }), 'utf8');
  const prefix = Buffer.alloc(PREFIX_BYTES);
  MAGIC.copy(prefix);
  prefix.writeUInt16BE(FORMAT_VERSION, VERSION_AT);
  prefix.writeUInt32BE(text.length, LENGTH_AT);
  return Buffer.concat([prefix, text]);
}

/**
 * Reads the beginning of a part and proves it: every byte of the header is the one that this identity
 * gives, and the tag behind it is the one of this key.
 *
 * @throws LetheError ARCHIVE_INVALID.
 */
export async function readHeader(
  source: ByteSource,
  expect: PartIdentity,
  dataKey: Buffer,
): Promise<PartManner & { readonly frameKey: FrameKey }> {
  const prefix = await source.take(PREFIX_BYTES);
  const text = await source.take(lengthIn(prefix));
  const { salt, manner } = parseHeader(text, expect);
  const head = Buffer.concat([prefix, text]);
  if (!head.equals(headOf(expect, manner, salt))) {
    throw invalid('the header of the part is not in its one canonical form');
  }
  const headerHash = createHash('sha256').update(head).digest();
  const keys = partKeys(dataKey, Buffer.from(salt, 'hex'), headerHash);
  if (!timingSafeEqual(await source.take(TAG_BYTES), keys.headerTag)) {
    throw invalid('the header of the part was altered, or the key is not the key of its cohort');
  }
  return { ...manner, frameKey: { fileKey: keys.fileKey, headerHash } };
}

function lengthIn(prefix: Buffer): number {
  if (!prefix.subarray(0, VERSION_AT).equals(MAGIC)) {
    throw invalid('the object is no part of an archive');
  }
  if (prefix.readUInt16BE(VERSION_AT) !== FORMAT_VERSION) {
    throw invalid('the part has another format version than 1; read it with the release it is of');
  }
  const length = prefix.readUInt32BE(LENGTH_AT);
  if (length > HEADER_BYTES_MAX) throw invalid('the header of the part has an impossible length');
  return length;
}

const PART_FIELDS = [...COHORT_FIELDS, 'location', 'part'] as const;

/** Takes from the header only what is not known beforehand; whatever else it says is compared as bytes. */
function parseHeader(
  text: Buffer,
  expect: PartIdentity,
): { readonly salt: string; readonly manner: PartManner } {
  const header = asArchive('the header of the part is not JSON', () => {
    const value: unknown = JSON.parse(text.toString('utf8'));
    return value as Partial<Record<string, unknown>>;
  });
  if (typeof header !== 'object' || (header as unknown) === null) {
    throw invalid('the header of the part is no object');
  }
  const other = PART_FIELDS.find((field) => header[field] !== expect[field]);
  if (other !== undefined) throw invalid(`the part is not the expected one: its ${other} differs`);
  const { salt, codec, schema } = header;
  if (typeof salt !== 'string' || !SALT.test(salt) || !isCodecId(codec)) {
    throw invalid('the header of the part has a malformed salt or codec');
  }
  asArchive('the header of the part has a malformed schema', () => {
    assertSchema(schema, expect.location);
  });
  return { salt, manner: { codec, schema: schema as RecordSchema } };
}
