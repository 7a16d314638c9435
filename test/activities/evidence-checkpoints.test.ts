import type { Client } from 'minio';
import {
  compareWithCheckpoint,
  exportCheckpoint,
  type CheckpointPorts,
} from '../../src/activities/evidence/checkpoints';
import {
  checkpointName,
  latestCheckpoint,
} from '../../src/activities/evidence/exported-checkpoints';
import { readControlPosition } from '../../src/activities/evidence/control-position';
import { createEvidenceLedger } from '../../src/activities/evidence/ledger';
import { isHeld, setLegalHold } from '../../src/activities/objects/legal-hold';
import { migrateObjects } from '../../src/activities/objects/migrate-objects';
import type { SqlPool } from '../../src/contracts/sql';
import {
  createObjectAccounts,
  removeObjectAccounts,
} from '../../src/platform/migrate/object-accounts';
import { connectObjects } from '../../src/platform/objects';
import { createSqlEnvironment, type SqlEnvironment } from '../support/environment';
import { newSigningKeys } from '../support/signing-keys';
import { versionsIn } from '../support/list-versions';

const TENANT = 'tn_checkpoint000001';
const HOLD = { mode: 'legal-hold' } as const;
const endpoint = process.env['LETHE_S3_ENDPOINT'] ?? '';
const administrator = {
  endpoint,
  region: 'us-east-1',
  accessKey: process.env['LETHE_S3_ADMIN_ACCESS_KEY'] ?? '',
  secretKey: process.env['LETHE_S3_ADMIN_SECRET_KEY'] ?? '',
};

let environment: SqlEnvironment;
let root: SqlPool;
let control: SqlPool;
let admin: Client;
let ports: CheckpointPorts;
let bucket: string;
let serial = 0;

beforeAll(async () => {
  environment = await createSqlEnvironment();
  bucket = `${environment.name}-evidence`;
  root = environment.pool('root', 'evidence');
  control = environment.pool('root', 'control');
  admin = connectObjects({ ...administrator, pathStyle: true });
  const accounts = await createObjectAccounts(administrator, environment.name);
  await migrateObjects(admin, environment.name);
  const client = connectObjects({ ...administrator, ...accounts.evidence, pathStyle: true });
  ports = {
    ledger: createEvidenceLedger({ pool: environment.pool('ledger', 'evidence') }),
    objects: { client, environment: environment.name },
    control: environment.pool('control'),
    keys: newSigningKeys(environment.name),
  };
});
afterAll(async () => {
  await empty();
  for (const role of ['archive', 'backup', 'evidence', 'inbox']) {
    await admin.removeBucket(`${environment.name}-${role}`);
  }
  await removeObjectAccounts(administrator, environment.name);
  await environment.remove();
});
beforeEach(async () => {
  await empty();
  await root.execute('DELETE FROM entries WHERE sequence > 0');
  await root.execute('DELETE FROM checkpoints WHERE sequence > 0');
  await root.execute('DELETE FROM tree_tiles WHERE level >= 0');
});

async function versionsInBucket(): Promise<{ name: string; versionId: string }[]> {
  const found: { name: string; versionId: string }[] = [];
  for await (const { name, versionId } of versionsIn(admin, bucket)) {
    found.push({ name, versionId });
  }
  return found;
}

async function empty(): Promise<void> {
  for (const version of await versionsInBucket()) {
    await setLegalHold(admin, { bucket, ...version }, 'OFF').catch(() => undefined);
    await removeWhenAllowed(version);
  }
}

