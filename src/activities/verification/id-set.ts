import { getRandomValues } from 'node:crypto';

/** A record's place and id. */
export interface PlacedId {
  readonly location: string;
  readonly assetId: string;
  readonly versionId: string;
}

const FIRST_CAPACITY = 1024;
/** The table grows when it is this full. */
const LOAD_MAX = 0.5;
const WORDS_PER_ID = 2;
/** With a number beside each id. */
const WORDS_WITH_NUMBER = 3;
const MULTIPLIERS = [0x9e3779b1, 0x85ebca77] as const;

/**
 * A set of very many record ids in 16 to 32 bytes each: of an id only 64 bits are kept. Their seed is drawn
 * anew for each set, so that nobody can prepare two ids that look alike.
 *
 * Two of a million ids look alike once in 30 million sets. Then a count differs from the sealed one, or a
 * record that is no member counts as one: both end in a verification that fails, and nothing is removed.
 */
export class IdSet {
  private table: Uint32Array;
  private held = 0;
  private readonly seeds = getRandomValues(new Uint32Array(WORDS_PER_ID));
  private place = '';
  private asset = '';
  /** Both hashes over `place` and `asset`. */
  private begun: readonly [number, number] | undefined;

  private readonly words: number;

  /**
   * @param expected - about how many members there will be: for them the table does not grow.
   * @param withNumbers - true when each member is to keep a number.
   */
  constructor(expected = 0, withNumbers = false) {
    this.words = withNumbers ? WORDS_WITH_NUMBER : WORDS_PER_ID;
    let slots = FIRST_CAPACITY;
    while (slots * LOAD_MAX <= expected) slots *= 2;
    this.table = new Uint32Array(slots * this.words);
  }

  /** Number of different members. */
  get size(): number {
    return this.held;
  }

  /** Adds a member, with a number of 32 bits where numbers are kept; again: nothing changes. */
  add(id: PlacedId, number = 0): void {
    if ((this.held + 1) * this.words > this.table.length * LOAD_MAX) this.grow();
    const [high, low] = this.wordsOf(id);
    if (this.insert(high, low, number)) this.held += 1;
  }

  /** The number that a member was added with; undefined for what is no member. */
  numberOf(id: PlacedId): number | undefined {
    const [high, low] = this.wordsOf(id);
    const { at, taken } = this.slotOf(high, low);
    return taken ? this.table[at + WORDS_PER_ID] : undefined;
  }

  /** Forgets all members and keeps its memory for others. */
  clear(): void {
    this.table.fill(0);
    this.held = 0;
  }

  /** True for a member. */
  has(id: PlacedId): boolean {
    const [high, low] = this.wordsOf(id);
    return this.slotOf(high, low).taken;
  }

  private insert(high: number, low: number, number: number): boolean {
    const { at, taken } = this.slotOf(high, low);
    if (taken) return false;
    this.table[at] = high;
    this.table[at + 1] = low;
    if (this.words === WORDS_WITH_NUMBER) this.table[at + WORDS_PER_ID] = number;
    return true;
  }

  private slotOf(high: number, low: number): { readonly at: number; readonly taken: boolean } {
    const slots = this.table.length / this.words;
    for (let slot = low % slots; ; slot = (slot + 1) % slots) {
      const at = slot * this.words;
      const [first, second] = [this.table[at], this.table[at + 1]];
      if (first === 0 && second === 0) return { at, taken: false };
      if (first === high && second === low) return { at, taken: true };
    }
  }

  private grow(): void {
    const old = this.table;
    this.table = new Uint32Array(old.length * 2);
    for (let at = 0; at < old.length; at += this.words) {
      const [high = 0, low = 0] = [old[at], old[at + 1]];
      if (high !== 0 || low !== 0) this.insert(high, low, old[at + WORDS_PER_ID] ?? 0);
    }
  }

  /** Two independent 32-bit hashes of the id; never both zero, which marks a free place. */
  private wordsOf({ location, assetId, versionId }: PlacedId): readonly [number, number] {
    // Many ids in a row are of one asset: its part of the hashes is computed once.
    if (this.place !== location || this.asset !== assetId) this.begun = undefined;
    [this.place, this.asset] = [location, assetId];
    this.begun ??= hashOn([this.seeds[0] ?? 0, this.seeds[1] ?? 0], `${location} ${assetId} `);
    const [first, second] = hashOn(this.begun, versionId);
    return [first >>> 0, second >>> 0 || 1];
  }
}

/** Goes on with both hashes over more text. */
function hashOn([a, b]: readonly [number, number], text: string): readonly [number, number] {
  let [first, second] = [a, b];
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    first = Math.imul(first ^ unit, MULTIPLIERS[0]);
    first ^= first >>> 15;
    second = Math.imul(second ^ unit, MULTIPLIERS[1]);
    second ^= second >>> 13;
  }
  return [first, second];
}
