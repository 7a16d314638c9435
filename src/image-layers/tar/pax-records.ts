import { LayerTrouble } from '../layer-trouble';
import { archiveText } from './archive-text';

/** What extended attributes say about the entry after them, as far as it matters. */
export interface PaxAttributes {
  readonly path?: string;
  readonly link?: string;
  readonly size?: number;
  /** The content is a list of pieces and not the file itself. */
  readonly sparse?: boolean;
  /** What a sparse file is called; its header names something made up. */
  readonly sparseName?: string;
}

/** Digits of a record's length. */
const LENGTH_DIGITS_MAX = 8;

/**
 * Reads records of the form `length key=value`, whose length counts itself. An empty value takes back
 * what was said, which leaves the header's own.
 *
 * @throws LayerTrouble when a record contradicts itself.
 */
export function parsePax(bytes: Buffer): PaxAttributes {
  const said = new Map(recordsOf(bytes));
  const text = (key: string): string | undefined => {
    const value = said.get(key);
    return value === undefined || value.length === 0 ? undefined : textOf(value);
  };
  const [path, link, sparseName] = [text('path'), text('linkpath'), text('GNU.sparse.name')];
  if (sparseName !== undefined && !isSparse(text)) throw malformed();
  const size = said.get('size');
  return {
    ...(path !== undefined && { path }),
    ...(link !== undefined && { link }),
    ...(sparseName !== undefined && { sparseName }),
    ...(size !== undefined && size.length > 0 && { size: sizeOf(size) }),
    ...([...said.keys()].some((key) => key.startsWith('GNU.sparse.')) && { sparse: true }),
  };
}

/** Only these forms are read as sparse, and only of them a name of its own is believed. */
function isSparse(text: (key: string) => string | undefined): boolean {
  const [major, minor] = [text('GNU.sparse.major'), text('GNU.sparse.minor')];
  if (major === undefined && minor === undefined) return text('GNU.sparse.map') !== undefined;
  return (major === '0' && (minor === '0' || minor === '1')) || (major === '1' && minor === '0');
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
  return archiveText(value);
}

function sizeOf(value: Buffer): number {
  const digits = value.toString('latin1');
  const size = Number(digits);
  if (!/^\d{1,16}$/.test(digits) || !Number.isSafeInteger(size)) throw malformed();
  return size;
}

const malformed = (): LayerTrouble =>
  new LayerTrouble('malformed', 'holds attributes that contradict themselves');
