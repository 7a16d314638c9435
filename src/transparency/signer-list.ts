import type { Signer, SignerRole } from '../domain/signers';
import { SIGNER_ROLES } from '../domain/signers';
import { isLetheError } from '../domain/errors';
import { OPAQUE_ID } from '../domain/identifiers';
import { parseInstant } from '../domain/instants';
import { invalid } from './failures';

const SIGNERS_MAX = 10_000;
const THUMBPRINT = /^[\w-]{43}$/;

/**
 * Reads the keys of people who sign orders: `{"signers": [{"kid", "publicKey", "role", "personId",
 * "validFrom", "validUntil", "revokedAt"}]}`, as `lethe signer list --json` prints them. More fields do
 * not matter.
 *
 * @returns undefined when the text has no such list.
 * @throws LetheError EVIDENCE_INVALID naming the entry.
 */
export function parseSignerList(text: string): readonly Signer[] | undefined {
  const { signers } = parse(text);
  if (signers === undefined) return undefined;
  if (!Array.isArray(signers) || signers.length > SIGNERS_MAX) {
    throw invalid('signers must be a list of keys', 'signers');
  }
  return signers.map((one: unknown, at) => signerOf(one, `signers[${at}]`));
}

function parse(text: string): { readonly signers?: unknown } {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // Said below.
  }
  throw invalid('the list of signers is no JSON object', 'signers');
}

function signerOf(value: unknown, at: string): Signer {
  const fields = (value ?? {}) as Readonly<Record<string, unknown>>;
  const { kid, publicKey, role, personId, validFrom, validUntil = null, revokedAt = null } = fields;
  const isRight =
    isMatch(THUMBPRINT, kid) &&
    isMatch(THUMBPRINT, publicKey) &&
    (SIGNER_ROLES as readonly unknown[]).includes(role) &&
    isMatch(OPAQUE_ID, personId) &&
    isInstant(validFrom) &&
    [validUntil, revokedAt].every((end) => end === null || isInstant(end));
  if (!isRight) throw invalid(`${at} is no key of a signer`, at);
  return {
    ...{ kid: kid as string, publicKey: publicKey as string, role: role as SignerRole },
    ...{ personId: personId as string, validFrom: validFrom as string },
    ...{ validUntil: validUntil as string | null, revokedAt: revokedAt as string | null },
  };
}

const isMatch = (pattern: RegExp, value: unknown): boolean =>
  typeof value === 'string' && pattern.test(value);

function isInstant(value: unknown): boolean {
  if (typeof value !== 'string') return false;
  try {
    parseInstant(value, 'instant');
    return true;
  } catch (error) {
    if (isLetheError(error)) return false;
    throw error;
  }
}
