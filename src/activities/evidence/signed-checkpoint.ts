import { LetheError, isLetheError } from '../../domain/errors';
import type { Checkpoint, ControlPosition } from '../../domain/evidence';
import { fromBase64 } from '../../transparency/base64';
import { assertValidAt, openText, parseSignedText, signText } from '../../transparency/jws';
import { isValidAt, logVerifiers, type KeyList } from '../../transparency/key-list';
import { isRange, rootOf, type CompactRange } from '../../transparency/merkle';
import type { SigningKeys } from '../../transparency/signing-keys';
import { openTreeHead, signTreeHead, type TreeHead } from '../../transparency/tree-head';
import { canonicalText } from './text';

const TYPE = 'lethe-checkpoint+json';

/** What a checkpoint says before it is signed. */
export type UnsignedCheckpoint = Omit<Checkpoint, 'version' | 'note' | 'tree'>;

/**
 * Signs where ledger and control stand: the head as a note that any tool for transparency logs reads, and
 * the whole document with it.
 *
 * @throws LetheError CONFIGURATION_INVALID when the log's key is not valid at that instant.
 */
export function signCheckpoint(
  position: UnsignedCheckpoint,
  range: CompactRange,
  keys: Pick<SigningKeys, 'log' | 'list'>,
): { readonly checkpoint: Checkpoint; readonly signed: string } {
  assertMaySign(keys.list, keys.log.keyId, position.at);
  const checkpoint: Checkpoint = {
    version: 2,
    ...position,
    tree: range.nodes.map((node) => node.toString('base64')),
    note: signTreeHead({ size: range.size, root: rootOf(range) }, keys.log),
  };
  const signed = canonicalText(signText(canonicalText(checkpoint), TYPE, keys.log));
  return { checkpoint, signed };
}

/**
 * Refuses to sign with a key that nobody would accept.
 *
 * @throws LetheError CONFIGURATION_INVALID
 */
export function assertMaySign(list: KeyList, keyId: string, at: string): void {
  const entry = list.keys.find((key) => key.keyId === keyId);
  if (entry !== undefined && isValidAt(entry, at)) return;
  const field = 'LETHE_PUBLIC_KEYS_FILE';
  throw new LetheError('CONFIGURATION_INVALID', `${field}: the key ${keyId} is not valid now`, {
    field,
  });
}

/** A checkpoint whose signatures were checked. */
export interface OpenedCheckpoint {
  readonly checkpoint: Checkpoint;
  readonly head: TreeHead;
  readonly range: CompactRange;
}

/**
 * Opens a signed checkpoint: both signatures, the key's validity, and that note, tree and position agree.
 *
 * @throws LetheError DIGEST_MISMATCH
 */
export function openCheckpoint(signed: string, keys: KeyList): OpenedCheckpoint {
  try {
    const { text, key } = openText(parseSignedText(signed), { type: TYPE, role: 'log', keys });
    const checkpoint = JSON.parse(text) as Checkpoint;
    if (!isCheckpoint(checkpoint)) throw disagreeing('it is malformed');
    assertValidAt(key, checkpoint.at);
    const head = openTreeHead(checkpoint.note, logVerifiers(keys));
    const nodes = checkpoint.tree.map((node) => fromBase64(node) ?? Buffer.alloc(0));
    const range = { size: checkpoint.sequence, nodes };
    const agrees =
      isRange(range) &&
      head.origin === key.name &&
      head.size === range.size &&
      head.root.equals(rootOf(range));
    if (!agrees) throw disagreeing('its tree is not the one that was signed');
    return { checkpoint, head, range };
  } catch (error) {
    if (isLetheError(error) && error.code === 'DIGEST_MISMATCH') throw error;
    throw disagreeing(isLetheError(error) ? error.message : 'it is not readable');
  }
}

function isCheckpoint(value: Partial<Checkpoint> | null): boolean {
  return (
    value?.version === 2 &&
    Number.isSafeInteger(value.sequence) &&
    /^[0-9a-f]{64}$/.test(value.hash ?? '') &&
    typeof value.note === 'string' &&
    Array.isArray(value.tree) &&
    isControlPosition(value.control)
  );
}

const isControlPosition = (value: ControlPosition | undefined): boolean =>
  typeof value?.asOf === 'string' &&
  typeof value.facts === 'object' &&
  Object.values(value.facts).every(Number.isSafeInteger);

/** An exported checkpoint is never passed over: what is wrong with it must be looked at by a person. */
export const disagreeing = (why: string): LetheError =>
  new LetheError('DIGEST_MISMATCH', `an exported checkpoint does not count: ${why}`);
