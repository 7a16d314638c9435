import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { LAYER_LIMITS } from '../../src/image-layers';
import { pathInImage, whiteoutOf } from '../../src/image-layers/tar/path-in-image';
import { createTarReader, type TarEntry } from '../../src/image-layers/tar/tar-reader';
import { failureOf } from '../support/hostile-registry';
import { folder, paxRecord, symbolicLink, tar, tarEntry } from '../support/tar-files';
import { thrownBy } from '../support/thrown';

interface Seen extends TarEntry {
  readonly content: string;
}

function read(archive: Buffer, piece = archive.length, limits = {}): readonly Seen[] {
  const seen: Seen[] = [];
  const reader = createTarReader({ ...LAYER_LIMITS, ...limits }, (entry) => {
    const pieces: Buffer[] = [];
    return {
      write: (bytes) => {
        pieces.push(Buffer.from(bytes));
      },
      end: () => {
        seen.push({ ...entry, content: Buffer.concat(pieces).toString('utf8') });
      },
    };
  });
  for (let at = 0; at < archive.length; at += piece) reader.write(archive.subarray(at, at + piece));
  reader.end();
  return seen;
}

const names = (archive: Buffer): readonly string[] => read(archive).map(({ name }) => name);

describe('an archive of the system’s own archiver', () => {
  let root: string;
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'lethe-tar-'));
  });
  afterAll(() => {
    rmSync(root, { recursive: true, force: true });
  });

  it.each(['ustar', 'gnu', 'pax', 'oldgnu'])('in format %s is read as it was written', (format) => {
    const long = `${'deep/'.repeat(30)}a-file`;
    const longer = `${'d'.repeat(90)}/${'e'.repeat(90)}/${'f'.repeat(60)}`;
    const files = new Map([
      ['plain', 'one'],
      ['empty', ''],
      ['ünï/cödé', 'two'],
      [long, 'x'.repeat(5000)],
      ...(format === 'ustar' ? [] : [[longer, 'three'] as const]),
    ]);
    const tree = join(root, format);
    for (const [name, content] of files) {
      mkdirSync(dirname(join(tree, name)), { recursive: true });
      writeFileSync(join(tree, name), content);
    }
    symlinkSync('../elsewhere', join(tree, 'link'));
    const archive = execFileSync('tar', [`--format=${format}`, '-C', tree, '-c', '.'], {
      maxBuffer: 1 << 26,
    });
    const seen = read(archive);
    const found = seen
      .filter(({ kind }) => kind === 'file')
      .map(({ name, content }) => [name.replace(/^\.\//, ''), content] as const);
    expect(new Map(found)).toEqual(files);
    expect(seen.find(({ kind }) => kind === 'symbolic-link')).toMatchObject({
      name: './link',
      link: '../elsewhere',
      content: '',
    });
  });

  it('with sparse files is read past them, old form and new', () => {
    const tree = join(root, 'sparse');
    mkdirSync(tree);
    for (let hole = 0; hole < 60; hole += 1) {
      execFileSync('dd', [
        'if=/dev/urandom',
        `of=${join(tree, 'a-holes')}`,
        'bs=4096',
        'count=1',
        `seek=${hole * 8}`,
        'conv=notrunc',
        'status=none',
      ]);
    }
    writeFileSync(join(tree, 'b-after'), 'still here');
    for (const format of ['gnu', 'pax']) {
      const archive = execFileSync(
        'tar',
        [`--format=${format}`, '--sparse', '-C', tree, '-c', 'a-holes', 'b-after'],
        { maxBuffer: 1 << 26 },
      );
      const seen = read(archive);
      expect(seen.map(({ sparse }) => sparse)).toEqual([true, false]);
      expect(seen[1]).toMatchObject({ name: 'b-after', content: 'still here' });
    }
  });
});

describe('an archive', () => {
  const sample = tar(
    { name: 'a', content: 'x'.repeat(1500) },
    { name: 'pax', type: 'x', content: paxRecord('path', 'p'.repeat(300)) },
    { name: 'short', content: 'y' },
    { name: '././@LongLink', type: 'L', content: `${'l'.repeat(300)}\0` },
    { name: 'cut', content: '' },
    folder('dir/'),
    symbolicLink('s', '/etc/passwd'),
  );

  it('is read the same in pieces of any size', () => {
    const whole = read(sample);
    expect(whole.map(({ name }) => name)).toEqual([
      'a',
      'p'.repeat(300),
      'l'.repeat(300),
      'dir/',
      's',
    ]);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2000 }), (piece) => {
        expect(read(sample, piece)).toEqual(whole);
      }),
    );
  });

  it('may end without its two empty blocks, and nothing behind them counts', () => {
    const file = tarEntry({ name: 'a', content: 'b' });
    expect(names(file)).toEqual(['a']);
    const behind = Buffer.concat([tar({ name: 'a' }), tarEntry({ name: 'hidden' })]);
    expect(names(behind)).toEqual(['a']);
  });

  it.each<[string, Buffer]>([
    ['breaks off in a content', tarEntry({ name: 'a', content: 'x', claimedSize: 9999 })],
    ['breaks off in a header', tar({ name: 'a' }).subarray(0, 700).subarray(0, 300)],
    [
      'ends with a description of nothing',
      tarEntry({ name: 'x', type: 'x', content: paxRecord('path', 'a') }),
    ],
    [
      'goes on behind one empty block',
      Buffer.concat([tarEntry({ name: 'a' }), Buffer.alloc(512), tarEntry({ name: 'b' })]),
    ],
    [
      'has a damaged header',
      Buffer.concat([tarEntry({ name: 'a' }).fill('z', 0, 1), Buffer.alloc(1024)]),
    ],
    ['is no archive', Buffer.from('x'.repeat(2048))],
    [
      'has a size that is no number',
      tar({ name: 'a', alter: (header) => header.write('zzzzzzzzzzz', 124) }),
    ],
    ['has a negative size', tar({ name: 'a', alter: (header) => header.fill(0xff, 124, 136) })],
    [
      'has a size beyond counting',
      tar({ name: 'a', alter: (header) => header.fill(0x80, 124, 125).fill(0xff, 125, 136) }),
    ],
    ...[
      '12 path=a\n',
      '-1 path=a\n',
      '9999 path=a\n',
      '7 path\n',
      'path=a\n',
      '11 path=\0b\n',
      '12 size=-5\n\n',
    ].map((content): [string, Buffer] => [
      `has the attributes ${JSON.stringify(content)}`,
      tar({ name: 'x', type: 'x', content }, { name: 'a' }),
    ]),
  ])('that %s is malformed and never half believed', (_, archive) => {
    expect(failureOf(() => read(archive))).toMatchObject({ reason: 'malformed' });
  });

  it.each<[string, Buffer, object]>([
    ['entries', tar({ name: 'a' }, { name: 'b' }, { name: 'c' }), { entries: 2 }],
    [
      'descriptions',
      tar(...Array.from({ length: 9 }, () => ({ name: 'x', type: 'g' }))),
      { entries: 8 },
    ],
    [
      'length of a path',
      tar({ name: 'L', type: 'L', content: 'l'.repeat(5000) }, { name: 'a' }),
      {},
    ],
    [
      'length of a path in attributes',
      tar({ name: 'x', type: 'x', content: paxRecord('path', 'p'.repeat(5000)) }, { name: 'a' }),
      {},
    ],
    ['length of attributes', tar({ name: 'x', type: 'x', claimedSize: 2 ** 30 }), {}],
    ['size of a file', tar({ name: 'a', claimedSize: 8 ** 11 - 1 }), { uncompressedBytes: 1e9 }],
  ])('is bounded in its %s', (_, archive, limits) => {
    expect(failureOf(() => read(archive, archive.length, limits))).toMatchObject({
      reason: 'too-large',
    });
  });

  it('of random bytes is refused or read, and never anything else', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat({ max: 511 }), { maxLength: 40 }),
        fc.nat({ max: 255 }),
        (places, byte) => {
          const altered = Buffer.from(sample);
          for (const place of places) altered[place * 7] = byte;
          const trouble = thrownBy(() => read(altered, 333)) as Error | undefined;
          expect([undefined, 'LayerTrouble']).toContain(trouble?.name);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('cannot rename its entries for all of them at once', () => {
    const archive = tar(
      { name: 'g', type: 'g', content: paxRecord('path', 'stolen') },
      { name: 'a' },
    );
    expect(names(archive)).toEqual(['a']);
  });
});

