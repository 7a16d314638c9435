import type { KeyObject } from 'node:crypto';
import { rawPublicKey } from './ed25519';
import type { TextSigner } from './jws';
import type { KeyList, KeyRole, PublicKeyEntry } from './key-list';
import { noteVerifier, type NoteSigner } from './note';

/** What signs checkpoints: the note under the log's name, and the document around it under its key id. */
export type LogSigner = NoteSigner & TextSigner;

/** The private keys of a process, each beside its listed public half. */
export interface SigningKeys {
  readonly log: LogSigner;
  readonly certificate: TextSigner;
  readonly list: KeyList;
}

/** The listed key of a role whose public half is a private key's own, or null. */
export function listedKey(
  { keys }: KeyList,
  role: KeyRole,
  privateKey: KeyObject,
): PublicKeyEntry | null {
  const raw = rawPublicKey(privateKey);
  const found = keys.find((entry) => entry.role === role && rawPublicKey(entry.key).equals(raw));
  return found ?? null;
}

/** A signer of checkpoints from a listed key and its private half. */
export const logSigner = (
  { keyId, name = '', key }: PublicKeyEntry,
  privateKey: KeyObject,
): LogSigner => ({ ...noteVerifier(name, key), keyId, privateKey });
