import { LetheError } from './errors';
import { isId } from './identifiers';
import { HOSTING_SERVICES } from './record-class';

/**
 * The evidence ledger: entries that follow one another, each bound to all before it by a hash. Whoever
 * knows the hash of one entry can tell whether anything up to it was changed, removed or put in between.
 */

/** Which clock the instants of an environment come from. */
export type EvidenceClock = 'system' | 'simulated';

/** What may stand in an entry: no content, so that the ledger outlives the data it speaks of. */
type EvidenceDetails = Readonly<Record<string, unknown>>;

/** An act to be recorded once; `kind` and `subject` name it. */
export interface EvidenceAct {
  readonly tenantId: string | null;
  readonly kind: string;
  readonly subject: string;
  readonly details: EvidenceDetails;
}

/** An act as the ledger holds it. */
export interface LedgerEntry extends EvidenceAct {
  readonly version: 1;
  /** From 1, without a gap. */
  readonly sequence: number;
  /** Instant of the record by the evidence database's clock. */
  readonly at: string;
  readonly clock: EvidenceClock;
}

/** Hexadecimal SHA-256 of a text's UTF-8 bytes; an argument, because the domain has no library. */
export type HashText = (text: string) => string;

/** One JSON text per value, whatever the order of its fields; an argument like the hash. */
export type CanonicalText = (value: unknown) => string;

/** How far a ledger reaches: the last sequence number and its hash. */
export interface LedgerPosition {
  readonly sequence: number;
  readonly hash: string;
}

/** An entry as stored: the text that was hashed, and the hash. */
export interface StoredEntry extends LedgerPosition {
  readonly text: string;
}

/** First place where a ledger is not what it was. */
export interface ChainBreak {
  readonly sequence: number;
  readonly reason: 'gap' | 'rewritten' | 'columns' | 'checkpoint' | 'truncated';
}

/** The position before the first entry. */
export const LEDGER_START: LedgerPosition = Object.freeze({ sequence: 0, hash: '0'.repeat(64) });

/** Text of an entry as it is stored and hashed. */
export const entryText = (entry: LedgerEntry, canonical: CanonicalText): string => canonical(entry);

/** The position after an entry: its hash covers the previous hash and its own text. */
export const positionAfter = (
  previous: LedgerPosition,
  text: string,
  hash: HashText,
): LedgerPosition => ({
  sequence: previous.sequence + 1,
  hash: hash(`${previous.hash}\n${text}`),
});

/** Whether `stored` follows `previous`; null when it does. */
export function breakAt(
  previous: LedgerPosition,
  stored: StoredEntry,
  hash: HashText,
): ChainBreak | null {
  const expected = positionAfter(previous, stored.text, hash);
  if (stored.sequence !== expected.sequence) {
    return { sequence: expected.sequence, reason: 'gap' };
  }
  return stored.hash === expected.hash ? null : { sequence: stored.sequence, reason: 'rewritten' };
}

/** First break of a chain in the order of its entries, from its start or from a known position. */
export function verifyChain(
  entries: Iterable<StoredEntry>,
  hash: HashText,
  from: LedgerPosition = LEDGER_START,
): ChainBreak | null {
  let previous = from;
  for (const entry of entries) {
    const broken = breakAt(previous, entry, hash);
    if (broken !== null) return broken;
    previous = entry;
  }
  return null;
}

/** Facts that control had recorded up to an instant of its own clock. */
export interface ControlPosition {
  readonly asOf: string;
  /** Rows per table up to `asOf`; rows are only ever added. */
  readonly facts: Readonly<Record<string, number>>;
}

/** A position of the ledger and of control that was put where neither store's administrator can change it. */
export interface Checkpoint extends LedgerPosition {
  readonly version: 2;
  readonly at: string;
  readonly clock: EvidenceClock;
  readonly control: ControlPosition;
  /** Roots of the complete subtrees over the entries, the largest first, in base64. */
  readonly tree: readonly string[];
  /** The tree's head as the log signed it. */
  readonly note: string;
}

/**
 * True when the ledger or control is older than a checkpoint: somebody restored it, and what was held or
 * ordered since then is not known any more. The facts are counted up to the checkpoint's own instant, so
 * that later ones cannot make up for those that are missing. A count that is missing counts as older.
 */
export function isOlderThanCheckpoint(
  found: { readonly ledger: LedgerPosition; readonly facts: ControlPosition['facts'] },
  checkpoint: Checkpoint,
): boolean {
  if (!(found.ledger.sequence >= checkpoint.sequence)) return true;
  return Object.entries(checkpoint.control.facts).some(
    ([table, count]) => !((found.facts[table] ?? -1) >= count),
  );
}

