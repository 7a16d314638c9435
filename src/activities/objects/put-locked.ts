import { createHash } from 'node:crypto';
import { LetheError } from '../../domain/errors';
import { asking } from './failures';
import { assertLock, isLocked, lockVersion, type ObjectLock } from './object-lock';
import { bucketOf, safeName, unsafe, type ObjectAddress, type ObjectStore } from './object-address';

/** What is to be written. */
export interface PutOrder extends ObjectAddress {
  readonly body: Buffer | AsyncIterable<Buffer>;
  readonly lock: ObjectLock;
  /** A new version under a name that an attempt which died may have used; the version id tells them apart. */
  readonly mayExist?: boolean;
}

/** What was written and is locked. The version id goes into the manifest: a later writer cannot replace it. */
export interface StoredObject {
  readonly versionId: string;
  readonly bytes: number;
  /** Hexadecimal SHA-256 of the bytes that were sent. */
  readonly sha256: string;
}

/** Size of the pieces of a long object, in bytes; every provider takes 5 MiB to 5 GiB. */
const PIECE_BYTES = 8 * 1024 * 1024;
/** 10,000 pieces is the protocol's limit. */
const PIECES_MAX = 10_000;
/** Nobody else may have written under the name: it carries the attempt. */
const ONLY_IF_ABSENT = Object.freeze({ 'if-none-match': '*' });

/** Held from its first moment where the server knows how: one request less for each object. */
const HELD_FROM_THE_START = Object.freeze({ 'x-amz-object-lock-legal-hold': 'ON' });

