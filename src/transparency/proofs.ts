import { HASH_BYTES, nodeHash, type Hash } from './merkle';

/** Reads the root of a complete subtree: node `index` among those over 2^level leaves each. */
export type ReadNode = (level: number, index: number) => Promise<Hash>;

/** Leaves `[from, to)`; the first one lies at a multiple of the largest power of two below the length. */
interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * The hashes that lead from a leaf to the root, the nearest first.
 *
 * @source RFC 6962, 2.1.1
 * @throws RangeError when the tree has no such leaf.
 */
export async function inclusionProof(
  leaf: { readonly index: number; readonly size: number },
  read: ReadNode,
): Promise<readonly Hash[]> {
  assertCount(leaf.size);
  if (!Number.isSafeInteger(leaf.index) || leaf.index < 0 || leaf.index >= leaf.size) {
    throw new RangeError('the tree has no such leaf');
  }
  const proof: Hash[] = [];
  let span: Span = { from: 0, to: leaf.size };
  while (lengthOf(span) > 1) {
    const [left, right] = halvesOf(span);
    const inLeft = leaf.index < left.to;
    proof.unshift(await spanRoot(inLeft ? right : left, read));
    span = inLeft ? left : right;
  }
  return proof;
}

/**
 * The hashes that show that a tree is the beginning of a later one.
 *
 * @source RFC 6962, 2.1.2
 * @throws RangeError when the later tree is the smaller one.
 */
export async function consistencyProof(
  sizes: { readonly from: number; readonly to: number },
  read: ReadNode,
): Promise<readonly Hash[]> {
  assertCount(sizes.from);
  assertCount(sizes.to);
  if (sizes.from === 0) throw new RangeError('a tree without leaves proves nothing');
  if (sizes.from > sizes.to) throw new RangeError('the later tree is the smaller one');
  if (sizes.from === sizes.to) return [];
  const proof: Hash[] = [];
  let span: Span = { from: 0, to: sizes.to };
  while (span.to !== sizes.from) {
    const [left, right] = halvesOf(span);
    const inLeft = sizes.from <= left.to;
    proof.unshift(await spanRoot(inLeft ? right : left, read));
    span = inLeft ? left : right;
  }
  // The verifier knows the old root itself; any other complete subtree it has to be told.
  if (span.from > 0) proof.unshift(await spanRoot(span, read));
  return proof;
}

/** Whether a proof leads from a leaf to a root. @source RFC 9162, 2.1.3.2 */
export function verifyInclusion(claim: {
  readonly index: number;
  readonly size: number;
  readonly leaf: Hash;
  readonly root: Hash;
  readonly proof: readonly Hash[];
}): boolean {
  const { index, size, leaf, root, proof } = claim;
  if (!isCount(index) || !isCount(size) || index >= size) return false;
  if (![leaf, root, ...proof].every(isHash)) return false;
  let hash = leaf;
  const climbed = climb({ node: index, last: size - 1 }, proof, (sibling, fromLeft) => {
    hash = fromLeft ? nodeHash(sibling, hash) : nodeHash(hash, sibling);
  });
  return climbed && hash.equals(root);
}

/** Two sizes of a tree, the root at each, and what is said to connect them. */
export interface ConsistencyClaim {
  readonly from: number;
  readonly to: number;
  readonly fromRoot: Hash;
  readonly toRoot: Hash;
  readonly proof: readonly Hash[];
}

/**
 * Whether a proof shows that a tree is the beginning of a later one. A tree without leaves is the beginning
 * of every tree, so nothing is proven about it.
 *
 * @source RFC 9162, 2.1.4.2
 */
export function verifyConsistency(claim: ConsistencyClaim): boolean {
  const { from, to, fromRoot, toRoot, proof } = claim;
  if (!isCount(from) || !isCount(to) || from === 0 || from > to) return false;
  if (from === to) return proof.length === 0 && fromRoot.equals(toRoot);
  return [fromRoot, toRoot, ...proof].every(isHash) && connects(claim);
}

function connects({ from, to, fromRoot, toRoot, proof }: ConsistencyClaim): boolean {
  let at: Place = { node: from - 1, last: to - 1 };
  while (at.node % 2 === 1) at = above(at);
  // A complete older tree is a node of the later one, and its verifier knows it.
  const path = at.node === 0 ? [fromRoot, ...proof] : proof;
  const [first] = path;
  if (first === undefined || proof.length === 0) return false;
  let [older, newer] = [first, first];
  const climbed = climb(at, path.slice(1), (sibling, fromLeft) => {
    if (fromLeft) older = nodeHash(sibling, older);
    newer = fromLeft ? nodeHash(sibling, newer) : nodeHash(newer, sibling);
  });
  return climbed && older.equals(fromRoot) && newer.equals(toRoot);
}

/** Goes up to the root with one sibling a step; false when there are too many or too few of them. */
function climb(
  from: Place,
  siblings: readonly Hash[],
  join: (sibling: Hash, fromLeft: boolean) => void,
): boolean {
  let at = from;
  for (const sibling of siblings) {
    if (at.last === 0) return false;
    const fromLeft = at.node % 2 === 1 || at.node === at.last;
    join(sibling, fromLeft);
    at = above(fromLeft ? skipMissing(at) : at);
  }
  return at.last === 0;
}

/** A node of one level and the last one of that level. */
interface Place {
  readonly node: number;
  readonly last: number;
}

const above = ({ node, last }: Place): Place => ({
  node: Math.floor(node / 2),
  last: Math.floor(last / 2),
});

/** A last node without a sibling rises unchanged until it has one. */
function skipMissing(place: Place): Place {
  let at = place;
  while (at.node % 2 === 0 && at.node !== 0) at = above(at);
  return at;
}

const lengthOf = ({ from, to }: Span): number => to - from;

/** The left half is the largest complete subtree that leaves something for the right one. */
function halvesOf(span: Span): readonly [Span, Span] {
  let width = 1;
  while (width * 2 < lengthOf(span)) width *= 2;
  const middle = span.from + width;
  return [
    { from: span.from, to: middle },
    { from: middle, to: span.to },
  ];
}

async function spanRoot(span: Span, read: ReadNode): Promise<Hash> {
  const level = Math.round(Math.log2(lengthOf(span)));
  const width = 2 ** level;
  if (width === lengthOf(span)) return read(level, span.from / width);
  const [left, right] = halvesOf(span);
  return nodeHash(await spanRoot(left, read), await spanRoot(right, read));
}

const isHash = ({ length }: Hash): boolean => length === HASH_BYTES;
const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

function assertCount(size: number): void {
  if (!isCount(size)) throw new RangeError('a tree has a whole number of leaves');
}
