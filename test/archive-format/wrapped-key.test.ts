import { spawnSync } from 'node:child_process';
import { createDecipheriv } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unwrapKey, wrapKey } from '../../src/activities/keys/wrapping';

const UNWRAP = join(__dirname, 'unwrap_key.py');
const PAGE = readFileSync(join(__dirname, '../../docs/archive-format.md'), 'utf8');

interface Example {
  readonly kekFile: { readonly current: string; readonly keys: Readonly<Record<string, string>> };
  readonly kekId: string;
  readonly keyRef: string;
  readonly tenantId: string;
  readonly wrapped: string;
  readonly dataKey: string;
}

const example = JSON.parse(
  /```json wrapped-key\n([\s\S]*?)```/.exec(PAGE)?.[1] ?? 'the page has no example',
) as Example;
const kek = {
  id: example.kekId,
  key: Buffer.from(example.kekFile.keys[example.kekId] ?? '', 'base64'),
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wrapped-key-'));
  writeFileSync(join(folder, 'kek.json'), JSON.stringify(example.kekFile));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** Runs the reader that shares no code with the engine. */
const unwrap = ({ kekId, keyRef, tenantId, wrapped }: Example) =>
  spawnSync('python3', [UNWRAP, join(folder, 'kek.json'), kekId, keyRef, tenantId], {
    input: wrapped,
    encoding: 'utf8',
  });

describe('the wrapped key that the page shows', () => {
  it('opens in the engine', () => {
    const opened = unwrapKey(Buffer.from(example.wrapped, 'hex'), example, kek);
    expect(opened.toString('hex')).toBe(example.dataKey);
  });

  it('opens in a reader that shares no code with the engine', () => {
    expect(unwrap(example)).toMatchObject({
      status: 0,
      stdout: `${example.keyRef} ${example.dataKey}\n`,
    });
  });

  it('opens without a check of the tag as the page says', () => {
    const wrapped = Buffer.from(example.wrapped, 'hex');
    const counter = Buffer.concat([wrapped.subarray(1, 13), Buffer.from('00000002', 'hex')]);
    const decipher = createDecipheriv('aes-256-ctr', kek.key, counter);
    expect(decipher.update(wrapped.subarray(13, 45)).toString('hex')).toBe(example.dataKey);
  });

  it('opens for no other tenant, reference or byte', () => {
    const changed: readonly Partial<Example>[] = [
      { tenantId: 'tn_4k2m8q0z7x5w1v3c' },
      { keyRef: example.keyRef.replace('05-01', '05-02') },
      { wrapped: example.wrapped.replace(/8$/, '9') },
      { wrapped: example.wrapped.replace(/^01/, '02') },
      { wrapped: example.wrapped.slice(2) },
    ];
    for (const change of changed) {
      expect(unwrap({ ...example, ...change })).toMatchObject({ status: 1, stdout: '' });
    }
  });
});

describe('a key that the engine wraps', () => {
  it('opens in a reader that shares no code with the engine', () => {
    const dataKey = Buffer.from(example.dataKey, 'hex');
    const wrapped = wrapKey(dataKey, example, kek).toString('hex');
    expect(unwrap({ ...example, wrapped }).stdout).toBe(`${example.keyRef} ${example.dataKey}\n`);
  });
});
