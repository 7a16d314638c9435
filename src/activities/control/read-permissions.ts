import type { Sql } from '../../contracts/sql';
import { derivedId } from './command-context';
import { required, textRows, toInstant, toInstantOrNull, type TextRow } from './sql-text';
import { databaseNow } from './tenant-facts';

/** An attestation of the minimum age, with its history. @source AT-1 */
export interface AttestationRecord {
  readonly attestationId: string;
  readonly jurisdiction: string;
  readonly minimumAge: number;
  readonly attestedAt: string;
  /** Null when the command is not on record any more. */
  readonly attestedBy: string | null;
  readonly withdrawnAt: string | null;
  readonly withdrawnBy: string | null;
}

/** Jurisdictions whose attestation was withdrawn and not given again: the Feature is suspended. @source AT-1 */
export function withdrawnJurisdictions(found: readonly AttestationRecord[]): readonly string[] {
  const standing = new Set(
    found.filter(({ withdrawnAt }) => withdrawnAt === null).map((one) => one.jurisdiction),
  );
  const named = new Set(found.map(({ jurisdiction }) => jurisdiction));
  return [...named].filter((jurisdiction) => !standing.has(jurisdiction)).sort();
}

/** An authorization to share basics of image repositories, with its history. @source SH-1 */
export interface AuthorizationRecord {
  readonly authorizationId: string;
  readonly registry: string;
  /** Names or prefixes; empty for every repository of the registry. */
  readonly repositories: readonly string[];
  readonly state: 'standing' | 'revoked' | 'expired';
  readonly grantedAt: string;
  readonly grantedBy: string;
  readonly validUntil: string;
  readonly revokedAt: string | null;
  readonly revokedBy: string | null;
}

/** Every attestation that a tenant ever made, oldest first. Reading, so safe to repeat. */
export async function readAttestations(
  sql: Sql,
  tenantId: string,
): Promise<readonly AttestationRecord[]> {
  const made = await readCommands(sql, tenantId, ['subscribe', 'attestMinimumAge']);
  const withdrawn = await readCommands(sql, tenantId, ['withdrawAttestation']);
  const rows = await textRows(
    sql,
    `SELECT a.attestation_id, a.jurisdiction, a.minimum_age, a.attested_at, w.withdrawn_at
       FROM attestations a LEFT JOIN attestation_withdrawals w
         ON w.tenant_id = a.tenant_id AND w.attestation_id = a.attestation_id
      WHERE a.tenant_id = ? ORDER BY a.attested_at, a.jurisdiction, a.attestation_id`,
    [tenantId],
  );
  return rows.map((row) => {
    const attestationId = required(row, 'attestation_id');
    const jurisdiction = required(row, 'jurisdiction');
    const withdrawnAt = toInstantOrNull(row['withdrawn_at']);
    // The id of an attestation follows from the command that made it.
    const madeBy = made.find(
      ({ key }) => derivedId('at', tenantId, key, jurisdiction) === attestationId,
    );
    return {
      ...{ attestationId, jurisdiction, minimumAge: Number(required(row, 'minimum_age')) },
      attestedAt: toInstant(required(row, 'attested_at')),
      attestedBy: madeBy?.by ?? null,
      withdrawnAt,
      withdrawnBy: byOf(
        withdrawn,
        withdrawnAt,
        ({ result }) => result['jurisdiction'] === jurisdiction,
      ),
    };
  });
}

/** Every authorization that a tenant ever gave, oldest first. Reading, so safe to repeat. */
export async function readAuthorizations(
  sql: Sql,
  tenantId: string,
): Promise<readonly AuthorizationRecord[]> {
  const now = await databaseNow(sql);
  const revoked = await readCommands(sql, tenantId, ['revokeSharing']);
  const rows = await textRows(
    sql,
    `SELECT a.authorization_id, a.registry, a.repositories, a.granted_by, a.granted_at,
            a.valid_until, r.revoked_at
       FROM authorizations a LEFT JOIN authorization_revocations r
         ON r.tenant_id = a.tenant_id AND r.authorization_id = a.authorization_id
      WHERE a.tenant_id = ? ORDER BY a.granted_at, a.authorization_id`,
    [tenantId],
  );
  return rows.map((row) => toAuthorization(row, { now, revoked }));
}

function toAuthorization(
  row: TextRow,
  { now, revoked }: { readonly now: string; readonly revoked: readonly CommandFact[] },
): AuthorizationRecord {
  const authorizationId = required(row, 'authorization_id');
  const validUntil = toInstant(required(row, 'valid_until'));
  const revokedAt = toInstantOrNull(row['revoked_at']);
  const expired = Date.parse(validUntil) <= Date.parse(now);
  return {
    authorizationId,
    registry: required(row, 'registry'),
    repositories: JSON.parse(required(row, 'repositories')) as readonly string[],
    state: revokedAt !== null ? 'revoked' : expired ? 'expired' : 'standing',
    grantedAt: toInstant(required(row, 'granted_at')),
    grantedBy: required(row, 'granted_by'),
    validUntil,
    revokedAt,
    revokedBy: byOf(
      revoked,
      revokedAt,
      ({ result }) => result['authorizationId'] === authorizationId,
    ),
  };
}

interface CommandFact {
  readonly key: string;
  readonly by: string;
  readonly at: string;
  readonly result: Readonly<Record<string, unknown>>;
}

async function readCommands(
  sql: Sql,
  tenantId: string,
  kinds: readonly string[],
): Promise<readonly CommandFact[]> {
  const rows = await textRows(
    sql,
    `SELECT idempotency_key, requested_by, accepted_at, result FROM commands
      WHERE tenant_id = ? AND kind IN (${kinds.map(() => '?').join(', ')}) ORDER BY accepted_at`,
    [tenantId, ...kinds],
  );
  return rows.map((row) => ({
    key: required(row, 'idempotency_key'),
    by: required(row, 'requested_by'),
    at: toInstant(required(row, 'accepted_at')),
    result: JSON.parse(required(row, 'result')) as CommandFact['result'],
  }));
}

/** Who gave the command that ended something at an instant; both come from one transaction. */
const byOf = (
  commands: readonly CommandFact[],
  at: string | null,
  isIt: (command: CommandFact) => boolean,
): string | null =>
  at === null ? null : (commands.find((command) => command.at === at && isIt(command))?.by ?? null);
