import { statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { RegistryCredentials, RegistryLogin } from '../contracts/registry-logins';
import { LetheError } from '../domain/errors';
import { isId } from '../domain/identifiers';
import { readPrivateFile } from './credentials';

const FIELD = 'LETHE_REGISTRY_LOGINS_DIRECTORY';

/** As the address of a registry is written in an authorization, the port always there. */
const authority = z.string().regex(/^(\[[0-9a-f:.]{2,45}\]|[0-9a-z][0-9a-z.-]{0,252}):\d{1,5}$/);
const LOGINS = z.record(
  authority,
  z.strictObject({
    username: z.string().regex(/^[^\p{Cc}:]{1,256}$/u),
    // Token services hand out passwords of some thousand characters.
    password: z.string().min(1).max(8192),
  }),
);

/**
 * Logins at registries, from a folder with a file for each tenant that has any, which only its owner may
 * read: `tn_….json` with `{"registry.corp.test:443": {"username": "…", "password": "…"}}`.
 *
 * A file is read anew each time that a registry asks, so that a rotation needs no restart. A tenant without a
 * file has no login, and neither has a registry that its file does not name.
 *
 * @throws LetheError CONFIGURATION_INVALID when the folder is none; from its method naming the tenant's file
 *   and the place in it, never a value.
 */
export function registryLogins(directory: string | undefined): RegistryCredentials {
  if (directory === undefined) return { find: () => Promise.resolve(null) };
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw invalid('it is no folder that can be read');
  }
  return { find: (of) => Promise.resolve(of).then((asked) => loginIn(directory, asked)) };
}

function loginIn(
  directory: string,
  { tenantId, registry }: { readonly tenantId: string; readonly registry: string },
): RegistryLogin | null {
  // The name becomes part of a path.
  if (!isId('TenantId', tenantId)) throw invalid('asked for no tenant');
  const name = `${tenantId}.json`;
  const logins = readLogins(join(directory, name), name);
  return Object.hasOwn(logins, registry) ? (logins[registry] ?? null) : null;
}

function readLogins(path: string, name: string): z.infer<typeof LOGINS> {
  if (isMissing(path)) return {};
  let value: unknown;
  const text = readPrivateFile(path, `${FIELD}/${name}`);
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid(`${name} is not JSON`);
  }
  const parsed = LOGINS.safeParse(value);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues.map((issue) => issue.path.slice(0, 2).join(' ') || 'root');
  throw invalid(`${name} is malformed at ${where.join(', ')}`);
}

/** Whether nothing is there; what is there and cannot be looked at is no missing file. */
function isMissing(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) === undefined;
  } catch {
    return false;
  }
}

const invalid = (what: string): LetheError =>
  new LetheError('CONFIGURATION_INVALID', `${FIELD}: ${what}`, { field: FIELD });
