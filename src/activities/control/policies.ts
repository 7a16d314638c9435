import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { integer, instant, matching, objectOf } from '../../contracts/field-checks';
import type { Sql, SqlPool } from '../../contracts/sql';
import {
  POLICY_DOCUMENT,
  type PolicyActivation,
  type PolicyPlan,
} from '../../contracts/window-plans';
import type { DeriveWindow } from '../../contracts/windows';
import { isLetheError, LetheError } from '../../domain/errors';
import { isSamePerson } from '../../domain/signers';
import { verifyDocument, type VerifiedDocument } from '../../transparency/signed-document';
import { settleFreeze, type FreezePorts } from './freeze';
import { planWindows } from './plan-windows';
import { readPolicyInForce } from './policy-in-force';
import { readSigners } from './signers';
import { required, textRows, toInstant } from './sql-text';
import { databaseNow } from './tenant-facts';

/** A reviewed version of the policy that is to come into force. */
export interface PolicyCandidate {
  /** `<id>@<version>`. */
  readonly policy: string;
  readonly version: number;
  /** Of its document. */
  readonly digest: string;
}

/** What two people put their names to. */
export interface ActivationStatement {
  readonly environment: string;
  readonly policy: string;
  readonly policyDigest: string;
  readonly planDigest: string;
  /** After this instant the signatures are worth nothing. */
  readonly expiresAt: string;
}

/** Two signed statements, and what is needed to look again at what they are about. */
export interface PolicyActivationOrder {
  readonly environment: string;
  readonly candidate: PolicyCandidate;
  /** Two compact signed documents. */
  readonly documents: readonly [string, string];
}

/** Roles whose keys put a version of the policy into force. */
const AUTHORITIES = ['dpo', 'operator'] as const;
const digest = matching(/^[0-9a-f]{64}$/, 'must be a SHA-256 in hexadecimal');
const statement = objectOf({
  version: integer(1, 1),
  environment: matching(/^[a-z][a-z0-9-]{0,62}$/, 'must be the name of an environment'),
  policy: matching(/^[a-z][a-z0-9-]*@[1-9]\d*$/, 'must be like container-security@2'),
  policyDigest: digest,
  planDigest: digest,
  expiresAt: instant,
});

/**
 * Shows what a version of the policy would change for every tenant. Its digest stands for the document
 * and for every window that moves, so whoever signs it signs exactly these moves.
 *
 * @throws LetheError NOT_PERMITTED when that version or a later one is in force.
 * @source AB-3, CC-2, CC-3, CC-4
 */
export async function planPolicy(
  control: Sql,
  candidate: PolicyCandidate,
  derive: DeriveWindow,
): Promise<PolicyPlan> {
  const inForce = await readPolicyInForce(control);
  if (candidate.version <= inForce) {
    throw new LetheError(
      'NOT_PERMITTED',
      `version ${inForce} of the policy is in force and versions only go up; make a new version`,
      { field: 'FILE' },
    );
  }
  const plan = await planWindows(control, { derive, policyVersion: candidate.version });
  const { policy, digest: policyDigest } = candidate;
  const content = canonicalize({ policy, policyDigest, inForce, moves: plan.moves }) ?? '';
  const planDigest = createHash('sha256').update(content, 'utf8').digest('hex');
  return { ...plan, policy, policyDigest, inForce, planDigest };
}

/** Versions of the policy that came into force, the oldest first; version 1 has no entry. */
export async function readActivations(control: Sql): Promise<readonly PolicyActivation[]> {
  const rows = await textRows(
    control,
    `SELECT version, policy_digest, plan_digest, signed_by, countersigned_by, activated_at
       FROM policy_activations ORDER BY version`,
  );
  return rows.map((row) => ({
    version: Number(required(row, 'version')),
    policyDigest: required(row, 'policy_digest'),
    planDigest: required(row, 'plan_digest'),
    signedBy: required(row, 'signed_by'),
    countersignedBy: required(row, 'countersigned_by'),
    activatedAt: toInstant(required(row, 'activated_at')),
  }));
}

/** Stores and rules that an activation works with. */
export interface PolicyPorts extends FreezePorts {
  readonly control: SqlPool;
  /** Knows the candidate. */
  readonly derive: DeriveWindow;
}