interface Target {
  readonly store: ObjectStore;
  readonly bucket: string;
  readonly name: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Writes an object in bounded memory, locks exactly the version that was made and reads the lock back.
 *
 * Effect: one new version. An upload that fails is aborted.
 * @idempotency not by itself: after OUTCOME_UNKNOWN write again under a new attempt; what the old one left
 * behind is under its prefix and listed as a stray.
 * @throws LetheError UNSAFE_STATEMENT, DUPLICATE_KEY, VERIFICATION_FAILED (no version or no lock),
 *   STORE_UNAVAILABLE, OUTCOME_UNKNOWN or ACCESS_DENIED.
 */
export async function putLocked(store: ObjectStore, order: PutOrder): Promise<StoredObject> {
  const target = {
    store,
    bucket: bucketOf(store, order.bucket),
    name: safeName(order.name),
    headers: {
      ...(order.mayExist === true ? {} : ONLY_IF_ABSENT),
      ...(order.lock.mode === 'legal-hold' && HELD_FROM_THE_START),
    },
  };
  assertLock(order.lock);
  const digest = createHash('sha256');
  let bytes = 0;
  const seen = (piece: Buffer): void => {
    digest.update(piece);
    bytes += piece.length;
  };
  const versionId = await write(target, piecesOf(order.body, seen));
  if (versionId === '') {
    throw new LetheError('VERIFICATION_FAILED', 'the bucket made no version; it is not versioned');
  }
  const version = { bucket: target.bucket, name: target.name, versionId };
  // A server may take the header and not lock: only what it says of the version counts, and what it cannot
  // say yet is asked again after locking.
  const isHeld = await isLocked(store, version, order.lock).catch(() => false);
  if (!isHeld) await lockVersion(store, version, order.lock);
  return { versionId, bytes, sha256: digest.digest('hex') };
}

async function write(target: Target, pieces: AsyncGenerator<Buffer>): Promise<string> {
  const first = await pieces.next();
  const beginning: Buffer = first.done === true ? Buffer.alloc(0) : first.value;
  const second = first.done === true ? first : await pieces.next();
  if (second.done === true) return putWhole(target, beginning);
  return putPieces(target, chain([beginning, second.value], pieces));
}

async function* chain(
  known: readonly Buffer[],
  rest: AsyncGenerator<Buffer>,
): AsyncGenerator<Buffer> {
  yield* known;
  yield* rest;
}

/** Cuts a body into pieces of equal size, holding one piece at a time. */
async function* piecesOf(
  body: Buffer | AsyncIterable<Buffer>,
  seen: (piece: Buffer) => void,
): AsyncGenerator<Buffer> {
  if (Buffer.isBuffer(body) && body.length <= PIECE_BYTES) {
    // Nothing is copied: the caller leaves a body alone until it is written.
    seen(body);
    if (body.length > 0) yield body;
    return;
  }
  let waiting: Buffer[] = [];
  let length = 0;
  const source: AsyncIterable<Buffer> | readonly Buffer[] = Buffer.isBuffer(body) ? [body] : body;
  for await (const chunk of source) {
    if (!Buffer.isBuffer(chunk)) throw unsafe('body', 'must consist of buffers');
    seen(chunk);
    // The producer may use its buffer again while ours still waits.
    waiting.push(Buffer.from(chunk));
    length += chunk.length;
    if (length < PIECE_BYTES) continue;
    const all = Buffer.concat(waiting, length);
    let from = 0;
    for (; length - from >= PIECE_BYTES; from += PIECE_BYTES) {
      yield all.subarray(from, from + PIECE_BYTES);
    }
    waiting = [all.subarray(from)];
    length -= from;
  }
  if (length > 0) yield Buffer.concat(waiting, length);
}

async function putWhole({ store, bucket, name, headers }: Target, body: Buffer): Promise<string> {
  const response = await asking('write', () =>
    store.client.makeRequestAsync(
      { method: 'PUT', bucketName: bucket, objectName: name, headers: { ...headers } },
      body,
    ),
  );
  await asking('write', () => readText(response));
  return versionOf(response.headers);
}

async function putPieces(target: Target, pieces: AsyncGenerator<Buffer>): Promise<string> {
  const { store, bucket, name, headers } = target;
  const uploadId = await asking('write', () =>
    store.client.initiateNewMultipartUpload(bucket, name, { ...headers }),
  );
  try {
    const tags: string[] = [];
    for await (const piece of pieces) {
      const partNumber = tags.length + 1;
      if (partNumber > PIECES_MAX) throw unsafe('body', 'is longer than 10,000 pieces');
      const { etag } = await asking('write', () =>
        store.client.uploadPart(
          { bucketName: bucket, objectName: name, uploadID: uploadId, partNumber, headers: {} },
          piece,
        ),
      );
      tags.push(etag);
    }
    return await complete(target, uploadId, tags);
  } catch (error) {
    // What cannot be aborted now is found by the listing of unfinished uploads.
    await store.client.abortMultipartUpload(bucket, name, uploadId).catch(() => undefined);
    throw error;
  }
}

/** The client's own completion cannot send the condition, which some providers check only here. */
async function complete(
  { store, bucket, name, headers }: Target,
  uploadId: string,
  tags: readonly string[],
): Promise<string> {
  const parts = tags
    .map((tag, index) => {
      if (!/^[0-9A-Za-z-]{1,128}$/.test(tag)) {
        throw new LetheError('VERIFICATION_FAILED', 'the object store named a piece unusably');
      }
      return `<Part><PartNumber>${index + 1}</PartNumber><ETag>${tag}</ETag></Part>`;
    })
    .join('');
  const response = await asking('write', () =>
    store.client.makeRequestAsync(
      {
        method: 'POST',
        bucketName: bucket,
        objectName: name,
        query: `uploadId=${encodeURIComponent(uploadId)}`,
        headers: 'if-none-match' in headers ? { ...ONLY_IF_ABSENT } : {},
      },
      `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${parts}</CompleteMultipartUpload>`,
    ),
  );
  // A failure to put the pieces together comes as an error inside a successful answer.
  const answer = await asking('write', () => readText(response));
  const failure = /<Error>[\s\S]*?<Code>([A-Za-z]{1,64})<\/Code>/.exec(answer)?.[1];
  if (failure !== undefined) {
    await asking('write', () => Promise.reject(Object.assign(new Error(), { code: failure })));
  }
  return versionOf(response.headers);
}

const ANSWER_BYTES_MAX = 64 * 1024;

async function readText(answer: AsyncIterable<unknown>): Promise<string> {
  let text = '';
  for await (const chunk of answer) {
    text += String(chunk);
    if (text.length > ANSWER_BYTES_MAX) throw new Error('the answer is too long');
  }
  return text;
}

const versionOf = (headers: Readonly<Record<string, unknown>>): string => {
  const version = headers['x-amz-version-id'];
  return typeof version === 'string' && version !== 'null' ? version : '';
};
