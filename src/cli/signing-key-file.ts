import type { KeyObject } from 'node:crypto';
import { createPublicKey } from 'node:crypto';
import { LetheError } from '../domain/errors';
import { readPrivateFile } from '../platform/credentials';
import { privateKeyOf } from '../transparency/ed25519';
import type { CliIo } from './io';

/**
 * Reads a person's private key, which only its owner may read; it never leaves this process.
 *
 * @throws LetheError CONFIGURATION_INVALID for the file, INVALID_INPUT when it holds no Ed25519 key.
 */
export function readSigningKey(file: string): KeyObject {
  const key = privateKeyOf(readPrivateFile(file, 'key'));
  if (key !== null) return key;
  throw new LetheError('INVALID_INPUT', 'key must be a file with an Ed25519 private key in PEM', {
    field: 'key',
  });
}

/**
 * Reads a public key in PEM.
 *
 * @returns `x` of its JWK.
 * @throws LetheError INVALID_INPUT naming the option.
 */
export function readPublicKey(io: CliIo, file: string, option: string): string {
  try {
    const { kty, crv, x } = createPublicKey(io.read(file)).export({ format: 'jwk' });
    if (kty === 'OKP' && crv === 'Ed25519' && x !== undefined) return x;
  } catch {
    // Said below: what the file holds is no key of this kind.
  }
  throw new LetheError('INVALID_INPUT', `${option} must name an Ed25519 public key in PEM`, {
    field: option,
  });
}
