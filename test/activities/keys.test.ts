import { randomBytes } from 'node:crypto';
import { createDataKeys, type KeyPorts } from '../../src/activities/keys/data-keys';
import { rotateWrappings } from '../../src/activities/keys/rotate';
import { unwrapKey, wrapKey } from '../../src/activities/keys/wrapping';
import { cohortKeyRef, configurationKeyRef, type KekRing } from '../../src/contracts/keys';
import type { Sql, SqlPool } from '../../src/contracts/sql';
import { createSqlEnvironment, type SqlEnvironment } from '../support/environment';

const NOT_BEFORE = '2020-01-01T00:00:00Z';
const OLD = { id: 'kek-1', key: randomBytes(32) };
const NEW = { id: 'kek-2', key: randomBytes(32) };
const ring = (...keks: readonly { readonly id: string; readonly key: Buffer }[]): KekRing => ({
  currentId: keks[0]?.id ?? '',
  keys: new Map(keks.map(({ id, key }) => [id, key])),
});

let environment: SqlEnvironment;
let root: SqlPool;
let ports: KeyPorts;
let serial = 0;

beforeAll(async () => {
  environment = await createSqlEnvironment();
  root = environment.pool('root', 'keys');
  ports = { pool: environment.pool('keys', 'keys'), kek: ring(OLD) };
});
afterAll(() => environment.remove());

function newKey(): { keyRef: string; tenantId: string; notBefore: string } {
  serial += 1;
  const id = String(serial).padStart(16, '0');
  const keyRef = cohortKeyRef(`rn_${id}`, '2027-03-31');
  return { keyRef, tenantId: `tn_${id}`, notBefore: NOT_BEFORE };
}

async function destroy(key: { readonly keyRef: string; readonly tenantId: string }): Promise<void> {
  const permit = `pm_${key.tenantId.slice(3)}`;
  await environment.pool('control', 'keys').execute('CALL ensure_epoch(?)', [key.tenantId]);
  await environment
    .pool('issuer', 'keys')
    .execute(`CALL issue_key_permit(?, 'destroy', ?, ?, 1, 1, 60, '9999-01-01')`, [
      permit,
      key.tenantId,
      key.keyRef,
    ]);
  await environment
    .pool('destroyer', 'keys')
    .execute('CALL destroy_key(?, ?, ?)', [permit, key.tenantId, key.keyRef]);
}

const wrappingsOf = (keyRef: string) =>
  root.query(
    `SELECT wrapping_number AS number, CONVERT(kek_id USING ascii) AS kek, wrapped
       FROM key_wrappings WHERE key_ref = ? ORDER BY wrapping_number`,
    [keyRef],
  );

