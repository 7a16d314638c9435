import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { readLayer, NO_FILES, type LayerReading } from '../../src/image-layers';
import type { LayerOrder } from '../../src/image-layers/read-layer';

/** One entry of an archive; a plain file unless it says something else. */
export interface TarFile {
  readonly name: string;
  readonly content?: string | Buffer;
  readonly type?: string;
  readonly link?: string;
  /** What the header claims, when that is not the truth. */
  readonly claimedSize?: number;
  /** Changes the finished header, whose checksum is then made anew. */
  readonly alter?: (header: Buffer) => void;
}

const BLOCK = 512;

/** An archive of these entries, however strange they are. */
export const tar = (...files: readonly TarFile[]): Buffer =>
  Buffer.concat([...files.map(tarEntry), Buffer.alloc(2 * BLOCK)]);

/** One entry without the end of an archive. */
export function tarEntry(file: TarFile): Buffer {
  const content = Buffer.from(file.content ?? '');
  const header = Buffer.alloc(BLOCK);
  header.write(file.name, 0, 100, 'utf8');
  header.write('0000644\0', 100, 'latin1');
  const size = (file.claimedSize ?? content.length).toString(8).padStart(11, '0');
  header.write(`${size}\0`, 124, 'latin1');
  header.write(file.type ?? '0', 156, 'latin1');
  header.write(file.link ?? '', 157, 100, 'utf8');
  header.write('ustar\x0000', 257, 'latin1');
  file.alter?.(header);
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  const filling = Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK);
  return Buffer.concat([header, content, filling]);
}

/** A folder, whiteouts and links for short. */
export const folder = (name: string): TarFile => ({ name, type: '5' });
export const symbolicLink = (name: string, link: string): TarFile => ({ name, type: '2', link });
export const hardLink = (name: string, link: string): TarFile => ({ name, type: '1', link });

/** A record of extended attributes, whose length counts itself. */
export function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = Buffer.byteLength(rest) + 1;
  while (Buffer.byteLength(String(length)) + Buffer.byteLength(rest) !== length) length += 1;
  return `${length}${rest}`;
}

const sha256 = (bytes: Buffer): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** Reads archives as the layers of one image, the first one lowest. */
export async function readLayers(...archives: readonly Buffer[]): Promise<LayerReading> {
  let reading: LayerReading | undefined;
  for (const archive of archives) {
    reading = await readArchive(archive, { below: reading?.files ?? NO_FILES });
  }
  if (reading === undefined) throw new Error('an image has layers');
  return reading;
}

/** Reads one archive as a packed layer with true digests, unless `order` says something else. */
export function readArchive(
  archive: Buffer,
  order: Partial<LayerOrder> = {},
  packed: Buffer = gzipSync(archive),
): Promise<LayerReading> {
  return readLayer(inPieces(packed), {
    digest: sha256(packed),
    sizeBytes: packed.length,
    diffId: sha256(archive),
    below: NO_FILES,
    ...order,
  });
}

/** Bytes as they arrive from a connection. */
export async function* inPieces(bytes: Buffer, length = 16 * 1024): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += length) {
    yield await Promise.resolve(bytes.subarray(at, at + length));
  }
}

/** Packages of an image as `type name version`, sorted. */
export const packagesOf = ({ files }: Pick<LayerReading, 'files'>): readonly string[] =>
  [...files.values()]
    .flatMap(({ packages }) => packages)
    .map(({ type, name, version }) => `${type} ${name} ${version}`)
    .sort();

/** What could not be read, as `place: reason`. */
export const unreadOf = ({ files }: Pick<LayerReading, 'files'>): readonly string[] =>
  [...files.values()]
    .flatMap(({ unread }) => unread)
    .map(({ place, reason }) => `${place}: ${reason}`)
    .sort();
