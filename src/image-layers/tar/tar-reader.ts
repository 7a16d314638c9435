import { LayerTrouble } from '../layer-trouble';
import type { LayerLimits } from '../limits';
import { BLOCK, isZero, parseHeader, type TarHeader } from './header';
import { archiveText } from './archive-text';
import { parsePax, type PaxAttributes } from './pax-records';

/** What an entry of an archive is; everything but a file has no content. */
export type EntryKind = 'file' | 'directory' | 'hard-link' | 'symbolic-link' | 'other';

/** One entry, as the archive calls it; nothing of it was made on this machine. */
export interface TarEntry {
  readonly name: string;
  readonly kind: EntryKind;
  readonly size: number;
  /** What a link names. */
  readonly link: string;
  /** The content is a list of pieces and not the file itself. */
  readonly sparse: boolean;
}

/** Takes the content of one file. The pieces are only lent: they must be copied to be kept. */
export interface ContentSink {
  write(piece: Buffer): void;
  end(): void;
}

/** Is told of each entry; takes the content of a file where it wants to have it. */
export type EntryVisitor = (entry: TarEntry) => ContentSink | null;

/** Reads an archive that comes in pieces of any size. */
export interface TarReader {
  write(piece: Buffer): void;
  /** Says that nothing comes any more. */
  end(): void;
  readonly entries: number;
}

const KINDS: Readonly<Record<string, EntryKind>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  S: 'file',
  '1': 'hard-link',
  '2': 'symbolic-link',
  '5': 'directory',
};

/** Marks of blocks that describe the entry after them. */
const LONG_NAME = 'L';
const LONG_LINK = 'K';
const PAX = 'x';
const PAX_GLOBAL = 'g';
const DESCRIBING = [LONG_NAME, LONG_LINK, PAX, PAX_GLOBAL];

const SPARSE_MORE_AT = 504;

/** What was said so far about the next entry. */
interface Said {
  readonly pax?: PaxAttributes;
  readonly longName?: string;
  readonly longLink?: string;
}

/**
 * Makes a reader of ustar archives with the long names of GNU and the attributes of PAX. Memory does not
 * grow with the archive: contents pass through, names are bounded, and nothing is written anywhere.
 *
 * @throws LayerTrouble from `write` and `end`: `malformed` when the archive contradicts itself or breaks
 *   off, `too-large` beyond a limit.
 */
export function createTarReader(limits: LayerLimits, visit: EntryVisitor): TarReader {
  return new PushedTar(limits, visit);
}

class PushedTar implements TarReader {
  entries = 0;
  /** Bytes of a header that arrived in pieces. */
  private readonly partial = Buffer.alloc(BLOCK);
  private partialBytes = 0;
  private contentLeft = 0;
  private paddingLeft = 0;
  private sink: ContentSink | null = null;
  private said: Said = {};
  private state: 'header' | 'sparse-header' | 'one-zero-block' | 'ended' = 'header';

  constructor(
    private readonly limits: LayerLimits,
    private readonly visit: EntryVisitor,
  ) {}

  write(piece: Buffer): void {
    let at = 0;
    while (at < piece.length && this.state !== 'ended') {
      if (this.state === 'sparse-header') at += this.takeHeader(piece, at);
      else if (this.contentLeft > 0) at += this.takeContent(piece, at);
      else if (this.paddingLeft > 0) at += this.skipPadding(piece.length - at);
      else at += this.takeHeader(piece, at);
    }
  }

  end(): void {
    const between = this.contentLeft === 0 && this.paddingLeft === 0 && this.partialBytes === 0;
    if (this.state === 'ended' || (between && this.state !== 'sparse-header' && this.isUntold())) {
      return;
    }
    throw new LayerTrouble('malformed', 'breaks off in the middle of an entry');
  }

  private isUntold(): boolean {
    return Object.keys(this.said).length === 0;
  }

  private takeContent(piece: Buffer, at: number): number {
    const taken = Math.min(this.contentLeft, piece.length - at);
    this.sink?.write(piece.subarray(at, at + taken));
    this.contentLeft -= taken;
    if (this.contentLeft === 0) this.endContent();
    return taken;
  }

  private endContent(): void {
    const { sink } = this;
    this.sink = null;
    sink?.end();
  }

  private skipPadding(available: number): number {
    const skipped = Math.min(this.paddingLeft, available);
    this.paddingLeft -= skipped;
    return skipped;
  }

  private takeHeader(piece: Buffer, at: number): number {
    if (this.partialBytes === 0 && piece.length - at >= BLOCK) {
      this.readBlock(piece.subarray(at, at + BLOCK));
      return BLOCK;
    }
    const taken = Math.min(BLOCK - this.partialBytes, piece.length - at);
    piece.copy(this.partial, this.partialBytes, at, at + taken);
    this.partialBytes += taken;
    if (this.partialBytes === BLOCK) {
      this.partialBytes = 0;
      this.readBlock(this.partial);
    }
    return taken;
  }

