import { filesBelow } from './repository';
import { allSql, sqlInSources, withoutComments } from './sql-text';

/** Why a construct is not used, how it is recognised, and a statement that has it. */
type Construct = readonly [reason: string, pattern: RegExp, specimen: string];

const CHANGES_WHAT_IT_MUST_NOT: readonly Construct[] = [
  ['TRUNCATE, which asks for no permit', /\bTRUNCATE\b/i, 'TRUNCATE TABLE scans'],
  ['INSERT IGNORE, which cuts ids and dates', /\bINSERT\s+IGNORE\b/i, 'INSERT IGNORE INTO scans'],
  ['REPLACE INTO, which deletes first', /\bREPLACE\s+INTO\b/i, 'REPLACE INTO scans'],
  ['ON DUPLICATE KEY, which updates', /\bON\s+DUPLICATE\s+KEY\b/i, 'INSERT x ON DUPLICATE KEY y'],
  ['UPDATE IGNORE, which hides what failed', /\bUPDATE\s+IGNORE\b/i, 'UPDATE IGNORE scans SET a'],
  ['DELETE IGNORE, which hides what failed', /\bDELETE\s+IGNORE\b/i, 'DELETE IGNORE FROM scans'],
  ['LOAD DATA, which skips bad rows', /\bLOAD\s+DATA\b/i, 'LOAD DATA INFILE x'],
  ['INTO OUTFILE, which makes a copy', /\bINTO\s+(OUT|DUMP)FILE\b/i, 'SELECT 1 INTO OUTFILE x'],
  ['a foreign key that deletes', /\bON\s+DELETE\s+CASCADE\b/i, 'FOREIGN KEY a ON DELETE CASCADE'],
  ['an event of the server', /\bCREATE\s+(DEFINER\S+\s+)?EVENT\b/i, 'CREATE EVENT sweep'],
  ['prepared text', /\bPREPARE\s+\w+\s+FROM\b|\bEXECUTE\s+IMMEDIATE\b/i, 'EXECUTE IMMEDIATE x'],
];

const ONLY_ON_MARIADB: readonly Construct[] = [
  ['RETURNING', /\bRETURNING\b/i, 'DELETE FROM scans RETURNING id'],
  ['SET STATEMENT', /\bSET\s+STATEMENT\b/i, 'SET STATEMENT max_statement_time=1 FOR SELECT 1'],
  [
    'system versioning',
    /\bSYSTEM\s+VERSIONING\b|\bFOR\s+SYSTEM_TIME\b/i,
    'a WITH SYSTEM VERSIONING',
  ],
  ['sequences', /\bSEQUENCE\s+\w+\s+START\b|\bNEXTVAL\b|\bNEXT\s+VALUE\s+FOR\b/i, 'NEXTVAL(a)'],
  ['CREATE OR REPLACE', /\bCREATE\s+OR\s+REPLACE\b/i, 'CREATE OR REPLACE TABLE scans'],
  ['ADD COLUMN IF NOT EXISTS', /\bADD\s+COLUMN\s+IF\b/i, 'ALTER TABLE a ADD COLUMN IF NOT EXISTS'],
  ['BEGIN NOT ATOMIC', /\bBEGIN\s+NOT\s+ATOMIC\b/i, 'BEGIN NOT ATOMIC'],
  ['types of its own', /\b(INET6|INET4|UUID)\s+(NOT\s+)?NULL\b/i, 'address INET6 NOT NULL'],
  ['ROWS EXAMINED', /\bROWS\s+EXAMINED\b/i, 'SELECT 1 LIMIT ROWS EXAMINED 9'],
];

const ONLY_ON_MYSQL: readonly Construct[] = [
  ['FOR SHARE', /\bFOR\s+SHARE\b/i, 'SELECT 1 FOR SHARE'],
  ['VALUES ROW', /\bVALUES\s+ROW\b/i, 'VALUES ROW(1)'],
  ['LATERAL', /\bLATERAL\b/i, 'SELECT 1 FROM a, LATERAL (b)'],
  ['the JSON arrows', /->>?\s*'\$/, `SELECT body->>'$.a'`],
  ['MEMBER OF', /\bMEMBER\s+OF\b/i, 'SELECT 1 MEMBER OF (a)'],
  ['ANY_VALUE', /\bANY_VALUE\s*\(/i, 'SELECT ANY_VALUE(a)'],
  ['UUID conversions', /\b(BIN_TO_UUID|UUID_TO_BIN)\s*\(/i, 'SELECT UUID_TO_BIN(a)'],
  ['REGEXP_LIKE', /\bREGEXP_LIKE\s*\(/i, 'SELECT REGEXP_LIKE(a, b)'],
  ['its own collations', /\butf8mb4_0900\w*/i, 'COLLATE utf8mb4_0900_bin'],
];

const FORBIDDEN = [...CHANGES_WHAT_IT_MUST_NOT, ...ONLY_ON_MARIADB, ...ONLY_ON_MYSQL];
/** One call sends one statement; what follows a semicolon would be a second one. */
const SECOND_STATEMENT = /;\s*\S/;

const sources = allSql();
const inCode = sources.filter(({ path }) => path.endsWith('.ts'));

describe('SQL of the schema and of the sources', () => {
  it('is found: files of the schema and statements in the code', () => {
    expect(sources.filter(({ path }) => path.endsWith('.sql')).length).toBeGreaterThan(10);
    expect(inCode.length).toBeGreaterThan(40);
  });

  it.each(FORBIDDEN)('never uses %s', (_, pattern) => {
    expect(sources.filter(({ sql }) => pattern.test(sql)).map(({ path }) => path)).toEqual([]);
  });

  it('sends one statement at a time', () => {
    expect(inCode.filter(({ sql }) => SECOND_STATEMENT.test(sql))).toEqual([]);
  });

  it('is written in capitals, so that none hides from these checks', () => {
    const small =
      /[`'"]\s*(select\s[^`'"]*\sfrom|insert\s+(ignore\s+)?into|delete\s+from|truncate)\b/;
    const names = filesBelow('src', '.ts').filter(({ text }) => small.test(text));
    expect(names.map(({ path }) => path)).toEqual([]);
    expect(small.test("'delete from scans'")).toBe(true);
  });

  it('never compares a moment with a clock that a session can move', () => {
    const movable = /\b(NOW|CURRENT_TIMESTAMP|LOCALTIME|CURDATE|CURTIME|UNIX_TIMESTAMP)\s*\(/i;
    expect(sources.filter(({ sql }) => movable.test(sql)).map(({ path }) => path)).toEqual([]);
  });
});

describe('the search for forbidden SQL', () => {
  it.each(FORBIDDEN)('finds %s in a statement that has it', (_, pattern, specimen) => {
    expect(pattern.test(withoutComments(specimen))).toBe(true);
  });

  it('reads statements out of code, also those that are put together', () => {
    const code =
      "const a = 1; run(`DELETE FROM ${table} WHERE x = 1; DROP TABLE y`); say('hello');";
    const [found, ...rest] = sqlInSources('seed.ts', code);
    expect(found?.sql).toBe('DELETE FROM ? WHERE x = 1; DROP TABLE y');
    expect(rest).toEqual([]);
    expect(SECOND_STATEMENT.test(found?.sql ?? '')).toBe(true);
  });

  it('does not stumble over words in comments', () => {
    expect(withoutComments('SELECT 1 -- RETURNING\n/* TRUNCATE */')).not.toMatch(
      /RETURNING|TRUNCATE/,
    );
  });
});
