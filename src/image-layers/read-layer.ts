import { createHash, type Hash } from 'node:crypto';
import { unpackLayer } from './decompress';
import { allOf, digestSink, packageSink, programSink, textSink } from './file-sinks';
import { LayerOver, type ImageFiles } from './image-files';
import { canonicalPath, hidesDatabases, interestOf, isDatabase, mayHoldSecrets } from './interest';
import { LayerTrouble } from './layer-trouble';
import { LAYER_LIMITS, HELD_BYTES, type LayerLimits } from './limits';
import { unreadFile, type FileContent } from './packages/package';
import { pathInImage, whiteoutOf } from './tar/path-in-image';
import { createTarReader, type ContentSink, type TarEntry } from './tar/tar-reader';
import type { UnpackingThreads } from './unpacking-threads';

/** What a layer must be, and what it is laid over. */
export interface LayerOrder {
  /** Digest and length as the manifest states them. */
  readonly digest: string;
  readonly sizeBytes: number;
  /** Digest of the unpacked layer as the configuration states it. */
  readonly diffId: string;
  readonly below: ImageFiles;
  readonly inspect?: Inspections;
  readonly limits?: Partial<LayerLimits>;
  /** Unpack beside the own thread where that is worth it; absent: in it. */
  readonly threads?: UnpackingThreads | undefined;
}

/**
 * What else is looked at while a layer passes. Nothing of it may be used before the layer was read to
 * its end: until then its bytes are somebody's claim.
 */
export interface Inspections {
  /** A small text file in a place where secrets are left. */
  readonly text?: (path: string, text: string) => void;
  /** SHA-256 of every file. */
  readonly digest?: (path: string, sha256: string) => void;
  /** The content of every file; null for one that is not wanted. */
  readonly content?: (path: string, size: number) => ContentSink | null;
  /** A promise while no more content can be taken. */
  readonly settle?: () => Promise<void> | undefined;
}

/** A layer that was read to its end and is what its digests say. */
export interface LayerReading {
  /** What the image has up to and with this layer. */
  readonly files: ImageFiles;
  readonly uncompressedBytes: number;
  readonly entries: number;
  /** Entries whose path leads out of the image: most unpackings refuse them, and none of them is read. */
  readonly outside: number;
}

/**
 * Reads a layer from its bytes as they arrive: every byte is digested, nothing is written to disk, and
 * of the contents only files of interest are held, one at a time.
 *
 * @throws LayerTrouble when the layer is not what its digests say, contradicts itself or exceeds a limit;
 *   whatever `source` throws.
 * @source DC-2
 */
export async function readLayer(
  source: AsyncIterable<Buffer>,
  order: LayerOrder,
): Promise<LayerReading> {
  const limits = { ...LAYER_LIMITS, ...order.limits };
  const layer = new LayerOver(order.below, limits);
  const walk: Walk = { layer, inspect: order.inspect ?? {}, outside: 0 };
  const tar = createTarReader(limits, (entry) => visit(walk, entry));
  const packed = new Counted(order.digest);
  const unpacked = new Counted(order.diffId);
  const begun = performance.now();
  const take = (piece: Buffer): Promise<void> | undefined => {
    unpacked.add(piece);
    assertWithin({ packed, unpacked, begun }, limits);
    tar.write(piece);
    return order.inspect?.settle?.();
  };
  const { threads, sizeBytes } = order;
  const elsewhere = threads && { threads, packedBytes: sizeBytes };
  await unpackLayer(counted(source, packed, sizeBytes), take, elsewhere);
  if (packed.bytes !== order.sizeBytes || packed.digest() !== order.digest) {
    throw new LayerTrouble('digest-mismatch', 'differs from its digest');
  }
  if (unpacked.digest() !== order.diffId) {
    throw new LayerTrouble('digest-mismatch', 'unpacks to something else than the image says');
  }
  tar.end();
  return {
    files: layer.result(),
    uncompressedBytes: unpacked.bytes,
    entries: tar.entries,
    outside: walk.outside,
  };
}

/** Counts and digests bytes that pass. */
class Counted {
  bytes = 0;
  private readonly hash: Hash;
  private readonly algorithm: string;

  constructor(like: string) {
    this.algorithm = like.startsWith('sha512:') ? 'sha512' : 'sha256';
    this.hash = createHash(this.algorithm);
  }

  add(piece: Buffer): void {
    this.bytes += piece.length;
    this.hash.update(piece);
  }

  digest(): string {
    return `${this.algorithm}:${this.hash.digest('hex')}`;
  }
}

