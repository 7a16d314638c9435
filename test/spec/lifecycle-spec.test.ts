import { EVENTS, LIFECYCLE_TABLE, STAGES } from '../../src/domain/lifecycle';
import { filesBelow, has, quoted, read, tableAfter } from './repository';
import { testTitles } from './test-titles';

const paper = read('docs/lifecycle-spec.md');
const titles = testTitles();

/** Paragraphs that begin with `**I<n>.`, each with its number. */
const invariants = paper
  .split(/\n(?=\*\*I\d+\.)|\n(?=## )/)
  .filter((part) => /^\*\*I\d+\./.test(part))
  .map((part) => [/I\d+/.exec(part)?.[0] ?? '', part.replace(/\s+/g, ' ')] as const);

/** Procedures, functions and triggers of the schema, e.g. `control.open_permit`. */
const routines = new Set(
  filesBelow('schema', '.sql').flatMap(({ text }) =>
    [...text.matchAll(/(?:PROCEDURE|FUNCTION|TRIGGER) \{\{(\w+)\}\}\.(\w+)/g)].map(
      ([, database = '', name = '']) => `${database}.${name}`,
    ),
  ),
);

describe('the table of reactions', () => {
  const [head = '', ...rest] = paper.split('\n').filter((line) => /^\| (Event|`\w+`) /.test(line));
  const cells = (line: string): readonly string[] =>
    line
      .slice(1, line.lastIndexOf('|'))
      .split('|')
      .map((cell) => cell.trim());

  it('has every stage and every event, in the order of the code', () => {
    expect(cells(head).slice(1)).toEqual([...STAGES]);
    expect(rest.map((line) => cells(line)[0])).toEqual(EVENTS.map((event) => `\`${event}\``));
  });

  it.each(EVENTS)('shows for %s what the code does in every stage', (event) => {
    const line = rest.find((row) => cells(row)[0] === `\`${event}\``) ?? '';
    expect(cells(line).slice(1)).toEqual(STAGES.map((stage) => LIFECYCLE_TABLE[stage][event]));
  });

  it('explains every stage', () => {
    expect(tableAfter(paper, 'Stages').map(([stage]) => stage)).toEqual([...STAGES]);
  });
});

describe('the invariants', () => {
  it('are numbered without a hole', () => {
    expect(invariants.length).toBeGreaterThan(10);
    expect(invariants.map(([name]) => name)).toEqual(invariants.map((_, index) => `I${index + 1}`));
  });

  it.each(invariants)('%s names what enforces it, and that exists', (_, text) => {
    const enforced = /Enforced by: (.*?)\. ?(?=Proved by|$)/.exec(text)?.[1] ?? '';
    const names = quoted(enforced);
    expect(names.length).toBeGreaterThan(0);
    expect(names.filter((name) => !has(name) && !routines.has(name))).toEqual([]);
  });

  it.each(invariants)('%s names tests that prove it, and they exist', (_, text) => {
    const proofs = [...text.matchAll(/`(test\/[^`]+)` "([^"]+)"/g)];
    expect(proofs.length).toBeGreaterThan(0);
    const missing = proofs.filter(
      ([, path = '', title = '']) =>
        !titles.some((test) => test.path === path && test.title.includes(title)),
    );
    expect(missing.map(([text]) => text)).toEqual([]);
  });

  it('are read with their procedures, so that the checks above can fail', () => {
    expect(routines.has('control.open_permit')).toBe(true);
    expect(routines.has('control.open_everything')).toBe(false);
  });
});

describe('the gaps', () => {
  it('say of each what it means and what limits it', () => {
    const gaps = tableAfter(paper, 'Gaps');
    expect(gaps.length).toBeGreaterThan(0);
    expect(gaps.filter((row) => row.length !== 3 || row.some((cell) => cell.length < 10))).toEqual(
      [],
    );
  });
});
