import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readWhole } from '../../src/cli/files';
import type { CliIo } from '../../src/cli/io';
import { runCli } from '../../src/cli/run-cli';
import { createSigningKeys } from '../../src/platform/signing-keys';

const TENANT = 'tn_commandline000001';

interface Run {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line with nothing around it: no variables, no servers, no person unless one answers. */
async function run(argv: readonly string[], over: Partial<CliIo> = {}): Promise<Run> {
  let stdout = '';
  let stderr = '';
  const exitCode = await runCli(argv, {
    stdout: (text) => {
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
    read: () => '{}',
    env: { LETHE_ACTOR: 'ops-1' },
    ...over,
  });
  return { exitCode, stdout, stderr };
}

const words = (line: string): readonly string[] => line.split(' ');
const subscribe = words(
  'subscribe --zone UTC --calendar CN --service CVM --attestation SG:13 --tenant',
);

describe('help', () => {
  it('is an answer: on standard output, with exit code 0, and says what to do at night', async () => {
    const { exitCode, stdout, stderr } = await run(['--help']);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    for (const word of ['status', 'freeze set --all', 'Exit codes', 'LETHE_ACTOR']) {
      expect(stdout).toContain(word);
    }
  });

  it.each(['', 'hold', 'freeze', 'certificate', 'evidence', 'config'])(
    'is shown for an incomplete %p, as bad input',
    async (line) => {
      const { exitCode, stdout, stderr } = await run(line === '' ? [] : [line]);
      expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
      expect(stderr).toContain('Usage:');
    },
  );

  it('exists for every command', async () => {
    const { stdout } = await run(['--help']);
    const names = [...stdout.matchAll(/^ {2}([a-z]+(?:-[a-z]+)*) (?:\[options\])? +\S/gm)]
      .map(([, name = '']) => name)
      .filter((name) => name !== 'lethe' && name !== 'help');
    expect(names.length).toBeGreaterThan(20);
    for (const name of names) expect((await run([name, '--help'])).exitCode).toBe(0);
  });
});

const GRANT = `grant-sharing --tenant ${TENANT} --valid-until 2031-01-01T00:00:00Z`;

describe('bad input ends with 2, prints nothing as data, and names the field', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['bogus', 'INVALID_INPUT', 'unknown command'],
    ['status', 'INVALID_INPUT', '--tenant'],
    ['status --tenant tn_x', 'INVALID_TENANT_ID', 'tenant'],
    ['deadlines --tenant tn_x', 'INVALID_TENANT_ID', 'tenant'],
    ['hold list --tenant tn_x', 'INVALID_TENANT_ID', 'tenant'],
    ['hold status --hold hd_x', 'INVALID_INPUT', 'hold'],
    ['certificate list --tenant tn_x', 'INVALID_TENANT_ID', 'tenant'],
    ['freeze set', 'INVALID_INPUT', 'tenant'],
    ['freeze set --all --tenant tn_x', 'INVALID_INPUT', 'tenant'],
    ['caps set --cap cohorts-per-year --amount 5 --reason was-a-drill', 'INVALID_INPUT', '--cap'],
    [
      'caps set --cap cohorts-per-hour --amount 5.5 --reason was-a-drill',
      'INVALID_INPUT',
      'amount',
    ],
    ['breaker reset --trip bt_commandline000001', 'INVALID_INPUT', '--reason'],
    ['restore-gate check --store s3', 'INVALID_INPUT', '--store'],
    ['backups add --set bs_commandline000001', 'INVALID_INPUT', '--store'],
    ['certificate show --tenant tn_x', 'INVALID_TENANT_ID', 'tenant'],
    [`certificate show --certificate ce_1 --tenant ${TENANT}`, 'INVALID_INPUT', 'certificate'],
    ['certificate verify file.json', 'INVALID_INPUT', '--keys'],
    ['certificate verify file.json --keys nowhere.json', 'CONFIGURATION_INVALID', 'keys'],
    ['evidence verify', 'CONFIGURATION_INVALID', 'LETHE_PUBLIC_KEYS_FILE'],
    ['evidence verify --archive x.tar --keys nowhere.json', 'CONFIGURATION_INVALID', 'keys'],
    ['evidence export --tenant tn_x --out x.tar', 'INVALID_TENANT_ID', 'tenant'],
    [`evidence export --tenant ${TENANT}`, 'INVALID_INPUT', '--out'],
    ['progress', 'INVALID_INPUT', '--tenant'],
    ['progress --tenant tn_x', 'INVALID_TENANT_ID', 'tenant'],
    ['throttle set', 'INVALID_INPUT', 'pause'],
    ['throttle set --pause --resume', 'INVALID_INPUT', 'pause'],
    ['throttle set --max-rows-per-second 0', 'INVALID_INPUT', 'maxRowsPerSecond'],
    ['throttle set --max-rows-per-second 5 --unlimited', 'INVALID_INPUT', 'unlimited'],
    ['throttle set --quiet-hours 22-6', 'INVALID_INPUT', 'quietHours'],
    ['throttle set --quiet-zone UTC', 'INVALID_INPUT', 'quietZone'],
    [`deadlines --tenant ${TENANT} --band overdue`, 'INVALID_INPUT', 'tenant'],
    [`deadlines --run rn_1`, 'INVALID_INPUT', 'run'],
    [`scan --tenant ${TENANT}`, 'INVALID_INPUT', 'report'],
    [`scan --registry r.test --repository a --tenant ${TENANT}`, 'INVALID_INPUT', 'body.registry'],
    [`scan --registry https://r --repository A --tenant ${TENANT}`, 'INVALID_INPUT', 'repository'],
    [`${GRANT} --registry https://r --repository a`, 'INVALID_INPUT', 'body.registry'],
    [`${GRANT} --registry r --repository a A`, 'INVALID_INPUT', 'body.repositories[1]'],
    [`${GRANT} --registry r --repository a --authorization -`, 'INVALID_INPUT', 'authorizationId'],
    [
      `grant-sharing --tenant ${TENANT} --registry r --repository a --valid-until soon`,
      'INVALID_INSTANT',
      'body.validUntil',
    ],
    [`status --tenant ${TENANT} extra`, 'INVALID_INPUT', 'too many arguments'],
    ['attach-service --service CVM --tenant tn_x', 'INVALID_TENANT_ID', 'tenant'],
    [`attach-service --service EC2 --tenant ${TENANT}`, 'INVALID_INPUT', '--service'],
    [`subscribe --zone UTC --calendar XX --tenant ${TENANT}`, 'INVALID_INPUT', '--calendar'],
    [`request-deletion --record-class all --tenant ${TENANT}`, 'INVALID_INPUT', '--record-class'],
    ['deadlines --band soon', 'INVALID_INPUT', '--band'],
    ['certificate show', 'INVALID_INPUT', '--certificate'],
    [`hold place --tenant ${TENANT} --ground x`, 'INVALID_INPUT', '--matter'],
    [`hold release --hold hd_1`, 'INVALID_INPUT', 'hold'],
    [`hold approve --hold hd_1`, 'INVALID_INPUT', 'hold'],
  ];

  it.each(cases)('%s', async (...[line, code, field]) => {
    const { exitCode, stdout, stderr } = await run(words(line));
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr.startsWith(`${code}: `)).toBe(true);
    expect(stderr).toContain(field);
    expect(stderr.trimEnd()).not.toContain('\n');
  });

