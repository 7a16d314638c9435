import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import {
  EMPTY_RANGE,
  EMPTY_ROOT,
  alignedPart,
  growTree,
  isRange,
  leafHash,
  nodeHash,
  rootOf,
  type Hash,
} from '../../src/transparency/merkle';
import {
  consistencyProof,
  inclusionProof,
  verifyConsistency,
  verifyInclusion,
} from '../../src/transparency/proofs';
import { TILE_WIDTH, growTiledTree, nodesOfTiles, tileRoot } from '../../src/transparency/tiles';

/**
 * Inclusion and consistency vectors of the reference implementation, one JSON object a line: proofs that
 * hold and proofs that were altered. Source: github.com/transparency-dev/merkle, folder testdata, at
 * 417fb0c314750d94e53942e9f92e79b6d35915db, Apache License 2.0.
 */
const VECTORS = readFileSync(join(__dirname, 'merkle-vectors.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Vector);

interface Vector {
  readonly kind: 'inclusion' | 'consistency';
  readonly desc: string;
  readonly wantErr: boolean;
  readonly proof: readonly string[];
  readonly leafIdx?: number;
  readonly treeSize?: number;
  readonly root?: string;
  readonly leafHash?: string;
  readonly size1?: number;
  readonly size2?: number;
  readonly root1?: string;
  readonly root2?: string;
}

const bytes = (text = ''): Buffer => Buffer.from(text, 'base64');

/** The leaves that certificate transparency logs are tested with, and the root after each. */
const LEAVES = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657'];
const LAST_LEAF = '606162636465666768696a6b6c6d6e6f';
const ROOTS = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

/** The definition itself, without any cleverness. @source RFC 6962, 2.1 */
function rootByDefinition(leaves: readonly Hash[]): Hash {
  const [only] = leaves;
  if (only === undefined) return EMPTY_ROOT;
  if (leaves.length === 1) return only;
  let width = 1;
  while (width * 2 < leaves.length) width *= 2;
  return nodeHash(rootByDefinition(leaves.slice(0, width)), rootByDefinition(leaves.slice(width)));
}

const leavesOf = (count: number): readonly Hash[] =>
  Array.from({ length: count }, (_, index) => leafHash(`entry ${index}`));
const readerOf =
  (leaves: readonly Hash[]) =>
  (level: number, index: number): Promise<Hash> =>
    Promise.resolve(rootByDefinition(leaves.slice(index * 2 ** level, (index + 1) * 2 ** level)));
const altered = (hash: Hash): Hash =>
  Buffer.from(hash.map((byte, at) => (at === 7 ? byte ^ 1 : byte)));

describe('the hash tree', () => {
  it('has the roots that certificate transparency publishes', () => {
    const tree = growTree();
    expect(tree.root().toString('hex')).toBe(
      'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    );
    const roots = [...LEAVES, LAST_LEAF].map((leaf) => {
      tree.append(leafHash(Buffer.from(leaf, 'hex')));
      return tree.root().toString('hex');
    });
    expect(roots).toEqual(ROOTS);
  });

  it('has the root of its definition at every size, and continues from its range', () => {
    const leaves = leavesOf(300);
    let range = EMPTY_RANGE;
    for (const [index, leaf] of leaves.entries()) {
      const tree = growTree(range);
      tree.append(leaf);
      range = tree.range();
      expect(isRange(range)).toBe(true);
      // The definition is slow: every seventeenth size, and the last fifty.
      if (index % 17 !== 0 && index <= 250) continue;
      expect(rootOf(range)).toEqual(rootByDefinition(leaves.slice(0, index + 1)));
    }
  });

  it('takes no list of nodes for a range that does not belong to its size', () => {
    const tree = growTree();
    for (const leaf of leavesOf(11)) tree.append(leaf);
    const { nodes } = tree.range();
    expect(isRange({ size: 11, nodes })).toBe(true);
    expect(isRange({ size: 12, nodes })).toBe(false);
    expect(isRange({ size: 11, nodes: nodes.slice(1) })).toBe(false);
    expect(isRange({ size: 11, nodes: nodes.map((node) => node.subarray(1)) })).toBe(false);
    expect(isRange({ size: -1, nodes: [] })).toBe(false);
    expect(isRange({ size: 0.5, nodes: [] })).toBe(false);
  });
});

describe('a proof', () => {
  it.each(VECTORS.map((vector) => [`${vector.kind}: ${vector.desc}`, vector] as const))(
    'holds exactly when the reference implementation says so: %s',
    (_, vector) => {
      const proof = vector.proof.map(bytes);
      const holds =
        vector.kind === 'inclusion'
          ? verifyInclusion({
              index: vector.leafIdx ?? NaN,
              size: vector.treeSize ?? NaN,
              leaf: bytes(vector.leafHash),
              root: bytes(vector.root),
              proof,
            })
          : verifyConsistency({
              from: vector.size1 ?? NaN,
              to: vector.size2 ?? NaN,
              fromRoot: bytes(vector.root1),
              toRoot: bytes(vector.root2),
              proof,
            });
      expect(holds).toBe(!vector.wantErr);
    },
  );

  it('is there for every leaf of every small tree, and for no other leaf, place or root', async () => {
    const leaves = leavesOf(33);
    for (let size = 1; size <= leaves.length; size += 1) {
      const read = readerOf(leaves.slice(0, size));
      const root = rootByDefinition(leaves.slice(0, size));
      for (let index = 0; index < size; index += 1) {
        const proof = await inclusionProof({ index, size }, read);
        const leaf = leaves[index] ?? EMPTY_ROOT;
        const claim = { index, size, leaf, root, proof };
        expect(verifyInclusion(claim)).toBe(true);
        expect(verifyInclusion({ ...claim, leaf: altered(leaf) })).toBe(false);
        expect(verifyInclusion({ ...claim, root: altered(root) })).toBe(false);
        expect(verifyInclusion({ ...claim, index: index + 1 })).toBe(false);
        expect(verifyInclusion({ ...claim, proof: [...proof, root] })).toBe(false);
        const shortened = { ...claim, proof: proof.slice(1) };
        expect(proof.length > 0 && verifyInclusion(shortened)).toBe(false);
      }
    }
  });

  it('shows for every pair of small trees that one is the beginning of the other', async () => {
    const leaves = leavesOf(33);
    for (let to = 1; to <= leaves.length; to += 1) {
      const read = readerOf(leaves.slice(0, to));
      for (let from = 1; from <= to; from += 1) {
        const claim = {
          ...{ from, to },
          fromRoot: rootByDefinition(leaves.slice(0, from)),
          toRoot: rootByDefinition(leaves.slice(0, to)),
          proof: await consistencyProof({ from, to }, read),
        };
        expect(verifyConsistency(claim)).toBe(true);
        expect(verifyConsistency({ ...claim, fromRoot: altered(claim.fromRoot) })).toBe(false);
        expect(verifyConsistency({ ...claim, proof: [...claim.proof, EMPTY_ROOT] })).toBe(false);
        expect(verifyConsistency({ ...claim, toRoot: altered(claim.toRoot) })).toBe(false);
      }
    }
  });

  it('of consistency holds for no tree in which any earlier leaf is another one', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 60 }),
        fc.nat(),
        async (a, b, at) => {
          const [from, to] = [Math.min(a, b), Math.max(a, b)];
          const honest = leavesOf(to);
          const forged = honest.map((leaf, index) => (index === at % from ? altered(leaf) : leaf));
          const proof = await consistencyProof({ from, to }, readerOf(forged));
          const claim = { from, to, fromRoot: rootByDefinition(honest.slice(0, from)), proof };
          expect(verifyConsistency({ ...claim, toRoot: rootByDefinition(forged) })).toBe(false);
        },
      ),
    );
  });

  it('is refused for a leaf that is not there and for trees in the wrong order', async () => {
    const read = readerOf(leavesOf(3));
    for (const index of [3, -1, 0.5]) {
      await expect(inclusionProof({ index, size: 3 }, read)).rejects.toThrow(RangeError);
    }
    await expect(consistencyProof({ from: 4, to: 3 }, read)).rejects.toThrow(RangeError);
    await expect(consistencyProof({ from: 0, to: 3 }, read)).rejects.toThrow(RangeError);
  });
});

