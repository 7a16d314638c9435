import { has, quoted, read, tableAfter } from './repository';
import { rulesIn, testTitles } from './test-titles';

/** Every promise of the agreement; written down here so that a row cannot vanish from the paper. */
const PROMISES = [
  ...['DC-1', 'DC-2', 'DC-3', 'PU-1', 'ST-1', 'ST-2', 'SH-1'],
  ...['AB-1', 'AB-2', 'AB-3', 'CC-1', 'CC-2', 'CC-3', 'CC-4'],
  ...['DR-1', 'AT-1', 'SD-1', 'HS-1'],
];

const paper = read('docs/requirements.md');
const promises = tableAfter(paper, 'Promises');
const questions = tableAfter(paper, 'Time');
const titles = testTitles();
const proven = new Set(titles.flatMap(({ title }) => rulesIn(title)));

describe('the table of promises', () => {
  it('has every promise of the agreement once and no other', () => {
    expect(promises.map(([rule]) => rule)).toEqual(PROMISES);
  });

  it.each(PROMISES)('says where the engine keeps %s, and the files are there', (rule) => {
    const [, , , where = '', proof = ''] = promises.find(([id]) => id === rule) ?? [];
    expect(quoted(where).length).toBeGreaterThan(0);
    expect(quoted(proof).length).toBeGreaterThan(0);
    expect([...quoted(where), ...quoted(proof)].filter((path) => !has(path))).toEqual([]);
  });

  it.each(PROMISES)('names for %s only suites that state it in a title', (rule) => {
    const [, , , , proof = ''] = promises.find(([id]) => id === rule) ?? [];
    const stating = titles.filter(({ title }) => rulesIn(title).includes(rule));
    const paths = stating.map(({ path }) => path);
    expect(quoted(proof).filter((path) => !paths.includes(path))).toEqual([]);
  });
});

describe('the titles of the tests', () => {
  it('state every promise', () => {
    expect(PROMISES.filter((rule) => !proven.has(rule))).toEqual([]);
  });

  it('name no promise that the agreement does not make', () => {
    const unknown = titles.filter(({ title }) =>
      rulesIn(title).some((rule) => !PROMISES.includes(rule)),
    );
    expect(unknown).toEqual([]);
  });

  it('are read with their rules, one or several, so that the checks above can fail', () => {
    expect(titles.length).toBeGreaterThan(100);
    expect(rulesIn('keeps it [AB-1]')).toEqual(['AB-1']);
    expect(rulesIn('ends it [AB-2] [HS-1]')).toEqual(['AB-2', 'HS-1']);
    expect(rulesIn('decides [AB-1, CC-2] and [0] and [x-1]')).toEqual(['AB-1', 'CC-2']);
  });
});

describe('the questions of time', () => {
  it.each(questions)('%s is answered by code and by a suite that has that title', (...row) => {
    const [, , where = '', proof = ''] = row;
    const [path = ''] = quoted(proof);
    const title = /"([^"]+)"/.exec(proof)?.[1];
    expect([...quoted(where), path].filter((name) => !has(name))).toEqual([]);
    const inSuite = titles.filter((test) => test.path === path);
    expect(inSuite.length).toBeGreaterThan(0);
    const stated = inSuite.some((test) => title === undefined || test.title.includes(title));
    expect({ title, stated }).toEqual({ title, stated: true });
  });
});
