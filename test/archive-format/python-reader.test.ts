import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { CodecId } from '../../src/archive-format';
import {
  COHORT,
  document,
  KEY,
  nameOf,
  OTHER_KEY,
  row,
  sealCohort,
  type SampleCohort,
} from './samples';

const READER = join(__dirname, 'read_archive.py');
const rows = [[row(1), row(2, 'ü😀\n"\\\u2028'), row(3, Buffer.from([0, 255]))], [row(4, -0)]];
const documents = [[document(5), document(6, { deep: [1, 2] })], []];
const MANIFEST = nameOf(COHORT, 'manifest');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'archive-python-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

function store({ objects }: SampleCohort): void {
  for (const [name, bytes] of objects) {
    mkdirSync(join(folder, 'in', dirname(name)), { recursive: true });
    writeFileSync(join(folder, 'in', name), bytes);
  }
}

/** Runs the reader; the key goes in by standard input. */
function read(key = KEY): Promise<Ended> {
  const args = [READER, join(folder, 'in'), MANIFEST, join(folder, 'out')];
  return new Promise((resolve) => {
    const child = execFile('python3', args, (error, stdout, stderr) => {
      resolve({ exitCode: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
    child.stdin?.end(key.toString('hex'));
  });
}

const saying = (text: string): string => expect.stringContaining(text) as string;

describe('a reader that shares no code with the engine', () => {
  it.each(['gzip', 'none'] as CodecId[])('verifies and restores an archive (%s)', async (codec) => {
    const sample = sealCohort({ rows, documents }, { codec });
    store(sample);
    const { exitCode, stdout, stderr } = await read();
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout.trim().split('\n')).toEqual(
      sample.content.locations.map(
        ({ location, records, setDigest }) => `${location} ${records} ${setDigest}`,
      ),
    );
    const lines = rows.flat().map((line) => `${line.toString()}\n`);
    expect(readFileSync(join(folder, 'out', 'mysql-assets-image_risks'), 'utf8')).toBe(
      lines.join(''),
    );
    const bson = readFileSync(join(folder, 'out', 'mongodb-assets-fingerprints'));
    expect(bson.equals(Buffer.concat(documents.flat()))).toBe(true);
  });

  it('refuses what the engine refuses', async () => {
    const sample = sealCohort({ rows, documents }, { codec: 'gzip' });
    store(sample);
    expect(await read(OTHER_KEY)).toMatchObject({ exitCode: 1, stderr: saying('wrong key') });
    const part = nameOf(COHORT, 1);
    const altered = Buffer.from(sample.objects.get(part) ?? '');
    altered.writeUInt8(altered.readUInt8(altered.length - 1) ^ 1, altered.length - 1);
    writeFileSync(join(folder, 'in', part), altered);
    expect(await read()).toMatchObject({ exitCode: 1, stderr: saying('a part was altered') });
  });

  it('opens frames by their tags, not only by the digest of the object', async () => {
    const sample = sealCohort({ rows }, { codec: 'none' });
    store(sample);
    const script = [
      'import sys; sys.path.insert(0, sys.argv[1]); import read_archive as r',
      'part = open(sys.argv[2], "rb").read(); key = bytes.fromhex(sys.argv[3])',
      'import json; n = int.from_bytes(part[10:14], "big"); h = json.loads(part[14:14+n])',
      'e = {k: v for k, v in h.items() if k not in ("salt", "codec")}',
      'whole = r.read_part(part, e, key)',
      'refused = 0',
      'for at in range(14 + n, len(part)):',
      '    try: r.read_part(part[:at] + bytes([part[at] ^ 1]) + part[at+1:], e, key)',
      '    except r.Invalid: refused += 1',
      'print(len(whole), refused, len(part) - 14 - n)',
    ].join('\n');
    const path = join(folder, 'in', nameOf(COHORT, 2));
    const args = ['-B', '-c', script, __dirname, path, KEY.toString('hex')];
    const stdout = await new Promise<string>((resolve, reject) => {
      execFile('python3', args, (error, out, err) => {
        if (error === null) resolve(out);
        else reject(new Error(err));
      });
    });
    const [length, refused, tried] = stdout.split(' ').map(Number);
    expect(length).toBe((rows[1]?.[0]?.length ?? 0) + 1);
    expect(refused).toBe(tried);
    expect(tried).toBeGreaterThan(50);
  });
});
