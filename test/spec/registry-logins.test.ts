import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { registryLogins } from '../../src/platform/registry-logins';

const TENANT = 'tn_registrylogins0001';
const OTHER = 'tn_registrylogins0002';
const REGISTRY = 'registry.corp.test:443';
const LOGIN = { username: 'robot$shop', password: 'canary-password' };
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lethe-logins-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function keep(tenantId: string, content: unknown, mode = 0o600): void {
  const file = join(folder, `${tenantId}.json`);
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  chmodSync(file, mode);
}

const found = (tenantId: string, registry = REGISTRY) =>
  registryLogins(folder).find({ tenantId, registry });

const refused = async (work: () => unknown): Promise<string> => {
  try {
    await work();
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    expect(code).toBe('CONFIGURATION_INVALID');
    expect(message).not.toContain('canary');
    return message;
  }
  throw new Error('it was accepted');
};

describe('the logins of tenants at registries', () => {
  it('are found by tenant and registry, and never for another of either [SH-1]', async () => {
    keep(TENANT, { [REGISTRY]: LOGIN });
    expect(await found(TENANT)).toEqual(LOGIN);
    expect(await found(OTHER)).toBeNull();
    expect(await found(TENANT, 'registry.corp.test:5000')).toBeNull();
    expect(await found(TENANT, 'constructor')).toBeNull();
    expect(
      await registryLogins(undefined).find({ tenantId: TENANT, registry: REGISTRY }),
    ).toBeNull();
  });

  it('are read anew each time: a rotation and an end need no restart', async () => {
    const logins = registryLogins(folder);
    const of = { tenantId: TENANT, registry: REGISTRY };
    expect(await logins.find(of)).toBeNull();
    keep(TENANT, { [REGISTRY]: LOGIN });
    expect(await logins.find(of)).toEqual(LOGIN);
    keep(TENANT, { [REGISTRY]: { ...LOGIN, password: 'canary-rotated' } });
    expect(await logins.find(of)).toMatchObject({ password: 'canary-rotated' });
    rmSync(join(folder, `${TENANT}.json`));
    expect(await logins.find(of)).toBeNull();
  });

  it.each<[string, unknown, number, string]>([
    ['that others can read', { [REGISTRY]: LOGIN }, 0o640, 'chmod 600'],
    ['that is not JSON', 'canary', 0o600, 'not JSON'],
    ['without a port', { 'registry.corp.test': LOGIN }, 0o600, 'malformed at registry.corp.test'],
    ['with a scheme', { 'https://r.test:443': LOGIN }, 0o600, 'malformed'],
    ['without a password', { [REGISTRY]: { username: 'canary' } }, 0o600, `${REGISTRY} password`],
    [
      'whose name would be read as two',
      { [REGISTRY]: { username: 'canary:x', password: 'y' } },
      0o600,
      `${REGISTRY} username`,
    ],
    ['with another field', { [REGISTRY]: { ...LOGIN, token: 'canary' } }, 0o600, REGISTRY],
    ['of nothing', '', 0o600, 'its size'],
  ] as const)(
    'are refused from a file %s, naming file and place',
    async (_what, ...[content, mode, said]) => {
      keep(TENANT, content, mode);
      const message = await refused(() => found(TENANT));
      expect(message).toContain('LETHE_REGISTRY_LOGINS_DIRECTORY');
      expect(message).toContain(said);
      // A file that is wrong says nothing of another tenant's.
      keep(OTHER, { [REGISTRY]: LOGIN });
      expect(await found(OTHER)).toEqual(LOGIN);
    },
  );

  it('never come from beside the folder', async () => {
    writeFileSync(join(folder, 'x.json'), JSON.stringify({ [REGISTRY]: LOGIN }), { mode: 0o600 });
    mkdirSync(join(folder, 'in'));
    const logins = registryLogins(join(folder, 'in'));
    for (const tenantId of ['../x', `${TENANT}/../x`, '', 'tn_']) {
      expect(await refused(() => logins.find({ tenantId, registry: REGISTRY }))).toContain(
        'no tenant',
      );
    }
  });

  it('need a folder where one is named', async () => {
    for (const missing of [join(folder, 'none'), '/dev/null']) {
      expect(await refused(() => registryLogins(missing))).toContain('no folder');
    }
  });
});