/** A retention of seconds ends by itself; nothing is left behind by the suite. */
async function removeWhenAllowed(version: { name: string; versionId: string }): Promise<void> {
  const deadline = Date.now() + 15_000;
  for (;;) {
    try {
      await admin.removeObject(bucket, version.name, { versionId: version.versionId });
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}

async function record(count = 1): Promise<void> {
  const acts = Array.from({ length: count }, () => ({
    tenantId: TENANT,
    kind: 'rows-moved',
    subject: `rn_0123456789abcdef/${(serial += 1)}`,
    details: { records: serial },
  }));
  await ports.ledger.appendAll(acts);
}

const placeHold = (id: string): Promise<unknown> =>
  control.execute(
    `INSERT INTO holds (hold_id, placed_at, placed_by, review_on, ground_digest)
     VALUES ('${id}', lethe_now(), 'dpo', '2027-01-01', 'd')`,
  );

describe('an exported checkpoint', () => {
  it('is one locked version that says where ledger and control stand', async () => {
    await record(3);
    const exported = await exportCheckpoint(ports, HOLD);
    expect(exported?.checkpoint).toMatchObject({
      version: 2,
      sequence: 3,
      clock: 'system',
      control: { facts: { commands: 0, holds: 0 } },
    });
    const name = checkpointName(3);
    const versionId = exported?.versionId ?? '';
    expect(await versionsInBucket()).toEqual([{ name, versionId }]);
    expect(await isHeld(admin, { bucket, name, versionId })).toBe(true);
    await expect(admin.removeObject(bucket, name, { versionId })).rejects.toMatchObject({
      code: 'AccessDenied',
    });
    await expect(
      ports.objects.client.removeObject(bucket, name, { versionId }),
    ).rejects.toMatchObject({ code: 'AccessDenied' });
    expect(await latestCheckpoint(ports.objects, ports.keys.list)).toEqual(exported);
    const rows = await root.query(
      `SELECT sequence, CONVERT(object_version USING ascii) AS version FROM checkpoints`,
    );
    expect(rows).toEqual([{ sequence: '3', version: versionId }]);
  });

  it('is made once per position, and the next one continues from it', async () => {
    expect(await exportCheckpoint(ports, HOLD)).toBeNull();
    await record(2);
    const first = await exportCheckpoint(ports, HOLD);
    expect(await exportCheckpoint(ports, HOLD)).toEqual(first);
    await record(10);
    const second = await exportCheckpoint(ports, HOLD);
    expect(second?.checkpoint.sequence).toBe(12);
    expect(await latestCheckpoint(ports.objects, ports.keys.list)).toEqual(second);
    expect(await versionsInBucket()).toHaveLength(2);
  });

  it('is finished by the next attempt when the first one broke off before the lock', async () => {
    await record(2);
    const exported = await exportCheckpoint(ports, HOLD);
    const version = { bucket, name: checkpointName(2), versionId: exported?.versionId ?? '' };
    await setLegalHold(admin, version, 'OFF');
    await root.execute('DELETE FROM checkpoints WHERE sequence = 2');
    expect(await exportCheckpoint(ports, HOLD)).toEqual(exported);
    expect(await isHeld(admin, version)).toBe(true);
    expect(await root.query('SELECT 1 FROM checkpoints')).toHaveLength(1);
  });

  it('is one when two processes export the same position', async () => {
    await record(4);
    const exported = await Promise.all([
      exportCheckpoint(ports, HOLD),
      exportCheckpoint(ports, HOLD),
    ]);
    expect(exported[0]).toEqual(exported[1]);
    expect(await versionsInBucket()).toHaveLength(1);
  });

  it('is kept by a retention where the provider has only that', async () => {
    await record(1);
    const until = new Date(Date.now() + 2000).toISOString();
    const exported = await exportCheckpoint(ports, { mode: 'compliance', retainUntil: until });
    const name = checkpointName(1);
    const versionId = exported?.versionId ?? '';
    await expect(admin.removeObject(bucket, name, { versionId })).rejects.toMatchObject({
      code: 'AccessDenied',
    });
    expect(await latestCheckpoint(ports.objects, ports.keys.list)).toEqual(exported);
  });

  it('never confirms a ledger that was tampered with', async () => {
    await record(3);
    await exportCheckpoint(ports, HOLD);
    await record(3);
    await root.execute('DELETE FROM entries WHERE sequence = 5');
    await expect(exportCheckpoint(ports, HOLD)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    await root.execute('DELETE FROM entries WHERE sequence >= 3');
    await expect(exportCheckpoint(ports, HOLD)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    expect(await versionsInBucket()).toHaveLength(1);
  });
});

describe('a comparison with the last checkpoint', () => {
  beforeEach(async () => {
    await control.execute('DELETE FROM holds WHERE hold_id > 0x00');
  });

  it('finds nothing wrong in a new environment and in one that only went on', async () => {
    expect(await compareWithCheckpoint(ports)).toMatchObject({ checkpoint: null, older: false });
    await placeHold('hd_1');
    await record(2);
    await exportCheckpoint(ports, HOLD);
    await placeHold('hd_2');
    await record(2);
    expect(await compareWithCheckpoint(ports)).toMatchObject({
      checkpoint: { sequence: 2, control: { facts: { holds: 1 } } },
      older: false,
      ledger: { broken: null },
    });
  });

  it('recognises a control store that was restored, also when it went on since [CC-4]', async () => {
    await placeHold('hd_1');
    await placeHold('hd_2');
    await record(2);
    await exportCheckpoint(ports, HOLD);
    await control.execute(`DELETE FROM holds WHERE hold_id = 'hd_2'`);
    expect(await compareWithCheckpoint(ports)).toMatchObject({ older: true });
    await placeHold('hd_3');
    await placeHold('hd_4');
    expect(await compareWithCheckpoint(ports)).toMatchObject({ older: true });
  });

  it('recognises an evidence store that was restored or rewritten', async () => {
    await record(4);
    await exportCheckpoint(ports, HOLD);
    await root.execute('DELETE FROM entries WHERE sequence >= 3');
    expect(await compareWithCheckpoint(ports)).toMatchObject({
      older: true,
      ledger: { broken: { sequence: 4, reason: 'checkpoint' } },
    });
    await record(5);
    expect(await compareWithCheckpoint(ports)).toMatchObject({
      older: false,
      ledger: { broken: { sequence: 4, reason: 'checkpoint' } },
    });
  });

  it('does not pass when the exported checkpoints are gone or were exchanged', async () => {
    await record(2);
    const exported = await exportCheckpoint(ports, HOLD);
    const name = checkpointName(2);
    await admin.putObject(
      bucket,
      name,
      JSON.stringify({ ...exported?.checkpoint, hash: '0'.repeat(64) }),
    );
    await expect(compareWithCheckpoint(ports)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    await empty();
    await admin.putObject(bucket, name, '{"version":1}');
    await expect(compareWithCheckpoint(ports)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    await empty();
    await expect(compareWithCheckpoint(ports)).rejects.toMatchObject({
      code: 'VERIFICATION_FAILED',
    });
  });

  it('counts the facts of control up to an instant of its clock', async () => {
    await placeHold('hd_1');
    const before = await readControlPosition(ports.control);
    await placeHold('hd_2');
    expect(before.facts['holds']).toBe(1);
    expect((await readControlPosition(ports.control, before.asOf)).facts).toEqual(before.facts);
    expect((await readControlPosition(ports.control)).facts['holds']).toBe(2);
  });
});
