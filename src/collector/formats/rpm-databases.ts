import type { ByteSource } from '../zip/byte-source';
import { readBerkeleyBlobs } from './berkeley-db';
import { readNdbBlobs } from './rpm-ndb';
import { readSqliteBlobs } from './sqlite';

/** Databases of rpm by the names of their files, the newest form first. */
export const RPM_DATABASES = ['rpmdb.sqlite', 'Packages.db', 'Packages'] as const;

/** Where databases of rpm stand, the newer place first; one usually is a link to the other. */
export const RPM_FOLDERS = ['/usr/lib/sysimage/rpm', '/var/lib/rpm'] as const;

/** Name of the file of one of rpm's databases. */
export type RpmDatabase = (typeof RPM_DATABASES)[number];

/**
 * Package headers of a database of rpm.
 *
 * @throws RangeError when the file is no such database, or its parts contradict each other.
 */
export function readRpmBlobs(name: RpmDatabase, file: ByteSource): Generator<Buffer> {
  if (name === 'Packages.db') return readNdbBlobs(file);
  return name === 'Packages' ? readBerkeleyBlobs(file) : readSqliteBlobs(file, 'Packages');
}
