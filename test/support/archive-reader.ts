import { createDecipheriv, createHash, createHmac, hkdfSync } from 'node:crypto';
import * as zlib from 'node:zlib';

/**
 * Reads an archive by its description in docs/archive-format.md and shares no code with the engine, so that a
 * judge need not believe what the engine says of its own copies.
 */

/** What was stored, by place, asset and version, with a digest of its bytes. */
export type Records = ReadonlyMap<string, string>;

/** A name for a record that is the same wherever it lies. */
export const recordName = (location: string, assetId: string, versionId: string): string =>
  `${location} ${assetId} ${versionId}`;

const sha256 = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest();

/** Digest of a row: its columns in the order of their names, each with its bytes or null. */
export const rowDigest = (columns: readonly (readonly [string, Buffer | null])[]): string =>
  sha256(
    Buffer.from(
      JSON.stringify(
        columns
          .map(([name, value]) => [name, value?.toString('hex') ?? null] as const)
          .sort(([one], [other]) => (one < other ? -1 : 1)),
      ),
    ),
  ).toString('hex');

/** Digest of a document: of its BSON. */
export const documentDigest = (bson: Buffer): string => sha256(bson).toString('hex');

function derive(
  key: Buffer,
  use: string | Buffer,
  { salt = '', length = 32 }: { readonly salt?: string; readonly length?: number } = {},
): Buffer {
  const info = Buffer.concat([Buffer.from('lethe/archive/1/'), Buffer.from(use)]);
  return Buffer.from(hkdfSync('sha256', key, Buffer.from(salt, 'hex'), info, length));
}

/** Opens ciphertext and tag of AES-256-GCM. */
function open(
  { key, nonce, bound }: { readonly key: Buffer; readonly nonce: Buffer; readonly bound: Buffer },
  sealed: Buffer,
): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });
  decipher.setAAD(bound);
  decipher.setAuthTag(sealed.subarray(-16));
  return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
}

/** Opens the wrapping of a data key as it lies in the keys database: format, nonce, ciphertext, tag. */
export function unwrap(
  wrapped: Buffer,
  { keyRef, tenantId, kekId }: { keyRef: string; tenantId: string; kekId: string },
  kek: Buffer,
): Buffer {
  const bound = Buffer.from(JSON.stringify(['lethe-wrapped-key', 1, keyRef, tenantId, kekId]));
  return open({ key: kek, nonce: wrapped.subarray(1, 13), bound }, wrapped.subarray(13));
}

const UNFOLD: Readonly<Record<string, (folded: Buffer) => Buffer>> = {
  none: (folded) => folded,
  gzip: zlib.gunzipSync,
  brotli: zlib.brotliDecompressSync,
  zstd: (folded) => {
    // Runtimes have it from one version on.
    const { zstdDecompressSync } = zlib as { zstdDecompressSync?: (folded: Buffer) => Buffer };
    if (zstdDecompressSync === undefined) throw new Error('this runtime has no zstd');
    return zstdDecompressSync(folded);
  },
};

interface Header {
  readonly location: string;
  readonly codec: string;
  readonly salt: string;
  readonly schema: Schema;
}
type Schema =
  | { readonly kind: 'bson' }
  | { readonly kind: 'sql'; readonly columns: readonly { readonly name: string }[] };