  private readBlock(block: Buffer): void {
    if (this.state === 'sparse-header') {
      if (block[SPARSE_MORE_AT] !== 1) this.state = 'header';
      return;
    }
    if (isZero(block)) {
      // What follows two empty blocks belongs to nobody; every unpacking stops there.
      this.state = this.state === 'one-zero-block' ? 'ended' : 'one-zero-block';
      return;
    }
    if (this.state === 'one-zero-block') {
      throw new LayerTrouble('malformed', 'goes on behind its end');
    }
    if ((this.entries += 1) > this.limits.entries) {
      throw new LayerTrouble('too-large', `has more than ${this.limits.entries} entries`);
    }
    const header = parseHeader(block);
    if (DESCRIBING.includes(header.type)) this.beginDescription(header);
    else this.beginEntry(header);
  }

  private beginDescription({ type, size }: TarHeader): void {
    const isPax = type === PAX || type === PAX_GLOBAL;
    const max = isPax ? this.limits.attributeBytes : this.limits.pathBytes + 1;
    if (size > max) throw new LayerTrouble('too-large', 'describes an entry at impossible length');
    const pieces: Buffer[] = [];
    this.begin(size, {
      write: (piece) => {
        pieces.push(Buffer.from(piece));
      },
      end: () => {
        this.note(type, Buffer.concat(pieces));
      },
    });
  }

  private note(type: string, bytes: Buffer): void {
    this.assertSaidOnce(type);
    const end = bytes.indexOf(0);
    const text = archiveText(end < 0 ? bytes : bytes.subarray(0, end));
    if (type === LONG_NAME) this.said = { ...this.said, longName: text };
    else if (type === LONG_LINK) this.said = { ...this.said, longLink: text };
    else if (type === PAX) this.said = { ...this.said, pax: parsePax(bytes) };
    // Attributes for all entries may not rename them; they are read for their form only.
    else parsePax(bytes);
  }

  /**
   * Unpackings differ in which of two descriptions they believe, and whether one for all entries ends
   * what was said about the next: such an archive could show each of them something else.
   */
  private assertSaidOnce(type: string): void {
    const { longName, longLink, pax } = this.said;
    const isNew =
      (type === LONG_NAME && longName === undefined) ||
      (type === LONG_LINK && longLink === undefined) ||
      (type === PAX && pax === undefined) ||
      (type === PAX_GLOBAL && this.isUntold());
    if (!isNew) throw new LayerTrouble('malformed', 'describes an entry more than once');
  }

  private beginEntry(header: TarHeader): void {
    const { said } = this;
    this.said = {};
    const entry = entryOf(header, said);
    for (const path of [entry.name, entry.link]) this.assertBounded(path);
    if (header.continues) this.state = 'sparse-header';
    // Unknown kinds may have content, which is passed over; links, folders and devices have none.
    const hasUnknownContent = entry.kind === 'other' && !/^[346]$/.test(header.type);
    const unknownSize = said.pax?.size ?? header.size;
    this.begin(hasUnknownContent ? unknownSize : entry.size, this.visit(entry));
  }

  private begin(size: number, sink: ContentSink | null): void {
    if (size > this.limits.uncompressedBytes) {
      throw new LayerTrouble('too-large', 'holds a file that is larger than a layer may be');
    }
    this.contentLeft = size;
    this.paddingLeft = (BLOCK - (size % BLOCK)) % BLOCK;
    this.sink = sink;
    if (size === 0) this.endContent();
  }

  private assertBounded(path: string): void {
    if (Buffer.byteLength(path) <= this.limits.pathBytes) return;
    throw new LayerTrouble('too-large', `has a path of more than ${this.limits.pathBytes} bytes`);
  }
}

/** Attributes know best, then the long forms, then the header. */
function entryOf(header: TarHeader, { pax = {}, longName, longLink }: Said): TarEntry {
  const sparseName = header.type === 'S' ? undefined : pax.sparseName;
  const name = sparseName ?? oneOf(pax.path, longName) ?? header.name;
  const kind = kindOf(header.type, name);
  return {
    name,
    kind,
    size: kind === 'file' ? (pax.size ?? header.size) : 0,
    link: oneOf(pax.link, longLink) ?? header.link,
    sparse: header.type === 'S' || pax.sparse === true,
  };
}

/** Archives older than the mark of folders write them with a slash at the end of their name. */
const kindOf = (type: string, name: string): EntryKind =>
  type === '\0' && name.endsWith('/') ? 'directory' : (KINDS[type] ?? 'other');

/** What both forms say, when they say the same; unpackings differ in which of the two they believe. */
function oneOf(attribute: string | undefined, long: string | undefined): string | undefined {
  const other = long === '' ? undefined : long;
  if (attribute !== undefined && other !== undefined && attribute !== other) {
    throw new LayerTrouble('malformed', 'gives one entry two names');
  }
  return attribute ?? other;
}