describe('tiles', () => {
  const leaves = leavesOf(3 * TILE_WIDTH + 41);

  it('are handed out as they are completed, and continue at a whole tile', () => {
    const whole = growTiledTree(EMPTY_RANGE);
    for (const leaf of leaves) whole.append(leaf);
    expect(whole.tiles.map(({ level, index }) => [level, index])).toEqual([
      [0, 0],
      [0, 1],
      [0, 2],
    ]);
    const before = growTree();
    for (const leaf of leaves.slice(0, TILE_WIDTH + 100)) before.append(leaf);
    const again = growTiledTree(alignedPart(before.range(), TILE_WIDTH));
    expect(again.size).toBe(TILE_WIDTH);
    for (const leaf of leaves.slice(TILE_WIDTH)) again.append(leaf);
    expect(again.root()).toEqual(whole.root());
    expect(again.tiles).toEqual(whole.tiles.slice(1));
    expect(() => growTiledTree(before.range())).toThrow(RangeError);
  });

  it('serve every node that a proof needs', async () => {
    const tree = growTiledTree(EMPTY_RANGE);
    for (const leaf of leaves) tree.append(leaf);
    const roots = tree.tiles.map(({ hashes }) => tileRoot(hashes));
    const read = nodesOfTiles((tileLevel, first, count) =>
      Promise.resolve((tileLevel === 0 ? leaves : roots).slice(first, first + count)),
    );
    const size = leaves.length;
    for (const index of [0, 255, 256, 511, 600, size - 1]) {
      const leaf = leaves[index] ?? EMPTY_ROOT;
      const proof = await inclusionProof({ index, size }, read);
      expect(verifyInclusion({ index, size, leaf, root: tree.root(), proof })).toBe(true);
    }
    const sizes = { from: 300, to: size };
    const fromRoot = rootByDefinition(leaves.slice(0, 300));
    const proof = await consistencyProof(sizes, read);
    expect(verifyConsistency({ ...sizes, fromRoot, toRoot: tree.root(), proof })).toBe(true);
    await expect(read(3, leaves.length)).rejects.toThrow(RangeError);
  });
});
