import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKekFile, readKekFile } from '../../src/platform/kek';
import { thrownBy } from '../support/thrown';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lethe-kek-'));
  path = join(folder, 'kek.json');
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const KEY = Buffer.alloc(32, 7).toString('base64');
const OTHER = Buffer.alloc(32, 8).toString('base64');
const write = (content: unknown, mode = 0o600): void => {
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content), { mode });
  chmodSync(path, mode);
};

describe('the file of key-encryption keys', () => {
  it('is made with one random key that only its owner can read', () => {
    expect(createKekFile(path)).toBe(true);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const ring = readKekFile(path);
    expect([...ring.keys.keys()]).toEqual([ring.currentId]);
    expect(ring.keys.get(ring.currentId)).toHaveLength(32);
    const other = join(folder, 'other.json');
    createKekFile(other);
    expect(readKekFile(other).keys.get('kek-1')).not.toEqual(ring.keys.get('kek-1'));
  });

  it('is never replaced and leaves nothing beside it', () => {
    createKekFile(path);
    const before = readFileSync(path, 'utf8');
    expect(createKekFile(path)).toBe(false);
    expect(readFileSync(path, 'utf8')).toBe(before);
    expect(readdirSync(folder)).toEqual(['kek.json']);
  });

  it('holds older keys beside the current one', () => {
    write({ current: 'kek-2', keys: { 'kek-1': KEY, 'kek-2': OTHER } });
    const ring = readKekFile(path);
    expect(ring.currentId).toBe('kek-2');
    expect(ring.keys.get('kek-1')).toEqual(Buffer.alloc(32, 7));
  });

  it.each([
    ['a missing file', undefined, 'cannot be opened'],
    ['text that is no JSON', 'secret', 'not JSON'],
    ['a current key that is not there', { current: 'kek-2', keys: { 'kek-1': KEY } }, 'current'],
    ['no keys', { current: 'kek-1', keys: {} }, 'current'],
    ['a short key', { current: 'kek-1', keys: { 'kek-1': 'c2hvcnQ=' } }, 'keys.kek-1'],
    [
      'a key in hexadecimal',
      { current: 'kek-1', keys: { 'kek-1': '07'.repeat(32) } },
      'keys.kek-1',
    ],
    ['an unknown field', { current: 'kek-1', keys: { 'kek-1': KEY }, old: KEY }, 'malformed'],
    ['an id of another shape', { current: 'k', keys: { k: KEY } }, 'malformed'],
    [
      'one key under two ids',
      { current: 'kek-1', keys: { 'kek-1': KEY, 'kek-2': KEY } },
      'two ids',
    ],
  ])('is refused with %s, naming the variable and no value', (...[, content, message]) => {
    if (content !== undefined) write(content);
    const refusal = thrownBy(() => readKekFile(path));
    expect(refusal).toMatchObject({ code: 'CONFIGURATION_INVALID', field: 'LETHE_KEK_FILE' });
    expect(String(refusal)).toContain(message);
    expect(String(refusal)).not.toContain(KEY);
    expect(String(refusal)).not.toContain('secret');
  });

  it('is refused when others can read it', () => {
    write({ current: 'kek-1', keys: { 'kek-1': KEY } }, 0o640);
    expect(() => readKekFile(path)).toThrow(/chmod 600/);
  });

  it('is not made where there is no folder', () => {
    expect(() => createKekFile(join(folder, 'missing', 'kek.json'))).toThrow(
      expect.objectContaining({ code: 'CONFIGURATION_INVALID' }) as Error,
    );
  });
});
