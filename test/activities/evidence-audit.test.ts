import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from 'minio';
import type { AuditReport } from '../../src/activities/evidence/audit';
import { exportCheckpoint, type CheckpointPorts } from '../../src/activities/evidence/checkpoints';
import { checkpointName } from '../../src/activities/evidence/exported-checkpoints';
import { createEvidenceLedger } from '../../src/activities/evidence/ledger';
import { readHead } from '../../src/activities/evidence/read-ledger';
import { signCheckpoint } from '../../src/activities/evidence/signed-checkpoint';
import { createProver } from '../../src/activities/evidence/tree-store';
import { migrateObjects } from '../../src/activities/objects/migrate-objects';
import type { SqlPool } from '../../src/contracts/sql';
import {
  createObjectAccounts,
  removeObjectAccounts,
} from '../../src/platform/migrate/object-accounts';
import { connectObjects } from '../../src/platform/objects';
import { growTree, leafHash } from '../../src/transparency/merkle';
import type { SigningKeys } from '../../src/transparency/signing-keys';
import { createSqlEnvironment, type SqlEnvironment } from '../support/environment';
import { evidenceVariables, runIn } from '../support/evidence-cli';
import { newSigningKeys } from '../support/signing-keys';
import { emptyBucket } from '../support/list-versions';

const TENANT = 'tn_audit00000000001';
const HOLD = { mode: 'legal-hold' } as const;
const administrator = {
  endpoint: process.env['LETHE_S3_ENDPOINT'] ?? '',
  region: 'us-east-1',
  accessKey: process.env['LETHE_S3_ADMIN_ACCESS_KEY'] ?? '',
  secretKey: process.env['LETHE_S3_ADMIN_SECRET_KEY'] ?? '',
};
const folder = mkdtempSync(join(tmpdir(), 'lethe-audit-'));

let environment: SqlEnvironment;
let root: SqlPool;
let admin: Client;
let bucket: string;
let keys: SigningKeys;
let ports: CheckpointPorts;
let variables: Readonly<Record<string, string | undefined>>;
let serial = 0;

beforeAll(async () => {
  environment = await createSqlEnvironment();
  bucket = `${environment.name}-evidence`;
  root = environment.pool('root', 'evidence');
  admin = connectObjects({ ...administrator, pathStyle: true });
  const s3 = await createObjectAccounts(administrator, environment.name);
  await migrateObjects(admin, environment.name);
  keys = newSigningKeys(environment.name);
  ports = {
    ledger: createEvidenceLedger({ pool: environment.pool('ledger', 'evidence') }),
    objects: {
      client: connectObjects({ ...administrator, ...s3.evidence, pathStyle: true }),
      environment: environment.name,
    },
    control: environment.pool('control'),
    keys,
  };
  variables = evidenceVariables(folder, {
    environment: environment.name,
    credentials: { mysql: environment.logins, s3, mongo: {} },
    keys: keys.list.text,
  });
});
afterAll(async () => {
  await emptyBucket(admin, bucket);
  for (const role of ['archive', 'backup', 'evidence', 'inbox']) {
    await admin.removeBucket(`${environment.name}-${role}`);
  }
  await removeObjectAccounts(administrator, environment.name);
  await environment.remove();
  rmSync(folder, { recursive: true });
});
beforeEach(async () => {
  await emptyBucket(admin, bucket);
  await root.execute('DELETE FROM entries WHERE sequence > 0');
  await root.execute('DELETE FROM checkpoints WHERE sequence > 0');
  await root.execute('DELETE FROM tree_tiles WHERE level >= 0');
});

async function record(count: number): Promise<void> {
  const acts = Array.from({ length: count }, () => ({
    tenantId: TENANT,
    kind: 'rows-moved',
    subject: `rn_0123456789abcdef/${(serial += 1)}`,
    details: { records: serial },
  }));
  for (let at = 0; at < acts.length; at += 500) {
    await ports.ledger.appendAll(acts.slice(at, at + 500));
  }
}

