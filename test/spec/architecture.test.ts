import { dirname, join, normalize } from 'node:path';
import { filesBelow, quoted, read, tableAfter } from './repository';

const modules = new Map(
  tableAfter(read('docs/architecture.md'), 'Modules').map(([name = '', imports = '']) => [
    quoted(name)[0] ?? name,
    quoted(imports),
  ]),
);

/** Folders of the activities, each with the number of its floor. */
const floors = new Map(
  tableAfter(read('docs/architecture.md'), 'Inside the activities').flatMap(
    ([floor = '', folders = '']) => quoted(folders).map((name) => [name, Number(floor)] as const),
  ),
);

/** Module of a file below `src`; files directly in it are where things are wired. */
const moduleOf = (path: string): string | undefined => /^src\/([^/]+)\//.exec(path)?.[1];

/** Every import from one file of `src` into another or into a folder, those of types among them. */
const imports = filesBelow('src', '.ts', '.tsx').flatMap(({ path, text }) =>
  [...text.matchAll(/(?:from|import\(|require\()\s*'(\.[^']+)'/g)].map(([, target = '']) => ({
    path,
    target: normalize(join(dirname(path), target)),
  })),
);

/** Every import from one module of `src` into another, with the files. */
const edges = imports
  .map(({ path, target }) => ({ path, from: moduleOf(path), to: moduleOf(`${target}/`) }))
  .filter(({ from, to }) => from !== undefined && to !== undefined && from !== to);

/** Rooms from which a way leads back to themselves; a way to itself alone is none. */
function roomsInCircles(ways: readonly (readonly [string, string])[]): readonly string[] {
  const next = new Map<string, Set<string>>();
  for (const [from, to] of ways) {
    if (from !== to) next.set(from, (next.get(from) ?? new Set()).add(to));
  }
  const reachable = (start: string): ReadonlySet<string> => {
    const seen = new Set<string>();
    const open = [...(next.get(start) ?? [])];
    for (let room = open.pop(); room !== undefined; room = open.pop()) {
      if (!seen.has(room)) open.push(...(next.get(room) ?? []));
      seen.add(room);
    }
    return seen;
  };
  return [...next.keys()].filter((room) => reachable(room).has(room));
}

describe('the table of modules', () => {
  it('has every arrow of the picture above it', () => {
    const arrows = [
      ...read('docs/architecture.md').matchAll(/^ {2}([a-z-]+) --> ([a-z-]+)$/gm),
    ].map(([, from = '', to = '']) => [from, to] as const);
    expect(arrows.length).toBeGreaterThan(15);
    expect(arrows.filter(([from, to]) => modules.get(from)?.includes(to) !== true)).toEqual([]);
    expect(modules.get('domain')?.includes('cli')).toBe(false);
  });

  it('has every folder of the sources that holds code', () => {
    const folders = new Set(filesBelow('src', '.ts', '.tsx').map(({ path }) => moduleOf(path)));
    folders.delete(undefined);
    expect([...folders].filter((name) => !modules.has(name ?? ''))).toEqual([]);
  });

  it('allows every import that the code makes, but for those of the files that wire', () => {
    const wiring = /^src\/(cli|http)\/main\.ts$/;
    const beyond = edges.filter(
      ({ path, from = '', to = '' }) => !wiring.test(path) && !modules.get(from)?.includes(to),
    );
    expect(beyond).toEqual([]);
    expect(edges.length).toBeGreaterThan(100);
  });

  it('points one way: what a module may import may not import it', () => {
    for (const [name, imports] of modules) {
      for (const target of imports) expect(modules.get(target) ?? []).not.toContain(name);
    }
  });

  it('lets nobody reach data but the activities', () => {
    const drivers = /from '(mysql2|mysql2\/promise|mongodb|minio)'/;
    const users = filesBelow('src', '.ts', '.tsx')
      .filter(({ text }) => drivers.test(text))
      .map(({ path }) => moduleOf(path) ?? path);
    expect([...new Set(users)].sort()).toEqual(['activities', 'platform']);
  });
});

describe('imports, those of types among them,', () => {
  it('come back to no file', () => {
    const files = new Set(filesBelow('src', '.ts').map(({ path }) => path));
    const fileOf = (target: string): string =>
      [`${target}.ts`, `${target}/index.ts`].find((path) => files.has(path)) ?? target;
    const ways = imports.map(({ path, target }) => [path, fileOf(target)] as const);
    expect(roomsInCircles(ways)).toEqual([]);
    expect(ways.filter(([, to]) => files.has(to)).length).toBeGreaterThan(1000);
    // The companion: one import back is found.
    const [[from, to] = ['', '']] = ways;
    expect(roomsInCircles([...ways, [to, from]])).toEqual(expect.arrayContaining([from, to]));
  });

  it('go one way between the folders of the activities, down the floors that the papers tell of', () => {
    const folderOf = (path: string): string => /^src\/activities\/([^/]+)/.exec(path)?.[1] ?? '';
    const ways = imports
      .map(({ path, target }) => [folderOf(path), folderOf(target)] as const)
      .filter(([from, to]) => floors.has(from) && floors.has(to));
    expect(roomsInCircles(ways)).toEqual([]);
    expect(roomsInCircles([...ways, ['control', 'destruction']])).toContain('destruction');
    const floorOf = (folder: string): number => floors.get(folder) ?? Number.NaN;
    expect(ways.filter(([from, to]) => !(floorOf(from) >= floorOf(to)))).toEqual([]);
    expect(ways.length).toBeGreaterThan(100);
  });

  it('are told of for every folder of the activities', () => {
    const folders = filesBelow('src/activities', '.ts').flatMap(
      ({ path }) => /^src\/activities\/([^/]+)\//.exec(path)?.[1] ?? [],
    );
    expect([...new Set(folders)].sort()).toEqual([...floors.keys()].sort());
  });
});
