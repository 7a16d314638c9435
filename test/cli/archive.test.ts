import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { BSON } from 'mongodb';
import { manifestDigest } from '../../src/archive-format';
import type { CommandOutcome } from '../../src/cli/commands/explain';
import { runCli } from '../../src/cli/run-cli';
import { cohortKeyRef } from '../../src/contracts/keys';
import {
  COHORT,
  document,
  KEY,
  nameOf,
  OTHER_KEY,
  row,
  sealCohort,
  type SampleCohort,
} from '../archive-format/samples';

const NEXT_DAY = { ...COHORT, dueOn: '2027-04-01' };
const rows = [[row(1), row(2, 'line\nend')], [row(3, Buffer.from([255]))]];
const documents = [[document(4), document(5)]];
const REF = cohortKeyRef(COHORT.runId, COHORT.dueOn);
const NEXT_REF = cohortKeyRef(NEXT_DAY.runId, NEXT_DAY.dueOn);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'archive-cli-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const inDir = (name: string): string => join(folder, 'in', name);
const out = (...names: string[]): string => join(folder, 'out', ...names);

function store(...samples: readonly SampleCohort[]): SampleCohort {
  for (const { objects } of samples) {
    for (const [name, bytes] of objects) put(name, bytes);
  }
  return samples[0] as SampleCohort;
}

function put(name: string, bytes: Buffer | string): void {
  mkdirSync(dirname(inDir(name)), { recursive: true });
  writeFileSync(inDir(name), bytes);
}

function flip(name: string, at = -1): void {
  const bytes = readFileSync(inDir(name));
  const index = (bytes.length + at) % bytes.length;
  bytes.writeUInt8(bytes.readUInt8(index) ^ 1, index);
  writeFileSync(inDir(name), bytes);
}

/** Runs the command with these keys in the key file. */
async function run(verb: string, keys: string, ...more: string[]): Promise<CommandOutcome> {
  writeFileSync(keyFile(), keys);
  return call('archive', verb, '--dir', join(folder, 'in'), '--key-file', keyFile(), ...more);
}

const keyFile = (): string => join(folder, 'keys.txt');

/** The environment is empty: what these commands do needs no login and no server. */
async function call(...argv: string[]): Promise<CommandOutcome> {
  const written = { stdout: '', stderr: '' };
  const exitCode = await runCli(argv, {
    stdout: (text) => (written.stdout += text),
    stderr: (text) => (written.stderr += text),
    read: (file) => readFileSync(file, 'utf8'),
    env: {},
  });
  return { exitCode, ...written };
}

const verify = (keys = KEY.toString('hex')): Promise<CommandOutcome> =>
  run('verify', keys, '--json');
const restore = (keys = KEY.toString('hex')): Promise<CommandOutcome> =>
  run('restore', keys, '--json', '--out', out());
const answerOf = ({ stdout }: CommandOutcome): Answer => JSON.parse(stdout) as Answer;

interface Answer {
  readonly outcome: string;
  readonly cohorts: readonly Readonly<Record<string, unknown>>[];
  readonly unlisted: readonly string[];
}

const expectBadInput = (outcome: CommandOutcome, option: string): void => {
  expect(outcome).toMatchObject({ exitCode: 2, stdout: '' });
  expect(JSON.parse(outcome.stderr)).toMatchObject({
    error: { code: 'INVALID_INPUT', field: option },
  });
  expect(outcome.stderr).not.toContain(KEY.toString('hex').slice(0, 16));
};

/** Paths of all files below the folder of --out. */
const restored = (): string[] =>
  existsSync(out())
    ? readdirSync(out(), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(out().length + 1))
        .sort()
    : [];

