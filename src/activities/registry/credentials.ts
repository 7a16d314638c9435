import { invalid } from './failures';

/** A login at a registry. It is kept by the operator's secret store, never by the engine. */
export interface RegistryLogin {
  readonly username: string;
  readonly password: string;
}

/** Finds the login that a tenant uses at a registry; another tenant's is never found. */
export interface RegistryCredentials {
  /** `registry` is `host:port`. Null: the registry is read without a login. */
  find(of: { readonly tenantId: string; readonly registry: string }): Promise<RegistryLogin | null>;
}

/**
 * Builds the header of a basic login.
 *
 * @throws LetheError INVALID_INPUT when the name would be read as name and password by the other side.
 */
export function basicHeader({ username, password }: RegistryLogin): string {
  if (username === '' || /[\p{Cc}:]/u.test(username)) {
    throw invalid(
      'username',
      'must be at least one character, without colons and control characters',
    );
  }
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}
