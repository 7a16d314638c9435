import { createHash } from 'node:crypto';
import {
  BACKUP_DATABASES,
  BACKUP_STORES,
  type BackupDatabase,
  type BackupStore,
} from '../../domain/backups';
import { LetheError } from '../../domain/errors';
import type { BackupRecord } from '../../contracts/control-reader';
import { actor, instant, listOf, matching, objectOf, oneOf } from '../../contracts/field-checks';
import type { Sql } from '../../contracts/sql';
import { insertRow } from './command-context';
import type { FreezePorts } from './freeze';
import {
  required,
  textRows,
  toInstant,
  toInstantOrNull,
  toSqlTime,
  type TextRow,
} from './sql-text';
import { databaseNow } from './tenant-facts';
import { againIfTaken } from '../taken';

/** Stores in which the register is kept and recorded. */
export type BackupPorts = Pick<FreezePorts, 'control' | 'ledger'>;

/** A backup that an operator has taken. */
export interface RegisterBackup {
  /** `bs_` and 8 to 40 lower-case letters or digits. */
  readonly setId: string;
  readonly store: BackupStore;
  readonly covers: readonly BackupDatabase[];
  /** Where it is kept; no secrets. */
  readonly location: string;
  readonly takenAt: string;
  readonly expiresAt: string;
  readonly registeredBy: string;
}

/** Backups of clear data live at most this long, in days; longer ones are registered and shown. */
const LIFE_DAYS_MAX = 21;
const DAY_MS = 86_400_000;

const setId = matching(
  /^bs_[0-9a-z]{8,40}$/,
  'must be bs_ followed by 8 to 40 lower-case letters or digits',
);
const location = matching(
  /^[0-9A-Za-z/][0-9A-Za-z_.:/+=@-]{0,254}$/,
  'must be an address or a path of up to 255 characters without spaces',
);

/**
 * Registers a backup, so that certificates name it until it is gone and a restore knows its age. One that
 * lives longer than the promise allows is registered, too: the truth counts.
 *
 * @idempotency the same backup again changes nothing.
 * @throws LetheError INVALID_INSTANT when it was taken in the future.
 * @throws LetheError INVALID_INPUT, or IDEMPOTENCY_CONFLICT when the id stands for another backup.
 * @source ST-1, ST-2
 */
export async function registerBackup(
  ports: BackupPorts,
  order: RegisterBackup,
): Promise<BackupRecord> {
  objectOf({
    setId,
    store: oneOf(BACKUP_STORES),
    covers: listOf(oneOf(BACKUP_DATABASES), 1, BACKUP_DATABASES.length),
    location,
    takenAt: instant,
    expiresAt: instant,
    registeredBy: actor,
  })(order, '');
  assertLife(order);
  const covers = [...order.covers].sort();
  const record = await againIfTaken(() =>
    ports.control.transaction(async (sql) => {
      const known = await findBackup(sql, order.setId);
      if (known !== null) return assertSame(known, order);
      const now = await databaseNow(sql);
      if (Date.parse(order.takenAt) > Date.parse(now)) {
        throw new LetheError('INVALID_INSTANT', 'takenAt lies in the future', { field: 'takenAt' });
      }
      await insertRow(sql, 'backup_sets', {
        set_id: order.setId,
        store: order.store,
        covers: covers.join(','),
        location: order.location,
        taken_at: toSqlTime(order.takenAt),
        expires_at: toSqlTime(order.expiresAt),
        registered_by: order.registeredBy,
        registered_at: toSqlTime(now),
      });
      return (await findBackup(sql, order.setId)) as BackupRecord;
    }),
  );
  await ports.ledger.append({
    tenantId: null,
    kind: 'backup-registered',
    subject: order.setId,
    details: {
      setId: order.setId,
      store: order.store,
      covers,
      locationDigest: createHash('sha256').update(order.location, 'utf8').digest('hex'),
      takenAt: record.takenAt,
      expiresAt: record.expiresAt,
      registeredBy: record.registeredBy,
    },
  });
  return record;
}

