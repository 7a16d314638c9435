/**
 * Repositories of one registry, by name: one of them, all below a prefix (`shop/*`), or all of them (`*`).
 * What a customer shares is said this way, and what is to be scanned.
 */

/** All that a registry holds. */
export const ALL_REPOSITORIES = '*';
const BELOW = '/*';

/** Whether it speaks of more than one repository, so that only the registry's catalog says of which. */
export const isManyRepositories = (scope: string): boolean =>
  scope === ALL_REPOSITORIES || scope.endsWith(BELOW);

/** Whether everything that `wanted` speaks of lies within `scope`. @source SH-1 */
export function covers(scope: string, wanted: string): boolean {
  if (scope === ALL_REPOSITORIES) return true;
  return scope.endsWith(BELOW) ? wanted.startsWith(scope.slice(0, -1)) : scope === wanted;
}
