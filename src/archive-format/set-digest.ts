import { createHash } from 'node:crypto';
import { macsFor, type Mac } from './derived-keys';

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
  readonly count: number;
  /** 64 hexadecimal characters; the digest of no records is all zeros. */
  value(): string;
}

const BITS = 256n;
const MODULUS_MASK = (1n << BITS) - 1n;
const HEX_DIGITS = 64;
const LENGTH_BYTES = 4;

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
  const newTerm = macsFor('setDigest', dataKey);
  let sum = 0n;
  let count = 0;
  return {
    add: (item) => {
      sum = (sum + BigInt(`0x${termOf(newTerm(), item)}`)) & MODULUS_MASK;
      count += 1;
    },
    get count() {
      return count;
    },
    value: () => sum.toString(16).padStart(HEX_DIGITS, '0'),
  };
}

function termOf(term: Mac, { location, assetId, versionId, content }: DigestItem): string {
  const pieces = [location, assetId, versionId].flatMap((name) => {
    const text = Buffer.from(name, 'utf8');
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32BE(text.length);
    return [length, text];
  });
  pieces.push(createHash('sha256').update(content).digest());
  return term.update(Buffer.concat(pieces)).digest('hex');
}
