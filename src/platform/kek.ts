import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { z } from 'zod';
import { LetheError } from '../domain/errors';
import type { KekRing } from '../contracts/keys';
import { readPrivateFile } from './credentials';

const FIELD = 'LETHE_KEK_FILE';
const KEK_BYTES = 32;
const PRIVATE = 0o600;

const kekId = z.string().regex(/^kek-[0-9a-z][0-9a-z-]{0,59}$/);
/** 32 bytes in base64, written in the one canonical way. */
const kekBytes = z
  .string()
  .regex(/^[0-9A-Za-z+/]{43}=$/)
  .transform((text, context) => {
    const bytes = Buffer.from(text, 'base64');
    if (bytes.length === KEK_BYTES && bytes.toString('base64') === text) return bytes;
    context.addIssue({ code: 'custom', message: 'not 32 bytes' });
    return z.NEVER;
  });

const KEK_FILE = z.strictObject({
  /** Id of the key that wraps new data keys. */
  current: kekId,
  keys: z.record(kekId, kekBytes),
});

/**
 * Reads the key-encryption keys from a file that only its owner may read:
 * `{"current": "kek-2", "keys": {"kek-1": "<base64>", "kek-2": "<base64>"}}`.
 *
 * To rotate, add a key, name it as current, restart the processes, wrap again, and take the old key out
 * when nothing needs it any more.
 *
 * @throws LetheError CONFIGURATION_INVALID naming LETHE_KEK_FILE and what is wrong, never a value.
 */
export function readKekFile(path: string): KekRing {
  const parsed = KEK_FILE.safeParse(parseJson(readPrivateFile(path, FIELD)));
  if (!parsed.success) {
    const where = parsed.error.issues.map((issue) => issue.path.slice(0, 2).join('.') || 'root');
    throw invalid(`malformed at ${where.join(', ')}; it needs current and keys of 32 bytes`);
  }
  const keys = new Map(Object.entries(parsed.data.keys));
  if (!keys.has(parsed.data.current)) throw invalid('current names a key that is not in keys');
  if (new Set([...keys.values()].map((key) => key.toString('hex'))).size !== keys.size) {
    throw invalid('two ids name the same key; a rotation needs a new one');
  }
  return Object.freeze({ currentId: parsed.data.current, keys });
}

/**
 * Makes the file with one random key when there is none: for development and simulation. In production
 * the operator provides it; whoever loses it has lost every data key.
 *
 * The file appears under its name only when it is complete, so another process never reads half of it.
 *
 * @idempotency an existing file is left as it is.
 * @returns true when this call made it.
 * @throws LetheError CONFIGURATION_INVALID when the folder does not allow it.
 */
export function createKekFile(path: string): boolean {
  const draft = `${path}.${randomBytes(8).toString('hex')}`;
  const content = {
    current: 'kek-1',
    keys: { 'kek-1': randomBytes(KEK_BYTES).toString('base64') },
  };
  try {
    writePrivate(draft, `${JSON.stringify(content)}\n`);
    try {
      // Unlike a rename, a link never replaces what somebody else made in between.
      linkSync(draft, path);
      return true;
    } finally {
      unlinkSync(draft);
    }
  } catch (error) {
    if ((error as { code?: unknown }).code === 'EEXIST') return false;
    throw invalid('the file cannot be made; check that its folder exists and is writable');
  }
}

function writePrivate(path: string, content: string): void {
  const descriptor = openSync(path, 'wx', PRIVATE);
  try {
    writeSync(descriptor, content);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function parseJson(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    throw invalid('the file is not JSON');
  }
}

const invalid = (what: string): LetheError =>
  new LetheError('CONFIGURATION_INVALID', `${FIELD}: ${what}`, { field: FIELD });
