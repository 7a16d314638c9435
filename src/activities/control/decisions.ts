import { createHash, type KeyObject } from 'node:crypto';
import {
  DECISION_DOCUMENT,
  signedDecision,
  type Decision,
  type DecisionAudit,
  type DecisionKind,
} from '../../contracts/decisions';
import type { SignerRecord } from '../../contracts/authority';
import type { Sql, SqlPool } from '../../contracts/sql';
import type { EvidenceLedger } from '../../contracts/stores';
import { sqlDatabases } from '../../domain/environment-names';
import { isLetheError, LetheError, type FailureCode } from '../../domain/errors';
import { isSamePerson } from '../../domain/signers';
import {
  digestOfDocument,
  signDocument,
  thumbprintDigest,
  verifyDocument,
  type VerifiedDocument,
} from '../../transparency/signed-document';
import { causeOf, proveRefusal } from './order-refusals';
import { readSigners } from './signers';
import { required, textRow, textRows, toInstant, toSqlTime, type TextRow } from './sql-text';
import { databaseNow } from './tenant-facts';

/** Stores in which a signed decision is recorded and proven. */
export interface DecisionPorts {
  readonly control: SqlPool;
  readonly ledger: EvidenceLedger;
}

/** What somebody is about to do, and the document by which they do it; none where names are enough. */
export interface TakenDecision {
  readonly decision: DecisionKind;
  readonly subject: string;
  /** Who says that they decide. */
  readonly by: string;
  readonly document: string | undefined;
}

/** Roles whose keys sign decisions. */
const AUTHORITIES = ['dpo', 'operator'] as const;

/** Failures that say that a signature is missing or does not count. */
const REFUSALS: readonly FailureCode[] = [
  'SIGNATURE_REQUIRED',
  'SIGNATURE_INVALID',
  'UNKNOWN_SIGNER',
  'SIGNER_NOT_ENTITLED',
  'SIGNER_NOT_VALID',
];

/** Signs a decision; offline. */
export function signDecision(decision: Decision, key: KeyObject): string {
  const document = signDocument(decision, DECISION_DOCUMENT, key);
  signedDecision(document, 'decision');
  return document;
}

/**
 * What else was decided, as the database computes it: the reason of a lift or a reset, amount, share and
 * reason of a cap, nothing for a release. An approval has the digest of the signed request instead.
 */
export const termsOf = (...parts: readonly (string | number)[]): string =>
  createHash('sha256').update(parts.join('\n'), 'utf8').digest('hex');

/** What an end that is dated back has as its terms: which use ended, a service or `Feature`, and when. */
export const termsOfEnd = (use: string, endedAt: string): string =>
  termsOf(use, toInstant(toSqlTime(endedAt)));

/**
 * Takes a decision: its document is verified and recorded before, and the database refuses to carry out
 * one that needs a document and has none that says exactly this.
 *
 * Effect: one row and one ledger entry per document; a refusal for a signature is counted and proven too.
 * @idempotency a document that is there is not recorded again, and is good for one decision.
 * @throws LetheError SIGNATURE_REQUIRED, or what is wrong with the document; or what `act` throws.
 */
export async function withDecision<T>(
  ports: DecisionPorts,
  taken: TakenDecision,
  act: () => Promise<T>,
): Promise<T> {
  const { document } = taken;
  return provingRefusedDecision(ports, taken, async () => {
    if (document !== undefined) await recordDecision(ports, taken, document);
    return act();
  });
}

/** Runs what takes a decision, and leaves evidence when it is refused for its signature. */
export async function provingRefusedDecision<T>(
  ports: DecisionPorts,
  taken: Pick<TakenDecision, 'decision' | 'document'>,
  act: () => Promise<T>,
): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (isLetheError(error) && REFUSALS.includes(error.code)) {
      await recordRefusal(ports, taken, error);
    }
    throw error;
  }
}

/**
 * Verifies a signed decision and records it, to be used once.
 *
 * Effect: one row and one ledger entry.
 * @idempotency a document that is there is not recorded again.
 * @throws LetheError what is wrong with the document.
 */
export async function recordDecision(
  { control, ledger }: { readonly control: Sql; readonly ledger: EvidenceLedger },
  taken: Omit<TakenDecision, 'document'>,
  document: string,
): Promise<void> {
  signedDecision(document, 'document');
  const verified = verifyDocument(document, {
    ...{ type: DECISION_DOCUMENT, roles: AUTHORITIES, field: 'document' },
    ...{ at: await databaseNow(control), signers: await readSigners(control) },
  });
  const decision = verified.payload as unknown as Decision;
  await assertMeant(control, taken, { ...verified, decision });
  await control.execute('CALL record_decision(?, ?, ?, ?, ?, ?)', [
    ...[decision.decision, decision.subject, decision.terms, document],
    ...[verified.signer.kid, toSqlTime(decision.expiresAt)],
  ]);
  await ledger.append({
    tenantId: ofTenant(decision),
    kind: 'decision-signed',
    subject: verified.digest,
    details: {
      decision: decision.decision,
      subject: decision.subject,
      terms: decision.terms,
      documentDigest: verified.digest,
      signerKey: thumbprintDigest(verified.signer.kid),
      signedBy: verified.signer.personId,
    },
  });
}

