import { RECORD_CLASSES } from '../../src/domain/record-class';
import { STAGES } from '../../src/domain/lifecycle';
import { filesBelow, read, tableAfter } from './repository';

const paper = read('docs/vocabulary.md');
const SECTIONS = ['Words of the agreement', 'Words of records management', 'Words of the engine'];
const rows = SECTIONS.flatMap((section) => tableAfter(paper, section));
const defined = rows.map(([word = '']) => word);

const golden = read('test/golden/vocabulary.txt')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => /^(say|never|no-file) (.+)$/.exec(line) ?? [line, '', '']);
const listed = (verb: string): readonly string[] =>
  golden.filter(([, own]) => own === verb).map(([, , word = '']) => word);
const never = listed('never');
const noFile = [...never, ...listed('no-file')];

/** Words of a name: `dropMysqlEnvironment`, `key_wrappings` and `sql-text.ts` alike. */
const wordsOf = (name: string): readonly string[] =>
  name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z]+/);

const contains = (name: string, refused: readonly string[]): readonly string[] =>
  wordsOf(name).filter(
    (word) => refused.includes(word) || refused.includes(word.replace(/s$/, '')),
  );

const sources = filesBelow('src', '.ts');
const schema = filesBelow('schema', '.sql');

const exported = sources.flatMap(({ path, text }) =>
  [...text.matchAll(/^export (?:async )?(?:const|function\*?|class|interface|type) (\w+)/gm)].map(
    ([, name = '']) => ({ path, name }),
  ),
);
const tables = schema.flatMap(({ path, text }) =>
  [...text.matchAll(/(?:TABLE|PROCEDURE|FUNCTION) \{\{\w+\}\}\.(\w+)/g)].map(([, name = '']) => ({
    path,
    name,
  })),
);

describe('the vocabulary', () => {
  it('defines each word once, and says what not to say for it', () => {
    expect(defined.length).toBeGreaterThan(40);
    expect(defined.filter((word, index) => defined.indexOf(word) !== index)).toEqual([]);
    expect(rows.filter(([, meaning = '', not = '']) => meaning === '' || not === '')).toEqual([]);
  });

  it('refuses no word that it defines', () => {
    const refused = rows.flatMap(([, , not = '']) => not.split(', '));
    expect(refused.filter((word) => defined.includes(word))).toEqual([]);
  });

  it('is the list that reviewers have agreed to', () => {
    expect(golden.filter(([, verb]) => verb === '')).toEqual([]);
    expect(listed('say')).toEqual([...defined].sort());
  });

  it('has the stages of the lifecycle and the record classes in the specification', () => {
    const specification = read('docs/lifecycle-spec.md');
    expect(STAGES.filter((stage) => !specification.includes(`| ${stage} `))).toEqual([]);
    expect(RECORD_CLASSES.map((name) => name.replaceAll('-', ' '))).toEqual([
      'asset basic data',
      'console configuration data',
    ]);
  });
});

describe('names in code', () => {
  it('contain no word that stands for nothing or for something else', () => {
    const files = sources.map(({ path }) => path);
    expect(files.filter((path) => contains(path, noFile).length > 0)).toEqual([]);
    const names = [...exported, ...tables];
    expect(names.filter(({ name }) => contains(name, never).length > 0)).toEqual([]);
    expect(exported.length).toBeGreaterThan(200);
    expect(tables.length).toBeGreaterThan(50);
  });

  it('are taken apart word by word, so that the check above can fail', () => {
    expect(contains('cleanupJobs', never)).toEqual(['cleanup', 'jobs']);
    expect(contains('src/platform/mysql-helpers.ts', noFile)).toEqual(['helpers']);
    expect(contains('customer_rows', never)).toEqual(['customer']);
    expect(contains('jobless', noFile)).toEqual([]);
  });

  it('of files are in kebab-case', () => {
    const files = [...sources, ...filesBelow('test', '.ts')].map(({ path }) => path);
    expect(files.filter((path) => !/^[a-z0-9/.-]+$/.test(path))).toEqual([]);
  });

  it('of instants end in At', () => {
    const unclear = sources.flatMap(({ path, text }) =>
      [...text.matchAll(/readonly (\w*(?:Date|Time|Timestamp)): string/g)].map(([, name = '']) => [
        path,
        name,
      ]),
    );
    expect(unclear).toEqual([]);
  });
});