  it.each(cases)('%s, as JSON', async (...[line, code]) => {
    const { exitCode, stdout, stderr } = await run([...words(line), '--json']);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    const { error } = JSON.parse(stderr) as { error: { code: string; field: unknown } };
    expect(Object.keys(error)).toEqual(['code', 'field', 'message']);
    expect(error.code).toBe(code);
  });

  it('names the variable that is missing before it asks any server', async () => {
    const { exitCode, stderr } = await run(words(`status --tenant ${TENANT} --json`));
    expect(exitCode).toBe(2);
    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: 'CONFIGURATION_INVALID', field: 'LETHE_CREDENTIALS_FILE' },
    });
  });

  it.each([
    [`order submit --tenant ${TENANT} --order nowhere.jws`, 'order'],
    ['order sign --order nowhere.json --key nowhere.pem', 'order'],
    ['policy lint nowhere.yaml', 'FILE'],
    ['certificate verify - --keys KEYS', 'file'],
  ])('names what cannot be read: %s', async (...[line, field]) => {
    const folder = mkdtempSync(join(tmpdir(), 'lethe-unread-'));
    const keys = createSigningKeys(folder, 'lethe.example/unread').publicKeys;
    const read = (): string => {
      throw new Error('ENOENT: no such file or directory');
    };
    const { exitCode, stdout, stderr } = await run(words(`${line.replace('KEYS', keys)} --json`), {
      read,
    });
    rmSync(folder, { recursive: true });
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'INVALID_INPUT', field } });
  });

  it.each([
    'policy lint /dev/zero',
    'explain --facts /dev/zero',
    'order sign --order /dev/zero --key k',
  ])('gives up what never ends: %s', async (line) => {
    const { exitCode, stdout, stderr } = await run(words(`${line} --json`), { read: readWhole });
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: 'INVALID_INPUT', message: expect.stringContaining('256 MiB') as string },
    });
  });

  it('repeats nothing that would move the cursor or turn letters round', async () => {
    const { stderr } = await run(['deadlines', '--band', 'over\u202edue\u2028\u009b\n\ud800保']);
    expect(stderr).toContain("'over?due????保'");
  });

  it('names an argument that is missing, and is no longer than a page whatever was given', async () => {
    const missing = await run(['policy', 'lint', '--json']);
    expect(JSON.parse(missing.stderr)).toMatchObject({ error: { field: 'FILE' } });
    const { stderr } = await run(['deadlines', '--band', 'x'.repeat(100_000)]);
    expect(stderr.length).toBeLessThan(4_200);
    expect(stderr).toContain("option '--band <band>' argument");
    expect(stderr).toContain('Allowed choices are overdue');
  });

  it('wants to know who asks', async () => {
    const { exitCode, stderr } = await run([...subscribe, TENANT], { env: {} });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('LETHE_ACTOR');
  });
});