async function* counted(
  ...[source, packed, max]: [AsyncIterable<Buffer>, Counted, number]
): AsyncGenerator<Buffer> {
  for await (const piece of source) {
    packed.add(piece);
    if (packed.bytes > max) {
      throw new LayerTrouble('digest-mismatch', 'is longer than the manifest says');
    }
    yield piece;
  }
}

function assertWithin(
  { packed, unpacked, begun }: { packed: Counted; unpacked: Counted; begun: number },
  limits: LayerLimits,
): void {
  if (unpacked.bytes > limits.uncompressedBytes) {
    throw new LayerTrouble('too-large', `unpacks to more than ${limits.uncompressedBytes} bytes`);
  }
  if (unpacked.bytes > limits.harmlessBytes && unpacked.bytes > packed.bytes * limits.ratio) {
    throw new LayerTrouble('too-large', `unpacks to more than ${limits.ratio} times its size`);
  }
  if (performance.now() - begun > limits.milliseconds) {
    throw new LayerTrouble('too-slow', `takes longer than ${limits.milliseconds} ms`);
  }
}

interface Walk {
  readonly layer: LayerOver;
  readonly inspect: Inspections;
  outside: number;
}

function visit(walk: Walk, entry: TarEntry): ContentSink | null {
  const inside = pathInImage(entry.name);
  if (inside === null) {
    walk.outside += 1;
    return null;
  }
  const path = canonicalPath(inside);
  const whiteout = whiteoutOf(path);
  if (whiteout !== null) {
    walk.layer.hide(
      whiteout.hides === 'nothing' ? whiteout : { ...whiteout, path: canonicalPath(whiteout.path) },
    );
    return null;
  }
  walk.layer.stand(path, entry.kind === 'directory');
  if (entry.kind === 'file') return fileSink(walk, path, entry);
  noteLink(walk, path, entry);
  return null;
}

/** A hard link is another name of a file that was read; other links are data and lead nowhere. */
function noteLink({ layer }: Walk, path: string, entry: TarEntry): void {
  if (entry.kind === 'symbolic-link' && hidesDatabases(path, targetOf(path, entry.link))) {
    layer.add(path, unreadFile(path, 'link'));
  }
  const interest = interestOf(path);
  if (interest === null) return;
  const target = entry.kind === 'hard-link' ? pathInImage(entry.link) : null;
  const known = target === null ? undefined : layer.at(canonicalPath(target));
  if (known !== undefined) layer.add(path, known);
  else if (entry.kind === 'hard-link' || isDatabase(interest)) {
    layer.add(path, unreadFile(path, isLink(entry) ? 'link' : 'unsupported'));
  }
}

const isLink = ({ kind }: TarEntry): boolean => kind === 'hard-link' || kind === 'symbolic-link';

/** Where a symbolic link leads, as far as its text says. */
const targetOf = (path: string, link: string): string | null =>
  pathInImage(link.startsWith('/') ? link : `${path}/../${link}`);

/** Programs have at least this many bytes; smaller files are not looked through for Go's marks. */
const PROGRAM_BYTES_MIN = 64 * 1024;

function fileSink(
  { layer, inspect }: Walk,
  ...[path, entry]: [string, TarEntry]
): ContentSink | null {
  const keep = (content: FileContent): void => {
    layer.add(path, content);
  };
  const sinks: ContentSink[] = [];
  const interest = interestOf(path);
  if (interest !== null && entry.sparse) keep(unreadFile(path, 'unsupported'));
  else if (interest !== null) sinks.push(packageSink({ path, interest, size: entry.size }, keep));
  else if (entry.size >= PROGRAM_BYTES_MIN) {
    sinks.push(programSink({ path, sparse: entry.sparse }, keep));
  }
  return allOf([...sinks, ...inspectingSinks(inspect, path, entry)]);
}

function inspectingSinks(
  inspect: Inspections,
  ...[path, entry]: [string, TarEntry]
): readonly ContentSink[] {
  const { text, digest } = inspect;
  const taken = inspect.content?.(path, entry.size) ?? null;
  const sinks = taken === null ? [] : [taken];
  if (text !== undefined && entry.size <= HELD_BYTES.text && mayHoldSecrets(path)) {
    sinks.push(
      textSink((found) => {
        text(path, found);
      }),
    );
  }
  if (digest !== undefined) {
    sinks.push(
      digestSink((sha256) => {
        digest(path, sha256);
      }),
    );
  }
  return sinks;
}