describe('data keys', () => {
  it('are made once, however many workers ask at the same time', async () => {
    const key = newKey();
    const pools = Array.from({ length: 5 }, () => environment.pool('keys', 'keys'));
    const makers = pools.flatMap((pool) => Array<SqlPool>(4).fill(pool));
    const made = await Promise.all(
      makers.map((pool) => createDataKeys({ ...ports, pool }).ensure(key)),
    );
    expect(made).toHaveLength(20);
    expect(new Set(made.map((bytes) => bytes.toString('hex'))).size).toBe(1);
    expect(made[0]).toHaveLength(32);
    expect(await wrappingsOf(key.keyRef)).toHaveLength(1);
  });

  it('are the same for a later reader and different for every cohort and generation', async () => {
    const keys = createDataKeys(ports);
    const [one, two] = [newKey(), newKey()];
    const generation = { ...newKey(), keyRef: '' };
    const made = await Promise.all([
      keys.ensure(one),
      keys.ensure(two),
      keys.ensure({ ...generation, keyRef: configurationKeyRef(generation.tenantId, 1) }),
      keys.ensure({ ...generation, keyRef: configurationKeyRef(generation.tenantId, 2) }),
    ]);
    expect(new Set(made.map((bytes) => bytes.toString('hex'))).size).toBe(4);
    expect(await createDataKeys(ports).read(one)).toEqual(made[0]);
  });

  it('keep the instant before which no permit destroys them from their making on [AB-1]', async () => {
    const key = { ...newKey(), notBefore: '2101-03-31T16:00:00.000001+08:00' };
    await createDataKeys(ports).ensure(key);
    await createDataKeys(ports).ensure({ ...key, notBefore: NOT_BEFORE });
    const rows = await root.query('SELECT not_before FROM data_keys WHERE key_ref = ?', [
      key.keyRef,
    ]);
    expect(rows).toEqual([{ not_before: '2101-03-31 08:00:00.000001' }]);
    await expect(destroy(key)).rejects.toMatchObject({ code: 'PERMIT_REFUSED' });
  });

  it('never come back after their destruction, for the maker as little as for the reader [AB-3]', async () => {
    const key = newKey();
    const keys = createDataKeys(ports);
    await keys.ensure(key);
    await destroy(key);
    await expect(keys.ensure(key)).rejects.toMatchObject({ code: 'KEY_DESTROYED' });
    await expect(keys.read(key)).rejects.toMatchObject({ code: 'KEY_DESTROYED' });
    expect(await wrappingsOf(key.keyRef)).toHaveLength(0);
  });

  it('are not made again in place of one that was lost', async () => {
    const key = newKey();
    await createDataKeys(ports).ensure(key);
    await root.execute('DELETE FROM key_wrappings WHERE key_ref = ?', [key.keyRef]);
    await expect(createDataKeys(ports).ensure(key)).rejects.toMatchObject({
      code: 'STORE_REFUSED',
    });
    expect(await wrappingsOf(key.keyRef)).toHaveLength(0);
  });

  it('survive an answer that was lost: the maker reads what became of its insert', async () => {
    const key = newKey();
    let calls = 0;
    const losing: SqlPool = {
      ...ports.pool,
      transaction: async <T>(work: (sql: Sql) => Promise<T>): Promise<T> => {
        const result = await ports.pool.transaction(work);
        calls += 1;
        if (calls === 1) throw lost();
        return result;
      },
    };
    const made = await createDataKeys({ ...ports, pool: losing }).ensure(key);
    expect(calls).toBe(1);
    expect(await createDataKeys(ports).read(key)).toEqual(made);
  });

  const refused: readonly (readonly [
    string,
    (key: ReturnType<typeof newKey>) => object,
    string,
  ])[] = [
    ['no tenant', (key) => ({ ...key, tenantId: '' }), 'INVALID_TENANT_ID'],
    ['an undefined reference', (key) => ({ ...key, keyRef: undefined }), 'INVALID_INPUT'],
    ['a reference of no kind', (key) => ({ ...key, keyRef: 'asset:x' }), 'INVALID_INPUT'],
    [
      'the generation of another tenant',
      (key) => ({ ...key, keyRef: configurationKeyRef('tn_another000000000', 1) }),
      'STORE_REFUSED',
    ],
    ['no instant', (key) => ({ ...key, notBefore: 'soon' }), 'INVALID_INSTANT'],
  ];
  it.each(refused)('are not made for %s', async (_, change, code) => {
    const key = newKey();
    const order = change(key) as typeof key;
    await expect(createDataKeys(ports).ensure(order)).rejects.toMatchObject({ code });
    const rows = await root.query('SELECT 1 FROM data_keys WHERE tenant_id = ?', [key.tenantId]);
    expect(rows).toEqual([]);
  });

  it('are not given to another tenant, who learns not even whether they were destroyed', async () => {
    const key = newKey();
    const keys = createDataKeys(ports);
    const stranger = { ...key, tenantId: 'tn_stranger00000000' };
    await expect(keys.read(stranger)).rejects.toMatchObject({ code: 'STORE_REFUSED' });
    await keys.ensure(key);
    await expect(keys.read(stranger)).rejects.toMatchObject({ code: 'STORE_REFUSED' });
    await expect(keys.ensure(stranger)).rejects.toMatchObject({ code: 'STORE_REFUSED' });
    await destroy(key);
    await expect(keys.read(stranger)).rejects.toMatchObject({ code: 'STORE_REFUSED' });
  });
});

