import type { Sql, SqlPool } from '../../contracts/sql';
import type { SignerRecord } from '../../contracts/authority';
import type { SignerRole } from '../../domain/signers';
import { required, textRows, toInstant, toInstantOrNull } from './sql-text';

/** Keys that one registry may have; a company has tens. */
const SIGNERS_MAX = 1_000;

/**
 * Reads the whole registry of signers, keys that ended among them: whoever checks a document gives it
 * to the verifying function. Reading, so safe to repeat.
 */
export async function readSigners(control: Sql | SqlPool): Promise<readonly SignerRecord[]> {
  const rows = await textRows(
    control,
    `SELECT s.kid, s.public_key, s.role, s.person_id, s.valid_from, s.valid_until, s.change_id,
            s.added_at, r.revoked_at
       FROM signers s LEFT JOIN signer_revocations r ON r.kid = s.kid
      ORDER BY s.added_at, s.kid LIMIT ${SIGNERS_MAX}`,
  );
  return rows.map((row) => ({
    kid: required(row, 'kid'),
    publicKey: required(row, 'public_key'),
    role: required(row, 'role') as SignerRole,
    personId: required(row, 'person_id'),
    validFrom: toInstant(required(row, 'valid_from')),
    validUntil: toInstantOrNull(row['valid_until']),
    revokedAt: toInstantOrNull(row['revoked_at']),
    addedAt: toInstant(required(row, 'added_at')),
    changeId: row['change_id'] ?? null,
  }));
}