/** What the command line says of the ledger, and how it ends. */
async function audit(): Promise<AuditReport & { readonly exitCode: number }> {
  const run = await runIn(variables, ['evidence', 'verify', '--json']);
  expect(run.stderr).toBe('');
  return { ...(JSON.parse(run.stdout) as AuditReport), exitCode: run.exitCode };
}

/** Changes rows as an administrator can; that something was changed is part of the test. */
async function byHand(statement: string): Promise<void> {
  expect((await root.execute(statement)).affectedRows).toBeGreaterThan(0);
}

describe('an audit of the ledger', () => {
  it('finds nothing wrong in a ledger that only grew, over all its checkpoints', async () => {
    await record(3);
    await exportCheckpoint(ports, HOLD);
    await record(600);
    await exportCheckpoint(ports, HOLD);
    await record(2);
    const report = await audit();
    expect(report).toMatchObject({
      ...{ exitCode: 0, outcome: 'ok', entries: 605, checkpoints: 2, findings: [] },
      latest: { sequence: 603 },
    });
    const text = await runIn(variables, ['evidence', 'verify']);
    expect(text.stdout).toMatch(/^outcome +ok$/m);
  });

  it('detects a ledger that an administrator cut off at its end', async () => {
    await record(10);
    await exportCheckpoint(ports, HOLD);
    await byHand('DELETE FROM entries WHERE sequence > 7');
    expect(await audit()).toMatchObject({
      exitCode: 1,
      findings: [{ kind: 'truncated', sequence: 8 }],
    });
    // Also when the index of what was exported goes with them.
    await byHand('DELETE FROM checkpoints WHERE sequence > 0');
    expect(await audit()).toMatchObject({
      exitCode: 1,
      findings: [{ kind: 'truncated', sequence: 8 }],
    });
  });

  it('detects an entry that an administrator rewrote', async () => {
    await record(10);
    await exportCheckpoint(ports, HOLD);
    await byHand(
      `UPDATE entries SET entry = REPLACE(entry, '"records":', '"records":1') WHERE sequence = 4`,
    );
    expect(await audit()).toMatchObject({
      exitCode: 1,
      findings: [{ kind: 'rewritten', sequence: 4 }],
    });
  });

  it('detects a ledger that an administrator forked: a sound chain that is not the signed one', async () => {
    await record(5);
    await exportCheckpoint(ports, HOLD);
    await record(5);
    await exportCheckpoint(ports, HOLD);
    await byHand('DELETE FROM entries WHERE sequence > 6');
    // The product's own code makes the new chain, so it is sound.
    await record(8);
    const report = await audit();
    expect(report).toMatchObject({ exitCode: 1, entries: 14, checkpoints: 2 });
    expect(report.findings).toMatchObject([{ kind: 'forked', sequence: 10 }]);
    expect(report.findings[0]?.message).toContain('between 6 and 10');
    await expect(exportCheckpoint(ports, HOLD)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });

  it('detects another history by whoever holds every server and the key, against a checkpoint saved elsewhere', async () => {
    const saved = join(folder, 'saved.txt');
    const other = join(folder, 'other.txt');
    const verify = (...more: string[]) =>
      runIn(variables, ['evidence', 'verify', '--json', ...more]);
    await record(6);
    expect((await verify('--save', saved)).stderr).toContain('"field":"save"');
    await exportCheckpoint(ports, HOLD);
    expect(await verify('--save', saved)).toMatchObject({ exitCode: 0, stderr: '' });
    // What was saved is not written over, and the ledger goes on from it.
    expect(await verify('--save', saved)).toMatchObject({ exitCode: 2, stdout: '' });
    await record(3);
    await exportCheckpoint(ports, HOLD);
    expect(await verify('--seen', saved, '--save', other)).toMatchObject({ exitCode: 0 });
    // Everything anew: entries, tiles, checkpoints, all signed by the genuine key. Nothing in it is wrong.
    const anew = async (entries: number): Promise<void> => {
      await emptyBucket(admin, bucket);
      await byHand('DELETE FROM entries WHERE sequence > 0');
      await byHand('DELETE FROM checkpoints WHERE sequence > 0');
      await root.execute('DELETE FROM tree_tiles WHERE level >= 0');
      await record(entries);
      await exportCheckpoint(ports, HOLD);
    };
    const findings = async (...more: string[]): Promise<readonly unknown[]> =>
      (JSON.parse((await verify(...more)).stdout) as AuditReport).findings;
    await anew(12);
    expect(await findings()).toEqual([]);
    expect(await findings('--seen', saved)).toMatchObject([{ kind: 'forked', sequence: 6 }]);
    const unsaved = join(folder, 'unsaved.txt');
    expect((await verify('--seen', other, '--save', unsaved)).exitCode).toBe(1);
    expect(existsSync(unsaved)).toBe(false);
    await anew(4);
    expect(await findings('--seen', saved)).toMatchObject([{ kind: 'truncated', sequence: 5 }]);
    // A checkpoint that nobody signed proves nothing and stops the audit.
    writeFileSync(other, readFileSync(saved, 'utf8').replace('\n6\n', '\n3\n'));
    const forged = await verify('--seen', other);
    expect(forged.exitCode).toBeGreaterThan(0);
    expect(JSON.parse(forged.stderr)).toMatchObject({ error: { field: 'seen' } });
    const offline = await verify('--seen', saved, '--archive', 'x.tar');
    expect(offline).toMatchObject({ exitCode: 2, stdout: '' });
  });

  it('detects an entry in the middle that was rewritten together with everything after it', async () => {
    await record(400);
    await exportCheckpoint(ports, HOLD);
    const rows = await root.query('SELECT sequence, entry FROM entries ORDER BY sequence');
    await byHand('DELETE FROM entries WHERE sequence > 99');
    await record(rows.length - 99);
    const report = await audit();
    expect(report.findings.map(({ kind }) => kind)).toEqual(['forked', 'tiles']);
  });

  it('detects checkpoints that are gone, unsigned, or signed by somebody else', async () => {
    await record(4);
    await exportCheckpoint(ports, HOLD);
    await emptyBucket(admin, bucket);
    expect(await audit()).toMatchObject({
      exitCode: 1,
      findings: [{ kind: 'checkpoint-missing', sequence: 4 }],
    });
    const tree = growTree();
    const rows = await root.query('SELECT entry FROM entries ORDER BY sequence');
    for (const row of rows) tree.append(leafHash(row['entry'] as string));
    const position = {
      ...(await readHead(root)),
      ...{ at: await ports.ledger.instant(), clock: 'system' as const },
      control: { asOf: await ports.ledger.instant(), facts: {} },
    };
    const stranger = newSigningKeys(environment.name);
    const { signed } = signCheckpoint(position, tree.range(), stranger);
    for (const forged of ['{"version":1}', signed]) {
      await emptyBucket(admin, bucket);
      await admin.putObject(bucket, checkpointName(4), forged);
      const { findings } = await audit();
      expect(findings.map(({ kind }) => kind)).toEqual([
        'checkpoint-invalid',
        'checkpoint-missing',
      ]);
    }
  });

  it('detects two checkpoints that the log signed for one place: a fork with its own key', async () => {
    await record(4);
    await exportCheckpoint(ports, HOLD);
    const other = growTree();
    for (const text of ['a', 'b', 'c', 'd']) other.append(leafHash(text));
    const position = {
      ...{ sequence: 4, hash: 'f'.repeat(64), clock: 'system' as const },
      at: await ports.ledger.instant(),
      control: { asOf: await ports.ledger.instant(), facts: {} },
    };
    const { signed } = signCheckpoint(position, other.range(), keys);
    await admin.putObject(bucket, checkpointName(4), signed);
    const { findings } = await audit();
    expect(findings[0]).toMatchObject({ kind: 'checkpoint-invalid', sequence: 4 });
    expect(findings[0]?.message).toContain('forked');
  });

  it('detects a control store that was restored [CC-4]', async () => {
    const control = environment.pool('root', 'control');
    await control.execute(
      `INSERT INTO holds (hold_id, placed_at, placed_by, review_on, ground_digest)
       VALUES ('hd_audit', lethe_now(), 'dpo', '2027-01-01', 'd')`,
    );
    await record(2);
    await exportCheckpoint(ports, HOLD);
    expect((await audit()).outcome).toBe('ok');
    await control.execute(`DELETE FROM holds WHERE hold_id = 'hd_audit'`);
    expect(await audit()).toMatchObject({ exitCode: 1, findings: [{ kind: 'control-older' }] });
  });

  it('needs the public keys, and says which option gives them', async () => {
    const run = await runIn({ ...variables, LETHE_PUBLIC_KEYS_FILE: '' }, ['evidence', 'verify']);
    expect(run).toMatchObject({ exitCode: 2, stdout: '' });
    expect(run.stderr).toContain('LETHE_PUBLIC_KEYS_FILE');
    const broken = join(folder, 'broken.json');
    writeFileSync(broken, '{"version":1,"keys":[]}');
    const other = await runIn(variables, ['evidence', 'verify', '--keys', broken]);
    expect(other.stderr).toMatch(/^CONFIGURATION_INVALID: keys: /);
  });
});

describe('the stored tree', () => {
  it('proves entries and older checkpoints from its tiles, and nothing after somebody changed them', async () => {
    await record(300);
    const older = await exportCheckpoint(ports, HOLD);
    await record(500);
    const newest = await exportCheckpoint(ports, HOLD);
    if (older === null || newest === null) throw new Error('nothing was exported');
    const reader = environment.pool('reader', 'evidence');
    const tiles = await reader.query('SELECT level, tile_index FROM tree_tiles');
    expect(tiles).toHaveLength(3);
    const rows = await reader.query('SELECT sequence, entry FROM entries ORDER BY sequence');
    const prover = createProver(reader, newest.head);
    for (const row of rows.filter((_, index) => index % 97 === 0)) {
      const proof = await prover.inclusion(Number(row['sequence']), row['entry'] as string);
      expect(proof.length).toBeLessThanOrEqual(10);
    }
    expect((await prover.consistency(older.head)).length).toBeGreaterThan(0);
    await byHand(
      `UPDATE tree_tiles SET hashes = REPEAT('x', 8192) WHERE level = 0 AND tile_index = 0`,
    );
    const disturbed = createProver(reader, newest.head);
    const text = rows[0]?.['entry'] as string;
    await expect(disturbed.inclusion(1, text)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    expect((await audit()).findings).toMatchObject([{ kind: 'tiles', sequence: 1 }]);
  });

  it('is not continued over an entry that was rewritten below the last checkpoint', async () => {
    await record(20);
    await exportCheckpoint(ports, HOLD);
    await record(3);
    await byHand(
      `UPDATE entries SET entry = REPLACE(entry, '"records"', '"recorde"') WHERE sequence = 7`,
    );
    await expect(exportCheckpoint(ports, HOLD)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });

  it('is not signed with a key that is not valid any more', async () => {
    await record(1);
    const entries = keys.list.keys.map((key) => ({ ...key, validUntil: '2001-01-01T00:00:00Z' }));
    const expired = { ...keys, list: { ...keys.list, keys: entries } };
    await expect(exportCheckpoint({ ...ports, keys: expired }, HOLD)).rejects.toMatchObject({
      code: 'CONFIGURATION_INVALID',
      field: 'LETHE_PUBLIC_KEYS_FILE',
    });
  });
});
