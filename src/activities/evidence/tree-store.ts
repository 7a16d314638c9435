import { LetheError } from '../../domain/errors';
import type { Sql, SqlPool } from '../../contracts/sql';
import { leafHash, type Hash } from '../../transparency/merkle';
import {
  consistencyProof,
  inclusionProof,
  verifyConsistency,
  verifyInclusion,
} from '../../transparency/proofs';
import {
  TILE_WIDTH,
  hashesIn,
  nodesOfTiles,
  tileRoot,
  type ReadHashes,
  type Tile,
} from '../../transparency/tiles';
import type { TreeHead } from '../../transparency/tree-head';
import { required, textRows } from '../control/sql-text';
import { isTaken } from '../taken';

/**
 * The tree over the ledger's entries: leaf `sequence - 1` is the text of an entry. Complete tiles are
 * stored, so that a proof reads a few of them and no entry but the newest.
 */

/** Entries by their number, from one on; texts as stored. */
export async function readTexts(
  sql: Sql,
  span: { readonly after: number; readonly to: number },
): Promise<readonly string[]> {
  const rows = await textRows(
    sql,
    'SELECT entry FROM entries WHERE sequence > ? AND sequence <= ? ORDER BY sequence',
    [span.after, span.to],
  );
  return rows.map((row) => required(row, 'entry'));
}

/**
 * Stores complete tiles of leaves, and the tiles above them that become complete.
 *
 * Effect: one row per tile that is not there.
 * @idempotency a tile that is there is compared and kept.
 * @throws LetheError DIGEST_MISMATCH when a stored tile says something else.
 */
export async function storeTiles(pool: SqlPool, tiles: readonly Tile[]): Promise<void> {
  for (const tile of tiles) {
    await storeTile(pool, tile);
    if ((tile.index + 1) % TILE_WIDTH !== 0) continue;
    const first = tile.index + 1 - TILE_WIDTH;
    const hashes = await readRoots(pool, { level: tile.level, first, count: TILE_WIDTH });
    if (hashes.length !== TILE_WIDTH) throw differs();
    const above = { level: tile.level + 1, index: first / TILE_WIDTH };
    await storeTiles(pool, [{ ...above, hashes: Buffer.concat(hashes) }]);
  }
}

async function storeTile(pool: SqlPool, { level, index, hashes }: Tile): Promise<void> {
  if ((await readTile(pool, level, index)) === null) {
    try {
      await pool.execute(
        'INSERT INTO tree_tiles (level, tile_index, hashes, root) VALUES (?, ?, ?, ?)',
        [level, index, hashes, tileRoot(hashes)],
      );
    } catch (error) {
      if (!isTaken(error)) throw error;
    }
  }
  if ((await readTile(pool, level, index))?.equals(hashes) !== true) throw differs();
}

/** Hashes of a stored tile one after the other, or null. */
export async function readTile(sql: Sql, level: number, index: number): Promise<Buffer | null> {
  const [row] = await sql.query(
    'SELECT hashes FROM tree_tiles WHERE level = ? AND tile_index = ?',
    [level, index],
  );
  const hashes = row?.['hashes'];
  return Buffer.isBuffer(hashes) ? hashes : null;
}

async function readRoots(
  sql: Sql,
  {
    level,
    first,
    count,
  }: { readonly level: number; readonly first: number; readonly count: number },
): Promise<readonly Hash[]> {
  const rows = await sql.query(
    `SELECT root FROM tree_tiles
      WHERE level = ? AND tile_index >= ? AND tile_index < ? ORDER BY tile_index`,
    [level, first, first + count],
  );
  return rows.map((row) => row['root']).filter((root) => Buffer.isBuffer(root));
}

const TILES_KEPT = 64;

/** Looks into stored tiles first; the unfinished edge comes from the tiles below or from entries. */
function storedHashes(sql: Sql): ReadHashes {
  const kept = new Map<string, Buffer>();
  return async (tileLevel, first, count) => {
    const index = Math.floor(first / TILE_WIDTH);
    const name = `${tileLevel}/${index}`;
    const tile = kept.get(name) ?? (await readTile(sql, tileLevel, index));
    if (tile !== null) {
      if (kept.size >= TILES_KEPT) kept.clear();
      kept.set(name, tile);
      return hashesIn(tile, first % TILE_WIDTH, count);
    }
    if (tileLevel > 0) return readRoots(sql, { level: tileLevel - 1, first, count });
    return (await readTexts(sql, { after: first, to: first + count })).map(leafHash);
  };
}

/** Makes proofs against one signed head and gives out only what leads to it. */
export interface Prover {
  /** @throws LetheError DIGEST_MISMATCH when the store does not lead to the head. */
  readonly inclusion: (sequence: number, text: string) => Promise<readonly Hash[]>;
  /** @throws LetheError DIGEST_MISMATCH when the older head is not the beginning of this one. */
  readonly consistency: (older: TreeHead) => Promise<readonly Hash[]>;
}

/** Proofs from the evidence database; any login that may select it. Reading, so safe to repeat. */
export function createProver(sql: Sql, head: TreeHead): Prover {
  const read = nodesOfTiles(storedHashes(sql));
  const { size, root } = head;
  return {
    inclusion: async (sequence, text) => {
      const index = sequence - 1;
      const proof = await leadingTo(() => inclusionProof({ index, size }, read));
      if (!verifyInclusion({ index, size, root, leaf: leafHash(text), proof })) throw differs();
      return proof;
    },
    consistency: async (older) => {
      const sizes = { from: older.size, to: size };
      const proof = await leadingTo(() => consistencyProof(sizes, read));
      const claim = { ...sizes, fromRoot: older.root, toRoot: root, proof };
      if (!verifyConsistency(claim)) throw differs();
      return proof;
    },
  };
}

/** A node that is missing and one that is wrong are the same to who has to prove something. */
async function leadingTo(prove: () => Promise<readonly Hash[]>): Promise<readonly Hash[]> {
  try {
    return await prove();
  } catch (error) {
    throw error instanceof RangeError ? differs() : error;
  }
}

const differs = (): LetheError =>
  new LetheError('DIGEST_MISMATCH', 'the stored tree is not the one that was signed');
