import { LayerTrouble } from '../layer-trouble';
import { archiveText } from './archive-text';

/** Bytes of a header and of the unit that contents are filled up to. */
export const BLOCK = 512;

/** A header as it stands in the archive. */
export interface TarHeader {
  readonly type: string;
  readonly name: string;
  readonly link: string;
  readonly size: number;
  /** In GNU's old form of sparse files more headers follow this one. */
  readonly continues: boolean;
}

/** True for the filling at the end of an archive. */
export function isZero(block: Buffer): boolean {
  return block.equals(ZERO);
}

const ZERO = Buffer.alloc(BLOCK);

/** Places of the fields, each from its first byte to the one behind it. */
const NAME = [0, 100] as const;
const SIZE = [124, 136] as const;
const CHECKSUM = [148, 156] as const;
const TYPE_AT = 156;
const LINK = [157, 257] as const;
const MAGIC = [257, 263] as const;
const PREFIX = [345, 500] as const;
/** An older writer keeps times behind a shorter prefix, and marks its headers at their end. */
const STAR_PREFIX = [345, 476] as const;
const STAR_MARK = [508, 512] as const;
const SPARSE_CONTINUES_AT = 482;

/**
 * Reads one header.
 *
 * @throws LayerTrouble when it is none: nothing behind it could be told apart any more.
 */
export function parseHeader(block: Buffer): TarHeader {
  if (!matchesChecksum(block)) throw new LayerTrouble('malformed', 'holds a damaged header');
  const type = String.fromCharCode(block[TYPE_AT] ?? 0);
  const name = textIn(block, NAME);
  // Only this very mark says that the end of the header holds the beginning of the name.
  const hasPrefix = block.toString('latin1', ...MAGIC) === 'ustar\0';
  const isStar = block.toString('latin1', ...STAR_MARK) === 'tar\0';
  const prefix = hasPrefix ? textIn(block, isStar ? STAR_PREFIX : PREFIX) : '';
  return {
    type,
    name: prefix === '' ? name : `${prefix}/${name}`,
    link: textIn(block, LINK),
    size: numberIn(block.subarray(...SIZE)),
    continues: type === 'S' && block[SPARSE_CONTINUES_AT] === 1,
  };
}

type Field = readonly [from: number, to: number];

function textIn(block: Buffer, [from, to]: Field): string {
  const end = block.indexOf(0, from);
  return archiveText(block.subarray(from, end < 0 || end > to ? to : end));
}

/** Octal digits, or the number itself when the first bit says so. */
function numberIn(field: Buffer): number {
  const first = field[0] ?? 0;
  if ((first & 0x80) !== 0) {
    // Of twelve bytes the last six hold every number that can be counted to.
    const high = field.subarray(1, field.length - 6);
    if (first !== 0x80 || high.some((byte) => byte !== 0)) {
      throw new LayerTrouble('malformed', 'holds a file of impossible size');
    }
    return field.readUIntBE(field.length - 6, 6);
  }
  const digits = field
    .toString('latin1')
    .replace(/[\0 ]+$/, '')
    .replace(/^ +/, '');
  if (!/^[0-7]{0,12}$/.test(digits)) {
    throw new LayerTrouble('malformed', 'holds a size that is no number');
  }
  return digits === '' ? 0 : Number.parseInt(digits, 8);
}

/** The sum of all bytes with the sum itself taken as spaces; old writers took the bytes as signed. */
function matchesChecksum(block: Buffer): boolean {
  const [from, to] = CHECKSUM;
  const digits = block.toString('latin1', from, to).replace(/[\0 ]+/g, '');
  if (!/^[0-7]{1,8}$/.test(digits)) return false;
  const stated = Number.parseInt(digits, 8);
  let unsigned = (to - from) * 0x20;
  let negative = 0;
  for (let at = 0; at < BLOCK; at += 1) {
    if (at === from) at = to;
    const byte = block[at] ?? 0;
    unsigned += byte;
    if (byte > 127) negative += 1;
  }
  return stated === unsigned || stated === unsigned - 256 * negative;
}