describe('a dangerous command', () => {
  const consent = 'CONFIRMATION_REQUIRED';
  const cases: readonly (readonly [string, string])[] = [
    [`end-service --service CVM --tenant ${TENANT}`, TENANT],
    [`end-feature --tenant ${TENANT}`, TENANT],
    [`request-deletion --record-class asset-basic-data --tenant ${TENANT}`, TENANT],
    ['caps set --cap cohorts-per-hour --amount 5 --reason was-a-drill', 'cohorts-per-hour'],
    ['breaker reset --trip bt_commandline000001 --reason was-a-drill', 'bt_commandline000001'],
    ['backups expire --set bs_commandline000001', 'bs_commandline000001'],
    ['restore-gate replay --store mysql', 'mysql'],
    ['restore-gate replay --store control', 'control'],
    ['migrate --remove', 'lethe'],
  ];

  it.each(cases)('is refused without its id typed again: %s', async (...[line, id]) => {
    for (const more of [[], ['--json'], ['--confirm', `${id}0`], ['--confirm', '']]) {
      const { exitCode, stdout, stderr } = await run([...words(line), ...more]);
      expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
      expect(stderr).toContain(consent);
    }
  });

  it.each(cases)('goes on with it: %s', async (...[line, id]) => {
    const { stderr } = await run([...words(line), '--confirm', id]);
    expect(stderr).not.toContain(consent);
    expect(stderr).toMatch(/LETHE_|NOT_PERMITTED/);
  });

  it('asks the person at the terminal, and takes only the whole id for a yes', async () => {
    const line = words(`end-feature --tenant ${TENANT}`);
    const questions: string[] = [];
    const answering = (answer: string) => ({
      ask: (question: string) => {
        questions.push(question);
        return Promise.resolve(answer);
      },
    });
    for (const answer of ['', 'y', 'yes', TENANT.slice(0, -1)]) {
      expect((await run(line, answering(answer))).stderr).toContain(consent);
    }
    expect(questions[0]).toContain(`Type ${TENANT}`);
    expect((await run(line, answering(` ${TENANT} `))).stderr).not.toContain(consent);
    expect((await run([...line, '--json'], answering(TENANT))).stderr).toContain(consent);
  });

  it('is one that can be undone: others ask nothing', async () => {
    const { stderr } = await run(words(`attach-service --service CVM --tenant ${TENANT}`));
    expect(stderr).not.toContain(consent);
  });
});

