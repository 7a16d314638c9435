import { createHash } from 'node:crypto';

/** What decoding puts in the place of bytes that are no UTF-8. */
const UNREADABLE = '\ufffd';
/** Names of whiteouts hide the name behind this beginning, which has to be marked the same way. */
const WHITEOUT = Buffer.from('.wh.');
const SLASH = 0x2f;
const MARK_DIGITS = 32;

/**
 * Text of a path or a link as an archive holds it. File systems keep names of any bytes: parts that are no
 * UTF-8 would become the same text, and one file could take the place of another. Such a part is marked
 * with a digest of its bytes, and so is one that only looks like it.
 */
export function archiveText(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  return text.includes(UNREADABLE) ? partsOf(bytes).map(markedText).join('/') : text;
}

function partsOf(bytes: Buffer): readonly Buffer[] {
  const parts: Buffer[] = [];
  let from = 0;
  for (let at = bytes.indexOf(SLASH); at >= 0; at = bytes.indexOf(SLASH, from)) {
    parts.push(bytes.subarray(from, at));
    from = at + 1;
  }
  return [...parts, bytes.subarray(from)];
}

function markedText(part: Buffer): string {
  const text = part.toString('utf8');
  if (!text.includes(UNREADABLE)) return text;
  const isWhiteout = part.subarray(0, WHITEOUT.length).equals(WHITEOUT);
  const own = isWhiteout ? part.subarray(WHITEOUT.length) : part;
  const mark = createHash('sha256').update(own).digest('hex').slice(0, MARK_DIGITS);
  return `${text}~${mark}`;
}
