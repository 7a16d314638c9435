import { isLetheError } from '../../domain/errors';
import type { RepositoryBasics } from '../../contracts/schemas/images';
import type { RegistryClient } from './create-registry-client';
import type { CallOptions } from './session';

/** Kind of product behind an address. */
export type RepositoryType = RepositoryBasics['repositoryType'];

/** Products that are told by their name, without asking. */
const BY_NAME: readonly (readonly [RegExp, RepositoryType])[] = Object.freeze([
  [/^[a-z0-9-]+\.tencentcloudcr\.com$/, 'tcr-enterprise'],
  [/^([a-z0-9]+)?ccr\.ccs\.tencentyun\.com$/, 'tcr-personal'],
  [/^(registry-1\.|index\.)?docker\.io$/, 'docker-hub'],
]);

/**
 * Recognises the type of a repository. @source DC-2
 *
 * Harbor is asked for its greeting; whatever else answers, or does not, is `generic`.
 */
export async function recogniseType(
  client: RegistryClient,
  call: CallOptions,
): Promise<RepositoryType> {
  const host = client.registry.replace(/:\d+$/, '');
  const known = BY_NAME.find(([pattern]) => pattern.test(host))?.[1];
  if (known !== undefined) return known;
  try {
    return (await client.answersLikeHarbor(call)) ? 'harbor' : 'generic';
  } catch (error) {
    const harmless = ['STORE_REFUSED', 'STORE_UNAVAILABLE', 'ACCESS_DENIED'];
    if (isLetheError(error) && harmless.includes(error.code)) return 'generic';
    throw error;
  }
}
