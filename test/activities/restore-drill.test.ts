import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readLedger } from '../../src/activities/evidence/read-ledger';
import { drillRestore, type Scratch } from '../../src/activities/verification/drill';
import { handOutKey } from '../../src/activities/verification/hand-out-key';
import { LetheError } from '../../src/domain/errors';
import { canonicalDigest, canonicalState, type CanonicalState } from '../support/canonical-digest';
import { copyObjects } from '../support/archive-files';
import { createEngineHarness, newTenantId, type EngineHarness } from '../support/engine';
import { evidenceVariables, runIn, writeKekFile, type CliRun } from '../support/evidence-cli';
import { hold } from '../support/holds';
import { assetDays, ended, liveDigest, objectsOf, withHost } from '../support/tenant-life';

const folder = mkdtempSync(join(tmpdir(), 'lethe-drill-'));
const scratch = join(folder, 'new', 'scratch');
const keyFile = join(folder, 'new', 'day.key');
/** Content of every tenant here; no answer and no evidence may hold it. */
const CONTENT = ['/bin/sh', 'web-1', 'runs-as-root'];

let engine: EngineHarness;
let variables: Readonly<Record<string, string | undefined>>;
beforeAll(async () => {
  engine = await createEngineHarness();
  await engine.setClock('2030-01-07T01:00:00Z');
  variables = {
    ...evidenceVariables(folder, {
      environment: engine.environment.name,
      credentials: engine.credentials,
      keys: engine.options.signing.list.text,
    }),
    LETHE_KEK_FILE: writeKekFile(folder, engine.options.kek),
    LETHE_ACTOR: 'ops-1',
  };
});
afterAll(async () => {
  await engine.remove();
  rmSync(folder, { recursive: true });
});
afterEach(() => {
  rmSync(join(folder, 'new'), { recursive: true, force: true });
});

interface Cohort {
  readonly tenantId: string;
  readonly runId: string;
  readonly dueOn: string;
  readonly records: number;
}

/** A tenant whose services ended and whose data is archived, moved and kept. */
async function archived(): Promise<Cohort> {
  const { tenantId } = await withHost(engine, 'CVM');
  await engine.send(tenantId, 'endService', { service: 'CVM' });
  await engine.send(tenantId, 'endFeature', {});
  const [day] = assetDays(await engine.runWork(tenantId));
  if (day === undefined) throw new Error('nothing is archived');
  return { tenantId, runId: day.runId, dueOn: day.dueOn, records: day.records };
}

const drill = ({ tenantId, runId, dueOn }: Omit<Cohort, 'records'>, ...more: string[]) =>
  runIn(variables, [
    ...['archive', 'restore', '--to-scratch', scratch, '--tenant', tenantId, '--run', runId],
    ...['--due-on', dueOn, '--json', ...more],
  ]);

/** Everything stored of a tenant, but for the entries that drills add. */
async function stateOf(tenantId: string): Promise<string> {
  const { mongo, environment } = engine;
  const state: CanonicalState = await canonicalState(
    {
      root: (database) => engine.root(database),
      mongo,
      prefix: environment.prefix,
      objectsOf: (id) => objectsOf(engine, id),
    },
    tenantId,
  );
  const evidence = { ...state.evidence, 'restore-drill': 0 };
  return canonicalDigest({ ...state, evidence });
}

async function drillsOf(
  tenantId: string,
  kind = 'restore-drill',
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const found: Readonly<Record<string, unknown>>[] = [];
  for await (const entry of readLedger(engine.parts.ledger.pool, { tenantId })) {
    if (entry.kind === kind) found.push(entry.details);
  }
  return found;
}

const takenOutOf = (tenantId: string) => drillsOf(tenantId, 'taken-out');

const failure = ({ stderr }: CliRun) =>
  (JSON.parse(stderr) as { error: { code: string; field: string | null; message: string } }).error;

const filesIn = (path: string): readonly string[] =>
  readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();

/** Puts other bytes in the place of one object of a copy, as an administrator of both stores could. */
async function damage({ runId, dueOn }: Cohort, copy: string, part: number): Promise<string> {
  const control = engine.root('control');
  const place = [runId, dueOn, copy, part];
  const rows = await control.query(
    `SELECT object_name AS name FROM manifest_objects
      WHERE run_id = ? AND due_on = ? AND copy = ? AND part = ?`,
    place,
  );
  const name = String(rows[0]?.['name']);
  const bucket = `${engine.environment.name}-${copy}`;
  const other = await engine.admin.putObject(bucket, name, Buffer.from('other bytes'));
  await control.execute(
    `UPDATE manifest_objects SET version_id = ?
      WHERE run_id = ? AND due_on = ? AND copy = ? AND part = ?`,
    [other.versionId, ...place],
  );
  return name;
}

