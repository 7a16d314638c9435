import type { KeyObject } from 'node:crypto';
import {
  AUTHORITY_DOCUMENTS,
  type AuthorityAction,
  type AuthorityChange,
  type NewSigner,
  type SignerRecord,
} from '../../contracts/authority';
import {
  actor,
  instant,
  integer,
  matching,
  objectOf,
  oneOf,
  type Check,
} from '../../contracts/field-checks';
import type { SqlPool } from '../../contracts/sql';
import type { EvidenceLedger } from '../../contracts/stores';
import { LetheError } from '../../domain/errors';
import { SIGNER_ROLES } from '../../domain/signers';
import {
  signDocument,
  thumbprintDigest,
  thumbprintOf,
  verifyDocument,
} from '../../transparency/signed-document';
import { readChange } from './read-authority';
import { readSigners } from './signers';
import { required, textRow, toSqlTime } from './sql-text';
import { databaseNow } from './tenant-facts';

/** Stores that the registry of signers lives in and is proven by. */
export interface AuthorityPorts {
  readonly control: SqlPool;
  readonly ledger: EvidenceLedger;
}

/** Roles whose keys change the registry. */
const AUTHORITIES = ['dpo', 'operator'] as const;

const changeId = matching(
  /^ch_[0-9a-z]{16,40}$/,
  'must be ch_ followed by 16 to 40 lower-case letters or digits',
);
const kid = matching(/^[\w-]{43}$/, 'must be a key thumbprint of 43 letters, digits, - and _');
const orNull =
  (check: Check): Check =>
  (value, field) => {
    if (value !== null) check(value, field);
  };
const SIGNER_FIELDS = {
  publicKey: matching(/^[\w-]{43}$/, 'must be the 32 bytes of an Ed25519 key in base64url'),
  role: oneOf(SIGNER_ROLES),
  personId: actor,
  validFrom: instant,
  validUntil: orNull(instant),
};
const HEAD = { version: integer(1, 1), changeId };
const APPROVALS_MAX = 5;
const HOURS_MAX = 720;
const CHANGES: Readonly<Record<AuthorityAction['action'], Check>> = {
  'add-signer': objectOf({ ...HEAD, action: oneOf(['add-signer']), ...SIGNER_FIELDS }),
  'revoke-signer': objectOf({ ...HEAD, action: oneOf(['revoke-signer']), kid }),
  'sign-decisions': objectOf({ ...HEAD, action: oneOf(['sign-decisions']) }),
  'name-decisions': objectOf({ ...HEAD, action: oneOf(['name-decisions']) }),
  'set-rule': objectOf({
    ...HEAD,
    action: oneOf(['set-rule']),
    approvalsNeeded: integer(1, APPROVALS_MAX),
    approveWithinHours: integer(1, HOURS_MAX),
  }),
};
const assertChange: Check = (value, field) => {
  const { action } = value as { readonly action?: unknown };
  oneOf(Object.keys(CHANGES))(action, 'action');
  CHANGES[action as AuthorityAction['action']](value, field);
};

/** Signs a proposal to change the registry. */
export const signChange = (
  change: { readonly changeId: string } & AuthorityAction,
  key: KeyObject,
): string => signDocument({ version: 1, ...change }, AUTHORITY_DOCUMENTS.change, key);

/** Signs the approval of a proposal, bound to it by its digest. */
export const signChangeApproval = (
  change: Pick<AuthorityChange, 'changeId' | 'digest'>,
  key: KeyObject,
): string =>
  signDocument(
    { version: 1, changeId: change.changeId, changeDigest: change.digest },
    AUTHORITY_DOCUMENTS.approval,
    key,
  );

/**
 * Puts one of the first two keys into the registry, which nobody could sign for yet; two people, and
 * never a third.
 *
 * @idempotency the same key of the same person again changes nothing.
 * @throws LetheError FOUR_EYES when two are in, or for the same person; INVALID_INPUT naming the field.
 */
export async function bootstrapSigner(
  ports: AuthorityPorts,
  signer: NewSigner,
): Promise<SignerRecord> {
  objectOf(SIGNER_FIELDS)(signer, '');
  const added = thumbprintOf(signer.publicKey);
  await ports.control.execute('CALL bootstrap_signer(?, ?, ?, ?, ?, ?)', [
    ...[added, signer.publicKey, signer.role, signer.personId, toSqlTime(signer.validFrom)],
    timeOrNull(signer.validUntil),
  ]);
  await ports.ledger.append({
    tenantId: null,
    kind: 'signer-bootstrapped',
    subject: thumbprintDigest(added),
    details: { signerKey: thumbprintDigest(added), role: signer.role, heldBy: signer.personId },
  });
  const found = (await readSigners(ports.control)).find((one) => one.kid === added);
  if (found === undefined) throw new Error('a key that was put in is there');
  return found;
}

