import { nameOrNull, nameText } from '../../collector/text';
import { NOTHING, unreadFile, type FileContent, type ImagePackage } from './package';

/** What the linker puts before the build information, on a multiple of sixteen bytes. */
const MAGIC = Buffer.from('\xff Go buildinf:', 'latin1');
const ALIGNMENT = 16;
const HEADER_BYTES = 32;
const FLAGS_AT = 15;
/** The texts stand behind the header and not where pointers lead; so since Go 1.18. */
const INLINE = 2;
const FLAGS_MAX = 3;
/** What encloses the list of modules on both sides. */
const SENTINEL_BYTES = 16;

const ELF = Buffer.from('\x7fELF', 'latin1');
/** Longest build information that is taken; thousands of modules need less. */
const INFO_BYTES_MAX = 1024 * 1024;
const MODULES_MAX = 20_000;

/** Looks for build information in a program that passes by, without holding it. */
export class GoBuildInfoSearch {
  private offset = 0;
  private isProgram: boolean | null = null;
  /** The first bytes, which may come one by one. */
  private head: Buffer = Buffer.alloc(0);
  private tail = Buffer.alloc(0);
  private captured: Buffer[] | null = null;
  private capturedBytes = 0;

  write(piece: Buffer): void {
    const known = this.isProgram === null ? this.begin(piece) : piece;
    if (this.isProgram !== true) return;
    if (this.captured !== null) this.capture(known);
    else this.search(known);
  }

  private begin(piece: Buffer): Buffer {
    this.head =
      this.head.length === 0 && piece.length >= ELF.length
        ? piece
        : Buffer.concat([this.head, piece]);
    if (this.head.length >= ELF.length)
      this.isProgram = this.head.subarray(0, ELF.length).equals(ELF);
    return this.head;
  }

  /** What was found, once the file has passed. */
  content(place: string): FileContent {
    return this.captured === null ? NOTHING : readGoBuildInfo(Buffer.concat(this.captured), place);
  }

  private search(piece: Buffer): void {
    // The mark may lie across two pieces.
    const joined = this.tail.length > 0 ? Buffer.concat([this.tail, piece]) : piece;
    const start = this.offset - this.tail.length;
    for (let at = joined.indexOf(MAGIC); at >= 0; at = joined.indexOf(MAGIC, at + 1)) {
      const flags = joined[at + FLAGS_AT];
      if ((start + at) % ALIGNMENT !== 0 || (flags ?? 0) > FLAGS_MAX) continue;
      this.captured = [];
      this.capture(joined.subarray(at));
      return;
    }
    this.offset += piece.length;
    this.tail = Buffer.from(joined.subarray(Math.max(0, joined.length - MAGIC.length - 1)));
  }

  private capture(piece: Buffer): void {
    const taken = piece.subarray(0, INFO_BYTES_MAX - this.capturedBytes);
    if (taken.length === 0) return;
    this.captured?.push(Buffer.from(taken));
    this.capturedBytes += taken.length;
  }
}

/** Modules that a program says it was built from, the standard library among them. */
function readGoBuildInfo(info: Buffer, place: string): FileContent {
  if (((info[FLAGS_AT] ?? 0) & INLINE) === 0) return unreadFile(place, 'unsupported');
  const version = lengthened(info, HEADER_BYTES);
  const modules = version === null ? null : lengthened(info, version.next);
  if (version === null || modules === null) return unreadFile(place, 'malformed');
  const list = modules.bytes.subarray(SENTINEL_BYTES, -SENTINEL_BYTES).toString('utf8');
  const toolchain = /^go(\d[\w.-]{0,60})/.exec(version.bytes.toString('utf8'))?.[1];
  return {
    packages: [
      ...(toolchain === undefined ? [] : [moduleNamed('stdlib', toolchain)]),
      ...modulesOf(list),
    ],
    unread: [],
  };
}

function lengthened(bytes: Buffer, at: number): { bytes: Buffer; next: number } | null {
  let length = 0;
  for (let digit = 0; digit < 4; digit += 1) {
    const byte = bytes[at + digit];
    if (byte === undefined) return null;
    length += (byte & 0x7f) * 128 ** digit;
    if (byte >= 0x80) continue;
    const from = at + digit + 1;
    if (from + length > bytes.length) return null;
    return { bytes: bytes.subarray(from, from + length), next: from + length };
  }
  return null;
}

/** Lines `dep`, name, version; a line `=>` says what stands for the one before. */
function modulesOf(list: string): readonly ImagePackage[] {
  const modules: ImagePackage[] = [];
  for (const line of list.split('\n', MODULES_MAX)) {
    const [word, name, version] = line.split('\t', 4);
    const known = nameOrNull(name);
    if (known === null || nameOrNull(version) === null || version === '(devel)') continue;
    if (word === '=>') modules.pop();
    if (word === 'mod' || word === 'dep' || word === '=>') {
      modules.push(moduleNamed(known, version ?? ''));
    }
  }
  return modules;
}

const moduleNamed = (name: string, version: string): ImagePackage => ({
  type: 'golang',
  name: nameText(name),
  version: nameText(version),
  source: null,
  sourceVersion: null,
  architecture: null,
});