describe('a drill', () => {
  it.each(['archive', 'backup'] as const)(
    'restores a due day from the %s, proves it and leaves nothing behind [AB-2] [ST-1]',
    async (copy) => {
      const cohort = await archived();
      const other = await withHost(engine, 'CVM');
      const before = [await stateOf(cohort.tenantId), await liveDigest(engine, other.tenantId)];
      const run = await drill(cohort, '--copy', copy);
      expect(run).toMatchObject({ exitCode: 0, stderr: '' });
      const report = JSON.parse(run.stdout) as Record<string, unknown> & {
        locations: { location: string; records: number; bytes: number }[];
      };
      expect(report).toMatchObject({ copy, records: cohort.records, kept: false });
      const fingerprints = report.locations.find(
        ({ location }) => location === 'mongodb:assets.fingerprints',
      );
      expect(fingerprints?.records).toBe(3);
      expect(fingerprints?.bytes).toBeGreaterThan(0);
      expect(existsSync(join(folder, 'new'))).toBe(false);
      expect([await stateOf(cohort.tenantId), await liveDigest(engine, other.tenantId)]).toEqual(
        before,
      );
      expect(CONTENT.filter((text) => run.stdout.includes(text))).toEqual([]);
    },
  );

  it('is in the evidence with who, what and how it ended, and without content [PU-1]', async () => {
    const cohort = await archived();
    await drill(cohort, '--requested-by', 'ops-7');
    const entries = await drillsOf(cohort.tenantId);
    expect(await takenOutOf(cohort.tenantId)).toEqual([]);
    expect(entries).toEqual([
      expect.objectContaining({
        runId: cohort.runId,
        dueOn: cohort.dueOn,
        copy: 'archive',
        requestedBy: 'ops-7',
        outcome: 'restored',
        records: cohort.records,
        kept: false,
      }),
    ]);
    expect(CONTENT.filter((text) => JSON.stringify(entries).includes(text))).toEqual([]);
  });

  it('keeps what it restored only when told to, for the eyes of its owner alone [ST-1]', async () => {
    const cohort = await archived();
    const run = await drill(cohort, '--keep');
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    const files = filesIn(scratch);
    expect(files.filter((file) => (statSync(file).mode & 0o777) !== 0o600)).toEqual([]);
    const ending = (end: string) => files.filter((file) => file.endsWith(end));
    const [risks = ''] = ending('mysql/assets/image_risks.ndjson');
    expect(readFileSync(risks, 'utf8')).toContain('runs-as-root');
    const [fingerprints = ''] = ending('mongodb/assets/fingerprints.bson');
    expect(readFileSync(fingerprints).includes('/bin/sh')).toBe(true);
    expect(await drillsOf(cohort.tenantId)).toMatchObject([{ outcome: 'restored', kept: true }]);
    expect(await takenOutOf(cohort.tenantId)).toMatchObject([{ what: 'records' }]);
  });

  it('works under a hold and under a freeze, because it only reads [CC-4]', async () => {
    const cohort = await archived();
    await hold(engine, cohort.tenantId);
    const frozen = await runIn(variables, ['freeze', 'set', '--tenant', cohort.tenantId]);
    expect(frozen).toMatchObject({ exitCode: 0 });
    const before = await stateOf(cohort.tenantId);
    expect(await drill(cohort)).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await stateOf(cohort.tenantId)).toBe(before);
  });

  it.each([
    ['a part', 1],
    ['the manifest', 0],
  ])('names %s that is not what was sealed, and the other copy stands [ST-1]', async (_, part) => {
    const cohort = await archived();
    const name = await damage(cohort, 'archive', part);
    const run = await drill(cohort, '--keep');
    expect(run).toMatchObject({ exitCode: 1, stdout: '' });
    expect(failure(run).code).toMatch(/ARCHIVE_INVALID|VERIFICATION_FAILED/);
    expect(failure(run).message).toContain(name);
    expect(existsSync(join(folder, 'new'))).toBe(false);
    expect(await drillsOf(cohort.tenantId)).toMatchObject([{ outcome: 'failed', kept: false }]);
    expect(await drill(cohort, '--copy', 'backup')).toMatchObject({ exitCode: 0 });
  });

  it('fails when control counted another number of records at the seal [AB-2]', async () => {
    const cohort = await archived();
    await engine
      .root('control')
      .execute(
        `UPDATE cohort_counts SET records = records + 1 WHERE run_id = ? AND location LIKE 'mysql:%'`,
        [cohort.runId],
      );
    expect(failure(await drill(cohort)).code).toBe('VERIFICATION_FAILED');
    expect(existsSync(join(folder, 'new'))).toBe(false);
  });

  it('refuses a due day whose key is destroyed, and leaves no folder [AB-3]', async () => {
    const cohort = await archived();
    const earliest = assetDays(await engine.snapshot(cohort.tenantId))[0]?.deleteNotBefore ?? '';
    engine.hosted = [ended('CVM')];
    await engine.setClock(earliest);
    await engine.destroy(cohort.tenantId);
    const run = await drill(cohort);
    expect(run).toMatchObject({ exitCode: 1, stdout: '' });
    expect(failure(run).code).toBe('KEY_DESTROYED');
    expect(existsSync(join(folder, 'new'))).toBe(false);
    expect(await drillsOf(cohort.tenantId)).toMatchObject([
      { outcome: 'failed', reason: 'key-destroyed' },
    ]);
  });

  it('refuses a folder that holds anything, and touches none of it', async () => {
    const cohort = await archived();
    mkdirSync(scratch, { recursive: true });
    writeFileSync(join(scratch, 'precious'), 'kept');
    const run = await drill(cohort);
    expect(run.exitCode).toBe(2);
    expect(failure(run)).toMatchObject({ code: 'INVALID_INPUT', field: 'to-scratch' });
    expect(filesIn(scratch)).toEqual([join(scratch, 'precious')]);
  });

  it('leaves an empty folder that was there before it', async () => {
    const cohort = await archived();
    mkdirSync(scratch, { recursive: true });
    expect(await drill(cohort)).toMatchObject({ exitCode: 0 });
    expect(readdirSync(scratch)).toEqual([]);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'that %s ends leaves nothing behind [ST-1]',
    async (signal) => {
      const cohort = await archived();
      const others = process.listeners(signal);
      process.removeAllListeners(signal);
      try {
        const running = drill(cohort, '--keep');
        while (process.listenerCount(signal) === 0) await new Promise(setImmediate);
        process.emit(signal, signal);
        const run = await running;
        expect(run).toMatchObject({ exitCode: 1, stdout: '' });
        expect(failure(run)).toMatchObject({ code: 'VERIFICATION_FAILED' });
        expect(process.listenerCount(signal)).toBe(0);
      } finally {
        others.forEach((listener) => process.on(signal, listener));
      }
      expect(existsSync(join(folder, 'new'))).toBe(false);
      expect(await drillsOf(cohort.tenantId)).toMatchObject([{ outcome: 'failed', kept: false }]);
    },
  );

  it("refuses a run under another tenant's name, and says nothing of it [PU-1]", async () => {
    const cohort = await archived();
    const run = await drill({ ...cohort, tenantId: newTenantId() });
    expect(run).toMatchObject({ exitCode: 2, stdout: '' });
    expect(failure(run)).toMatchObject({ code: 'INVALID_INPUT', field: 'run' });
    expect(await drillsOf(cohort.tenantId)).toEqual([]);
  });
});

