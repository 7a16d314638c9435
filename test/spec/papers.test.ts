import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { ROOT, filesBelow, has, papers, quoted, read, type SourceFile } from './repository';

const all = papers();
const decisions = filesBelow('docs/adr', '.md').filter(({ path }) => !path.includes('0000-'));

/** Text without the blocks that show commands and output. */
const prose = (text: string): string => text.replace(/^```[\s\S]*?^```/gm, '');

/** Anchor of a heading, as hosts of repositories make it. */
const anchorOf = (heading: string): string =>
  heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-');

const anchors = (text: string): readonly string[] =>
  [...prose(text).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading));

/** Links of a paper that lead nowhere: a missing file, or a heading that the file does not have. */
function deadLinks({ path, text }: SourceFile): readonly string[] {
  const links = [...prose(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
  return links.filter((link) => {
    if (/^(https?|mailto):/.test(link)) return false;
    const [file = '', anchor] = link.split('#');
    const target = file === '' ? path : normalize(join(dirname(path), file));
    if (!existsSync(join(ROOT, target))) return true;
    return anchor !== undefined && !anchors(read(target)).includes(anchor);
  });
}

describe('papers', () => {
  it('are all looked at', () => {
    expect(all.length).toBeGreaterThan(20);
    expect(all.map(({ path }) => path)).toEqual(
      expect.arrayContaining(['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md']),
    );
  });

  it.each(all.map((paper) => [paper.path, paper] as const))(
    '%s links to nothing that is not there',
    (_, paper) => {
      expect(deadLinks(paper)).toEqual([]);
    },
  );

  it('would be caught with a dead link or a lost heading', () => {
    const text = '[a](nowhere.md) [b](overview.md#the-story-of-a-tenant) [c](overview.md#x)';
    expect(deadLinks({ path: 'docs/seed.md', text })).toEqual(['nowhere.md', 'overview.md#x']);
  });

  it('name no file in back-ticks that is not there', () => {
    const missing = all.flatMap(({ path, text }) =>
      quoted(text)
        .filter((name) => /^(src|test|schema|docs|stack|calendars|demo)\/[\w./-]*$/.test(name))
        .filter((name) => !has(name) && !/\.\.\.|NNNN/.test(name))
        .map((name) => [path, name]),
    );
    expect(missing).toEqual([]);
  });
});

describe('decisions', () => {
  const HEADINGS = ['Context', 'Drivers', 'Options', 'Outcome', 'Consequences', 'Confirmation'];

  it('have numbers that are given once', () => {
    const numbers = decisions.map(({ path }) => /(\d{4})-/.exec(path)?.[1] ?? path);
    expect(numbers.length).toBeGreaterThan(10);
    expect(numbers.filter((number, index) => numbers.indexOf(number) !== index)).toEqual([]);
  });

  it.each(decisions.map((paper) => [paper.path, paper.text] as const))(
    '%s has every part, and a confirmation that exists',
    (path, text) => {
      const headings = [...text.matchAll(/^## (.+)$/gm)].map(([, heading = '']) => heading);
      expect(headings).toEqual(HEADINGS);
      expect(text).toMatch(/^# \d{4} \S/);
      expect(text.startsWith(`# ${/(\d{4})-/.exec(path)?.[1] ?? '?'} `)).toBe(true);
      expect(text).toMatch(
        /^Status: (proposed|accepted|superseded by \d{4})\. Date: \d{4}-\d\d-\d\d\.$/m,
      );
      const confirmation = text.slice(text.indexOf('## Confirmation'));
      const named = quoted(confirmation).filter((name) =>
        /^(test|src|schema|\.|eslint)/.test(name),
      );
      expect(named.length).toBeGreaterThan(0);
      expect(named.filter((name) => !has(name))).toEqual([]);
    },
  );
});