const KIND = /^[a-z][a-z0-9]*(-[a-z0-9]+){0,7}$/;
const SUBJECT = /^[0-9A-Za-z][0-9A-Za-z_.:/-]{0,254}$/;
const KIND_LENGTH_MAX = 64;

/** What a text in an entry may look like: nothing a name, an address, a path or a sentence fits into. */
const TEXTS: readonly RegExp[] = [
  /^[0-9a-f]{8,64}$/, // digest, or the beginning of one
  /^[a-z]{2}_[0-9a-z]{8,64}$/, // id
  /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2}))?$/, // day or instant
  /^(mongodb|mysql|s3|worker):[a-z]+([._-][a-z]+){0,3}$/, // location of the inventory
  /^asset:rn_[0-9a-z]{16,40}:\d{4}-\d{2}-\d{2}$/, // key of a cohort
  /^configuration:tn_[0-9a-z]{16,40}:\d{1,9}$/, // key of a generation
  /^[a-z]+(-[a-z]+)*@\d{1,4}\+[0-9a-f]{12}$/, // policy version
  /^\d{4}[a-z]$/, // version of the time zone rules
  /^(?=.{1,40}$)[a-z][A-Za-z0-9]*(-[a-z0-9]+){0,5}$/, // word of a closed list
  /^[A-Z]{2,3}(-[A-Z]{2,3})?-?\d{0,2}$/, // rule, calendar, jurisdiction, service
];
/** Fields whose text somebody else chose, within the shape that the edge enforces. */
const OPAQUE_FIELD = /(By|[kK]ey|[vV]ersionId)$/;
const OPAQUE = /^[0-9A-Za-z][0-9A-Za-z_.:=+~-]{0,127}$/;
const FIELD = /^[a-z][A-Za-z0-9]{0,63}$/;

const DEPTH_MAX = 4;
const ITEMS_MAX = 1000;

/**
 * Refuses an act that could carry content. The ledger is kept when the data is gone, so a name, an
 * address, a path or a sentence in it would be a copy that nobody ever destroys.
 *
 * @throws LetheError INVALID_INPUT naming the field, never its value.
 */
export function assertAct(act: EvidenceAct): void {
  const { tenantId, kind, subject } = act;
  if (tenantId !== null && !isId('TenantId', tenantId)) refuse('tenantId', 'must be a tenant id');
  if (typeof kind !== 'string' || kind.length > KIND_LENGTH_MAX || !KIND.test(kind)) {
    refuse('kind', 'must be lower-case words with dashes');
  }
  if (typeof subject !== 'string' || !SUBJECT.test(subject)) {
    refuse('subject', 'must be ids with slashes');
  }
  assertPlain(act.details, 'details');
  assertDetails(act.details, 'details', DEPTH_MAX);
}

function assertDetails(value: unknown, field: string, depth: number): void {
  if (value === null || typeof value === 'boolean') return;
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) refuse(field, 'must be a whole number');
  } else if (typeof value === 'string') {
    if (!isAllowedText(value, field)) {
      refuse(field, 'must be an id, a digest, an instant, a location or a known word');
    }
  } else assertNested(value, field, depth);
}

function assertNested(value: unknown, field: string, depth: number): void {
  const nested = Array.isArray(value) ? value.entries() : Object.entries(assertPlain(value, field));
  const parts = [...(nested as Iterable<[number | string, unknown]>)];
  if (depth === 0 || parts.length > ITEMS_MAX) refuse(field, 'is too deep or too long');
  for (const [name, part] of parts) {
    if (typeof name === 'string' && !isAllowedName(name)) {
      refuse(field, 'has a field whose name is neither a word nor an id or location');
    }
    assertDetails(
      part,
      typeof name === 'string' ? `${field}.${name}` : `${field}[${name}]`,
      depth - 1,
    );
  }
}

function assertPlain(value: unknown, field: string): object {
  const plain =
    typeof value === 'object' &&
    value !== null &&
    [Object.prototype, null].includes(Object.getPrototypeOf(value) as object | null);
  if (!plain) refuse(field, 'must be a plain object of ids, counts, digests and instants');
  return value;
}

const isAllowedName = (name: string): boolean =>
  FIELD.test(name) || TEXTS.some((shape) => shape.test(name));

function isAllowedText(text: string, field: string): boolean {
  if (TEXTS.some((shape) => shape.test(text))) return true;
  if ((HOSTING_SERVICES as readonly string[]).includes(text)) return true;
  return OPAQUE_FIELD.test(field.replace(/\[\d+\]$/, '')) && OPAQUE.test(text);
}

function refuse(field: string, remedy: string): never {
  throw new LetheError('INVALID_INPUT', `${field} ${remedy}; nothing was recorded`, { field });
}
