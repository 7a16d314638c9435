import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { LetheError } from '../domain/errors';

/** Variable that names the file. */
const FIELD = 'LETHE_MALWARE_DIGESTS';
const DIGEST_BYTES = 32;
/** 64 MiB of digests. */
const DIGESTS_MAX = 2 * 1024 * 1024;

/** A set of SHA-256 digests that takes as little memory as they do. */
export interface DigestList {
  readonly size: number;
  /** Digest of the list: another list finds other files. */
  readonly version: string;
  /** `sha256` in hexadecimal, lower case. */
  has(sha256: string): boolean;
}

/**
 * Reads a list of digests, one a line, with an optional comment behind `#`.
 *
 * @throws LetheError CONFIGURATION_INVALID naming the variable and the line.
 */
export async function readDigestList(file: string, digestsMax = DIGESTS_MAX): Promise<DigestList> {
  const digests: Buffer[] = [];
  let number = 0;
  const lines = createInterface({ input: createReadStream(file), crlfDelay: Infinity });
  try {
    for await (const line of lines) {
      number += 1;
      const digest = line.split('#', 1)[0]?.trim().toLowerCase() ?? '';
      if (digest === '') continue;
      if (!/^[0-9a-f]{64}$/.test(digest)) {
        throw unusable(`line ${number} must be a SHA-256 in hexadecimal`);
      }
      if (digests.length >= digestsMax) throw unusable(`holds more than ${digestsMax} digests`);
      digests.push(Buffer.from(digest, 'hex'));
    }
  } catch (cause) {
    if (cause instanceof LetheError) throw cause;
    throw unusable('must be a file that can be read', cause);
  }
  return listOf(digests);
}

function listOf(digests: Buffer[]): DigestList {
  const sorted = Buffer.concat(digests.sort((a, b) => Buffer.compare(a, b)));
  const size = digests.length;
  return {
    size,
    version: createHash('sha256').update(sorted).digest('hex'),
    has: (sha256) => {
      const wanted = Buffer.from(sha256, 'hex');
      let [low, high] = [0, size - 1];
      while (low <= high) {
        const middle = (low + high) >>> 1;
        const at = middle * DIGEST_BYTES;
        const order = sorted.compare(wanted, 0, DIGEST_BYTES, at, at + DIGEST_BYTES);
        if (order === 0) return true;
        if (order < 0) low = middle + 1;
        else high = middle - 1;
      }
      return false;
    },
  };
}

const unusable = (what: string, cause?: unknown): LetheError =>
  new LetheError('CONFIGURATION_INVALID', `${FIELD}: ${what}`, { field: FIELD, cause });
