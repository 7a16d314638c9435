import type { KeyObject } from 'node:crypto';
import { isLetheError } from '../domain/errors';
import { parseInstant } from '../domain/instants';
import { fromBase64 } from './base64';
import { publicKeyOfDer } from './ed25519';
import { invalid } from './failures';
import type { Signer } from '../domain/signers';
import { parseSignerList } from './signer-list';
import { isKeyName, noteVerifier, type NoteVerifier } from './note';

/** What a key signs: checkpoints of the ledger, or certificates of destruction. */
export type KeyRole = 'log' | 'certificate';

/** A public key with what it may be used for and when. */
export interface PublicKeyEntry {
  readonly keyId: string;
  readonly role: KeyRole;
  /** Name under which a log signs; only in keys of that role. */
  readonly name?: string;
  readonly key: KeyObject;
  readonly validFrom: string;
  /** Null while it has no end. */
  readonly validUntil: string | null;
}

/** The public keys of an environment, as somebody who verifies has them. */
export interface KeyList {
  readonly keys: readonly PublicKeyEntry[];
  /** The list's text, so that it can be handed on unchanged. */
  readonly text: string;
  /** Keys of people who sign orders, when the list has them. */
  readonly signers?: readonly Signer[];
}

const KEY_ID = /^[0-9A-Za-z][0-9A-Za-z_.-]{0,63}$/;
const FIELDS = ['keyId', 'name', 'publicKey', 'role', 'validFrom', 'validUntil'];
const KEYS_MAX = 1000;

/**
 * Reads a list of public keys:
 * `{"version": 1, "keys": [{"keyId", "role", "name", "publicKey", "validFrom", "validUntil"}]}`.
 * It may also have `signers`, as `lethe signer list --json` prints them.
 * `publicKey` is the line between the first and the last one of a PEM file.
 *
 * @throws LetheError EVIDENCE_INVALID naming the entry and the field.
 */
export function parseKeyList(text: string): KeyList {
  const { version, keys } = asObject(parseJson(text), 'the list');
  if (version !== 1 || !Array.isArray(keys) || keys.length === 0 || keys.length > KEYS_MAX) {
    throw invalid('the list of keys needs version 1 and keys', 'keys');
  }
  const entries = keys.map((one, at) => parseEntry(one, `keys[${at}]`));
  if (new Set(entries.map(({ keyId }) => keyId)).size !== entries.length) {
    throw invalid('two keys of the list have one keyId', 'keys');
  }
  const signers = parseSignerList(text);
  return { keys: entries, text, ...(signers === undefined ? {} : { signers }) };
}

function parseEntry(value: unknown, at: string): PublicKeyEntry {
  const fields = asObject(value, at);
  const strange = Object.keys(fields).find((name) => !FIELDS.includes(name));
  if (strange !== undefined) throw invalid(`${at} has an unknown field`, at);
  const take = <T>(field: string, read: (value: unknown) => T | undefined): T => {
    const taken = read(fields[field]);
    if (taken !== undefined) return taken;
    throw invalid(`${at}.${field} is missing or malformed`, `${at}.${field}`);
  };
  const role = take('role', readRole);
  const name = take('name', (text) => readName(text, role));
  return {
    keyId: take('keyId', (text) => (isText(text) && KEY_ID.test(text) ? text : undefined)),
    role,
    ...(name === null ? {} : { name }),
    key: take('publicKey', readKey),
    validFrom: take('validFrom', (text) => (isInstant(text) ? text : undefined)),
    validUntil: take('validUntil', readEnd),
  };
}

const isText = (value: unknown): value is string => typeof value === 'string';
const readRole = (value: unknown): KeyRole | undefined =>
  value === 'log' || value === 'certificate' ? value : undefined;
const readEnd = (value: unknown): string | null | undefined =>
  value === undefined || value === null ? null : isInstant(value) ? value : undefined;

/** A log has a name and nothing else has one. */
function readName(value: unknown, role: KeyRole): string | null | undefined {
  if (role === 'certificate') return value === undefined ? null : undefined;
  return isText(value) && isKeyName(value) ? value : undefined;
}

function readKey(value: unknown): KeyObject | undefined {
  const der = isText(value) ? fromBase64(value) : null;
  return (der === null ? null : publicKeyOfDer(der)) ?? undefined;
}

/** Whether a key may have signed something at an instant. */
export function isValidAt({ validFrom, validUntil }: PublicKeyEntry, instant: string): boolean {
  const at = parseInstant(instant, 'instant');
  if (at < parseInstant(validFrom, 'validFrom')) return false;
  return validUntil === null || at < parseInstant(validUntil, 'validUntil');
}

/** Keys that check a log's notes. Whether one was valid at the instant is for the caller to ask. */
export const logVerifiers = ({ keys }: KeyList): readonly NoteVerifier[] =>
  keys.flatMap(({ role, name, key }) =>
    role === 'log' && name !== undefined ? [noteVerifier(name, key)] : [],
  );

const asObject = (value: unknown, at: string): Readonly<Record<string, unknown>> => {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>;
  }
  throw invalid(`${at} must be an object`, at);
};

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalid('the list of keys is not JSON');
  }
}

function isInstant(value: unknown): value is string {
  if (!isText(value)) return false;
  try {
    parseInstant(value, 'instant');
    return true;
  } catch (error) {
    if (isLetheError(error)) return false;
    throw error;
  }
}