function assertLife({ takenAt, expiresAt }: RegisterBackup): void {
  if (Date.parse(expiresAt) > Date.parse(takenAt)) return;
  throw new LetheError('INVALID_INSTANT', 'expiresAt must lie after takenAt', {
    field: 'expiresAt',
  });
}

function assertSame(known: BackupRecord, order: RegisterBackup): BackupRecord {
  const asked = [order.store, [...order.covers].sort().join(','), order.location];
  const there = [known.store, known.covers.join(','), known.location];
  const times = [known.takenAt, known.expiresAt].map((text) => Date.parse(text));
  const same =
    JSON.stringify(asked) === JSON.stringify(there) &&
    times[0] === Date.parse(order.takenAt) &&
    times[1] === Date.parse(order.expiresAt);
  if (same) return known;
  throw new LetheError('IDEMPOTENCY_CONFLICT', 'setId stands for another backup', {
    field: 'setId',
  });
}

/**
 * Records that a backup is gone. Certificates that were issued before keep the date they state.
 *
 * @idempotency the first report counts.
 * @throws LetheError UNKNOWN_BACKUP.
 */
export async function expireBackup(
  ports: BackupPorts,
  order: { readonly setId: string; readonly expiredBy: string },
): Promise<BackupRecord> {
  objectOf({ setId, expiredBy: actor })(order, '');
  const record = await againIfTaken(() =>
    ports.control.transaction(async (sql) => {
      const known = await findBackup(sql, order.setId);
      if (known === null) {
        throw new LetheError(
          'UNKNOWN_BACKUP',
          'setId names no backup; `lethe backups list` shows them',
          { field: 'setId' },
        );
      }
      if (known.expiredAt !== null) return known;
      await insertRow(sql, 'backup_expiries', {
        set_id: order.setId,
        expired_at: toSqlTime(await databaseNow(sql)),
        expired_by: order.expiredBy,
      });
      return (await findBackup(sql, order.setId)) as BackupRecord;
    }),
  );
  await ports.ledger.append({
    tenantId: null,
    kind: 'backup-expired',
    subject: order.setId,
    details: { setId: order.setId, expiredAt: record.expiredAt, expiredBy: record.expiredBy },
  });
  return record;
}

const BACKUPS = `
  SELECT s.set_id, s.store, s.covers, s.location, s.taken_at, s.expires_at, s.registered_by,
         e.expired_at, e.expired_by, s.expires_at <= lethe_now() AS passed
    FROM backup_sets s LEFT JOIN backup_expiries e ON e.set_id = s.set_id`;

/** Every backup that was registered, newest first. Reading, so safe to repeat. */
export async function readBackups(sql: Sql): Promise<readonly BackupRecord[]> {
  return (await textRows(sql, `${BACKUPS} ORDER BY s.taken_at DESC, s.set_id`)).map(toBackup);
}

async function findBackup(sql: Sql, id: string): Promise<BackupRecord | null> {
  const [row] = await textRows(sql, `${BACKUPS} WHERE s.set_id = ?`, [id]);
  return row === undefined ? null : toBackup(row);
}

function toBackup(row: TextRow): BackupRecord {
  const takenAt = toInstant(required(row, 'taken_at'));
  const expiresAt = toInstant(required(row, 'expires_at'));
  const expiredAt = toInstantOrNull(row['expired_at']);
  return {
    setId: required(row, 'set_id'),
    store: required(row, 'store') as BackupStore,
    covers: required(row, 'covers').split(',') as BackupDatabase[],
    location: required(row, 'location'),
    takenAt,
    expiresAt,
    registeredBy: required(row, 'registered_by'),
    expiredAt,
    expiredBy: row['expired_by'] ?? null,
    overdue: expiredAt === null && row['passed'] === '1',
    tooLong: Date.parse(expiresAt) - Date.parse(takenAt) > LIFE_DAYS_MAX * DAY_MS,
  };
}
