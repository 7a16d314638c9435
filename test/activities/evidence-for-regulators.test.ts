import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { proveSurroundings } from '../../src/composition/prove-surroundings';
import { loadConfig } from '../../src/platform/config';
import { ARCHIVE_NAMES, type ArchiveReport } from '../../src/transparency/evidence-archive';
import { packTar, textsOf, unpackTar } from '../../src/transparency/tar';
import { createEngineHarness, type EngineHarness } from '../support/engine';
import { evidenceVariables, runIn, type CliRun } from '../support/evidence-cli';
import { readPdf } from '../support/read-pdf';
import { newSigningKeys } from '../support/signing-keys';
import { destroyedTenant } from '../support/destroyed-tenant';

/** How a shell ends whose command said `words` and failed. */
const failing = (words: string): Error =>
  expect.objectContaining({
    status: 1,
    stdout: expect.stringContaining(words) as string,
  }) as Error;
/** OpenSSL's words for a signature that is not of these bytes. */
const UNVERIFIED = failing('Signature Verification Failure');

/** Content that the tenant's data holds and no evidence may. */
const PLANTED = 'canary-7f3a91';
const ROOT = join(__dirname, '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'lethe-evidence-'));
const at = (name: string): string => join(folder, name);

let engine: EngineHarness;
let variables: Readonly<Record<string, string | undefined>>;
let tenantId: string;

beforeAll(async () => {
  engine = await createEngineHarness();
  variables = evidenceVariables(folder, {
    environment: engine.environment.name,
    credentials: engine.credentials,
    keys: engine.options.signing.list.text,
  });
  tenantId = await destroyedTenant(engine, '2030-01-07T01:00:00Z', PLANTED);
  await destroyedTenant(engine, '2031-01-07T01:00:00Z', PLANTED);
});
afterAll(async () => {
  await engine.remove();
  rmSync(folder, { recursive: true });
});

const lethe = (...argv: string[]): Promise<CliRun> => runIn(variables, argv);
/** Without any server and without any variable. */
const offline = (...argv: string[]): Promise<CliRun> => runIn({}, argv);

async function certificateIds(): Promise<readonly string[]> {
  const { stdout } = await lethe('certificate', 'list', '--tenant', tenantId, '--json');
  return (JSON.parse(stdout) as { certificateId: string }[]).map((one) => one.certificateId);
}

/** Writes the first certificate of the tenant as it is handed out. */
async function signedFile(): Promise<string> {
  const [id = ''] = await certificateIds();
  const { stdout, exitCode } = await lethe('certificate', 'show', '--certificate', id, '--signed');
  expect(exitCode).toBe(0);
  writeFileSync(at('certificate.json'), stdout);
  return at('certificate.json');
}

async function archive(name: string): Promise<Buffer> {
  rmSync(at(name), { force: true });
  const run = await lethe('evidence', 'export', '--tenant', tenantId, '--out', at(name));
  expect(run).toMatchObject({ exitCode: 0, stderr: '' });
  return readFileSync(at(name));
}

/** The shell block of a page that contains a text. */
function shellBlock(page: string, holding: string): string {
  const blocks = [...readFileSync(join(ROOT, page), 'utf8').matchAll(/```sh\n([\s\S]*?)```/g)];
  const found = blocks.map(([, block = '']) => block).find((block) => block.includes(holding));
  if (found === undefined) throw new Error(`no block of ${page} has ${holding}`);
  return found;
}

const shell = (script: string): string =>
  execFileSync('bash', ['-euo', 'pipefail', '-c', script], { cwd: folder, encoding: 'utf8' });

describe('a certificate that was handed out', () => {
  it('is verified without any server, with its place in the ledger [AB-3] [CC-3]', async () => {
    const file = await signedFile();
    const run = await offline('certificate', 'verify', file, '--keys', at('keys.json'), '--json');
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    expect(JSON.parse(run.stdout)).toMatchObject({
      outcome: 'ok',
      keyId: 'certificate-1',
      log: { origin: `lethe.example/${engine.environment.name}` },
      certificate: {
        ...{ tenantId, version: 3, verification: { outcome: 'ok', after: 0 } },
        people: [{ role: 'requester' }],
      },
    });
    const text = await offline('certificate', 'verify', file, '--keys', at('keys.json'));
    expect(text.stdout).toMatch(/^signature +ok, by certificate-1$/m);
  });

  it('is verified by exactly the OpenSSL commands that the page for auditors shows', async () => {
    await signedFile();
    const script = shellBlock('docs/how-to/verify-evidence.md', 'certificate.json');
    expect(shell(script)).toContain('Signature Verified Successfully');
    const signed = readFileSync(at('certificate.json'), 'utf8');
    writeFileSync(at('certificate.json'), signed.replace(/"payload":"(.)/, '"payload":"f'));
    expect(() => shell(script)).toThrow(UNVERIFIED);
  });

  it('is refused when anything of it or of its proof is another one', async () => {
    const file = await signedFile();
    const signed = JSON.parse(readFileSync(file, 'utf8')) as {
      payload: string;
      header: { log: { entry: string; proof: string } };
    };
    const other = Buffer.from(signed.payload, 'base64url').toString().replace('ok', 'no');
    const { log } = signed.header;
    for (const forged of [
      { ...signed, payload: Buffer.from(other).toString('base64url') },
      {
        ...signed,
        header: { log: { ...log, entry: log.entry.replace('"late":false', '"late":0') } },
      },
      { ...signed, header: { log: { ...log, proof: log.proof.replace(/index \d+/, 'index 0') } } },
      {
        ...signed,
        header: { log: { ...log, proof: log.proof.replace('\u2014 lethe', '\u2014 other') } },
      },
      { ...signed, header: {} },
    ]) {
      writeFileSync(at('forged.json'), JSON.stringify(forged));
      const run = await offline(
        'certificate',
        'verify',
        at('forged.json'),
        '--keys',
        at('keys.json'),
      );
      expect(run).toMatchObject({ exitCode: 1, stdout: '' });
      expect(run.stderr).toMatch(/^EVIDENCE_INVALID: /);
    }
    writeFileSync(at('strange.json'), newSigningKeys('elsewhere').list.text);
    const strange = await offline('certificate', 'verify', file, '--keys', at('strange.json'));
    expect(strange.exitCode).toBe(1);
    const missing = await offline('certificate', 'verify', file, '--keys', at('nowhere.json'));
    expect(missing.stderr).toMatch(/^CONFIGURATION_INVALID: keys/);
  });

  it('is a page for printing in both languages that loads nothing from anywhere', async () => {
    const run = await lethe('certificate', 'show', '--tenant', tenantId, '--html');
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    expect(run.stdout.match(/<article lang="en"/g)).toHaveLength(2);
    expect(run.stdout.match(/<article lang="zh-CN"/g)).toHaveLength(2);
    for (const text of ['Certificate of destruction', '销毁证明', tenantId, 'mysql:keys']) {
      expect(run.stdout).toContain(text);
    }
    expect(run.stdout).not.toMatch(/<script|<img|<link|https?:|url\(/i);
  });
});

describe('the archive for a regulator', () => {
  it('is verified without any server and says what it covers [AB-3]', async () => {
    await archive('evidence.tar');
    const argv = ['--archive', at('evidence.tar'), '--keys', at('keys.json'), '--json'];
    const run = await offline('evidence', 'verify', ...argv);
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    const report = JSON.parse(run.stdout) as ArchiveReport;
    expect(report).toMatchObject({ outcome: 'ok', tenantId, certificates: 2, problems: [] });
    expect(report.entries).toBeGreaterThan(5);
    expect(report.size).toBeGreaterThan(report.entries);
  });

  it('is the same, byte for byte, when it is made again, and never written over another', async () => {
    const first = await archive('one.tar');
    expect((await archive('two.tar')).equals(first)).toBe(true);
    const again = await lethe('evidence', 'export', '--tenant', tenantId, '--out', at('two.tar'));
    expect(again).toMatchObject({ exitCode: 2, stdout: '' });
    expect(again.stderr).toMatch(/^INVALID_INPUT: out /);
  });

  it('says until when it is kept, by a rule of its own [PU-1]', async () => {
    await archive('kept.tar');
    shell('rm -rf kept && mkdir kept && tar -xf kept.tar -C kept');
    const read = (name: string): string => readFileSync(join(folder, 'kept', name), 'utf8');
    const instants = read(ARCHIVE_NAMES.entries).match(/(?<=\\"at\\":\\")[^\\]+/g) ?? [];
    const newest = [...instants].sort().at(-1) ?? '';
    const until = newest.replace(
      /^(\d{4})(-..-..).*/,
      (...[, year, day]: string[]) => `${Number(year) + 7}${day ?? ''}`,
    );
    expect(until).toMatch(/^20\d\d-\d\d-\d\d$/);
    for (const page of [ARCHIVE_NAMES.readme, ARCHIVE_NAMES.readmeInChinese]) {
      expect(read(page)).toContain(until);
    }
  });

  it('can be unpacked and checked by tar and OpenSSL, as its own page says', async () => {
    await archive('plain.tar');
    shell('rm -rf plain && mkdir plain && tar -xf plain.tar -C plain');
    const page = readFileSync(join(folder, 'plain', ARCHIVE_NAMES.readme), 'utf8');
    const [name = ''] = await certificateIds();
    const script = [...page.matchAll(/^ {4}(.*)$/gm)]
      .map(([, line = '']) => line)
      .filter((line) => !line.startsWith('lethe '))
      .join('\n')
      .replaceAll('ce_...', name)
      .replace('LOG-KEY', 'log-1');
    const verified = /Signature Verified Successfully/g;
    const files = shell('ls plain/certificates plain/checkpoints').match(/\.(json|txt)$/gm) ?? [];
    expect(files.length).toBeGreaterThan(2);
    expect(shell(`cd plain\n${script}`).match(verified)).toHaveLength(files.length);
    const chinese = readFileSync(join(folder, 'plain', ARCHIVE_NAMES.readmeInChinese), 'utf8');
    const commands = (text: string): readonly string[] => text.match(/^ {4}.*$/gm) ?? [];
    expect(commands(chinese)).toEqual(commands(page));
    // The same commands fail on a certificate, a checkpoint or a paper that was changed.
    for (const [file, from, to, fault] of [
      [`certificates/${name}.json`, '"payload":"e', '"payload":"f', UNVERIFIED],
      ['checkpoints/*.txt', '^[0-9]*$', '7', UNVERIFIED],
      [`papers/${name}.en.pdf`, '"payload":"e', '"payload":"f', failing('differ: ')],
    ] as const) {
      const change = `rm -rf bad && cp -r plain bad && cd bad && sed -i 's/${from}/${to}/' ${file}`;
      expect(() => shell(`${change}\n${script}`)).toThrow(fault);
    }
    const checkpoint = shellBlock('docs/how-to/verify-evidence.md', 'checkpoint.txt');
    const newest = 'cp "$(ls plain/checkpoints/*.txt | tail -1)" checkpoint.txt';
    const output = shell(`${newest}\ncp plain/keys.json keys.json\n${checkpoint}`);
    expect(output).toContain('Signature Verified Successfully');
  });

  it('holds nothing of what the tenant stored, and nothing of another tenant [PU-1]', async () => {
    const packed = await archive('content.tar');
    const unpacked = unpackTar(packed);
    const opened = [...textsOf(unpacked)]
      .filter(([name]) => name.startsWith('certificates/'))
      .map(([, text]) => (JSON.parse(text) as { payload: string }).payload)
      .map((payload) => Buffer.from(payload, 'base64url').toString('utf8'));
    const papers = [...unpacked].filter(([name]) => name.endsWith('.pdf'));
    expect(papers).toHaveLength(4);
    const printed = papers.flatMap(([, bytes]) => readPdf(bytes).pages);
    const everything = [packed.toString('latin1'), ...opened, ...printed].join('\n');
    for (const content of [PLANTED, 'web-1', 'Debian', 'runs-as-root', '/bin/']) {
      expect(everything).not.toContain(content);
    }
    const tenants = new Set(everything.match(/tn_[0-9a-z]{16,40}/g));
    expect([...tenants]).toEqual([tenantId]);
    // The ledger's database holds none of it either.
    const rows = await engine.root('evidence').query('SELECT entry FROM entries');
    expect(rows.length).toBeGreaterThan(10);
    expect(JSON.stringify(rows)).not.toContain(PLANTED);
  });

  it('is refused when a file of it was changed, removed, exchanged or put in', async () => {
    const files = new Map(textsOf(unpackTar(await archive('whole.tar'))));
    const firstIn = (folder: string): string =>
      [...files.keys()].find((name) => name.startsWith(`${folder}/`)) ?? '';
    const [certificate, checkpoint] = [firstIn('certificates'), firstIn('checkpoints')];
    const text = (name: string): string => files.get(name) ?? '';
    const entries = text(ARCHIVE_NAMES.entries);
    const lines = entries.trim().split('\n');
    const [first = '', second = ''] = lines;
    const set = (name: string, other: string): Map<string, string> =>
      new Map(files).set(name, other);
    const without = (name: string): Map<string, string> =>
      new Map([...files].filter(([other]) => other !== name));
    const attacks: readonly (readonly [string, Map<string, string>])[] = [
      [
        'an entry',
        set(ARCHIVE_NAMES.entries, entries.replace('command-accepted', 'command-refused')),
      ],
      ['a path', set(ARCHIVE_NAMES.entries, entries.replace(/"proof":\["./, '"proof":["x'))],
      ['an index', set(ARCHIVE_NAMES.entries, entries.replace(/"index":\d+/, '"index":999'))],
      [
        'two hashes',
        set(
          ARCHIVE_NAMES.entries,
          [
            first.replace(/"leafHash":"[^"]*"/, /"leafHash":"[^"]*"/.exec(second)?.[0] ?? ''),
            ...lines.slice(1),
          ].join('\n'),
        ),
      ],
      ['a line without its fields', set(ARCHIVE_NAMES.entries, `${entries}{"index":"1"}\n`)],
      ['a removed certificate', without(certificate)],
      ['an exchanged certificate', set(certificate, text(ARCHIVE_NAMES.readme))],
      [
        'a removed entry of a certificate',
        set(
          ARCHIVE_NAMES.entries,
          lines.filter((line) => !line.includes('certificate-issued')).join('\n'),
        ),
      ],
      ['a removed checkpoint', without(checkpoint)],
      ['a changed checkpoint', set(checkpoint, text(checkpoint).replace(/\n\d+\n/, '\n9\n'))],
      ['removed consistency', without(ARCHIVE_NAMES.consistency)],
      ['a strange file', set('note.txt', 'hello')],
    ];
    for (const [name, forged] of attacks) {
      writeFileSync(at('forged.tar'), packTar(forged));
      const argv = ['--archive', at('forged.tar'), '--keys', at('keys.json'), '--json'];
      const run = await offline('evidence', 'verify', ...argv);
      expect({ name, exitCode: run.exitCode }).toEqual({ name, exitCode: 1 });
      expect((JSON.parse(run.stdout) as ArchiveReport).problems.length).toBeGreaterThan(0);
    }
  });

  it('is refused when it is cut off, and says of whom the ledger has nothing', async () => {
    const whole = await archive('cut.tar');
    writeFileSync(at('cut.tar'), whole.subarray(0, 5000));
    const cut = await offline(
      'evidence',
      'verify',
      '--archive',
      at('cut.tar'),
      '--keys',
      at('keys.json'),
    );
    expect(cut).toMatchObject({ exitCode: 1, stdout: '' });
    const nobody = ['--tenant', 'tn_nobody0000000000', '--out', at('nobody.tar')];
    const run = await lethe('evidence', 'export', ...nobody);
    expect(run).toMatchObject({ exitCode: 2, stdout: '' });
    expect(run.stderr).toMatch(/^UNKNOWN_TENANT: /);
  });
});

describe('a worker that starts', () => {
  const start = async (signing = engine.options.signing): Promise<void> => {
    const config = loadConfig(variables);
    await proveSurroundings(config, { ...engine.options, signing }, engine.parts);
  };

  it('goes on with keys that are valid now, and does not start with others', async () => {
    await start();
    const { list } = engine.options.signing;
    for (const ended of ['log', 'certificate']) {
      const keys = list.keys.map((key) =>
        key.role === ended ? { ...key, validUntil: '2030-01-01T00:00:00Z' } : key,
      );
      await expect(
        start({ ...engine.options.signing, list: { ...list, keys } }),
      ).rejects.toMatchObject({ code: 'CONFIGURATION_INVALID', field: 'LETHE_PUBLIC_KEYS_FILE' });
    }
  });

  it('does not start over a control store that is older than the last checkpoint [CC-4]', async () => {
    const control = engine.root('control');
    const gone = await control.execute(`DELETE FROM tombstones WHERE run_id > ''`);
    expect(gone.affectedRows).toBeGreaterThan(0);
    await expect(start()).rejects.toMatchObject({ code: 'VERIFICATION_FAILED' });
    const run = await lethe('evidence', 'verify');
    expect(run).toMatchObject({ exitCode: 1, stderr: '' });
    expect(run.stdout).toContain('control-older');
  });
});
