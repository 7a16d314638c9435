import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { generateKeyPairSync } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSigningKeys, readKeyList, readSigningKeys } from '../../src/platform/signing-keys';

const folder = mkdtempSync(join(tmpdir(), 'lethe-signing-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});
let made = 0;
const newFiles = () => createSigningKeys(join(folder, `keys-${(made += 1)}`), 'lethe.example/test');

interface Listed {
  readonly version: number;
  readonly keys: Record<string, unknown>[];
}
const edit = (file: string, change: (list: Listed) => unknown): void => {
  const list = JSON.parse(readFileSync(file, 'utf8')) as Listed;
  writeFileSync(file, JSON.stringify(change(list)));
};

describe('the signing keys of a process', () => {
  it('are read with the public halves that are listed for their roles', () => {
    const { log, certificate, list } = readSigningKeys(newFiles());
    expect(log).toMatchObject({ keyId: 'log-1', name: 'lethe.example/test' });
    expect(certificate.keyId).toBe('certificate-1');
    expect(list.keys.map(({ role }) => role)).toEqual(['log', 'certificate']);
  });

  it('are never made over others that are there', () => {
    const files = newFiles();
    const before = readFileSync(files.logKey, 'utf8');
    expect(() => createSigningKeys(join(folder, `keys-${made}`), 'lethe.example/test')).toThrow(
      /EEXIST/,
    );
    expect(readFileSync(files.logKey, 'utf8')).toBe(before);
  });

  it.each([
    ['LETHE_LOG_KEY_FILE', 'logKey'],
    ['LETHE_CERTIFICATE_KEY_FILE', 'certificateKey'],
    ['LETHE_PUBLIC_KEYS_FILE', 'publicKeys'],
  ] as const)('are refused without %s, by name', (field, part) => {
    const files = { ...newFiles(), [part]: join(folder, 'nowhere') };
    expect(() => readSigningKeys(files)).toThrow(
      expect.objectContaining({ code: 'CONFIGURATION_INVALID', field }) as Error,
    );
  });

  it('are refused when others can read them, or when they are of another sort', () => {
    const files = newFiles();
    chmodSync(files.logKey, 0o644);
    expect(() => readSigningKeys(files)).toThrow(/LETHE_LOG_KEY_FILE: others can read it/);
    chmodSync(files.logKey, 0o600);
    expect(readSigningKeys(files).log.keyId).toBe('log-1');
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    writeFileSync(files.logKey, privateKey.export({ format: 'pem', type: 'pkcs8' }));
    expect(() => readSigningKeys(files)).toThrow(/LETHE_LOG_KEY_FILE: .*no Ed25519 key/);
  });

  it('are refused when the list has another key, another role, or is malformed', () => {
    const other = newFiles();
    const files = newFiles();
    const strange = { ...files, publicKeys: other.publicKeys };
    expect(() => readSigningKeys(strange)).toThrow(/LETHE_LOG_KEY_FILE: its public half/);
    const swapped = { ...files, logKey: files.certificateKey };
    expect(() => readSigningKeys(swapped)).toThrow(/not in the list as a log key/);
    edit(files.publicKeys, (list) => ({ ...list, version: 2 }));
    expect(() => readSigningKeys(files)).toThrow(/LETHE_PUBLIC_KEYS_FILE: /);
    expect(() => readKeyList(files.publicKeys, 'keys')).toThrow(/^keys: /);
  });
});
