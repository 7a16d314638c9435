import type { PartProof, ProofOrder } from '../../archive-format';

/** Proves the stored bytes of parts; where that happens is not the verifier's business. */
export interface PartProofs {
  /**
   * Proves one part. The bytes are given away: the caller does not use them again.
   *
   * @throws LetheError ARCHIVE_INVALID as `provePart`, or what ended whoever was at it: nothing is proven then.
   */
  prove(stored: Buffer, order: ProofOrder): Promise<PartProof>;
}