/** A signature for an end belongs to its tenant's evidence; holds, freezes and caps are over many or over all. */
const ofTenant = ({ decision, subject }: Decision): string | null =>
  decision === 'request-end' || decision === 'approve-end' ? subject : null;

/** A document counts for what it says, in this environment, by who holds its key. */
async function assertMeant(
  control: Sql,
  { decision: kind, subject, by }: Omit<TakenDecision, 'document'>,
  { decision, signer }: Pick<VerifiedDocument, 'signer'> & { readonly decision: Decision },
): Promise<void> {
  const row = await textRow(control, 'SELECT DATABASE() AS store');
  if (sqlDatabases(decision.environment).control !== required(row ?? {}, 'store')) {
    throw meantOtherwise('environment');
  }
  if (decision.decision !== kind) throw meantOtherwise('decision');
  if (decision.subject !== subject) throw meantOtherwise('subject');
  const names = [decision.person, by];
  if (names.every((name) => isSamePerson(name, signer.personId))) return;
  throw new LetheError(
    'SIGNATURE_INVALID',
    'document is signed with a key of somebody else than who decides',
    { field: 'document' },
  );
}

const meantOtherwise = (what: string): LetheError =>
  new LetheError('SIGNATURE_INVALID', `document was signed for another ${what}`, {
    field: 'document',
  });

/** Evidence of a refusal names digests only: what was sent in may be anything. A flood costs a logarithm of entries. */
async function recordRefusal(
  ports: DecisionPorts,
  { decision, document }: Pick<TakenDecision, 'decision' | 'document'>,
  { code }: LetheError,
): Promise<void> {
  await proveRefusal(ports, {
    ...{ tenantId: '', kind: 'decision-refused', cause: `decision-${causeOf(code)}` },
    details: {
      decision,
      documentDigest: document === undefined ? null : digestOfDocument(document),
      reason: causeOf(code),
    },
  });
}

/**
 * Digest of the newest signed request of a kind by a person, which an approval has as its terms; null when
 * it was not signed.
 */
export async function readSignedRequest(
  control: Sql,
  request: {
    readonly decision: DecisionKind;
    readonly subject: string;
    readonly by: string;
  },
): Promise<string | null> {
  const { decision, subject, by } = request;
  const row = await textRow(
    control,
    `SELECT digest FROM signed_decisions
      WHERE subject = ? AND decision = ? AND person_id = ? AND used_at IS NOT NULL
      ORDER BY used_at DESC, digest LIMIT 1`,
    [subject, decision, by],
  );
  return row === null ? null : required(row, 'digest');
}

/** Whether decisions need signatures now; without any rule they do. */
export async function areDecisionsSigned(control: Sql): Promise<boolean> {
  const row = await textRow(
    control,
    'SELECT signed FROM decision_rules ORDER BY rule_number DESC LIMIT 1',
  );
  return row === null || required(row, 'signed') === '1';
}

/** How many decisions one audit looks at, the newest ones. */
const AUDIT_MAX = 1_000;

/**
 * Verifies again every decision that was carried out: a row that somebody wrote past the engine has no
 * document, or one that does not say what the row says. Reading, so safe to repeat.
 */
export async function auditDecisions(control: Sql): Promise<DecisionAudit> {
  const rows = await textRows(
    control,
    `SELECT digest, decision, subject, terms, person_id, document, recorded_at FROM signed_decisions
      WHERE used_at IS NOT NULL ORDER BY recorded_at DESC, digest LIMIT ${AUDIT_MAX}`,
  );
  const signers = await readSigners(control);
  const wrong = rows.filter((row) => !isAsSigned(row, signers));
  return { checked: rows.length, wrong: wrong.map((row) => required(row, 'digest')) };
}

function isAsSigned(row: TextRow, signers: readonly SignerRecord[]): boolean {
  try {
    const document = required(row, 'document');
    signedDecision(document, 'document');
    const { payload, signer, digest } = verifyDocument(document, {
      ...{ type: DECISION_DOCUMENT, roles: AUTHORITIES, field: 'document', signers },
      at: toInstant(required(row, 'recorded_at')),
    });
    const said = payload as unknown as Decision;
    return (
      digest === required(row, 'digest') &&
      said.decision === required(row, 'decision') &&
      said.subject === required(row, 'subject') &&
      said.terms === required(row, 'terms') &&
      isSamePerson(signer.personId, required(row, 'person_id'))
    );
  } catch (error) {
    if (isLetheError(error)) return false;
    throw error;
  }
}
