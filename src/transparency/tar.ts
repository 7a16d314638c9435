import { invalid } from './failures';

/**
 * Archives in the form that every system can unpack. The same files give the same bytes: no owner, no
 * instant, sorted names.
 *
 * @source POSIX.1-1988, ustar
 */

const BLOCK = 512;
/** A name has to fit into its field of the header. */
const NAME = /^[0-9A-Za-z][0-9A-Za-z_.-]*(\/[0-9A-Za-z][0-9A-Za-z_.-]*)*$/;
const NAME_MAX = 100;
const FILES_MAX = 1_000_000;

/** Files by name; a text is packed as UTF-8. */
type Packed = ReadonlyMap<string, string | Buffer>;

/** Packs files by name. @throws LetheError EVIDENCE_INVALID when a name does not fit. */
export function packTar(files: Packed): Buffer {
  const blocks = [...files]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, file]) => {
      const content = typeof file === 'string' ? Buffer.from(file, 'utf8') : file;
      return [headerOf(name, content.length), content, Buffer.alloc(paddingOf(content.length))];
    });
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
}

const paddingOf = (bytes: number): number => (BLOCK - (bytes % BLOCK)) % BLOCK;

function headerOf(name: string, bytes: number): Buffer {
  if (!isName(name)) throw invalid('a name does not fit into the archive', name);
  const header = Buffer.alloc(BLOCK);
  const put = (at: number, text: string): void => {
    header.write(text, at, 'ascii');
  };
  put(0, name);
  put(100, '0000644\0');
  put(108, '0000000\0');
  put(116, '0000000\0');
  put(124, `${bytes.toString(8).padStart(11, '0')}\0`);
  put(136, `${''.padStart(11, '0')}\0`);
  put(156, '0');
  put(257, 'ustar\x0000');
  put(148, `${checksumOf(header).toString(8).padStart(6, '0')}\0 `);
  return header;
}

/** The sum over the header with blanks in place of the sum itself. */
function checksumOf(header: Buffer): number {
  let sum = 8 * 32;
  header.forEach((byte, at) => {
    if (at < 148 || at >= 156) sum += byte;
  });
  return sum;
}

const isName = (name: string): boolean => NAME.test(name) && name.length <= NAME_MAX;

/**
 * Unpacks an archive of plain files.
 *
 * @throws LetheError EVIDENCE_INVALID when it is cut off, altered in its headers, or holds a link, a name
 *   that leaves the archive, or one name twice.
 */
export function unpackTar(archive: Buffer): ReadonlyMap<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (let at = 0; ;) {
    const header = archive.subarray(at, at + BLOCK);
    if (header.length < BLOCK) throw invalid('the archive is cut off');
    if (header.every((byte) => byte === 0)) return files;
    const { name, bytes } = parseHeader(header);
    const content = archive.subarray(at + BLOCK, at + BLOCK + bytes);
    if (content.length < bytes) throw invalid('the archive is cut off', name);
    if (files.has(name)) throw invalid('the archive holds one name twice', name);
    if (files.size >= FILES_MAX) throw invalid('the archive holds too many files');
    files.set(name, content);
    at += BLOCK + bytes + paddingOf(bytes);
  }
}

function parseHeader(header: Buffer): { readonly name: string; readonly bytes: number } {
  const field = (from: number, to: number): string =>
    header.subarray(from, to).toString('latin1').replace(/\0.*$/s, '').trim();
  const name = field(0, 100);
  const size = field(124, 136);
  if (parseInt(field(148, 156), 8) !== checksumOf(header)) {
    throw invalid('the archive is damaged or no archive');
  }
  const plain = ['0', ''].includes(field(156, 157)) && field(345, 500) === '';
  if (!plain || !isName(name) || !/^[0-7]{1,11}$/.test(size)) {
    throw invalid('the archive holds something other than plain files');
  }
  return { name, bytes: parseInt(size, 8) };
}

/** The texts among the files: all but papers. @throws LetheError EVIDENCE_INVALID when one is no text. */
export const textsOf = (files: ReadonlyMap<string, Buffer>): ReadonlyMap<string, string> =>
  new Map(
    [...files]
      .filter(([name]) => !name.endsWith('.pdf'))
      .map(([name, content]) => [name, textOf(content, name)]),
  );

function textOf(content: Buffer, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    throw invalid('a file of the archive is no text', name);
  }
}
