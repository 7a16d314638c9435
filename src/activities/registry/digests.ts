import { createHash } from 'node:crypto';
import { digestSchema } from '../../contracts/schemas/registry';
import { digestMismatch } from './failures';

/** Digest of bytes in the algorithm of another digest. */
function digestLike(expected: string, bytes: Buffer): string {
  const algorithm = expected.startsWith('sha512:') ? 'sha512' : 'sha256';
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}

/** SHA-256 of bytes the way registries write it. */
const digestOf = (bytes: Buffer): string => digestLike('sha256:', bytes);

/**
 * Checks the bytes that were received against every digest that is claimed for them.
 *
 * @param claims - digests from the request and from the answer's header; undefined ones are no claim.
 * @returns the digest under which the registry knows the bytes.
 * @throws LetheError DIGEST_MISMATCH, also when a claim is no digest the engine can compute.
 */
export function checkDigest(
  bytes: Buffer,
  claims: readonly (string | undefined)[],
  what: string,
): string {
  const made = claims.filter((claim) => claim !== undefined);
  for (const claim of made) {
    if (!digestSchema.safeParse(claim).success || digestLike(claim, bytes) !== claim) {
      throw digestMismatch(what);
    }
  }
  return made[0] ?? digestOf(bytes);
}
