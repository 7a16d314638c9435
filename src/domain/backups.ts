import { byInstant, parseInstant } from './instants';
import type { RecordClass } from './record-class';

/** Stores that operators take backups of. */
export const BACKUP_STORES = Object.freeze(['mysql', 'mongodb'] as const);

/** A store that backups are taken of. */
export type BackupStore = (typeof BACKUP_STORES)[number];

/** What a backup can cover: databases without their environment's prefix. */
export const BACKUP_DATABASES = Object.freeze([
  'assets',
  'configuration',
  'control',
  'keys',
  'evidence',
] as const);

/** A database that a backup covers. */
export type BackupDatabase = (typeof BACKUP_DATABASES)[number];

/** A backup as it was registered. */
export interface BackupSet {
  readonly setId: string;
  readonly store: BackupStore;
  readonly covers: readonly BackupDatabase[];
  readonly takenAt: string;
  readonly expiresAt: string;
  /** When somebody reported that it is gone; null while it is there. */
  readonly expiredAt: string | null;
}

/** A backup that a certificate names. */
export interface NamedBackup {
  readonly setId: string;
  readonly location: 'mysql:backups' | 'mongodb:backups';
  readonly takenAt: string;
  readonly expiresAt: string;
}

/** Where clear data of a class is: rows and documents, and bodies that pass through staging. */
const CLEAR_IN: Readonly<Record<RecordClass, readonly BackupDatabase[]>> = {
  'asset-basic-data': ['assets', 'control'],
  'console-configuration-data': ['control'],
};

/**
 * Backups that may still hold clear data of a class that was gone from the live stores at `goneAt`: taken
 * by then, covering a place where it was, and not reported gone.
 *
 * @throws LetheError INVALID_INSTANT.
 * @source ST-1, ST-2
 */
export function backupsHolding(
  sets: readonly BackupSet[],
  recordClass: RecordClass,
  goneAt: string,
): readonly NamedBackup[] {
  const gone = parseInstant(goneAt, 'goneAt');
  return sets
    .filter((set) => set.expiredAt === null && parseInstant(set.takenAt, 'takenAt') <= gone)
    .filter((set) => set.covers.some((database) => CLEAR_IN[recordClass].includes(database)))
    .map(({ setId, store, takenAt, expiresAt }) => ({
      setId,
      location: `${store}:backups` as const,
      takenAt,
      expiresAt,
    }))
    .sort((a, b) =>
      byInstant(parseInstant(a.takenAt, 'takenAt'), parseInstant(b.takenAt, 'takenAt')),
    );
}