describe('a drill that the destruction overtakes', () => {
  it('keeps nothing, whatever was asked [AB-3]', async () => {
    const cohort = await archived();
    const { stores, parts } = engine;
    const reads = { keys: 0, written: 0, committed: false, cleared: false };
    const place: Scratch = {
      begin: () =>
        Promise.resolve({
          write: () => Promise.resolve(void (reads.written += 1)),
          commit: () => Promise.resolve(void (reads.committed = true)),
          close: () => Promise.resolve(),
        }),
      clear: () => Promise.resolve(void (reads.cleared = true)),
      assertGoesOn: () => undefined,
    };
    const ports = {
      control: stores.sql('verifier', 'control'),
      objects: parts.objects('verifier'),
      ledger: parts.ledger,
      elapsedMs: () => 0,
      keys: {
        ...parts.verifierKeys,
        read: (key: { readonly keyRef: string; readonly tenantId: string }) => {
          reads.keys += 1;
          if (reads.keys === 1) return parts.verifierKeys.read(key);
          return Promise.reject(new LetheError('KEY_DESTROYED', 'it is gone'));
        },
      },
    };
    const { records, ...named } = cohort;
    const order = { ...named, copy: 'archive', drillId: 'drill1', requestedBy: 'ops-1' } as const;
    await expect(drillRestore(ports, order, { scratch: place, keep: true })).rejects.toMatchObject({
      code: 'KEY_DESTROYED',
    });
    expect(reads).toEqual({ keys: 2, written: records, committed: false, cleared: true });
  });
});

