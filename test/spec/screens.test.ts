import { join } from 'node:path';
import * as ts from 'typescript';
import { runExplain } from '../../src/cli/commands/explain';
import { SEARCH_ATTRIBUTES } from '../../src/contracts/search-attributes';
import { FAILURES } from '../../src/domain/errors';
import { STAGES } from '../../src/domain/lifecycle';
import { ROLE_GRANTS } from '../../src/platform/migrate/grants';
import { ROOT, blocks, filesBelow, papers, quoted, read, tableAfter } from './repository';

/** What a paper shows of a screen must be what the screen shows. */
const UI = read('docs/runbooks/understanding-the-ui.md');
const WALKTHROUGH = read('docs/walkthroughs/terminate-a-tenant.md');

/** Members of a union of texts, from the syntax: types have no values. */
function membersOf(path: string, name: string): readonly string[] {
  const file = ts.createSourceFile(path, read(path), ts.ScriptTarget.ES2022, true);
  const found = file.statements.find(
    (node): node is ts.TypeAliasDeclaration =>
      ts.isTypeAliasDeclaration(node) && node.name.text === name,
  );
  if (found === undefined || !ts.isUnionTypeNode(found.type)) throw new Error(`no union ${name}`);
  return found.type.types.map((type) => type.getText().slice(1, -1));
}

const firstWords = (heading: string): readonly string[] =>
  tableAfter(UI, heading).map(([cell = '']) => quoted(cell)[0] ?? cell);

describe('the paper about the screens', () => {
  it('explains every state of a due day, in their order', () => {
    expect(firstWords('States of a due day')).toEqual(
      membersOf('src/contracts/snapshot.ts', 'CohortState'),
    );
  });

  it('explains every search attribute', () => {
    expect([...firstWords('Search attributes')].sort()).toEqual(
      Object.keys(SEARCH_ATTRIBUTES).sort(),
    );
  });

  it('names every band and every stage that a tenant can show', () => {
    const row = (name: string): readonly string[] =>
      tableAfter(UI, 'Search attributes')
        .filter(([cell = '']) => cell.includes(name))
        .flatMap(([, values = '']) => quoted(values));
    expect([...row('LetheBand')].sort()).toEqual(
      [...membersOf('src/contracts/snapshot.ts', 'Band')].sort(),
    );
    expect(row('LetheStage')).toEqual(STAGES.filter((stage) => stage !== 'unknown'));
  });

  it('filters by attributes that exist', () => {
    const filters = UI.match(/Lethe\w+(?= (?:=|IS|STARTS_WITH))/g) ?? [];
    expect(filters.length).toBeGreaterThan(4);
    expect(filters.filter((name) => !(name in SEARCH_ATTRIBUTES))).toEqual([]);
  });
});

describe('the walkthrough', () => {
  const facts = blocks(WALKTHROUGH).find(([language]) => language === 'json')?.[1] ?? '';
  const shown = blocks(WALKTHROUGH).flatMap(([language, body]) => (language === '' ? [body] : []));
  const explain = (holds: readonly object[]): readonly string[] =>
    runExplain({
      file: 'facts.json',
      json: false,
      calendarsDir: join(ROOT, 'calendars'),
      read: () => JSON.stringify({ ...(JSON.parse(facts) as object), holds }),
    }).stdout.split('\n');
  /** The data of time zones come with the machine. */
  const stable = (line: string): boolean => !line.startsWith('time zone data') && line !== '';

  it('shows for its facts what explain prints', () => {
    expect((shown[0] ?? '').split('\n').filter(stable)).toEqual(explain([]).filter(stable));
  });

  it('shows under its hold what explain prints', () => {
    const open = explain([{ placedAt: '2026-05-04T02:00:00Z', releasedAt: null }]);
    const released = explain([
      { placedAt: '2026-05-04T02:00:00Z', releasedAt: '2026-08-10T02:00:00Z' },
    ]);
    expect(open).toContain(shown.find((block) => block.includes('is open'))?.trim());
    expect(shown.at(-1)?.trim().split('\n')).toEqual(released.slice(0, 3));
  });
});

describe('the end of the demonstration on the first page', () => {
  const demo = filesBelow('demo', '.ts')
    .map(({ text }) => text)
    .join('\n');
  const told = [...read('README.md').matchAll(/^\d{4}-\d\d-\d\d \d\d:\d\d \| (.+)$/gm)];

  it.each(told.map(([, line = '']) => [line]))('has the line "%s" as the demo says it', (line) => {
    expect(demo).toContain(line.replace(/ \d{4}-\d\d-\d\d$/, ''));
  });

  it('has some', () => {
    expect(told.length).toBeGreaterThan(2);
    expect(demo).not.toContain('every promise is broken');
  });
});

describe('codes and accounts in papers', () => {
  it('are codes that the failure table has', () => {
    const known = new Set<string>(Object.keys(FAILURES));
    const codes = papers().flatMap(({ path, text }) =>
      quoted(text)
        .filter((word) => /^[A-Z]+(_[A-Z]+)+$/.test(word) && !word.startsWith('LETHE_'))
        .map((word) => [path, word] as const),
    );
    expect(codes.length).toBeGreaterThan(8);
    expect(codes.filter(([, word]) => !known.has(word))).toEqual([]);
  });

  it('are the accounts of the server, each with its worth to a thief', () => {
    const rows = tableAfter(read('SECURITY.md'), 'Accounts and what a stolen one is worth');
    const accounts = rows
      .map(([cell = '']) => quoted(cell)[0])
      .filter((name) => name !== undefined);
    expect([...accounts].sort()).toEqual(Object.keys(ROLE_GRANTS).sort());
  });
});
