import { FAILURES } from '../../src/domain/errors';
import { filesBelow, read, tableAfter } from './repository';

const PAGE = read('docs/failures.md');
/** Sections of the page, by the exit code of what they list. */
const SECTIONS = { 1: 'Something in the world', 2: 'Something in what was sent' } as const;
const REMEDY_MIN = 20;

/** Where codes are raised: by the code, or by the procedures of the schema. */
const raising = [...filesBelow('src', '.ts'), ...filesBelow('schema', '.sql')].filter(
  ({ path }) => path !== 'src/domain/errors.ts' && path !== 'src/workflows/activity-options.ts',
);
/** Without comments: a docstring that names a code raises nothing. */
const code = (text: string): string =>
  text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*(--|\/\/).*$/gm, '');

describe('the page of failures', () => {
  it.each([1, 2] as const)('lists what ends with exit code %i as the table has it', (exitCode) => {
    const rows = tableAfter(PAGE, SECTIONS[exitCode]).map((cells) => cells.slice(0, 4));
    const known = Object.entries(FAILURES)
      .filter(([, failure]) => failure.exitCode === exitCode)
      .map(([name, failure]) => [
        `\`${name}\``,
        failure.summary,
        String(failure.httpStatus),
        failure.retryable ? 'yes' : 'no',
      ]);
    expect(known.length).toBeGreaterThan(20);
    expect(rows).toEqual(known);
  });

  it('says for each what a person does, in a sentence', () => {
    const remedies = Object.values(SECTIONS).flatMap((section) =>
      tableAfter(PAGE, section).map((cells) => cells[4] ?? ''),
    );
    expect(remedies.filter((remedy) => !/^[A-Z`].*\.$/.test(remedy))).toEqual([]);
    expect(remedies.filter((remedy) => remedy.length < REMEDY_MIN)).toEqual([]);
  });
});

describe('the table of failures', () => {
  it('has no code that nothing raises', () => {
    const raised = raising.map(({ text }) => code(text)).join('\n');
    const unused = Object.keys(FAILURES).filter(
      (name) => !new RegExp(`\\b${name}\\b`).test(raised),
    );
    expect(unused).toEqual([]);
    expect(raised).not.toContain('NO_SUCH_CODE');
  });
});
