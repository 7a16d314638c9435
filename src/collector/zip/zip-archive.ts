import { inflateRawSync } from 'node:zlib';
import { bufferSource, sliceSource, type ByteSource } from './byte-source';

/** One file of an archive. */
export interface ZipEntry {
  readonly name: string;
  readonly method: number;
  readonly encrypted: boolean;
  readonly compressedSize: number;
  readonly size: number;
  /** Where its own header stands. */
  readonly headerAt: number;
}

/** Bounds that no archive of a real application comes near. */
const LIMITS = Object.freeze({
  entries: 200_000,
  directoryBytes: 64 * 1024 * 1024,
  nameBytes: 4096,
  /** How much more may come out than went in; deflate itself cannot do more than 1032. */
  ratio: 200,
  /** Below this a high ratio does no harm. */
  harmlessBytes: 1024 * 1024,
});

const END_SIGNATURE = 0x0605_4b50;
const END_BYTES = 22;
const COMMENT_MAX = 65_535;
const ENTRY_SIGNATURE = 0x0201_4b50;
const ENTRY_BYTES = 46;
const LOCAL_SIGNATURE = 0x0403_4b50;
const LOCAL_BYTES = 30;
const END64_SIGNATURE = 0x0606_4b50;
const LOCATOR64_SIGNATURE = 0x0706_4b50;
const LOCATOR64_BYTES = 20;
const END64_BYTES = 56;

const STORED = 0;
const DEFLATED = 8;

/** The archive contradicts itself, or is larger than anything worth reading. */
export class ZipTrouble extends Error {
  constructor(readonly reason: 'malformed' | 'too-large' | 'unsupported') {
    super(`the archive is ${reason}`);
    this.name = 'ZipTrouble';
  }
}

/** Files of an archive. */
export interface ZipList {
  /** Those that are wanted. */
  readonly entries: readonly ZipEntry[];
  /** All of them. */
  readonly count: number;
}

/**
 * Lists an archive from its central directory: the parts before it are not looked at, so that an
 * archive of gigabytes costs as much as its list of names. Of names that are not wanted nothing is kept.
 *
 * @throws ZipTrouble when it is no archive or exceeds the bounds.
 */
export function listZip(source: ByteSource, isWanted: (name: string) => boolean): ZipList {
  const end = findEnd(source);
  if (end.entries > LIMITS.entries || end.size > LIMITS.directoryBytes) {
    throw new ZipTrouble('too-large');
  }
  const directory = source.read(end.offset, end.size);
  if (directory.length !== end.size) throw new ZipTrouble('malformed');
  const entries: ZipEntry[] = [];
  let at = 0;
  for (let count = 0; count < end.entries; count += 1) {
    const { name, next } = nameAt(directory, at);
    if (isWanted(name)) entries.push(entryAt(directory, at, { name, shift: end.shift }));
    at = next;
  }
  return { entries, count: end.entries };
}

/** Where the central directory stands, how large it is, and what was put before the archive. */
interface Directory {
  readonly entries: number;
  readonly size: number;
  readonly offset: number;
  readonly shift: number;
}

/** Few archives have a comment, and then a short one: a piece of this size mostly holds the end. */
const TAIL_BYTES = 2048;

/** The last end that can be found counts: a short piece is looked at first, then as much as there can be. */
function findEnd(source: ByteSource): Directory {
  const found = endWithin(source, TAIL_BYTES) ?? endWithin(source, END_BYTES + COMMENT_MAX);
  if (found === null) throw new ZipTrouble('malformed');
  return found;
}

function endWithin(source: ByteSource, bytes: number): Directory | null {
  const from = Math.max(0, source.size - bytes);
  const tail = source.read(from, source.size - from);
  for (let at = tail.length - END_BYTES; at >= 0; at -= 1) {
    if (tail.readUInt32LE(at) !== END_SIGNATURE) continue;
    if (at + END_BYTES + tail.readUInt16LE(at + 20) > tail.length) continue;
    const entries = tail.readUInt16LE(at + 10);
    const size = tail.readUInt32LE(at + 12);
    const offset = tail.readUInt32LE(at + 16);
    if (entries === 0xffff || size === 0xffff_ffff || offset === 0xffff_ffff) {
      return findEnd64(source, from + at);
    }
    // A script may stand before an archive that runs by itself; offsets then count from its end.
    const shift = from + at - size - offset;
    if (shift < 0) throw new ZipTrouble('malformed');
    return { entries, size, offset: offset + shift, shift };
  }
  return null;
}

function findEnd64(source: ByteSource, endAt: number): Directory {
  const locator = source.read(Math.max(0, endAt - LOCATOR64_BYTES), LOCATOR64_BYTES);
  if (locator.length < LOCATOR64_BYTES || locator.readUInt32LE(0) !== LOCATOR64_SIGNATURE) {
    throw new ZipTrouble('malformed');
  }
  const end = source.read(numberAt(locator, 8), END64_BYTES);
  if (end.length < END64_BYTES || end.readUInt32LE(0) !== END64_SIGNATURE) {
    throw new ZipTrouble('malformed');
  }
  return {
    entries: numberAt(end, 32),
    size: numberAt(end, 40),
    offset: numberAt(end, 48),
    shift: 0,
  };
}

