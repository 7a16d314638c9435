import { LayerTrouble } from '../layer-trouble';

/** What extended attributes say about the entry after them, as far as it matters. */
export interface PaxAttributes {
  readonly path?: string;
  readonly link?: string;
  readonly size?: number;
  /** The content is a list of pieces and not the file itself. */
  readonly sparse?: boolean;
}

/** Digits of a record's length. */
const LENGTH_DIGITS_MAX = 8;

/**
 * Reads records of the form `length key=value`, whose length counts itself.
 *
 * @throws LayerTrouble when a record contradicts itself.
 */
export function parsePax(bytes: Buffer): PaxAttributes {
  const attributes: { path?: string; link?: string; size?: number; sparse?: boolean } = {};
  for (const [key, value] of recordsOf(bytes)) {
    if (key === 'path') attributes.path = textOf(value);
    else if (key === 'linkpath') attributes.link = textOf(value);
    else if (key === 'size') attributes.size = sizeOf(value);
    else if (key.startsWith('GNU.sparse.')) attributes.sparse = true;
  }
  return attributes;
}

function* recordsOf(bytes: Buffer): Generator<readonly [string, Buffer]> {
  let at = 0;
  while (at < bytes.length) {
    const space = bytes.indexOf(0x20, at);
    const digits = space < 0 ? '' : bytes.toString('latin1', at, space);
    const end = at + Number(digits);
    const isRecord =
      digits.length <= LENGTH_DIGITS_MAX &&
      /^[1-9]\d*$/.test(digits) &&
      end <= bytes.length &&
      end > space + 1 &&
      bytes[end - 1] === 0x0a;
    const equals = isRecord ? bytes.indexOf(0x3d, space + 1) : -1;
    if (equals < 0 || equals >= end) throw malformed();
    yield [bytes.toString('utf8', space + 1, equals), bytes.subarray(equals + 1, end - 1)];
    at = end;
  }
}

function textOf(value: Buffer): string {
  if (value.includes(0)) throw malformed();
  return value.toString('utf8');
}

function sizeOf(value: Buffer): number {
  const digits = value.toString('latin1');
  const size = Number(digits);
  if (!/^\d{1,16}$/.test(digits) || !Number.isSafeInteger(size)) throw malformed();
  return size;
}

const malformed = (): LayerTrouble =>
  new LayerTrouble('malformed', 'holds attributes that contradict themselves');
