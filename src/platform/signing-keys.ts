import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LetheError, isLetheError } from '../domain/errors';
import { privateKeyOf } from '../transparency/ed25519';
import { parseKeyList, type KeyList, type KeyRole } from '../transparency/key-list';
import { listedKey, logSigner, type SigningKeys } from '../transparency/signing-keys';
import { readPrivateFile } from './credentials';

/** Where the keys of a process are. */
export interface SigningKeyFiles {
  readonly logKey: string;
  readonly certificateKey: string;
  readonly publicKeys: string;
}

const VARIABLES = Object.freeze({
  log: 'LETHE_LOG_KEY_FILE',
  certificate: 'LETHE_CERTIFICATE_KEY_FILE',
  list: 'LETHE_PUBLIC_KEYS_FILE',
});
const LIST_BYTES_MAX = 1_048_576;

/**
 * Reads the private keys, which only their owner may read, and the list of public keys. A process without
 * one of them does not start: nothing unsigned is issued.
 *
 * @throws LetheError CONFIGURATION_INVALID naming the variable, never a value.
 */
export function readSigningKeys(files: SigningKeyFiles): SigningKeys {
  const list = readKeyList(files.publicKeys, VARIABLES.list);
  const [log, certificate] = [
    readPair(list, 'log', files.logKey),
    readPair(list, 'certificate', files.certificateKey),
  ];
  return {
    list,
    log: logSigner(log.entry, log.privateKey),
    certificate: { keyId: certificate.entry.keyId, privateKey: certificate.privateKey },
  };
}

/**
 * Reads a list of public keys.
 *
 * @param field - variable or option that names the file.
 * @throws LetheError CONFIGURATION_INVALID naming the field and what is wrong with the list.
 */
export function readKeyList(path: string, field: string): KeyList {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    throw refused(field, 'the file cannot be read');
  }
  if (text.length > LIST_BYTES_MAX) throw refused(field, 'the file is too long');
  try {
    return parseKeyList(text);
  } catch (error) {
    throw isLetheError(error) ? refused(field, error.message) : error;
  }
}

function readPair(
  list: KeyList,
  role: KeyRole,
  path: string,
): { readonly entry: KeyList['keys'][number]; readonly privateKey: KeyObject } {
  const field = VARIABLES[role];
  const privateKey = privateKeyOf(readPrivateFile(path, field));
  if (privateKey === null) throw refused(field, 'the file holds no Ed25519 key in PEM');
  const entry = listedKey(list, role, privateKey);
  if (entry === null) throw refused(field, `its public half is not in the list as a ${role} key`);
  return { entry, privateKey };
}

/**
 * Makes new keys and their list in a folder: for development and simulation. In production the operator
 * makes them and guards them; docs/how-to/signing-keys.md says how.
 *
 * @param name - name under which the log signs.
 * @throws Error when the folder holds keys already.
 */
export function createSigningKeys(folder: string, name: string): SigningKeyFiles {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const files: SigningKeyFiles = {
    logKey: join(folder, 'log-key.pem'),
    certificateKey: join(folder, 'certificate-key.pem'),
    publicKeys: join(folder, 'keys.json'),
  };
  const entries = [
    { ...publicEntry('log-1', makePair(files.logKey)), role: 'log', name },
    { ...publicEntry('certificate-1', makePair(files.certificateKey)), role: 'certificate' },
  ];
  const list = { version: 1, keys: entries };
  writeFileSync(files.publicKeys, `${JSON.stringify(list, null, 2)}\n`, { flag: 'wx' });
  return files;
}

function makePair(path: string): KeyObject {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const pem = privateKey.export({ format: 'pem', type: 'pkcs8' });
  writeFileSync(path, pem, { flag: 'wx', mode: 0o600 });
  return publicKey;
}

/** A simulated clock starts in any year, so keys of a simulation are valid from the first. */
const publicEntry = (keyId: string, key: KeyObject): object => ({
  keyId,
  publicKey: key.export({ format: 'der', type: 'spki' }).toString('base64'),
  validFrom: '2000-01-01T00:00:00Z',
  validUntil: null,
});

const refused = (field: string, what: string): LetheError =>
  new LetheError('CONFIGURATION_INVALID', `${field}: ${what}`, { field });
