import { GoBuildInfoSearch } from '../../src/image-layers/packages/go-build-info';
import type { FileContent } from '../../src/image-layers/packages/package';
import { goProgram } from '../support/go-program';
import { readLayers, tar, unreadOf } from '../support/tar-files';

const MIB = 1024 * 1024;
const genuine = goProgram(['dep\tm\tv1.0.0']);

/** What is read of a file that comes in pieces of a size. */
function readIn(pieceBytes: number, ...parts: readonly Buffer[]): FileContent {
  const search = new GoBuildInfoSearch();
  const file = Buffer.concat(parts);
  for (let at = 0; at < file.length; at += pieceBytes) {
    search.write(file.subarray(at, at + pieceBytes));
  }
  return search.content('p');
}

const namesOf = ({ packages }: FileContent): readonly string[] => packages.map(({ name }) => name);

/** The mark with what stands behind it, filled up to a multiple of sixteen bytes. */
function mark(
  flags: number,
  { pointer = 8, behind = Buffer.alloc(0) }: { pointer?: number; behind?: Buffer } = {},
): Buffer {
  const header = Buffer.alloc(32);
  header.write('\xff Go buildinf:', 'latin1');
  header[14] = pointer;
  header[15] = flags;
  const filling = Buffer.alloc((16 - (behind.length % 16)) % 16);
  return Buffer.concat([header, behind, filling]);
}

/** A program that begins with a decoy. */
const behind = (...decoys: readonly Buffer[]): readonly Buffer[] => [
  ...[genuine.subarray(0, 16), ...decoys],
  genuine.subarray(16),
];
const text = (words: string): Buffer => Buffer.from(words, 'latin1');
const own = ['stdlib', 'm'];

describe('a program of Go', () => {
  it.each([
    ['Linux', '\x7fELF', own],
    ['Windows', 'MZ\x90\0', own],
    ['macOS', '\xcf\xfa\xed\xfe', own],
    ['none of them', '%PDF', []],
  ])('is looked through when it is one for %s [DC-2]', (_, head, expected) => {
    expect(namesOf(readIn(4096, text(head), genuine.subarray(4)))).toEqual(expected);
  });

  it('is known when its first bytes come one by one', () => {
    const search = new GoBuildInfoSearch();
    for (const at of [0, 1, 2]) search.write(genuine.subarray(at, at + 1));
    search.write(genuine.subarray(3));
    expect(namesOf(search.content('p'))).toEqual(own);
  });

  it.each<[string, Buffer]>([
    ['whose texts have impossible lengths', mark(2, { behind: text('\xff\xff\xff\xff\xff') })],
    ['that announces more than the file holds', mark(2, { behind: text('\x03go1\xff\xff\x3f') })],
    ['without anything behind it', mark(2)],
    ['in a list of texts', mark(0, { pointer: 0 })],
    ['with flags that nobody writes', mark(0x2e)],
  ])('is read behind a mark %s [DC-2]', (_, decoy) => {
    for (const pieceBytes of [1 * MIB, 256 * 1024, 100_003]) {
      const found = readIn(pieceBytes, ...behind(decoy));
      expect(namesOf(found)).toEqual(expect.arrayContaining(own));
      expect(found.unread).toEqual([]);
    }
  });

  it('has what all of its marks say: a decoy adds and never hides [DC-2]', () => {
    const decoy = goProgram(['dep\tother\tv2.0.0'], { version: 'go1.1', at: 16 }).subarray(16);
    const found = readIn(256 * 1024, ...behind(decoy.subarray(0, decoy.length & ~15)));
    expect(new Set(namesOf(found))).toEqual(new Set([...own, 'other']));
  });

  it.each<[string, string, readonly Buffer[]]>([
    ['unsupported', 'of a form that is not read', behind(mark(0))],
    [
      'too-large',
      'whose list is longer than any',
      behind(mark(2, { behind: text('\x04go1.\xff\xff\xff\x7f') })),
    ],
    [
      'too-large',
      'of more kinds than are looked behind',
      behind(...Array<Buffer>(70).fill(mark(2, { behind: text('\x00\xff\xff\x3f') }))),
    ],
  ])('is listed as unread (%s) beside a mark %s [DC-2]', (reason, _, parts) => {
    const found = readIn(256 * 1024, ...parts);
    expect(found.unread).toEqual([{ place: 'p', reason }]);
  });

  it('is listed as unread when it has too many lists, or too long ones [DC-2]', () => {
    const some = goProgram(['dep\tm\tv1.0.0'], { at: 16 }).subarray(16);
    const many = Array<Buffer>(40).fill(some.subarray(0, some.length & ~15));
    expect(readIn(MIB, ...behind(...many)).unread).toEqual([{ place: 'p', reason: 'too-large' }]);
    const long = goProgram(Array.from({ length: 20_001 }, (_, at) => `dep\tm${at}\tv1.0.0`));
    const found = readIn(MIB, long);
    expect(found.unread).toEqual([{ place: 'p', reason: 'too-large' }]);
    expect(found.packages.length).toBeLessThanOrEqual(20_000);
  });

  it('that stands in its archive in pieces is listed as unread [DC-2]', async () => {
    const pieces = tar({ name: 'a', type: 'S', content: genuine.subarray(7) });
    expect(unreadOf(await readLayers(pieces))).toEqual(['a: unsupported']);
    const data = tar({ name: 'a', type: 'S', content: Buffer.alloc(100_000) });
    expect(unreadOf(await readLayers(data))).toEqual([]);
  });

  it('with nothing but a broken mark is listed as unread', () => {
    const broken = mark(2, { behind: text('\xff\xff\xff\xff\xff') });
    const file = Buffer.concat([genuine.subarray(0, 16), broken]);
    expect(readIn(16, file).unread).toEqual([{ place: 'p', reason: 'malformed' }]);
  });

  it('is looked through in bounded memory, however many marks it has', () => {
    const search = new GoBuildInfoSearch();
    search.write(genuine.subarray(0, 16));
    const full = Buffer.concat(
      Array<Buffer>(2048).fill(mark(2, { behind: text('\x00\xff\xff\x3f') })),
    );
    for (let round = 0; round < 64; round += 1) search.write(full);
    expect((Reflect.get(search, 'held') as Buffer).length).toBeLessThan(3 * MIB);
  });
});