describe('configuration', () => {
  it('is shown in effect and without secrets', async () => {
    const env = {
      LETHE_MYSQL_URL: 'mysql://root:canary@db',
      LETHE_S3_ENDPOINT: 'http://s3',
      LETHE_S3_ADMIN_SECRET_KEY: 'canary',
    };
    const { exitCode, stdout } = await run(['config', 'show', '--json'], { env });
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ environment: 'lethe', mysql: { host: 'db' } });
    expect(stdout).not.toContain('canary');
  });

  it('that is wrong is refused by name', async () => {
    const env = { LETHE_ENVIRONMENT: 'Not Usable', LETHE_ACTOR: 'Jane Doe' };
    const { exitCode, stderr } = await run(['config', 'show'], { env });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('LETHE_ENVIRONMENT');
    expect(stderr).toContain('LETHE_ACTOR');
    expect(stderr).not.toContain('Jane');
  });
});

describe('migrate', () => {
  const complete: Readonly<Record<string, string>> = {
    LETHE_MYSQL_URL: 'mysql://root:secret@127.0.0.1:1',
    LETHE_MONGO_URL: 'mongodb://127.0.0.1:1/',
    LETHE_S3_ENDPOINT: 'http://127.0.0.1:1',
    LETHE_S3_ADMIN_ACCESS_KEY: 'a',
    LETHE_S3_ADMIN_SECRET_KEY: 's',
    LETHE_CREDENTIALS_FILE: '/nowhere/credentials.json',
    LETHE_KEK_FILE: '/nowhere/kek.json',
  };

  it.each(Object.keys(complete))(
    'names %s when it is missing, and touches nothing',
    async (name) => {
      const env = { ...complete, [name]: undefined };
      const { exitCode, stderr } = await run(['migrate', '--json'], { env });
      expect(exitCode).toBe(2);
      const { error } = JSON.parse(stderr) as { error: { code: string; field: string } };
      expect(error.code).toBe('CONFIGURATION_INVALID');
      expect(error.field).toBe(name === 'LETHE_MYSQL_URL' ? 'LETHE_MYSQL_HOST' : name);
    },
  );

  it.each([
    ['production', [], 'demo-sim'],
    ['a simulation', ['--simulation'], 'lethe'],
  ])('makes no %s under the name of the other', async (...[, flags, name]) => {
    const env = { ...complete, LETHE_ENVIRONMENT: name };
    const { exitCode, stderr } = await run(['migrate', ...flags], { env });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('ENVIRONMENT_MISMATCH');
  });

  it.each(['lethe', 'production', 'tdeadbeef1', 't1234567', 'simple', 'tdeadbeef-prod'])(
    'never removes %s',
    async (name) => {
      const env = { ...complete, LETHE_ENVIRONMENT: name };
      const { exitCode, stderr } = await run(['migrate', '--remove', '--confirm', name], { env });
      expect(exitCode).toBe(2);
      expect(stderr).toContain('NOT_PERMITTED');
    },
  );
});
