import { nameOrNull, nameText } from '../../collector/text';
import { NOTHING, type FileContent, type ImagePackage, type UnreadReason } from './package';

/** What the linker puts before the build information, on a multiple of sixteen bytes. */
const MAGIC = Buffer.from('\xff Go buildinf:', 'latin1');
const ALIGNMENT = 16;
const HEADER_BYTES = 32;
const POINTER_SIZE_AT = 14;
const FLAGS_AT = 15;
/** The texts stand behind the header and not where pointers lead; so since Go 1.18. */
const INLINE = 2;
const FLAGS_MAX = 3;
/** What encloses the list of modules on both sides. */
const SENTINEL_BYTES = 16;

/** How programs for Linux, Windows and macOS begin. */
const HEADS = ['\x7fELF', 'MZ', '\xcf\xfa\xed\xfe'].map((head) => Buffer.from(head, 'latin1'));
const HEAD_BYTES = 4;
/** Longest build information that is taken; thousands of modules need less. */
const INFO_BYTES_MAX = 1024 * 1024;
/** Longest word for a tool chain. */
const VERSION_BYTES_MAX = 4096;
const MODULES_MAX = 20_000;
/** Marks that are looked behind at a time, and build information that is taken from one program. */
const OPEN_MAX = 64;
const READ_MAX = 16;
/** Bytes of a pointer, which stand before the flags. */
const POINTER_SIZES: readonly unknown[] = [4, 8];

/**
 * Looks for build information in a program that passes by, without holding it. Programs that read such
 * information hold its mark themselves, and anybody can write one: each is looked behind, and what all of
 * them say counts, so that none hides the genuine one.
 */
export class GoBuildInfoSearch {
  private isProgram: boolean | null = null;
  /** The first bytes, which may come one by one. */
  private head: Buffer = Buffer.alloc(0);
  /** Bytes that are looked at again with the next ones, and where in the file they begin. */
  private held: Buffer = Buffer.alloc(0);
  private heldFrom = 0;
  /** Where the marks begin whose information has not arrived yet. */
  private open: number[] = [];
  private searchedTo = 0;
  private readonly modules = new Map<string, ImagePackage>();
  private read = 0;
  private readonly unread = new Set<UnreadReason>();

  /** @param isInPieces - the content is a list of pieces: it is told whether there is a mark, and no more. */
  constructor(private readonly isInPieces = false) {}

  write(piece: Buffer): void {
    const known = this.isProgram === null ? this.begin(piece) : piece;
    if (this.isProgram !== true) return;
    const joined = this.held.length > 0 ? Buffer.concat([this.held, known]) : known;
    this.search(joined);
    this.open = this.open.filter((mark) => !this.isDone(joined.subarray(mark - this.heldFrom)));
    const keptFrom = Math.min(this.searchedTo, ...this.open);
    this.held = Buffer.from(joined.subarray(keptFrom - this.heldFrom));
    this.heldFrom = keptFrom;
  }

  private begin(piece: Buffer): Buffer {
    this.head =
      this.head.length === 0 && piece.length >= HEAD_BYTES
        ? piece
        : Buffer.concat([this.head, piece]);
    if (this.head.length >= HEAD_BYTES) {
      this.isProgram =
        this.isInPieces || HEADS.some((head) => head.equals(this.head.subarray(0, head.length)));
    }
    return this.head;
  }

  /** What was found, once the file has passed. */
  content(place: string): FileContent {
    // What a mark announces and the file does not hold matters only where nothing else was found.
    if (this.open.length > 0) this.unread.add('malformed');
    if (this.read > 0 || this.unread.size > 1) this.unread.delete('malformed');
    if (this.read === 0 && this.unread.size === 0) return NOTHING;
    return {
      packages: [...this.modules.values()],
      unread: [...this.unread].map((reason) => ({ place, reason })),
    };
  }

  /** Notes marks; one that may lie across two pieces is looked for again with the next. */
  private search(joined: Buffer): void {
    const end = this.heldFrom + joined.length;
    let at = joined.indexOf(MAGIC, this.searchedTo - this.heldFrom);
    for (; at >= 0 && at <= joined.length - ALIGNMENT; at = joined.indexOf(MAGIC, at + 1)) {
      if ((joined[at + FLAGS_AT] ?? 0) <= FLAGS_MAX) this.note(this.heldFrom + at);
    }
    const isCut = at >= 0;
    this.searchedTo = isCut ? this.heldFrom + at : Math.max(0, end - MAGIC.length + 1);
  }

  private note(mark: number): void {
    if (this.isInPieces) this.unread.add('unsupported');
    else if (mark % ALIGNMENT !== 0) return;
    else if (this.open.length < OPEN_MAX && this.read <= READ_MAX) this.open.push(mark);
    else this.unread.add('too-large');
  }

  /** Reads what stands behind a mark; false while more of it has to arrive. */
  private isDone(info: Buffer): boolean {
    if (((info[FLAGS_AT] ?? 0) & INLINE) === 0) {
      if (POINTER_SIZES.includes(info[POINTER_SIZE_AT])) this.unread.add('unsupported');
      return true;
    }
    const version = lengthened(info, HEADER_BYTES, VERSION_BYTES_MAX);
    if (version === 'arriving') return false;
    if (version === 'impossible') {
      this.unread.add('malformed');
      return true;
    }
    const list = lengthened(info, version.next, INFO_BYTES_MAX);
    if (list === 'arriving') return false;
    // Whatever names a tool chain may be the genuine one.
    const isGenuine = TOOLCHAIN.test(version.bytes.toString('utf8'));
    if (list === 'impossible') this.unread.add(isGenuine ? 'too-large' : 'malformed');
    else this.take(version.bytes, list.bytes);
    return true;
  }

  private take(version: Buffer, list: Buffer): void {
    if ((this.read += 1) > READ_MAX) {
      this.unread.add('too-large');
      return;
    }
    const lines = list.subarray(SENTINEL_BYTES, -SENTINEL_BYTES).toString('utf8').split('\n');
    if (lines.length > MODULES_MAX) this.unread.add('too-large');
    const toolchain = TOOLCHAIN.exec(version.toString('utf8'))?.[1];
    const found = [
      ...(toolchain === undefined ? [] : [moduleNamed('stdlib', toolchain)]),
      ...modulesOf(lines.slice(0, MODULES_MAX)),
    ];
    for (const module of found) {
      if (this.modules.size < MODULES_MAX) this.modules.set(JSON.stringify(module), module);
      else this.unread.add('too-large');
    }
  }
}

const TOOLCHAIN = /^go(\d[\w.-]{0,60})/;

/** A text behind its length; `impossible` when it is longer than such a text may be. */
function lengthened(
  ...[bytes, at, max]: [Buffer, number, number]
): { bytes: Buffer; next: number } | 'arriving' | 'impossible' {
  let length = 0;
  for (let digit = 0; digit < 4; digit += 1) {
    const byte = bytes[at + digit];
    if (byte === undefined) return 'arriving';
    length += (byte & 0x7f) * 128 ** digit;
    if (byte >= 0x80) continue;
    const from = at + digit + 1;
    if (length > max) return 'impossible';
    if (from + length > bytes.length) return 'arriving';
    return { bytes: bytes.subarray(from, from + length), next: from + length };
  }
  return 'impossible';
}

/** Lines `dep`, name, version; a line `=>` says what stands for the one before. */
function modulesOf(lines: readonly string[]): readonly ImagePackage[] {
  const modules: ImagePackage[] = [];
  for (const line of lines) {
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