/**
 * Records a signed proposal to change the registry or the rule of approvals; nothing changes yet.
 *
 * @idempotency the same document again changes nothing; another one under the id is refused.
 * @throws LetheError for a signature, a role or a time that does not count, or IDEMPOTENCY_CONFLICT.
 */
export async function proposeChange(
  ports: AuthorityPorts,
  document: string,
): Promise<AuthorityChange> {
  const { payload, signer } = verifyDocument(document, {
    type: AUTHORITY_DOCUMENTS.change,
    roles: AUTHORITIES,
    at: await databaseNow(ports.control),
    signers: await readSigners(ports.control),
    field: 'change',
  });
  assertChange(payload, '');
  const change = payload as unknown as { readonly changeId: string } & AuthorityAction;
  await ports.control.execute('CALL propose_change(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)', [
    ...[change.changeId, change.action, ...subjectOf(change), document, signer.kid],
  ]);
  const known = await readChange(ports.control, change.changeId);
  await ports.ledger.append({
    tenantId: null,
    kind: 'authority-change-proposed',
    subject: change.changeId,
    details: {
      changeId: change.changeId,
      action: change.action,
      subjectKey: known.kid === null ? null : thumbprintDigest(known.kid),
      documentDigest: known.digest,
      signerKey: thumbprintDigest(signer.kid),
      proposedBy: signer.personId,
      expiresAt: known.expiresAt,
    },
  });
  return known;
}

/** Columns of the subject of a change: key, its holder and validity, or the numbers of a rule. */
function subjectOf(change: AuthorityAction): readonly (string | number | null)[] {
  if (change.action === 'set-rule') {
    const nothing = [null, null, null, null, null, null];
    return [...nothing, change.approvalsNeeded, change.approveWithinHours];
  }
  if (change.action === 'revoke-signer') {
    return [change.kid, null, null, null, null, null, null, null];
  }
  if (change.action !== 'add-signer') {
    return [null, null, null, null, null, null, null, null];
  }
  return [
    ...[thumbprintOf(change.publicKey), change.publicKey, change.role, change.personId],
    ...[toSqlTime(change.validFrom), timeOrNull(change.validUntil), null, null],
  ];
}

const timeOrNull = (at: string | null): string | null => (at === null ? null : toSqlTime(at));

/** The numbers of a rule, so that the evidence can say it again; nothing for a change of keys. */
async function ruleSetBy(
  control: SqlPool,
  changeId: string,
): Promise<Readonly<Record<string, number>>> {
  const row = await textRow(
    control,
    'SELECT approvals_needed, approve_within_hours FROM approval_rules WHERE change_id = ?',
    [changeId],
  );
  if (row === null) return {};
  return {
    approvalsNeeded: Number(required(row, 'approvals_needed')),
    approveWithinHours: Number(required(row, 'approve_within_hours')),
  };
}

/**
 * Approves a proposal by somebody else than who made it, and carries it out.
 *
 * @idempotency the same key approving again changes nothing.
 * @throws LetheError SIGNATURE_INVALID when the approval is for another proposal.
 * @throws LetheError FOUR_EYES for the same person, UNKNOWN_CHANGE, NOT_PERMITTED when it expired; or
 *   for a signature that does not count or was given for another proposal.
 */
export async function approveChange(
  ports: AuthorityPorts,
  document: string,
): Promise<AuthorityChange> {
  const { payload, signer } = verifyDocument(document, {
    type: AUTHORITY_DOCUMENTS.approval,
    roles: AUTHORITIES,
    at: await databaseNow(ports.control),
    signers: await readSigners(ports.control),
    field: 'approval',
  });
  const fields = { ...HEAD, changeDigest: matching(/^[0-9a-f]{64}$/, 'must be a SHA-256') };
  objectOf(fields)(payload, '');
  const approval = payload as { readonly changeId: string; readonly changeDigest: string };
  const change = await readChange(ports.control, approval.changeId);
  if (change.digest !== approval.changeDigest) {
    throw new LetheError('SIGNATURE_INVALID', 'approval was signed for another proposal', {
      field: 'approval',
    });
  }
  await ports.control.execute('CALL approve_change(?, ?, ?)', [
    change.changeId,
    document,
    signer.kid,
  ]);
  const approved = await readChange(ports.control, change.changeId);
  await ports.ledger.append({
    tenantId: null,
    kind: 'authority-changed',
    subject: change.changeId,
    details: {
      changeId: change.changeId,
      action: change.action,
      subjectKey: change.kid === null ? null : thumbprintDigest(change.kid),
      documentDigest: change.digest,
      signerKey: thumbprintDigest(signer.kid),
      proposedBy: approved.proposedBy,
      approvedBy: approved.approvedBy,
      ...(await ruleSetBy(ports.control, change.changeId)),
    },
  });
  return approved;
}
