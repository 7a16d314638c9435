import { closeSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { LetheError } from '../domain/errors';

const STANDARD_INPUT = 0;
/** Longest text that a command takes, in bytes: far more than any document has, far less than memory. */
const TEXT_BYTES_MAX = 256 * 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;

/**
 * Text of a file, or of standard input for `-`. What never ends is given up.
 *
 * @throws LetheError INVALID_INPUT when it is too long; or what the file system says.
 */
export function readWhole(file: string): string {
  const descriptor = file === '-' ? STANDARD_INPUT : openSync(file, 'r');
  try {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    const parts: Buffer[] = [];
    let bytes = 0;
    for (;;) {
      const read = readSync(descriptor, chunk);
      if (read === 0) return Buffer.concat(parts).toString('utf8');
      bytes += read;
      if (bytes > TEXT_BYTES_MAX) {
        throw new LetheError(
          'INVALID_INPUT',
          'the input is longer than 256 MiB; give less at once',
        );
      }
      parts.push(Buffer.from(chunk.subarray(0, read)));
    }
  } finally {
    if (descriptor !== STANDARD_INPUT) closeSync(descriptor);
  }
}

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