describe('archive verify', () => {
  it('ends with 0 when every cohort is as sealed, and says what it proved', async () => {
    const { content, manifest } = store(sealCohort({ rows, documents }));
    const outcome = await verify();
    expect(outcome).toMatchObject({ exitCode: 0, stderr: '' });
    expect(answerOf(outcome)).toEqual({
      outcome: 'ok',
      cohorts: [
        {
          manifest: nameOf(COHORT, 'manifest'),
          outcome: 'ok',
          manifestDigest: manifestDigest(manifest),
          generation: content.generation,
          parts: 3,
          records: { 'mysql:assets.image_risks': 3, 'mongodb:assets.fingerprints': 2 },
        },
      ],
      unlisted: [],
    });
    const text = await run('verify', KEY.toString('hex'));
    expect(text.stdout).toMatch(/^ok {5}tn_.*-manifest\n.*sha256 [0-9a-f]{64}\n(.*\n)+ok\n$/);
  });

  it.each([1, 2, 3])('ends with 1 when part %i is altered or missing [F25]', async (part) => {
    store(sealCohort({ rows, documents }));
    flip(nameOf(COHORT, part));
    const altered = await verify();
    expect(altered).toMatchObject({ exitCode: 1, stderr: '' });
    expect(answerOf(altered)).toMatchObject({ outcome: 'failed', unlisted: [] });
    expect(answerOf(altered).cohorts[0]?.['problem']).toMatch(/^ARCHIVE_INVALID: /);
    rmSync(inDir(nameOf(COHORT, part)));
    expect(await verify()).toMatchObject({ exitCode: 1 });
  });

  it('ends with 1 when the manifest is altered; its parts are then listed nowhere', async () => {
    store(sealCohort({ rows }));
    flip(nameOf(COHORT, 'manifest'), 200);
    const outcome = await verify();
    expect(outcome.exitCode).toBe(1);
    expect(answerOf(outcome).unlisted).toEqual([nameOf(COHORT, 1), nameOf(COHORT, 2)]);
  });

  it('ends with 1 when a cohort lies under the name of another', async () => {
    const { objects } = sealCohort({ rows });
    for (const [name, bytes] of objects) put(name.replace(COHORT.dueOn, NEXT_DAY.dueOn), bytes);
    expect(await verify()).toMatchObject({ exitCode: 1 });
  });

  it('ends with 1 when anything else lies in the folder, and names it', async () => {
    store(sealCohort({ rows }));
    const leftover = nameOf({ ...COHORT, attempt: 'attempt02' }, 1);
    put(leftover, 'left by an attempt that died');
    put('notes.txt', 'x');
    symlinkSync(inDir('notes.txt'), inDir('link'));
    const outcome = await verify();
    expect(outcome.exitCode).toBe(1);
    expect(answerOf(outcome)).toMatchObject({ unlisted: ['link', 'notes.txt', leftover] });
    expect(answerOf(outcome).cohorts[0]).toMatchObject({ outcome: 'ok' });
  });

  it('looks only into folders that objects lie in, and names every other one [F25]', async () => {
    store(sealCohort({ rows }));
    const [tenant = '', run = ''] = nameOf(COHORT, 1).split('/');
    for (const beside of [
      '',
      `${tenant}/`,
      `${tenant}/${run}/`,
      `${tenant}/${run}/${COHORT.dueOn}/`,
    ]) {
      put(`${beside}other/deep/file`, 'x');
    }
    const outcome = await verify();
    expect(outcome.exitCode).toBe(1);
    expect(answerOf(outcome)).toMatchObject({
      cohorts: [{ outcome: 'ok' }],
      unlisted: [
        'other/',
        `${tenant}/other/`,
        `${tenant}/${run}/${COHORT.dueOn}/other/`,
        `${tenant}/${run}/other/`,
      ],
    });
  });

  it.each([1, 'manifest'] as const)(
    'follows no link in the place of its %s, and waits for no pipe [F25]',
    async (part) => {
      store(sealCohort({ rows }));
      const place = inDir(nameOf(COHORT, part));
      const elsewhere = join(folder, 'elsewhere');
      writeFileSync(elsewhere, readFileSync(place));
      rmSync(place);
      symlinkSync(elsewhere, place);
      expect(await verify()).toMatchObject({ exitCode: 1, stderr: '' });
      rmSync(place);
      execFileSync('mkfifo', [place]);
      expect(await verify()).toMatchObject({ exitCode: 1, stderr: '' });
      expect(await restore()).toMatchObject({ exitCode: 1 });
      expect(restored()).toEqual([]);
      // Companion: the same bytes as a file of the folder.
      rmSync(place);
      writeFileSync(place, readFileSync(elsewhere));
      expect(await verify()).toMatchObject({ exitCode: 0 });
    },
  );

  it('proves each cohort under its own key', async () => {
    store(
      sealCohort({ rows }),
      sealCohort({ documents }, { cohort: NEXT_DAY, dataKey: OTHER_KEY }),
    );
    const good = `# drill\r\n\r\n${REF} ${KEY.toString('hex')}\r\n${NEXT_REF}\t${OTHER_KEY.toString('hex')}\n`;
    const outcome = await verify(good);
    expect(outcome.exitCode).toBe(0);
    expect(answerOf(outcome).cohorts).toHaveLength(2);
    const exchanged = `${REF} ${OTHER_KEY.toString('hex')}\n${NEXT_REF} ${KEY.toString('hex')}\n`;
    expect(await verify(exchanged)).toMatchObject({ exitCode: 1 });
  });

  it('ends with 2 for a folder that it cannot read or in which nothing would be verified', async () => {
    expectBadInput(await verify(), 'dir');
    mkdirSync(join(folder, 'in'));
    expectBadInput(await verify(), 'dir');
    put(nameOf(COHORT, 1), 'part without manifest');
    expectBadInput(await verify(), 'dir');
  });

  it('ends with 2 for keys that it cannot use, without showing one', async () => {
    const hex = KEY.toString('hex');
    store(sealCohort({ rows }));
    for (const keys of [
      '',
      hex.slice(1),
      `${hex} ${hex}`,
      `${NEXT_REF} ${hex}`,
      `${hex}\n${hex}`,
    ]) {
      expectBadInput(await verify(keys), 'key-file');
    }
    rmSync(keyFile());
    const dir = join(folder, 'in');
    const absent = await call('archive', 'verify', '--dir', dir, '--key-file', keyFile(), '--json');
    expectBadInput(absent, 'key-file');
    store(sealCohort({ documents }, { cohort: NEXT_DAY }));
    expectBadInput(await verify(hex), 'key-file');
    expectBadInput(await verify(`${REF} ${hex}`), 'key-file');
  });
});

