import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packTar, textsOf, unpackTar } from '../../src/transparency/tar';

const INVALID = expect.objectContaining({ code: 'EVIDENCE_INVALID' }) as Error;
const folder = mkdtempSync(join(tmpdir(), 'lethe-tar-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const FILES = new Map([
  ['b/two.txt', '二'.repeat(300)],
  ['a.txt', 'one\n'],
  ['empty.txt', ''],
  ['b/block.txt', 'x'.repeat(512)],
]);
const packed = packTar(FILES);
const header = (name: string, change: (bytes: Buffer) => void): Buffer => {
  const bytes = Buffer.from(packTar(new Map([[name, 'content']])));
  change(bytes);
  // The sum over the header is put right, so that only the change itself can be what is refused.
  let sum = 8 * 32;
  bytes.subarray(0, 512).forEach((byte, at) => {
    if (at < 148 || at >= 156) sum += byte;
  });
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'ascii');
  return bytes;
};

describe('an archive file', () => {
  it('gives back what was packed, and is the same whatever the order of its files', () => {
    expect(new Map(textsOf(unpackTar(packed)))).toEqual(FILES);
    expect(packTar(new Map([...FILES].reverse())).equals(packed)).toBe(true);
  });

  it('is unpacked by the system, and what the system packs is read', () => {
    writeFileSync(join(folder, 'ours.tar'), packed);
    execFileSync('tar', ['-xf', 'ours.tar'], { cwd: folder });
    expect(readFileSync(join(folder, 'b', 'two.txt'), 'utf8')).toBe(FILES.get('b/two.txt'));
    const names = ['--format=ustar', '-cf', 'theirs.tar', 'a.txt', 'b/two.txt'];
    execFileSync('tar', names, { cwd: folder });
    const theirs = textsOf(unpackTar(readFileSync(join(folder, 'theirs.tar'))));
    expect(theirs.get('b/two.txt')).toBe(FILES.get('b/two.txt'));
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['an end that is missing', packed.subarray(0, packed.length - 1024)],
    ['half a file', packed.subarray(0, 700)],
    ['a damaged header', Buffer.concat([Buffer.from('x'), packed.subarray(1)])],
    ['a name twice', Buffer.concat([packed.subarray(0, 1024), packed])],
    ['a link', header('a', (bytes) => bytes.write('2', 156))],
    ['a folder', header('a', (bytes) => bytes.write('5', 156))],
    ['a name that leaves the archive', header('a', (bytes) => bytes.write('../a', 0))],
    ['a name from the root', header('a', (bytes) => bytes.write('/a', 0))],
    ['a size that is no number', header('a', (bytes) => bytes.write('-0000000007', 124))],
    ['content that is no text', header('a', (bytes) => bytes.writeUInt8(0xff, 512))],
  ])('is refused with %s', (_, bytes) => {
    expect(() => textsOf(unpackTar(bytes))).toThrow(INVALID);
  });

  it('is not made with a name that does not fit', () => {
    for (const name of ['../a', '/a', 'a b', '', 'a'.repeat(101), 'a/', '.hidden']) {
      expect(() => packTar(new Map([[name, '']]))).toThrow(INVALID);
    }
  });
});
