import {
  HASH_BYTES,
  growTree,
  nodeHash,
  rootOf,
  type CompactRange,
  type GrowingTree,
  type Hash,
} from './merkle';
import type { ReadNode } from './proofs';

/** Hashes in a complete tile. */
export const TILE_WIDTH = 256;
const TILE_HEIGHT = 8;

/** A complete tile: the hashes of 256 neighbouring nodes of every eighth level, and the root over them. */
export interface Tile {
  readonly level: number;
  readonly index: number;
  /** The hashes one after the other. */
  readonly hashes: Buffer;
}

/** Neighbouring hashes of a tile. */
export const hashesIn = (hashes: Buffer, first: number, count: number): readonly Hash[] =>
  Array.from({ length: count }, (_, at) =>
    hashes.subarray((first + at) * HASH_BYTES, (first + at + 1) * HASH_BYTES),
  );

/** Root over the hashes of a tile. */
export function tileRoot(hashes: Buffer): Hash {
  const tree = growTree();
  for (const hash of hashesIn(hashes, 0, TILE_WIDTH)) tree.append(hash);
  return tree.root();
}

/** A growing tree that also hands out the tiles of its leaves as they are completed. */
export interface TiledTree extends GrowingTree {
  /** Tiles of leaves that were completed since the beginning. */
  readonly tiles: readonly Tile[];
}

/**
 * Continues a tree at a multiple of the tile's width.
 *
 * @throws RangeError when the range ends inside a tile.
 */
export function growTiledTree(from: CompactRange): TiledTree {
  if (from.size % TILE_WIDTH !== 0) throw new RangeError('a tiled tree continues at a whole tile');
  const tree = growTree(from);
  const tiles: Tile[] = [];
  let waiting: Hash[] = [];
  return {
    tiles,
    get size() {
      return tree.size;
    },
    root: () => tree.root(),
    range: () => tree.range(),
    append: (leaf) => {
      tree.append(leaf);
      waiting.push(leaf);
      if (waiting.length < TILE_WIDTH) return;
      const index = tree.size / TILE_WIDTH - 1;
      tiles.push({ level: 0, index, hashes: Buffer.concat(waiting) });
      waiting = [];
    },
  };
}

/** Reads neighbouring nodes of every eighth level; all of them lie in one tile. */
export type ReadHashes = (
  tileLevel: number,
  first: number,
  count: number,
) => Promise<readonly Hash[]>;

/** Reads any complete node with at most one look at the stored tiles. */
export function nodesOfTiles(read: ReadHashes): ReadNode {
  return async (level, index) => {
    const tileLevel = Math.floor(level / TILE_HEIGHT);
    const count = 2 ** (level % TILE_HEIGHT);
    let hashes = await read(tileLevel, index * count, count);
    if (hashes.length !== count) throw new RangeError('the tree has no such node');
    while (hashes.length > 1) hashes = pairsOf(hashes);
    return hashes[0] ?? rootOf({ size: 0, nodes: [] });
  };
}

function pairsOf(hashes: readonly Hash[]): readonly Hash[] {
  const above: Hash[] = [];
  for (let at = 0; at + 1 < hashes.length; at += 2) {
    const [left, right] = [hashes[at], hashes[at + 1]];
    if (left !== undefined && right !== undefined) above.push(nodeHash(left, right));
  }
  return above;
}