describe('a key that is handed out', () => {
  const askFor = ({ tenantId, runId, dueOn }: Cohort, ...more: string[]) =>
    runIn(variables, [
      ...['archive', 'key', '--tenant', tenantId, '--run', runId, '--due-on', dueOn],
      ...['--out', keyFile, '--json', ...more],
    ]);
  beforeEach(() => {
    mkdirSync(join(folder, 'new'));
  });

  it('opens the due day for another reader, and the certificate says that it is out [AB-3] [ST-1]', async () => {
    const cohort = await archived();
    const run = await askFor(cohort, '--confirm', cohort.runId, '--requested-by', 'ops-7');
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    const [key = 'none'] = /[0-9a-f]{64}$/m.exec(readFileSync(keyFile, 'utf8')) ?? [];
    expect(statSync(keyFile).mode & 0o777).toBe(0o600);
    const dir = join(folder, 'new', 'objects');
    await copyObjects(engine, cohort, dir);
    const files = ['--dir', dir, '--key-file', keyFile];
    expect(await runIn({}, ['archive', 'verify', ...files])).toMatchObject({ exitCode: 0 });
    const { runId, dueOn, tenantId } = cohort;
    const by = { what: 'key', takenBy: 'ops-7' };
    expect(await takenOutOf(tenantId)).toEqual([{ runId, dueOn, ...by }]);
    expect(run.stdout).not.toContain(key);
    engine.hosted = [ended('CVM')];
    await engine.setClock(assetDays(await engine.snapshot(tenantId)).at(-1)?.deleteNotBefore ?? '');
    await engine.destroy(tenantId);
    const issued = await engine.parts.certificates.find(runId, dueOn);
    expect(issued?.certificate.takenOut).toMatchObject([by]);
  });

  it('is named by who asks for it, and written over nothing', async () => {
    const cohort = await archived();
    for (const typed of [[], ['--confirm', cohort.tenantId]]) {
      expect(failure(await askFor(cohort, ...typed)).code).toBe('CONFIRMATION_REQUIRED');
    }
    expect(existsSync(keyFile)).toBe(false);
    writeFileSync(keyFile, 'precious');
    const run = await askFor(cohort, '--confirm', cohort.runId);
    expect(failure(run)).toMatchObject({ code: 'INVALID_INPUT', field: 'out' });
    expect(readFileSync(keyFile, 'utf8')).toBe('precious');
    expect(await takenOutOf(cohort.tenantId)).toEqual([]);
  });

  it.each([
    ['was destroyed', 0, []],
    ['is destroyed meanwhile', 1, ['recorded', 'put', 'cleared']],
  ])('and %s leaves nothing outside [AB-3]', async (_, readsLeft, expected) => {
    const { tenantId, runId, dueOn } = await archived();
    const steps: string[] = [];
    let left = readsLeft;
    const keys = {
      ...engine.parts.verifierKeys,
      read: () => {
        left -= 1;
        if (left >= 0) return Promise.resolve(Buffer.alloc(32, 1));
        return Promise.reject(new LetheError('KEY_DESTROYED', 'it is gone'));
      },
    };
    const ledger = { append: () => Promise.resolve(void steps.push('recorded')) };
    const place = { put: () => steps.push('put'), clear: () => steps.push('cleared') };
    const ports = { control: engine.stores.sql('verifier', 'control'), keys, ledger };
    const order = { tenantId, runId, dueOn, handOutId: 'handout1', requestedBy: 'ops-1' };
    await expect(handOutKey(ports as never, order, place)).rejects.toMatchObject({
      code: 'KEY_DESTROYED',
    });
    expect(steps).toEqual(expected);
  });
});
