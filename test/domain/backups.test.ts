import { backupsHolding, type BackupSet } from '../../src/domain/backups';

const set = (change: Partial<BackupSet> = {}): BackupSet => ({
  setId: 'bs_nightly00001',
  store: 'mysql',
  covers: ['assets', 'control'],
  takenAt: '2030-01-10T00:00:00Z',
  expiresAt: '2030-01-20T00:00:00Z',
  expiredAt: null,
  ...change,
});

const GONE = '2030-01-10T12:00:00Z';
const held = (sets: readonly BackupSet[], recordClass: Parameters<typeof backupsHolding>[1]) =>
  backupsHolding(sets, recordClass, GONE).map(({ setId }) => setId);

describe('backups that may hold what was in clear', () => {
  it('are those taken before it was gone and not reported gone themselves [ST-1]', () => {
    const sets = [
      set({ setId: 'bs_before000001' }),
      set({ setId: 'bs_atthemoment1', takenAt: GONE }),
      set({ setId: 'bs_after0000001', takenAt: '2030-01-10T12:00:00.000001Z' }),
      set({ setId: 'bs_gone00000001', expiredAt: '2030-01-11T00:00:00Z' }),
    ];
    expect(held(sets, 'asset-basic-data')).toEqual(['bs_before000001', 'bs_atthemoment1']);
  });

  it('are still named after their date while nobody says that they are gone [ST-1]', () => {
    expect(held([set({ expiresAt: '2030-01-10T01:00:00Z' })], 'asset-basic-data')).toHaveLength(1);
  });

  it('of configuration are those of the database through which bodies pass in clear [ST-2]', () => {
    const sets = [
      set({ setId: 'bs_payloads0001', covers: ['configuration', 'assets', 'keys'] }),
      set({ setId: 'bs_staging00001', covers: ['control'] }),
    ];
    expect(held(sets, 'console-configuration-data')).toEqual(['bs_staging00001']);
  });

  it('of asset data are those of its rows, and of the database through which reports pass [ST-1]', () => {
    const sets = [
      set({ setId: 'bs_rows00000001', covers: ['assets'] }),
      set({ setId: 'bs_staging00001', covers: ['control'] }),
      set({ setId: 'bs_payloads0001', covers: ['configuration', 'keys', 'evidence'] }),
    ];
    expect(held(sets, 'asset-basic-data')).toEqual(['bs_rows00000001', 'bs_staging00001']);
  });

  it('stand at the place of the inventory where they are kept', () => {
    const sets = [set({ store: 'mongodb' })];
    const [named] = backupsHolding(sets, 'asset-basic-data', GONE);
    expect(named?.location).toBe('mongodb:backups');
  });
});
