import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { LetheError } from '../domain/errors';

const text = z.string().min(1).max(256);
const role = z.string().regex(/^[a-z][a-z-]{0,31}$/);

const CREDENTIALS = z.strictObject({
  mysql: z.record(role, z.strictObject({ user: text, password: text })).default({}),
  /** Absent where the document server knows no accounts; then its URL is all there is. */
  mongo: z.record(role, z.strictObject({ user: text, password: text })).default({}),
  s3: z.record(role, z.strictObject({ accessKey: text, secretKey: text })).default({}),
});

/** Logins per role, as the migrator wrote them. */
export type Credentials = z.infer<typeof CREDENTIALS>;

/** Largest credentials file that is read, in bytes; a real one has about twenty roles. */
const FILE_BYTES_MAX = 64 * 1024;
const OTHERS = 0o077;

/**
 * Reads the logins of every role from a file that only its owner may read.
 *
 * The mode is checked on the open descriptor, so that the file cannot be exchanged between the check
 * and the read. Messages name the file's variable, never a value.
 *
 * @throws LetheError CONFIGURATION_INVALID naming LETHE_CREDENTIALS_FILE.
 */
export function readCredentials(path: string): Credentials {
  return parseCredentials(readPrivateFile(path, 'LETHE_CREDENTIALS_FILE'));
}

/**
 * Reads a small secret file that only its owner may read.
 *
 * @param variable - environment variable that named the file, for the message.
 * @throws LetheError CONFIGURATION_INVALID when it is missing, readable by others, empty or too large.
 */
export function readPrivateFile(path: string, variable: string): string {
  const refuse = (what: string): never => {
    throw new LetheError('CONFIGURATION_INVALID', `${variable}: ${what}`, { field: variable });
  };
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch {
    return refuse('the file cannot be opened; check the path and its owner');
  }
  try {
    const status = fstatSync(descriptor);
    if (!status.isFile()) return refuse('it is not a regular file');
    if ((status.mode & OTHERS) !== 0) return refuse('others can read it; run chmod 600 on it');
    if (status.size === 0 || status.size > FILE_BYTES_MAX) {
      return refuse(`its size must be between 1 and ${FILE_BYTES_MAX} bytes`);
    }
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}

function parseCredentials(content: string): Credentials {
  const field = 'LETHE_CREDENTIALS_FILE';
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch {
    throw new LetheError('CONFIGURATION_INVALID', `${field}: the file is not JSON`, { field });
  }
  const parsed = CREDENTIALS.safeParse(value);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues.map((issue) => issue.path.join('.') || 'root').join(', ');
  throw new LetheError('CONFIGURATION_INVALID', `${field}: malformed at ${where}`, { field });
}

/**
 * The SQL login of a role.
 *
 * @throws LetheError CONFIGURATION_INVALID when the file has no such role.
 */
export function sqlLogin(
  credentials: Credentials,
  name: string,
): { readonly user: string; readonly password: string } {
  return pick(credentials.mysql, name, 'mysql');
}

/**
 * The object-store account of a role.
 *
 * @throws LetheError CONFIGURATION_INVALID when the file has no such role.
 */
export function objectLogin(
  credentials: Credentials,
  name: string,
): { readonly accessKey: string; readonly secretKey: string } {
  return pick(credentials.s3, name, 's3');
}

/**
 * The document-store login of a role, or undefined when the server knows no accounts.
 *
 * @throws LetheError CONFIGURATION_INVALID when there are accounts, but none for the role.
 */
export function mongoLogin(
  credentials: Credentials,
  name: string,
): { readonly user: string; readonly password: string } | undefined {
  const hasAccounts = Object.keys(credentials.mongo).length > 0;
  return hasAccounts ? pick(credentials.mongo, name, 'mongo') : undefined;
}

function pick<T>(logins: Readonly<Record<string, T>>, name: string, section: string): T {
  const login = Object.hasOwn(logins, name) ? logins[name] : undefined;
  if (login !== undefined) return login;
  throw new LetheError(
    'CONFIGURATION_INVALID',
    `the credentials file has no ${section}.${name}; run the migrator`,
    { field: 'LETHE_CREDENTIALS_FILE' },
  );
}
