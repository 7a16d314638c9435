import { dirname, join, normalize } from 'node:path';
import { filesBelow, quoted, read, tableAfter } from './repository';

const modules = new Map(
  tableAfter(read('docs/architecture.md'), 'Modules').map(([name = '', imports = '']) => [
    quoted(name)[0] ?? name,
    quoted(imports),
  ]),
);

/** Module of a file below `src`; files directly in it are where things are wired. */
const moduleOf = (path: string): string | undefined => /^src\/([^/]+)\//.exec(path)?.[1];

/** Every import from one module of `src` into another, with the files. */
const edges = filesBelow('src', '.ts', '.tsx').flatMap(({ path, text }) =>
  [...text.matchAll(/(?:from|import\(|require\()\s*'(\.[^']+)'/g)]
    .map(([, target = '']) => normalize(join(dirname(path), target)))
    .map((target) => ({ path, from: moduleOf(path), to: moduleOf(`${target}/`) }))
    .filter(({ from, to }) => from !== undefined && to !== undefined && from !== to),
);

describe('the table of modules', () => {
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