function numberAt(bytes: Buffer, at: number): number {
  const value = bytes.readBigUInt64LE(at);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new ZipTrouble('malformed');
  return Number(value);
}

/** The name of the entry that begins at a place, and where the next one begins. */
function nameAt(directory: Buffer, at: number): { readonly name: string; readonly next: number } {
  if (at + ENTRY_BYTES > directory.length || directory.readUInt32LE(at) !== ENTRY_SIGNATURE) {
    throw new ZipTrouble('malformed');
  }
  const begin = at + ENTRY_BYTES;
  const nameBytes = directory.readUInt16LE(at + 28);
  const end = begin + nameBytes;
  const next = end + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  if (nameBytes > LIMITS.nameBytes || next > directory.length) throw new ZipTrouble('malformed');
  return { name: directory.toString('utf8', begin, end), next };
}

function entryAt(
  directory: Buffer,
  at: number,
  { name, shift }: { readonly name: string; readonly shift: number },
): ZipEntry {
  const sizes = {
    size: directory.readUInt32LE(at + 24),
    compressedSize: directory.readUInt32LE(at + 20),
    headerAt: directory.readUInt32LE(at + 42),
  };
  const extraAt = at + ENTRY_BYTES + directory.readUInt16LE(at + 28);
  const extra = directory.subarray(extraAt, extraAt + directory.readUInt16LE(at + 30));
  const wide = Object.values(sizes).includes(0xffff_ffff) ? widened(sizes, extra) : sizes;
  return {
    name,
    method: directory.readUInt16LE(at + 10),
    encrypted: (directory.readUInt16LE(at + 8) & 1) !== 0,
    ...wide,
    headerAt: wide.headerAt + shift,
  };
}

type Sizes = Pick<ZipEntry, 'size' | 'compressedSize' | 'headerAt'>;

/** Numbers that do not fit stand, in this order and only if needed, in a part of their own. */
function widened(sizes: Sizes, extra: Buffer): Sizes {
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== 1) continue;
    const field = extra.subarray(at + 4, at + 4 + extra.readUInt16LE(at + 2));
    let used = 0;
    const take = (short: number): number => {
      if (short !== 0xffff_ffff) return short;
      if (used + 8 > field.length) throw new ZipTrouble('malformed');
      used += 8;
      return numberAt(field, used - 8);
    };
    const size = take(sizes.size);
    const compressedSize = take(sizes.compressedSize);
    return { size, compressedSize, headerAt: take(sizes.headerAt) };
  }
  throw new ZipTrouble('malformed');
}

/**
 * Content of a file of an archive, at most `max` bytes. What it says about its own size is not
 * believed: more than that never comes out.
 *
 * @throws ZipTrouble when it is larger, encrypted, packed in an unknown way, or damaged.
 */
export function readEntry(source: ByteSource, entry: ZipEntry, max: number): Buffer {
  if (entry.encrypted) throw new ZipTrouble('unsupported');
  if (entry.size > max || entry.compressedSize > max) throw new ZipTrouble('too-large');
  if (entry.size > LIMITS.harmlessBytes && entry.size > entry.compressedSize * LIMITS.ratio) {
    throw new ZipTrouble('too-large');
  }
  const packed = source.read(contentAt(source, entry), entry.compressedSize);
  if (packed.length !== entry.compressedSize) throw new ZipTrouble('malformed');
  if (entry.method === STORED) return packed;
  if (entry.method !== DEFLATED) throw new ZipTrouble('unsupported');
  return inflate(packed, entry.size);
}

function inflate(packed: Buffer, size: number): Buffer {
  let content: Buffer;
  try {
    content = inflateRawSync(packed, { maxOutputLength: Math.max(1, size) });
  } catch {
    throw new ZipTrouble('malformed');
  }
  if (content.length !== size) throw new ZipTrouble('malformed');
  return content;
}

/** An archive in an archive, read in place when it is not packed and from memory otherwise. */
export function openNested(source: ByteSource, entry: ZipEntry, max: number): ByteSource {
  if (entry.method === STORED && !entry.encrypted) {
    return sliceSource(source, contentAt(source, entry), entry.compressedSize);
  }
  return bufferSource(readEntry(source, entry, max));
}

function contentAt(source: ByteSource, { headerAt }: ZipEntry): number {
  const header = source.read(headerAt, LOCAL_BYTES);
  if (header.length < LOCAL_BYTES || header.readUInt32LE(0) !== LOCAL_SIGNATURE) {
    throw new ZipTrouble('malformed');
  }
  return headerAt + LOCAL_BYTES + header.readUInt16LE(26) + header.readUInt16LE(28);
}
