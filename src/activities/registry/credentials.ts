import type { RegistryLogin } from '../../contracts/registry-logins';
import { invalid } from './failures';

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
