import { readFileSync, writeFileSync } from 'node:fs';
import { LetheError } from '../domain/errors';

/**
 * Bytes of a file that somebody named.
 *
 * @throws LetheError INVALID_INPUT naming the field.
 */
export function readBytes(file: string, field: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new LetheError('INVALID_INPUT', `${field} must name a readable file`, { field, cause });
  }
}

/**
 * Makes a file and never writes over another.
 *
 * @throws LetheError INVALID_INPUT naming `out`.
 */
export function writeNew(file: string, bytes: Buffer | string): void {
  try {
    writeFileSync(file, bytes, { flag: 'wx' });
  } catch (cause) {
    throw new LetheError(
      'INVALID_INPUT',
      'out must name a file that can be made and is not there',
      { field: 'out', cause },
    );
  }
}
