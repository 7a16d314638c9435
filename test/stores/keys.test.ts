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

async function permitFor(key: Key, epoch = 1): Promise<string> {
  const permit = `pm_${key.tenantId.slice(3)}${epoch}`;
  await issuer.execute(`CALL issue_key_permit(?, 'destroy', ?, ?, 1, ?, 60)`, [
    permit,
    key.tenantId,
    key.keyRef,
    epoch,
  ]);
  return permit;
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
