import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  HOLD_MESSAGE_NAMES,
  QUERY_NAMES,
  SIGNAL_NAMES,
  UPDATE_NAMES,
} from '../../src/contracts/messages';
import { COMMAND_KINDS } from '../../src/contracts/commands';
import { EVENTS } from '../../src/domain/lifecycle';

const ROOT = join(__dirname, '..', '..');

function files(folder: string, ending: string): readonly { name: string; text: string }[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ name: path.slice(ROOT.length + 1), text: readFileSync(path, 'utf8') }));
}

/** Statements without their comments. */
const code = (text: string): string =>
  text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*(--|\/\/|\*).*$/gm, '');

describe('SQL', () => {
  const FORBIDDEN: readonly (readonly [string, RegExp])[] = [
    ['INSERT IGNORE, which cuts ids and dates', /INSERT\s+IGNORE/i],
    ['REPLACE INTO, which updates', /REPLACE\s+INTO/i],
    ['ON DUPLICATE KEY, which updates', /ON\s+DUPLICATE\s+KEY/i],
    ['RETURNING, which one server lacks', /\bRETURNING\b/i],
    [
      'a clock that a session can move',
      /\b(NOW|UTC_TIMESTAMP|CURRENT_TIMESTAMP|LOCALTIME|CURDATE)\s*\(/i,
    ],
    ['FOR SHARE, which one server lacks', /FOR\s+SHARE/i],
    ['prepared text inside a procedure', /\bPREPARE\s+\w+\s+FROM/i],
    ['an event of the server', /CREATE\s+EVENT/i],
  ];
  const sources = [...files('schema', '.sql'), ...files('src/activities', '.ts')];

  it.each(FORBIDDEN)('never uses %s', (_, pattern) => {
    expect(sources.length).toBeGreaterThan(10);
    expect(sources.filter(({ text }) => pattern.test(code(text))).map(({ name }) => name)).toEqual(
      [],
    );
  });

  it('would find each of them, so that the checks above can fail', () => {
    const bad =
      'INSERT IGNORE x; REPLACE INTO x; ON DUPLICATE KEY; RETURNING; NOW(); FOR SHARE; PREPARE a FROM b; CREATE EVENT';
    expect(FORBIDDEN.filter(([, pattern]) => !pattern.test(bad))).toEqual([]);
  });
});

describe('the way to destruction', () => {
  it('is one module for documents', () => {
    const calls =
      /\.(deleteOne|deleteMany|drop|dropDatabase|updateOne|updateMany|replaceOne|bulkWrite|findOneAnd\w+)\(/;
    const names = files('src', '.ts')
      .filter(({ text }) => calls.test(code(text)))
      .map(({ name }) => name);
    expect(names).toEqual(['src/activities/mongo/guard.ts']);
  });

  it('is a procedure under a permit for rows: outside only the simulated clock is updated', () => {
    const names = files('src', '.ts')
      .filter(({ text }) => /\b(DELETE\s+FROM|UPDATE\s+\w+\s+SET|TRUNCATE)\b/.test(code(text)))
      .map(({ name }) => name);
    expect(names).toEqual(['src/simulation/clocks.ts']);
  });

  it('is never an expiry: no TTL index and no lifecycle rule of a bucket', () => {
    const names = files('src', '.ts')
      .filter(({ text }) =>
        /expireAfterSeconds|setBucketLifecycle|forceDelete|removeObjects\(/.test(code(text)),
      )
      .map(({ name }) => name);
    expect(names).toEqual([]);
  });
});

describe('messages', () => {
  it('have constants that equal the wire name and a suffix', () => {
    const suffixed = { ...UPDATE_NAMES, ...SIGNAL_NAMES, ...QUERY_NAMES, ...HOLD_MESSAGE_NAMES };
    for (const [constant, wire] of Object.entries(suffixed)) {
      expect(constant).toMatch(new RegExp(`^${wire}(Update|Signal|Query)$`));
    }
  });

  it('cover every command, and every command has a reaction in the lifecycle table', () => {
    expect(Object.values(UPDATE_NAMES).sort()).toEqual([...COMMAND_KINDS].sort());
    expect([...COMMAND_KINDS].filter((kind) => !EVENTS.includes(kind))).toEqual([]);
  });
});
