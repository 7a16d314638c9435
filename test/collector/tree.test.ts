import { linkSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openRoot } from '../../src/collector/files/root';
import { searchTree, type Tree } from '../../src/collector/files/tree';
import { collectHost } from '../../src/collector';
import { ASSET_ID, COLLECTED_AT, ofKind, removeFolders, rootWith } from './machine';

afterAll(removeFolders);

/** Searches a folder for archives, looking at so many names at most. */
function search(folder: string, namesMax: number): Tree & { readonly troubles: string[] } {
  const troubles: string[] = [];
  const tree = searchTree(openRoot(folder, 'root'), {
    namesMax,
    skip: new Set(),
    isMark: () => false,
    isPackage: () => false,
    takePackage: () => undefined,
    trouble: (...said) => {
      troubles.push(said.join(' '));
    },
  });
  return { ...tree, troubles };
}

/** Adds directories below a folder, each with so many files. */
function fill(folder: string, directories: number, files: number): void {
  for (let directory = 0; directory < directories; directory += 1) {
    const inside = join(folder, `d${directory}`);
    mkdirSync(inside, { recursive: true });
    for (let file = 0; file < files; file += 1) writeFileSync(join(inside, `f${file}`), '');
  }
}

describe('search through all directories', () => {
  it('finds what lies in other folders although one of them is larger than what is looked at [DC-1]', () => {
    const root = rootWith({ 'b/deep/down/one.jar': '', 'z/two.jar': '' });
    fill(join(root, 'a'), 20, 250);
    const { archives, troubles } = search(root, 4_500);
    expect(archives).toEqual(['/b/deep/down/one.jar', '/z/two.jar']);
    expect(troubles).toEqual([expect.stringMatching(/^too-many \/a\/d\d+ everything$/)]);
  });

  it('comes back to a folder that had to wait, while there is something left to look at [DC-1]', () => {
    const root = rootWith({ 'z/two.jar': '' });
    fill(join(root, 'a'), 20, 250);
    writeFileSync(join(root, 'a', 'd19', 'one.jar'), '');
    const { archives, troubles } = search(root, 6_000);
    expect(archives).toEqual(['/a/d19/one.jar', '/z/two.jar']);
    expect(troubles).toEqual([]);
  });

  it('counts every copy of a package whose file was linked into many folders [DC-1]', () => {
    const root = rootWith({
      'srv/a/node_modules/x/package.json': '{"name":"x","version":"1.0.0"}',
      'srv/b/node_modules/y/package.json': '{"name":"y","version":"2.0.0"}',
      'srv/c/node_modules/other': '',
    });
    for (const name of ['x', 'w']) {
      mkdirSync(join(root, 'srv/c/node_modules', name), { recursive: true });
      linkSync(
        join(root, 'srv/a/node_modules/x/package.json'),
        join(root, 'srv/c/node_modules', name, 'package.json'),
      );
    }
    const report = collectHost({
      ...{ root, proc: null, assetId: ASSET_ID, collectedAt: COLLECTED_AT },
    });
    expect(ofKind(report, 'software-application')).toEqual([
      expect.objectContaining({
        name: 'x',
        version: '1.0.0',
        copies: 3,
        paths: ['/srv/a/node_modules/x', '/srv/c/node_modules/w', '/srv/c/node_modules/x'],
      }),
      expect.objectContaining({ name: 'y', version: '2.0.0', copies: 1 }),
    ]);
  });

  it('lists the kinds that need it as not searched when it is left out [DC-1]', () => {
    const root = rootWith({
      'opt/app.jar': '',
      'etc/passwd': 'root:x:0:0::/root:/bin/sh\n',
      'srv/node_modules/x/package.json': '{"name":"x","version":"1.0.0"}',
    });
    const options = { root, proc: null, assetId: ASSET_ID, collectedAt: COLLECTED_AT };
    const report = collectHost({ ...options, search: false });
    const unread = report.unread.filter(({ reason }) => reason === 'not-searched');
    expect(unread.map(({ kind }) => kind).sort()).toEqual([
      'jar-package',
      'software-application',
      'web-application',
      'web-framework',
    ]);
    expect(ofKind(report, 'software-application')).toEqual([]);
    expect(ofKind(report, 'account')).toHaveLength(1);
    expect(ofKind(collectHost(options), 'software-application')).toHaveLength(1);
  });
});
