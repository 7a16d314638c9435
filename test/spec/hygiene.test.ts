import { filesBelow, type SourceFile } from './repository';

const LINES_MAX = 400;
const REASON_MIN = 20;

/** This file, which holds a specimen of everything that it looks for. */
const OWN = 'test/spec/hygiene.test.ts';

const sources = ['src', 'test', 'demo', 'bench']
  .flatMap((folder) => filesBelow(folder, '.ts', '.tsx'))
  .filter(({ path }) => path !== OWN);
const everything = [
  ...sources,
  ...filesBelow('stack', '.mjs', '.go'),
  ...filesBelow('schema', '.sql'),
];

/** Comments of a file: what is put off, or switched off, is always said there. */
const comments = ({ text }: SourceFile): readonly string[] =>
  text.match(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$|--\s.*$/gm) ?? [];

const PUT_OFF = /\b(TODO|FIXME|XXX|HACK)\b/;
const SWITCHED_OFF = /@ts-(ignore|nocheck|expect-error)|eslint-disable|istanbul ignore|c8 ignore/;
const NOT_RUN =
  /\b(it|test|describe)\.(only|skip|todo|failing)\b|\b(fit|fdescribe|xit|xdescribe)\(/;

/** A switch that says behind two dashes why it is there. */
const isReasoned = (comment: string): boolean =>
  (/--\s*(.+?)(\*\/)?$/s.exec(comment)?.[1] ?? '').trim().length >= REASON_MIN;

const named = (files: readonly SourceFile[], test: (file: SourceFile) => boolean): string[] =>
  files.filter(test).map(({ path }) => path);

describe('the sources', () => {
  it('are all looked at', () => {
    expect(sources.length).toBeGreaterThan(100);
  });

  it('put nothing off', () => {
    expect(named(everything, (file) => comments(file).some((text) => PUT_OFF.test(text)))).toEqual(
      [],
    );
  });

  it('switch no check off without saying why', () => {
    const bare = (file: SourceFile): boolean =>
      comments(file).some((text) => SWITCHED_OFF.test(text) && !isReasoned(text));
    expect(named(sources, bare)).toEqual([]);
  });

  it('leave no test out', () => {
    const tests = sources.filter(({ path }) => path.startsWith('test/'));
    // The linter's own suite holds such tests as specimens, in text.
    const code = (text: string): string => text.replace(/`[^`]*`/g, '``');
    expect(named(tests, ({ text }) => NOT_RUN.test(code(text)))).toEqual([]);
  });

  it(`stay below ${LINES_MAX} lines each`, () => {
    const tooLong = (file: SourceFile): boolean => file.text.split('\n').length - 1 > LINES_MAX;
    expect(named(everything, tooLong)).toEqual([]);
  });

  it('name no folder of a developer', () => {
    const foreign = /(?<![\w./-])\/(home|root|Users|work|mnt)\/\w/;
    expect(named(everything, ({ text }) => foreign.test(text))).toEqual([]);
    expect(foreign.test("'/home/somebody/project'")).toBe(true);
  });
});

describe('the search for what is put or switched off', () => {
  const file = (text: string): SourceFile => ({ path: 'seed.ts', text });

  it('sees every form of it', () => {
    for (const text of ['// TODO: later', '/* FIXME */', '-- XXX later']) {
      expect(comments(file(text)).some((comment) => PUT_OFF.test(comment))).toBe(true);
    }
    for (const text of ['// @ts-ignore', '/* eslint-disable */']) {
      const [comment = ''] = comments(file(text));
      expect(SWITCHED_OFF.test(comment) && !isReasoned(comment)).toBe(true);
    }
    for (const call of ['only', 'skip', 'todo']) {
      expect(NOT_RUN.test(`it.${call}('keeps', () => 1)`)).toBe(true);
    }
  });

  it('accepts a switch with its reason, and the words in ordinary text', () => {
    const reasoned =
      '// eslint-disable-next-line complexity -- one branch per outcome of the driver';
    expect(isReasoned(comments(file(reasoned))[0] ?? '')).toBe(true);
    expect(comments(file(`const word = 'TODO';`))).toEqual([]);
  });
});
