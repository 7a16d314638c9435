import type { SqlPool } from '../../src/contracts/sql';
import { createSqlEnvironment, type SqlEnvironment } from '../support/environment';

let environment: SqlEnvironment;
let root: SqlPool;
let issuer: SqlPool;
let destroyer: SqlPool;
let control: SqlPool;
let serial = 0;

beforeAll(async () => {
  environment = await createSqlEnvironment();
  root = environment.pool('root', 'keys');
  issuer = environment.pool('issuer', 'keys');
  destroyer = environment.pool('destroyer', 'keys');
  control = environment.pool('control', 'keys');
});
afterAll(() => environment.remove());

interface Key {
  readonly tenantId: string;
  readonly keyRef: string;
}

async function makeKey(notBefore = "'2020-01-01'"): Promise<Key> {
  serial += 1;
  const tenantId = `tn_keys${String(serial).padStart(12, '0')}`;
  const keyRef = `asset:rn_${serial}:2020-01-01`;
  await control.execute('CALL ensure_epoch(?)', [tenantId]);
  await root.execute(`INSERT INTO data_keys VALUES (?, ?, ${notBefore}, lethe_now())`, [
    keyRef,
    tenantId,
  ]);
  await root.execute(`INSERT INTO key_wrappings VALUES (?, 1, 'kek', 'wrapped', lethe_now())`, [
    keyRef,
  ]);
  await root.execute(`INSERT INTO key_wrappings VALUES (?, 2, 'kek-2', 'wrapped', lethe_now())`, [
    keyRef,
  ]);
  return { tenantId, keyRef };
}

async function permitFor(key: Key, epoch = 1, notAfter = "'9999-01-01'"): Promise<string> {
  const permit = `pm_${key.tenantId.slice(3)}${epoch}`;
  await issuer.execute(`CALL issue_key_permit(?, 'destroy', ?, ?, 1, ?, 60, ${notAfter})`, [
    permit,
    key.tenantId,
    key.keyRef,
    epoch,
  ]);
  return permit;
}

/** How long the permit for a key lives, in microseconds. */
async function lifeOf(permit: string): Promise<number> {
  const rows = await root.query(
    `SELECT TIMESTAMPDIFF(MICROSECOND, issued_at, expires_at) AS life FROM key_permits
      WHERE permit_id = ?`,
    [permit],
  );
  return Number(rows[0]?.['life']);
}

const destroy = (permit: string, key: Key): Promise<unknown> =>
  destroyer.execute('CALL destroy_key(?, ?, ?)', [permit, key.tenantId, key.keyRef]);

async function wrappings(key: Key): Promise<number> {
  const rows = await root.query('SELECT COUNT(*) AS n FROM key_wrappings WHERE key_ref = ?', [
    key.keyRef,
  ]);
  return Number(rows[0]?.['n']);
}