/** Reads every record of one part. @throws when the part was altered or the key is another one. */
function readPart(part: Buffer, dataKey: Buffer): Records {
  const headEnd = 14 + part.readUInt32BE(10);
  const head = part.subarray(0, headEnd);
  const { location, codec, salt, schema } = JSON.parse(
    head.subarray(14).toString('utf8'),
  ) as Header;
  const headHash = sha256(head);
  const use = Buffer.concat([Buffer.from('part'), headHash]);
  const keys = derive(dataKey, use, { salt, length: 64 });
  if (!part.subarray(headEnd, headEnd + 32).equals(keys.subarray(32))) throw new Error('wrong key');
  const unfold = UNFOLD[codec];
  if (unfold === undefined) throw new Error(`no codec ${codec}`);
  const frames: Buffer[] = [];
  let at = headEnd + 32;
  for (let isLast = false; !isLast;) {
    const word = part.readUInt32BE(at);
    isLast = word >= 2 ** 31;
    const end = at + 4 + (word % 2 ** 31);
    const nonce = Buffer.alloc(12);
    nonce.writeUInt32BE(frames.length, 7);
    nonce[11] = isLast ? 1 : 0;
    frames.push(
      unfold(
        open({ key: keys.subarray(0, 32), nonce, bound: headHash }, part.subarray(at + 4, end)),
      ),
    );
    at = end;
  }
  if (at !== part.length) throw new Error('something follows the end of the part');
  const plain = Buffer.concat(frames);
  return new Map(
    schema.kind === 'sql' ? rowsIn(plain, location, schema) : documentsIn(plain, location),
  );
}

type Entry = readonly [string, string];

/** A value of a line: text, a number, binary, or null. */
type Value = string | number | { readonly b64: string } | null;

function bytesOf(value: Value): Buffer | null {
  if (value === null) return null;
  if (typeof value === 'object') return Buffer.from(value.b64, 'base64');
  return Buffer.from(String(value));
}

function rowsIn(
  plain: Buffer,
  location: string,
  { columns }: Extract<Schema, { kind: 'sql' }>,
): readonly Entry[] {
  const lines = plain.toString('utf8').split('\n').slice(0, -1);
  return lines.map((line): Entry => {
    const values = (JSON.parse(line) as Value[]).map(bytesOf);
    const row = columns.map(({ name }, index) => [name, values[index] ?? null] as const);
    const of = (column: string): string =>
      row.find(([name]) => name === column)?.[1]?.toString('utf8') ?? '';
    return [recordName(location, of('asset_id'), of('version_id')), rowDigest(row)];
  });
}

function documentsIn(plain: Buffer, location: string): readonly Entry[] {
  const entries: Entry[] = [];
  for (let at = 0; at < plain.length;) {
    const bson = plain.subarray(at, at + plain.readInt32LE(at));
    const texts = leadingTexts(bson);
    const name = recordName(location, texts.get('assetId') ?? '', texts.get('_id') ?? '');
    entries.push([name, documentDigest(bson)]);
    at += bson.length;
  }
  return entries;
}

/** Text fields that a document begins with. */
function leadingTexts(bson: Buffer): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  for (let at = 4; bson[at] === 2;) {
    const end = bson.indexOf(0, at + 1);
    const length = bson.readInt32LE(end + 1);
    const value = bson.toString('utf8', end + 5, end + 4 + length);
    texts.set(bson.toString('utf8', at + 1, end), value);
    at = end + 5 + length;
  }
  return texts;
}

/**
 * Reads one copy of a due day: its manifest, then every part that the manifest lists.
 *
 * @param objectNamed - the bytes of an object by its name.
 * @throws when something was altered, is missing, or is under another key.
 */
export async function readCopy(
  manifestName: string,
  dataKey: Buffer,
  objectNamed: (name: string) => Promise<Buffer>,
): Promise<Records> {
  const manifest = await objectNamed(manifestName);
  const signed = manifest.subarray(0, -65);
  const mac = createHmac('sha256', derive(dataKey, 'manifest'));
  if (mac.update(signed).digest('hex') !== manifest.subarray(-65, -1).toString('latin1')) {
    throw new Error('the manifest was altered, or is under another key');
  }
  const { parts } = JSON.parse(signed.toString('utf8').split('\n')[1] ?? '') as {
    readonly parts: readonly { readonly objectName: string; readonly records: number }[];
  };
  const records = new Map<string, string>();
  for (const { objectName, records: count } of parts) {
    const found = readPart(await objectNamed(objectName), dataKey);
    if (found.size !== count) throw new Error(`${objectName} does not hold what its manifest says`);
    for (const [name, digest] of found) records.set(name, digest);
  }
  return records;
}
