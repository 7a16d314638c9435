import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeConfig, loadConfig, required } from '../../src/platform/config';
import { objectLogin, readCredentials, sqlLogin } from '../../src/platform/credentials';

function failureOf(load: () => unknown): unknown {
  try {
    load();
    return undefined;
  } catch (error) {
    return error;
  }
}

describe('the configuration of a process', () => {
  it('has usable defaults and names no server that was not given', () => {
    const config = loadConfig({});
    expect(config).toMatchObject({ environment: 'lethe', simulation: false, mysql: undefined });
    expect(config.temporal.namespace).toBe('lethe');
    expect(() => required(config.mongoUrl, 'LETHE_MONGO_URL')).toThrow(
      /LETHE_MONGO_URL must be set/,
    );
  });

  it('takes an empty variable for an absent one', () => {
    expect(loadConfig({ LETHE_MYSQL_HOST: '', LETHE_ENVIRONMENT: '' }).environment).toBe('lethe');
  });

  it('sends keys and evidence to their own servers when they have some', () => {
    const config = loadConfig({
      LETHE_MYSQL_URL: 'mysql://root:p%40ss@db:3307',
      LETHE_KEYS_MYSQL_URL: 'mysql://keys-db',
    });
    expect(config.mysql).toMatchObject({ host: 'db', port: 3307, adminPassword: 'p@ss' });
    expect(config.keysMysql).toMatchObject({ host: 'keys-db', port: 3306 });
    expect(config.evidenceMysql).toEqual(config.mysql);
  });

  it.each(['lethe-eu', 'lethe-eu.account'])('takes the namespace %s for its own', (namespace) => {
    const env = { LETHE_ENVIRONMENT: 'lethe-eu', LETHE_TEMPORAL_NAMESPACE: namespace };
    expect(loadConfig(env).temporal.namespace).toBe(namespace);
  });

  it.each(['lethe', 'lethe-eu-2', 'lethe-eu2.account', 'other.lethe-eu', 'LETHE-EU'])(
    'never takes the namespace %s of another environment: a hold would be placed in the wrong one [CC-4]',
    (namespace) => {
      const env = { LETHE_ENVIRONMENT: 'lethe-eu', LETHE_TEMPORAL_NAMESPACE: namespace };
      expect(failureOf(() => loadConfig(env))).toMatchObject({
        code: 'ENVIRONMENT_MISMATCH',
        field: 'LETHE_TEMPORAL_NAMESPACE',
      });
    },
  );

  it.each([
    ['LETHE_ENVIRONMENT', 'Not-Usable'],
    ['LETHE_MYSQL_PORT', '0'],
    ['LETHE_MYSQL_PORT', '65536'],
    ['LETHE_MYSQL_PORT', '33 06'],
    ['LETHE_MYSQL_URL', 'postgres://x'],
    ['LETHE_MYSQL_URL', 'mysql://a%zz@db'],
    ['LETHE_MONGO_URL', 'http://x'],
    ['LETHE_S3_ENDPOINT', 'ftp://x'],
    ['LETHE_S3_LOCK_MODE', 'GOVERNANCE'],
    ['LETHE_S3_PATH_STYLE', 'yes'],
    ['LETHE_TEMPORAL_ADDRESS', 'nowhere'],
    ['LETHE_KEY_REMNANT_HOURS', '-1'],
  ])('refuses %s=%s by name and without its value', (variable, value) => {
    const load = (): unknown => loadConfig({ [variable]: value });
    const failure = failureOf(load);
    expect(failure).toMatchObject({ code: 'CONFIGURATION_INVALID', field: variable });
    expect((failure as Error).message.replace(variable, '')).not.toContain(` ${value} `);
    expect((failure as Error).message.endsWith(value)).toBe(false);
  });

  it.each([
    ['LETHE_KEY_REMNANT_HOURS', 'keyRemnantHours', 18],
    ['LETHE_BACKUP_MAX_AGE_DAYS', 'backupMaxAgeDays', 21],
    ['LETHE_BINLOG_MAX_AGE_DAYS', 'binaryLogMaxAgeDays', 21],
    ['LETHE_OPLOG_MAX_AGE_DAYS', 'oplogMaxAgeDays', 21],
  ] as const)('keeps %s within what the promise leaves [ST-1]', (variable, field, limit) => {
    expect(loadConfig({ [variable]: String(limit - 1) })[field]).toBe(limit - 1);
    expect(loadConfig({ [variable]: String(limit) })[field]).toBe(limit);
    expect(() => loadConfig({ [variable]: String(limit + 1) })).toThrow(variable);
  });

  it('prints no secret', () => {
    const printed = describeConfig(
      loadConfig({
        LETHE_MYSQL_URL: 'mysql://root:canary1@db',
        LETHE_MONGO_URL: 'mongodb://user:canary2@db/?tlsCertificateKeyFilePassword=canary3',
        LETHE_S3_ENDPOINT: 'https://user:canary4@s3',
        LETHE_S3_ADMIN_ACCESS_KEY: 'canary5',
        LETHE_S3_ADMIN_SECRET_KEY: 'canary6',
      }),
    );
    expect(printed).toContain('"host": "db"');
    expect(printed).not.toContain('canary');
  });
});

describe('the credentials file', () => {
  const directory = mkdtempSync(join(tmpdir(), 'lethe-credentials-'));
  afterAll(() => {
    rmSync(directory, { recursive: true });
  });
  const write = (content: string, mode = 0o600): string => {
    const path = join(directory, `file-${Math.random().toString(36).slice(2)}`);
    writeFileSync(path, content, { mode });
    chmodSync(path, mode);
    return path;
  };
  const good = JSON.stringify({
    mysql: { control: { user: 'u', password: 'p' } },
    s3: { archiver: { accessKey: 'a', secretKey: 's' } },
  });

  it('yields the login of a role', () => {
    const credentials = readCredentials(write(good));
    expect(sqlLogin(credentials, 'control')).toEqual({ user: 'u', password: 'p' });
    expect(objectLogin(credentials, 'archiver')).toEqual({ accessKey: 'a', secretKey: 's' });
  });

  it('has no login for a role that is not in it, nor for a property of every object', () => {
    const credentials = readCredentials(write(good));
    for (const role of ['purger', 'constructor', '__proto__']) {
      expect(() => sqlLogin(credentials, role)).toThrow(/run the migrator/);
    }
  });

  it.each([0o640, 0o604, 0o644, 0o620])('is refused when others may use it (mode %o)', (mode) => {
    expect(() => readCredentials(write(good, mode))).toThrow(/chmod 600/);
  });

  it.each([
    '',
    '{',
    '[]',
    '{"mysql":{"control":{"user":"u"}}}',
    '{"unknown":{}}',
    'x'.repeat(70_000),
  ])('is refused when it is malformed', (content) => {
    const path = write(content);
    expect(() => readCredentials(path)).toThrow(/LETHE_CREDENTIALS_FILE/);
  });

  it('is refused when it is missing or no file', () => {
    expect(() => readCredentials(join(directory, 'absent'))).toThrow(/cannot be opened/);
    expect(() => readCredentials(directory)).toThrow(/not a regular file/);
  });
});