describe('a wrapped key', () => {
  it('in a dump from before the destruction does not open without the key-encryption key [AB-3]', async () => {
    const key = newKey();
    const dataKey = await createDataKeys(ports).ensure(key);
    const [dumped] = await wrappingsOf(key.keyRef);
    const wrapped = dumped?.['wrapped'] as Buffer;
    await destroy(key);
    for (const guess of [randomBytes(32), Buffer.alloc(32), NEW.key]) {
      expect(() => unwrapKey(wrapped, key, { id: OLD.id, key: guess })).toThrow(
        expect.objectContaining({ code: 'DIGEST_MISMATCH' }) as Error,
      );
    }
    expect(wrapped.includes(dataKey)).toBe(false);
    expect(unwrapKey(wrapped, key, OLD)).toEqual(dataKey);
  });

  it('that was altered in any byte is refused', () => {
    const key = newKey();
    const wrapped = wrapKey(randomBytes(32), key, OLD);
    for (let index = 0; index < wrapped.length; index += 1) {
      const altered = Buffer.from(wrapped);
      altered[index] = (altered[index] ?? 0) ^ 1;
      expect(() => unwrapKey(altered, key, OLD)).toThrow(
        expect.objectContaining({ code: 'DIGEST_MISMATCH' }) as Error,
      );
    }
    expect(() => unwrapKey(wrapped.subarray(0, 60), key, OLD)).toThrow(
      expect.objectContaining({ code: 'DIGEST_MISMATCH' }) as Error,
    );
    expect(unwrapKey(wrapped, key, OLD)).toHaveLength(32);
  });

  it('that was altered in the store is refused and not replaced', async () => {
    const key = newKey();
    await createDataKeys(ports).ensure(key);
    await root.execute(
      `UPDATE key_wrappings SET wrapped = CONCAT(LEFT(wrapped, 60), 'x') WHERE key_ref = ?`,
      [key.keyRef],
    );
    await expect(createDataKeys(ports).ensure(key)).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
    expect(await wrappingsOf(key.keyRef)).toHaveLength(1);
  });

  it('that was exchanged with the one of another tenant is refused for both', async () => {
    const [one, two] = [newKey(), newKey()];
    const keys = createDataKeys(ports);
    await keys.ensure(one);
    await keys.ensure(two);
    const [first] = await wrappingsOf(one.keyRef);
    const [second] = await wrappingsOf(two.keyRef);
    const put = (keyRef: string, wrapped: unknown): Promise<unknown> =>
      root.execute('UPDATE key_wrappings SET wrapped = ? WHERE key_ref = ?', [
        wrapped as Buffer,
        keyRef,
      ]);
    await put(one.keyRef, second?.['wrapped']);
    await put(two.keyRef, first?.['wrapped']);
    for (const key of [one, two]) {
      await expect(keys.read(key)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    }
    // The row of the owner moved along changes nothing: the tenant is authenticated too.
    await root.execute('UPDATE data_keys SET tenant_id = ? WHERE key_ref = ?', [
      two.tenantId,
      one.keyRef,
    ]);
    await put(one.keyRef, first?.['wrapped']);
    await expect(keys.read({ ...one, tenantId: two.tenantId })).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
  });
});

describe('a rotation of the key-encryption key', () => {
  const both = (): KeyPorts => ({ ...ports, kek: ring(NEW, OLD) });

  it('adds a wrapping to every key, changes none, and the keys stay the same', async () => {
    const keys = [newKey(), newKey(), newKey()];
    const before = await Promise.all(keys.map((key) => createDataKeys(ports).ensure(key)));
    const stored = await Promise.all(keys.map(({ keyRef }) => wrappingsOf(keyRef)));
    const { rotated } = await rotateWrappings(both(), NEW.id);
    expect(rotated).toBeGreaterThanOrEqual(3);
    for (const [index, key] of keys.entries()) {
      const [first, second, ...more] = await wrappingsOf(key.keyRef);
      expect(first).toEqual(stored[index]?.[0]);
      expect(second).toMatchObject({ kek: NEW.id });
      expect(more).toEqual([]);
      const onlyNew = createDataKeys({ ...ports, kek: ring(NEW) });
      expect(await onlyNew.read(key)).toEqual(before[index]);
      // A process that does not know the new key yet still reads.
      expect(await createDataKeys(ports).read(key)).toEqual(before[index]);
    }
    expect(await rotateWrappings(both(), NEW.id)).toMatchObject({ rotated: 0 });
  });

  it('leaves no way back: a newest wrapping that does not open is not replaced by an older one', async () => {
    const key = newKey();
    await createDataKeys(ports).ensure(key);
    await rotateWrappings(both(), NEW.id);
    await root.execute(
      `UPDATE key_wrappings SET wrapped = REPEAT('x', 61) WHERE key_ref = ? AND wrapping_number = 2`,
      [key.keyRef],
    );
    await expect(createDataKeys(both()).read(key)).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
  });

  it('goes on after an interruption where it stopped', async () => {
    const { unreadable } = await rotateWrappings(both(), NEW.id);
    const keys = [newKey(), newKey()];
    for (const key of keys) await createDataKeys(ports).ensure(key);
    let allowed = unreadable.length + 1;
    const interrupted: SqlPool = {
      ...ports.pool,
      transaction: (work) => {
        allowed -= 1;
        return allowed < 0 ? Promise.reject(lost()) : ports.pool.transaction(work);
      },
    };
    await expect(rotateWrappings({ ...both(), pool: interrupted }, NEW.id)).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
    });
    expect(await rotateWrappings(both(), NEW.id)).toMatchObject({ rotated: 1 });
    for (const { keyRef } of keys) expect(await wrappingsOf(keyRef)).toHaveLength(2);
  });

  it('names a key that does not open, and still rotates the others', async () => {
    const [damaged, sound] = [newKey(), newKey()];
    for (const key of [damaged, sound]) await createDataKeys(ports).ensure(key);
    await root.execute(`UPDATE key_wrappings SET wrapped = REPEAT('x', 61) WHERE key_ref = ?`, [
      damaged.keyRef,
    ]);
    const { unreadable } = await rotateWrappings(both(), NEW.id);
    expect(unreadable).toContain(damaged.keyRef);
    expect(await wrappingsOf(damaged.keyRef)).toHaveLength(1);
    expect(await wrappingsOf(sound.keyRef)).toHaveLength(2);
    await root.execute('DELETE FROM data_keys WHERE key_ref = ?', [damaged.keyRef]);
  });

  it('does not bring back a key whose destruction is under way [AB-3]', async () => {
    const key = newKey();
    await createDataKeys(ports).ensure(key);
    let rotation: Promise<unknown> = Promise.resolve();
    await root.transaction(async (sql) => {
      // What destroy_key does, held open between its two statements.
      await sql.execute('DELETE FROM key_wrappings WHERE key_ref = ?', [key.keyRef]);
      rotation = rotateWrappings(both(), NEW.id);
      await untilBlocked(key.keyRef);
      await sql.execute(
        `INSERT INTO key_tombstones VALUES (?, ?, 'pm_x', 'destroy', lethe_now())`,
        [key.keyRef, key.tenantId],
      );
    });
    await rotation;
    expect(await wrappingsOf(key.keyRef)).toHaveLength(0);
  });

  it('is refused for a key-encryption key that the process does not have', async () => {
    await expect(rotateWrappings(ports, 'kek-9')).rejects.toMatchObject({
      code: 'CONFIGURATION_INVALID',
      field: 'LETHE_KEK_FILE',
    });
  });

  /** Returns when a locking read of the key's wrappings waits for the open transaction. */
  async function untilBlocked(keyRef: string): Promise<void> {
    for (let attempt = 0; attempt < 2000; attempt += 1) {
      const rows = await root.query(
        `SELECT 1 FROM information_schema.processlist
          WHERE info LIKE 'SELECT wrapping_number%' AND db = DATABASE()`,
      );
      if (rows.length > 0) return;
    }
    throw new Error(`the rotation of ${keyRef} never came to wait`);
  }
});

const lost = (): Error =>
  Object.assign(new Error('lost'), { name: 'LetheError', code: 'OUTCOME_UNKNOWN' });
