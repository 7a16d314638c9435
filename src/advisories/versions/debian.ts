/**
 * Order of Debian versions as the Debian policy manual defines it: epoch, then upstream version, then
 * revision, each in pieces of non-digits and digits, where `~` comes before the end of a piece.
 */
export function compareDebian(a: string, b: string): number {
  const [left, right] = [partsOf(a), partsOf(b)];
  return (
    left.epoch - right.epoch ||
    comparePieces(left.upstream, right.upstream) ||
    comparePieces(left.revision, right.revision)
  );
}

function partsOf(version: string): {
  readonly epoch: number;
  readonly upstream: string;
  readonly revision: string;
} {
  const [, epoch, rest = ''] = /^(?:(\d{1,9}):)?(.*)$/s.exec(version.trim()) ?? [];
  const dash = rest.lastIndexOf('-');
  return {
    epoch: Number(epoch ?? 0),
    upstream: dash < 0 ? rest : rest.slice(0, dash),
    revision: dash < 0 ? '' : rest.slice(dash + 1),
  };
}

/** Pieces without digits and pieces of digits, by turns; the first one has none. */
const piecesOf = (text: string): readonly string[] => text.split(/(\d+)/);

function comparePieces(a: string, b: string): number {
  const [left, right] = [piecesOf(a), piecesOf(b)];
  for (let at = 0; at < Math.max(left.length, right.length); at += 1) {
    const compare = at % 2 === 0 ? compareWords : compareDigits;
    const difference = compare(left[at] ?? '', right[at] ?? '');
    if (difference !== 0) return difference;
  }
  return 0;
}

function compareWords(a: string, b: string): number {
  for (let at = 0; at < Math.max(a.length, b.length); at += 1) {
    const difference = weightOf(a[at]) - weightOf(b[at]);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** `~` before the end, the end before letters, letters before everything else. */
function weightOf(character: string | undefined): number {
  if (character === undefined) return 0;
  if (character === '~') return -1;
  const code = character.charCodeAt(0);
  return /[A-Za-z]/.test(character) ? code : code + 256;
}

/** Numbers of any length, without turning them into ones that lose digits. */
export function compareDigits(a: string, b: string): number {
  const [left, right] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')];
  if (left.length !== right.length) return left.length - right.length;
  return left < right ? -1 : left > right ? 1 : 0;
}
