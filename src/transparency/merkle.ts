import { createHash } from 'node:crypto';

/** A SHA-256 digest of 32 bytes. */
export type Hash = Buffer;

/** Bytes of a hash. */
export const HASH_BYTES = 32;

const LEAF = Buffer.from([0]);
const NODE = Buffer.from([1]);

/** Root of the tree without leaves. */
export const EMPTY_ROOT: Hash = createHash('sha256').digest();

/** Hash of a leaf. The prefix keeps a leaf from being taken for a node. @source RFC 6962, 2.1 */
export const leafHash = (content: Buffer | string): Hash =>
  createHash('sha256').update(LEAF).update(content).digest();

/** Hash of a node over its two children. */
export const nodeHash = (left: Hash, right: Hash): Hash =>
  createHash('sha256').update(NODE).update(left).update(right).digest();

/** The complete subtrees of a tree, the largest first: as many as its size has binary ones. */
export interface CompactRange {
  readonly size: number;
  readonly nodes: readonly Hash[];
}

/** The range of the tree without leaves. */
export const EMPTY_RANGE: CompactRange = Object.freeze({ size: 0, nodes: [] });

/** A tree that grows leaf by leaf and holds nothing but its complete subtrees. */
export interface GrowingTree {
  readonly size: number;
  append(leaf: Hash): void;
  root(): Hash;
  range(): CompactRange;
}

/**
 * Continues a tree from its range, so that appending costs one hash on average and no look at what was
 * there before.
 */
export function growTree(from: CompactRange = EMPTY_RANGE): GrowingTree {
  const nodes = [...from.nodes];
  let size = from.size;
  return {
    get size() {
      return size;
    },
    append: (leaf) => {
      let hash = leaf;
      for (let rest = size; rest % 2 === 1; rest = (rest - 1) / 2) {
        hash = nodeHash(nodes.pop() ?? EMPTY_ROOT, hash);
      }
      nodes.push(hash);
      size += 1;
    },
    root: () => rootOf({ size, nodes }),
    range: () => ({ size, nodes: [...nodes] }),
  };
}

/** Root of the tree that a range describes. */
export function rootOf({ nodes }: CompactRange): Hash {
  const last = nodes.at(-1);
  if (last === undefined) return EMPTY_ROOT;
  return nodes.slice(0, -1).reduceRight((right, left) => nodeHash(left, right), last);
}

/** Whether a range has as many subtrees as its size asks for. */
export function isRange({ size, nodes }: CompactRange): boolean {
  if (!Number.isSafeInteger(size) || size < 0) return false;
  return nodes.length === onesOf(size) && nodes.every(({ length }) => length === HASH_BYTES);
}

/** The part of a range that lies before the last multiple of `width`, a power of two. */
export function alignedPart({ size, nodes }: CompactRange, width: number): CompactRange {
  const tiles = Math.floor(size / width);
  return { size: tiles * width, nodes: nodes.slice(0, onesOf(tiles)) };
}

function onesOf(size: number): number {
  let ones = 0;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) ones += rest % 2;
  return ones;
}
