import {
  existsSync,
  closeSync,
  fsyncSync,
  openSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { LetheError } from '../../domain/errors';
import { readCredentials, type Credentials } from '../credentials';

const PRIVATE = 0o600;

/**
 * The logins that an earlier migration wrote; none when there is no file yet.
 *
 * @throws LetheError CONFIGURATION_INVALID when there is a file that is not usable: it is not replaced,
 * because its passwords would be lost.
 */
export function readKnownCredentials(path: string): Credentials {
  return existsSync(path) ? readCredentials(path) : { mysql: {}, mongo: {}, s3: {} };
}

/**
 * Replaces the credentials file whole or not at all; only its owner can read it, from the start. Safe to
 * repeat.
 *
 * @throws LetheError CONFIGURATION_INVALID naming LETHE_CREDENTIALS_FILE.
 */
export function writeCredentials(path: string, credentials: Credentials): void {
  const draft = `${path}.${randomBytes(8).toString('hex')}`;
  try {
    const descriptor = openSync(draft, 'wx', PRIVATE);
    try {
      writeSync(descriptor, `${JSON.stringify(credentials, null, 1)}\n`);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(draft, path);
    syncFolder(dirname(path));
  } catch (cause) {
    if (existsSync(draft)) unlinkSync(draft);
    throw new LetheError(
      'CONFIGURATION_INVALID',
      'LETHE_CREDENTIALS_FILE cannot be written; check that its folder exists and is writable',
      { field: 'LETHE_CREDENTIALS_FILE', cause },
    );
  }
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
