import { isLetheError } from '../../domain/errors';
import type { EvidenceAct } from '../../domain/evidence';
import type { EvidenceLedger } from '../../contracts/stores';

/**
 * Appends an act that a control store may repeat which was restored, because it has forgotten the first one: the
 * evidence keeps both, the later one as `KIND-again` with its instant behind the subject.
 *
 * @param at instant of the act, RFC 3339.
 * @idempotency an entry that is there with the same words is left as it is.
 * @throws LetheError as the ledger does, but not DIGEST_MISMATCH for the first one.
 */
export async function appendAgain(
  ledger: EvidenceLedger,
  act: EvidenceAct,
  at: string,
): Promise<void> {
  try {
    await ledger.append(act);
  } catch (error) {
    if (!isLetheError(error) || error.code !== 'DIGEST_MISMATCH') throw error;
    const subject = `${act.subject}/${Date.parse(at)}`;
    await ledger.append({ ...act, kind: `${act.kind}-again`, subject });
  }
}