describe('archive restore', () => {
  const root = [COHORT.tenantId, COHORT.runId, COHORT.dueOn];

  it('writes rows with their column names and documents as they were', async () => {
    const { content } = store(sealCohort({ rows, documents }));
    const outcome = await restore();
    expect(outcome).toMatchObject({ exitCode: 0, stderr: '' });
    const lines = readFileSync(out(...root, 'mysql', 'assets', 'image_risks.ndjson'), 'utf8');
    expect(
      lines
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([
      { asset_id: 'as_0000000000000001', version_id: 'v1', body: 'text' },
      { asset_id: 'as_0000000000000001', version_id: 'v2', body: 'line\nend' },
      { asset_id: 'as_0000000000000001', version_id: 'v3', body: { b64: '/w==' } },
    ]);
    const bson = readFileSync(out(...root, 'mongodb', 'assets', 'fingerprints.bson'));
    expect(bson.equals(Buffer.concat(documents.flat()))).toBe(true);
    const second = bson.subarray(bson.readInt32LE());
    expect(BSON.deserialize(second)).toMatchObject({ _id: 'v5' });
    const manifest: unknown = JSON.parse(readFileSync(out(...root, 'manifest.json'), 'utf8'));
    expect(manifest).toEqual(content);
    expect(statSync(out(...root, 'manifest.json')).mode & 0o077).toBe(0);
    expect(statSync(out(...root, 'mongodb', 'assets', 'fingerprints.bson')).mode & 0o077).toBe(0);
  });

  it('gives no file a name before its whole cohort is proven', async () => {
    store(sealCohort({ rows, documents }));
    flip(nameOf(COHORT, 3));
    expect(await restore()).toMatchObject({ exitCode: 1 });
    expect(restored()).toEqual([]);
  });

  it('restores the cohorts that are whole beside one that is not', async () => {
    store(sealCohort({ rows }), sealCohort({ documents }, { cohort: NEXT_DAY }));
    flip(nameOf(COHORT, 1));
    const hex = KEY.toString('hex');
    const outcome = await restore(`${REF} ${hex}\n${NEXT_REF} ${hex}\n`);
    expect(outcome.exitCode).toBe(1);
    expect(answerOf(outcome).cohorts.map((cohort) => cohort['outcome'])).toEqual(['failed', 'ok']);
    expect(restored().every((path) => path.includes(NEXT_DAY.dueOn))).toBe(true);
    expect(restored()).toHaveLength(2);
  });

  it('overwrites nothing', async () => {
    store(sealCohort({ rows }));
    mkdirSync(out());
    writeFileSync(out('precious'), 'kept');
    expectBadInput(await restore(), 'out');
    expect(readFileSync(out('precious'), 'utf8')).toBe('kept');
    rmSync(out('precious'));
    expect(await restore()).toMatchObject({ exitCode: 0 });
    const before = restored();
    expectBadInput(await restore(), 'out');
    expect(restored()).toEqual(before);
  });

  it('makes no folder when its input is bad', async () => {
    store(sealCohort({ rows }));
    expectBadInput(await restore('no key'), 'key-file');
    expect(existsSync(out())).toBe(false);
  });

  it('refuses two attempts of one cohort: it cannot know which one counts', async () => {
    const again = { ...COHORT, attempt: 'attempt02' };
    store(sealCohort({ rows }), sealCohort({ rows }, { cohort: again }));
    expect(await verify()).toMatchObject({ exitCode: 0 });
    expectBadInput(await restore(), 'dir');
    expect(existsSync(out())).toBe(false);
  });

  it('passes over what else lies in the folder', async () => {
    store(sealCohort({ rows }));
    put('notes.txt', 'x');
    expect(await restore()).toMatchObject({ exitCode: 0 });
    expect(restored()).toHaveLength(2);
  });

  it('ends with 2 when the folder cannot be made', async () => {
    store(sealCohort({ rows }));
    writeFileSync(out(), 'a file');
    expectBadInput(await restore(), 'out');
  });
});