/**
 * Puts a version of the policy into force, once and for all: two people have signed its digest and the
 * digest of its plan, and the plan is still the same. From then on no permit is issued before the windows
 * of its tenant have been computed again.
 *
 * Effect: one row, an interlock over everything, one ledger entry; each refusal is an entry too.
 * @idempotency a version in force with the same document is settled and answered again.
 * @throws LetheError PLAN_CHANGED; FOUR_EYES; NOT_PERMITTED; or what is wrong with a document.
 */
export async function activatePolicy(
  ports: PolicyPorts,
  order: PolicyActivationOrder,
): Promise<PolicyActivation> {
  try {
    return await activate(ports, order);
  } catch (error) {
    if (isLetheError(error)) await recordRefusal(ports, order, error);
    throw error;
  }
}

async function activate(
  ports: PolicyPorts,
  order: PolicyActivationOrder,
): Promise<PolicyActivation> {
  const { candidate } = order;
  const [first, second] = await readDocuments(ports.control, order);
  const { planDigest } = first.payload as unknown as ActivationStatement;
  if (!(await isInForce(ports.control, candidate))) {
    const plan = await planPolicy(ports.control, candidate, ports.derive);
    if (plan.planDigest !== planDigest) {
      throw new LetheError(
        'PLAN_CHANGED',
        'documents: the plan is not the one that was signed any more; look at it and sign again',
        { field: 'documents' },
      );
    }
  }
  await ports.control.execute('CALL activate_policy(?, ?, ?, ?, ?, NULL)', [
    ...[candidate.version, candidate.digest, planDigest],
    ...[first.signer.personId, second.signer.personId],
  ]);
  await settleFreeze(ports, 'global');
  const activation = await readActivation(ports.control, candidate);
  await ports.ledger.append({
    tenantId: null,
    kind: 'policy-activated',
    subject: `policy/${candidate.version}`,
    details: { ...activation, documents: [first.digest, second.digest].sort() },
  });
  return activation;
}

async function readActivation(
  control: Sql,
  { version }: PolicyCandidate,
): Promise<PolicyActivation> {
  const found = (await readActivations(control)).find((one) => one.version === version);
  if (found === undefined) throw new Error('a version that was activated is known');
  return found;
}

const isInForce = async (control: Sql, candidate: PolicyCandidate): Promise<boolean> =>
  (await readActivations(control)).some(({ version }) => version === candidate.version);

/** Both documents say the same, about this environment and this document, now, by two people. */
async function readDocuments(
  control: Sql,
  { environment, candidate, documents }: PolicyActivationOrder,
): Promise<readonly [VerifiedDocument, VerifiedDocument]> {
  const at = await databaseNow(control);
  const signers = await readSigners(control);
  const read = (index: 0 | 1): VerifiedDocument => {
    const field = `documents[${index}]`;
    const document = verifyDocument(documents[index], {
      ...{ type: POLICY_DOCUMENT, roles: AUTHORITIES, at, signers, field },
    });
    statement(document.payload, field);
    const said = document.payload as unknown as ActivationStatement;
    if (said.environment !== environment) throw otherThing('environment', field);
    if (said.policy !== candidate.policy || said.policyDigest !== candidate.digest) {
      throw otherThing('policy', field);
    }
    if (Date.parse(said.expiresAt) <= Date.parse(at)) {
      throw new LetheError('NOT_PERMITTED', `${field} has expired; sign again`, { field });
    }
    return document;
  };
  const [first, second] = [read(0), read(1)];
  if (isSamePerson(first.signer.personId, second.signer.personId)) {
    throw new LetheError('FOUR_EYES', 'documents must be signed by two different people', {
      field: 'documents',
    });
  }
  if (first.payload['planDigest'] !== second.payload['planDigest']) {
    throw otherThing('plan', 'documents');
  }
  return [first, second];
}

const otherThing = (what: string, field: string): LetheError =>
  new LetheError('NOT_PERMITTED', `${field} was signed for another ${what}`, { field });

/** Evidence of a refusal names digests only: what was sent in may be anything. */
async function recordRefusal(
  { ledger }: PolicyPorts,
  { candidate, documents }: PolicyActivationOrder,
  { code }: LetheError,
): Promise<void> {
  const text = createHash('sha256').update(JSON.stringify(documents), 'utf8').digest('hex');
  await ledger.append({
    tenantId: null,
    kind: 'policy-activation-refused',
    subject: `policy/${candidate.version}/${text.slice(0, 32)}/${code}`,
    details: {
      policyDigest: candidate.digest,
      documentsDigest: text,
      reason: code.toLowerCase().replaceAll('_', '-'),
    },
  });
}
