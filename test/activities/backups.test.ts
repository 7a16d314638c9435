import {
  expireBackup,
  readBackups,
  registerBackup,
  type RegisterBackup,
} from '../../src/activities/control/backups';
import { createLimitsHarness, type LimitsHarness } from '../support/limits';

let limits: LimitsHarness;
let serial = 0;

beforeAll(async () => {
  limits = await createLimitsHarness();
});
afterAll(() => limits.remove());

const order = (change: Partial<RegisterBackup> = {}): RegisterBackup => ({
  setId: `bs_${String((serial += 1)).padStart(12, '0')}`,
  store: 'mysql',
  covers: ['control', 'assets'],
  location: 's3://backups.example/mysql/2026-01-01',
  takenAt: '2026-01-01T00:00:00+08:00',
  expiresAt: '2026-01-15T00:00:00Z',
  registeredBy: 'ops-1',
  ...change,
});

describe('the register of backups', () => {
  it('keeps what was taken, where it is and until when, and knows that its date has passed [ST-1]', async () => {
    const given = order();
    const record = await registerBackup(limits.ports, given);
    expect(record).toMatchObject({
      setId: given.setId,
      covers: ['assets', 'control'],
      takenAt: '2025-12-31T16:00:00.000000Z',
      expiredAt: null,
      overdue: true,
      tooLong: false,
    });
    expect(await registerBackup(limits.ports, given)).toEqual(record);
    expect(await readBackups(limits.root)).toContainEqual(record);
  });

  it('takes one that lives too long and says so: hiding it would be worse', async () => {
    const record = await registerBackup(limits.ports, order({ expiresAt: '2099-01-01T00:00:00Z' }));
    expect(record).toMatchObject({ tooLong: true, overdue: false });
  });

  it('records once that a backup is gone', async () => {
    const { setId } = await registerBackup(limits.ports, order());
    const gone = await expireBackup(limits.ports, { setId, expiredBy: 'ops-1' });
    expect(gone).toMatchObject({ setId, expiredBy: 'ops-1', overdue: false });
    expect(await expireBackup(limits.ports, { setId, expiredBy: 'ops-2' })).toEqual(gone);
  });

  it('puts both into the evidence, without the address', async () => {
    const given = order();
    await registerBackup(limits.ports, given);
    await expireBackup(limits.ports, { setId: given.setId, expiredBy: 'ops-1' });
    const own = limits.acts.filter(({ subject }) => subject === given.setId);
    expect(own.map(({ kind }) => kind)).toEqual(['backup-registered', 'backup-expired']);
    expect(JSON.stringify(own)).not.toContain('backups.example');
  });

  it('never changes or forgets a row: another backup under the same id is refused', async () => {
    const given = order();
    await registerBackup(limits.ports, given);
    const other = registerBackup(limits.ports, { ...given, expiresAt: '2026-01-16T00:00:00Z' });
    await expect(other).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT', field: 'setId' });
    const { control } = limits.ports;
    await expect(control.execute('DELETE FROM backup_sets WHERE 1 = 0')).rejects.toThrow(/DENIED/);
  });

  it.each([
    ['setId', { setId: 'nightly' }],
    ['store', { store: 'redis' as RegisterBackup['store'] }],
    ['covers', { covers: [] }],
    ['covers[0]', { covers: ['everything' as 'assets'] }],
    ['location', { location: 'the shelf in the cellar' }],
    ['takenAt', { takenAt: '2026-01-01' }],
    ['takenAt', { takenAt: '2098-01-01T00:00:00Z', expiresAt: '2099-01-01T00:00:00Z' }],
    ['expiresAt', { expiresAt: '2025-12-01T00:00:00Z' }],
  ])('refuses a wrong %s and keeps nothing', async (...[field, change]) => {
    const given = order(change);
    await expect(registerBackup(limits.ports, given)).rejects.toMatchObject({ field });
    const known = await readBackups(limits.root);
    expect(known.filter(({ setId }) => setId === given.setId)).toEqual([]);
  });

  it('knows no backup that was never registered', async () => {
    const unknown = expireBackup(limits.ports, { setId: 'bs_unknown00001', expiredBy: 'ops-1' });
    await expect(unknown).rejects.toMatchObject({ code: 'UNKNOWN_BACKUP', field: 'setId' });
  });
});