describe('a path', () => {
  it.each([
    ['a/b', 'a/b'],
    ['./a', 'a'],
    ['/etc/passwd', 'etc/passwd'],
    ['a//b/./c/', 'a/b/c'],
    ['a/../b', 'b'],
    ['.', ''],
    ['./', ''],
    ['..a/b..', '..a/b..'],
    ['../a', null],
    ['a/../../b', null],
    ['/../etc/shadow', null],
  ])('%s is taken as an unpacking would: %s', (name, path) => {
    expect(pathInImage(name)).toBe(path);
  });

  it.each([
    ['a/.wh.b', { hides: 'path', path: 'a/b' }],
    ['.wh.b', { hides: 'path', path: 'b' }],
    ['a/.wh..wh..opq', { hides: 'everything-below', path: 'a' }],
    ['.wh..wh..opq', { hides: 'everything-below', path: '' }],
    ['a/.wh..wh.plnk', { hides: 'nothing' }],
    ['a/.wh.', { hides: 'nothing' }],
    ['a/.wh...', { hides: 'nothing' }],
    ['a/x.wh.b', null],
    ['.wh.a/b', null],
  ])('%s is or is no whiteout', (path, whiteout) => {
    expect(whiteoutOf(path)).toEqual(whiteout);
  });
});
