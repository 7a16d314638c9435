import { hash } from 'node:crypto';
import { derivedKey, KEY_BYTES } from './derived-keys';

/** A record as the canonical digest sees it, live, archived or restored. */
export interface DigestItem {
  /** Id of its place in the inventory. */
  readonly location: string;
  readonly assetId: string;
  readonly versionId: string;
  /** The line of a row (`encodeSqlRow`) or the bytes of a document without a purge attempt's stamp. */
  readonly content: Buffer;
}

/** A digest in the making. */
export interface SetDigest {
  add(item: DigestItem): void;
  /** Adds the records of another digest under the same key, as if they had been added one by one. */
  include(other: { readonly count: number; readonly value: string }): void;
  readonly count: number;
  /** 64 hexadecimal characters; the digest of no records is all zeros. */
  value(): string;
}

/** Block of SHA-256, in bytes: what HMAC pads its key to. */
const BLOCK_BYTES = 64;
const HASH_BYTES = 32;
const INNER_PAD = 0x36;
const OUTER_PAD = 0x5c;
const LENGTH_BYTES = 4;
/** Names are ids and places; longer ones make the room grow. */
const NAMES_BYTES = 512;

/**
 * Starts the canonical digest of a set of records: the sum modulo 2^256 of
 * HMAC-SHA-256(key, location, asset, version, SHA-256(content)), each name with its length in front. The
 * order of the records does not matter, and a record counts as often as it comes; memory is constant.
 *
 * The key is derived from the cohort's data key. Sums of plain hashes can be forged by somebody who
 * chooses enough records, and a plain digest would confirm a guess at what was in an archive after its
 * key is gone; a keyed one does neither.
 */
export function createSetDigest(dataKey: Buffer): SetDigest {
  const terms = new Terms(derivedKey('setDigest', dataKey));
  const sum = new Sum();
  let count = 0;
  return {
    add: (item) => {
      sum.add(terms.of(item));
      count += 1;
    },
    include: (other) => {
      sum.add(Buffer.from(other.value, 'hex').toString('latin1'));
      count += other.count;
    },
    get count() {
      return count;
    },
    value: () => sum.value(),
  };
}

/**
 * HMAC written out as its two hashes over blocks that hold the padded key already: one object for each
 * code, as the library makes it, takes longer than the hashing of a whole record.
 */
class Terms {
  private inner = Buffer.alloc(BLOCK_BYTES + NAMES_BYTES);
  private readonly outer = Buffer.alloc(BLOCK_BYTES + HASH_BYTES);
  /** Place and asset that stand in `inner` already, up to `prefixEnd`: many records in a row share them. */
  private prefix: Pick<DigestItem, 'location' | 'assetId'> = { location: '', assetId: '' };
  private prefixEnd = 0;

  constructor(key: Buffer) {
    for (let at = 0; at < BLOCK_BYTES; at += 1) {
      const byte = at < KEY_BYTES ? (key[at] ?? 0) : 0;
      this.inner[at] = byte ^ INNER_PAD;
      this.outer[at] = byte ^ OUTER_PAD;
    }
  }

  /** The code as 32 characters, one for each byte: the runtime makes them faster than a buffer. */
  of({ location, assetId, versionId, content }: DigestItem): string {
    this.makeRoom(3 * (location.length + assetId.length + versionId.length));
    if (
      this.prefixEnd === 0 ||
      this.prefix.location !== location ||
      this.prefix.assetId !== assetId
    ) {
      this.prefixEnd = this.name(assetId, this.name(location, BLOCK_BYTES));
      this.prefix = { location, assetId };
    }
    const at = this.name(versionId, this.prefixEnd);
    this.inner.write(hash('sha256', content, 'binary'), at, 'latin1');
    const inner = hash('sha256', this.inner.subarray(0, at + HASH_BYTES), 'binary');
    this.outer.write(inner, BLOCK_BYTES, 'latin1');
    return hash('sha256', this.outer, 'binary');
  }

  private name(text: string, at: number): number {
    const bytes = this.inner.write(text, at + LENGTH_BYTES, 'utf8');
    this.inner.writeUInt32BE(bytes, at);
    return at + LENGTH_BYTES + bytes;
  }

  private makeRoom(nameBytes: number): void {
    const wanted = BLOCK_BYTES + nameBytes + 3 * LENGTH_BYTES + HASH_BYTES;
    if (wanted <= this.inner.length) return;
    const grown = Buffer.alloc(wanted);
    this.inner.copy(grown);
    this.inner = grown;
  }
}

const WORD_BYTES = 4;
const WORDS = HASH_BYTES / WORD_BYTES;
const BYTE_VALUES = 256;
const WORD_VALUES = 2 ** 32;
const WORD_DIGITS = 8;
/** Words are added without their carries this often; a million of them stay exact as numbers. */
const CARRY_EVERY = 1_000_000;

/** A sum modulo 2^256 of numbers of 32 characters, one a byte, the most significant first. */
class Sum {
  private readonly words = new Float64Array(WORDS);
  private pending = 0;

  add(term: string): void {
    for (let word = 0; word < WORDS; word += 1) {
      let value = 0;
      for (let at = word * WORD_BYTES; at < (word + 1) * WORD_BYTES; at += 1) {
        value = value * BYTE_VALUES + term.charCodeAt(at);
      }
      this.words[word] = (this.words[word] ?? 0) + value;
    }
    this.pending += 1;
    if (this.pending >= CARRY_EVERY) this.carry();
  }

  value(): string {
    this.carry();
    return [...this.words].map((word) => word.toString(16).padStart(WORD_DIGITS, '0')).join('');
  }

  private carry(): void {
    let over = 0;
    for (let word = WORDS - 1; word >= 0; word -= 1) {
      const value = (this.words[word] ?? 0) + over;
      over = Math.floor(value / WORD_VALUES);
      this.words[word] = value - over * WORD_VALUES;
    }
    this.pending = 0;
  }
}
