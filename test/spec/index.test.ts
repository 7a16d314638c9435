import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { ROOT, filesBelow, has, quoted, read, tableAfter } from './repository';
import { testTitles } from './test-titles';

const INDEX = 'docs/README.md';
const TEMPLATE = 'docs/adr/0000-template.md';
const pages = filesBelow('docs', '.md').filter(({ path }) => path !== INDEX && path !== TEMPLATE);
const decisions = pages.filter(({ path }) => path.startsWith('docs/adr/'));
const others = pages.filter(({ path }) => !path.startsWith('docs/adr/'));

const titleOf = (text: string): string => (text.split('\n')[0] ?? '').replace(/^# /, '');
/** Files that a page links to, without anchors. */
const linksOf = (path: string): readonly string[] =>
  [...read(path).matchAll(/\]\(([^)\s#]+)/g)]
    .map(([, link = '']) => link)
    .filter((link) => !/^[a-z]+:/.test(link))
    .map((link) => normalize(join(dirname(path), link)));

/** Everything that somebody finds who begins at `path` and follows links. */
function reachableFrom(path: string): ReadonlySet<string> {
  const seen = new Set<string>();
  for (const waiting = [path]; waiting.length > 0;) {
    const next = waiting.pop() ?? '';
    if (seen.has(next) || !existsSync(join(ROOT, next))) continue;
    seen.add(next);
    if (next.endsWith('.md')) waiting.push(...linksOf(next));
  }
  return seen;
}

describe('the index of the documentation', () => {
  it('lists every page once, under the title that it has', () => {
    const listed = [...read(INDEX).matchAll(/^\| \[([^\]]+)\]\(([^)]+)\)/gm)]
      .map(([, title = '', link = '']) => [`docs/${link}`, title] as const)
      .filter(([path]) => !path.startsWith('docs/adr/'));
    expect(others.length).toBeGreaterThan(20);
    expect([...listed].sort()).toEqual(
      others.map(({ path, text }) => [path, titleOf(text)]).sort(),
    );
  });

  it('lists every decision with its status and date', () => {
    const rows = tableAfter(read(INDEX), 'Decisions');
    const known = decisions.map(({ path, text }) => {
      const [, status = '', date = ''] = /^Status: (.+)\. Date: (\S+)\.$/m.exec(text) ?? [];
      const [, number = '', title = ''] = /^(\d{4}) (.+)$/.exec(titleOf(text)) ?? [];
      return [`[${number}](${path.replace('docs/', '')})`, title, status, date];
    });
    expect(known.length).toBeGreaterThan(10);
    expect(rows).toEqual(known);
  });

  it('is found from the first page, and with it everything else', () => {
    const found = reachableFrom('README.md');
    expect(found.has(INDEX)).toBe(true);
    expect(pages.map(({ path }) => path).filter((path) => !found.has(path))).toEqual([]);
    expect(reachableFrom(TEMPLATE).has(INDEX)).toBe(false);
  });
});

describe('a page', () => {
  it.each(others.map(({ path, text }) => [path, text] as const))(
    '%s says in its first paragraph for whom it is',
    (_, text) => {
      const [, first = ''] = text.split(/\n{2,}/);
      expect(first).toMatch(/(^|\. )For [a-z]|本指引供/);
    },
  );
});

describe('the tour for regulators', () => {
  const rows = tableAfter(read('docs/tour-for-regulators.md'), 'Ten questions');
  const titles = testTitles();

  it.each(rows)(
    'answers "%s" with a file and with a test of that title',
    (_, where = '', shown = '') => {
      const links = [...`${where}${shown}`.matchAll(/\]\(([^)]+)\)/g)].map(
        ([, to = '']) => `docs/${to}`,
      );
      const files = [...quoted(where), ...links];
      expect(files.length).toBeGreaterThan(0);
      expect(files.filter((path) => !has(path))).toEqual([]);
      const [, path = '', title = '?'] = /`(test\/[^`]+)` "([^"]+)"/.exec(shown) ?? [];
      const stated = titles.some((test) => test.path === path && test.title.includes(title));
      expect({ path, title, stated }).toEqual({ path, title, stated: true });
    },
  );
});