describe('the destruction of a data key', () => {
  it('replaces every wrapping by a tombstone under a live permit [AB-3]', async () => {
    const key = await makeKey();
    await destroy(await permitFor(key), key);
    expect(await wrappings(key)).toBe(0);
    const tombstones = await destroyer.query('SELECT * FROM key_tombstones WHERE key_ref = ?', [
      key.keyRef,
    ]);
    expect(tombstones).toHaveLength(1);
  });

  it('happens once: the permit is used up', async () => {
    const key = await makeKey();
    const permit = await permitFor(key);
    await destroy(permit, key);
    await expect(destroy(permit, key)).rejects.toMatchObject({ code: 'PERMIT_REFUSED' });
  });

  it('is final: nobody can insert a wrapping for the key again', async () => {
    const key = await makeKey();
    await destroy(await permitFor(key), key);
    await expect(
      environment
        .pool('keys', 'keys')
        .execute(`INSERT INTO key_wrappings VALUES (?, 3, 'kek', 'wrapped', lethe_now())`, [
          key.keyRef,
        ]),
    ).rejects.toMatchObject({ code: 'KEY_DESTROYED' });
  });

  it.each([
    ['without a permit', (key: Key) => destroy('pm_none', key)],
    [
      'for another tenant',
      async (key: Key) =>
        destroy(await permitFor(key), { ...key, tenantId: 'tn_other000000000000' }),
    ],
    [
      'for another key',
      async (key: Key) =>
        destroy(await permitFor(key), { ...key, keyRef: 'asset:rn_other:2020-01-01' }),
    ],
    [
      'after an interlock [CC-4]',
      async (key: Key) => {
        const permit = await permitFor(key);
        await control.execute('CALL bump_key_epoch(?)', [key.tenantId]);
        return destroy(permit, key);
      },
    ],
    [
      'after a freeze of everything',
      async (key: Key) => {
        const permit = await permitFor(key);
        await root.execute(`UPDATE key_epochs SET epoch = epoch + 1 WHERE scope = 'global'`);
        try {
          return await destroy(permit, key);
        } finally {
          await root.execute(`UPDATE key_epochs SET epoch = epoch - 1 WHERE scope = 'global'`);
        }
      },
    ],
  ])('does not happen %s', async (_, attempt) => {
    const key = await makeKey();
    await expect(attempt(key)).rejects.toMatchObject({ code: 'PERMIT_REFUSED' });
    expect(await wrappings(key)).toBe(2);
  });

  it('is not permitted before the instant that was fixed when the key was made [AB-1]', async () => {
    const early = await makeKey('lethe_now() + INTERVAL 1 SECOND');
    await expect(permitFor(early)).rejects.toMatchObject({ code: 'PERMIT_REFUSED' });
    const ripe = await makeKey('lethe_now()');
    await expect(permitFor(ripe)).resolves.toMatch(/^pm_/);
  });

  it('is not permitted on epochs that were read before an interlock', async () => {
    const key = await makeKey();
    await control.execute('CALL bump_key_epoch(?)', [key.tenantId]);
    await expect(permitFor(key, 1)).rejects.toMatchObject({ code: 'PERMIT_REFUSED' });
    await expect(permitFor(key, 2)).resolves.toMatch(/^pm_/);
  });
});

describe('the permit for a key', () => {
  const MINUTE = 60_000_000;

  it.each([
    ['a microsecond ago', 'SYSDATE(6) - INTERVAL 1 MICROSECOND'],
    ['at this moment', 'SYSDATE(6)'],
    ['at no known instant', 'NULL'],
  ])(
    'is refused when the permit of control ran out %s, and the key stays [AB-3]',
    async (_, end) => {
      const key = await makeKey();
      await expect(permitFor(key, 1, end)).rejects.toMatchObject({ code: 'PERMIT_REFUSED' });
      expect(await wrappings(key)).toBe(2);
      await destroy(await permitFor(key), key);
      expect(await wrappings(key)).toBe(0);
    },
  );

  it('ends with the permit of control, and by itself after its own life [AB-3]', async () => {
    const [short, long] = [await makeKey(), await makeKey()];
    const ending = await permitFor(short, 1, 'SYSDATE(6) + INTERVAL 2 SECOND');
    expect(await lifeOf(ending)).toBeLessThanOrEqual(MINUTE / 30);
    expect(await lifeOf(await permitFor(long))).toBe(MINUTE);
  });

  it('opens nothing from the instant at which it ends, and everything before it [AB-3]', async () => {
    const [before, after] = [await makeKey(), await makeKey()];
    const end = 'SYSDATE(6) + INTERVAL 30 SECOND';
    const [inTime, late] = [await permitFor(before, 1, end), await permitFor(after, 1, end)];
    await root.execute('UPDATE key_permits SET expires_at = SYSDATE(6) WHERE permit_id = ?', [
      late,
    ]);
    await expect(destroy(late, after)).rejects.toMatchObject({ code: 'PERMIT_REFUSED' });
    expect(await wrappings(after)).toBe(2);
    await destroy(inTime, before);
    expect(await wrappings(before)).toBe(0);
  });
});
