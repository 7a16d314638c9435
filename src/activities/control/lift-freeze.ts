import { createHash } from 'node:crypto';
import { LetheError } from '../../domain/errors';
import { actor, matching, objectOf, optional } from '../../contracts/field-checks';
import type { FreezeRecord } from '../../contracts/control-reader';
import { signedDecision, type SignedBy } from '../../contracts/decisions';
import { withDecision } from './decisions';
import { freezeId, settleFreeze, tenantOf, type FreezePorts } from './freeze';
import { readFreeze } from './read-interlocks';
import { required, textRow } from './sql-text';

/** A person's request to lift a freeze. */
export interface RequestLift extends SignedBy {
  readonly freezeId: string;
  readonly requestedBy: string;
  /** For colleagues and auditors; kept in control, in the evidence by its digest only. */
  readonly reason: string;
}

/** Checks the reason that a person gives for an order to the engine. */
export const reasonText = matching(
  /^(?=[^]{10,500}$)[^\x00-\x1f\x7f]+$/,
  'must say why in 10 to 500 characters on one line',
);

/** Digest of a reason, for the evidence: what a person wrote stays in control. */
export const reasonDigest = (reason: string): string =>
  createHash('sha256').update(reason, 'utf8').digest('hex');

/**
 * Asks that a freeze be lifted. It stays in force: somebody else has to approve within a day, or the
 * request expires.
 *
 * @idempotency the same person asking for the same reason changes nothing while the request lives.
 * @throws LetheError UNKNOWN_FREEZE; NOT_PERMITTED when it has been lifted; SIGNATURE_REQUIRED where
 *   decisions are signed, or what is wrong with the document.
 */
export async function requestLift(ports: FreezePorts, order: RequestLift): Promise<FreezeRecord> {
  const document = optional(signedDecision);
  objectOf({ freezeId, requestedBy: actor, reason: reasonText, document })(order, '');
  await withDecision(
    ports,
    {
      ...{ decision: 'request-lift', subject: order.freezeId },
      ...{ by: order.requestedBy, document: order.document },
    },
    () =>
      ports.control.execute('CALL request_lift(?, ?, ?)', [
        ...[order.freezeId, order.requestedBy, order.reason],
      ]),
  );
  const freeze = await known(ports, order.freezeId);
  const number = await newestRequest(ports, order.freezeId);
  const { request } = freeze;
  if (request === null) throw new Error('a request that was made is known');
  await ports.ledger.append({
    tenantId: tenantOf(freeze.scope),
    kind: 'freeze-lift-requested',
    subject: `${order.freezeId}/${number}`,
    details: {
      freezeId: order.freezeId,
      requestedBy: request.requestedBy,
      reasonDigest: reasonDigest(request.reason),
      expiresAt: request.expiresAt,
    },
  });
  return freeze;
}

/**
 * Approves the newest request to lift a freeze, by somebody else than who made it. The procedure in the
 * database decides whether they are two people and whether the request still lives. Stored windows are
 * stale afterwards and are computed again before anything is destroyed.
 *
 * @idempotency approving what has been lifted changes nothing.
 * @throws LetheError UNKNOWN_FREEZE; NOT_PERMITTED for the same person, or without a living request;
 *   SIGNATURE_REQUIRED where decisions are signed, or what is wrong with the document.
 */
export async function approveLift(
  ports: FreezePorts,
  order: { readonly freezeId: string; readonly approvedBy: string } & SignedBy,
): Promise<FreezeRecord> {
  objectOf({ freezeId, approvedBy: actor, document: optional(signedDecision) })(order, '');
  const { freezeId: subject, approvedBy: by, document } = order;
  await withDecision(ports, { decision: 'approve-lift', subject, by, document }, () =>
    ports.control.execute('CALL approve_lift(?, ?)', [subject, by]),
  );
  const freeze = await known(ports, order.freezeId);
  await settleFreeze(ports, freeze.scope);
  const [requestedBy = null, approvedBy = null] = freeze.liftedBy;
  await ports.ledger.append({
    tenantId: tenantOf(freeze.scope),
    kind: 'freeze-lifted',
    subject: order.freezeId,
    details: { freezeId: order.freezeId, scope: freeze.scope, requestedBy, approvedBy },
  });
  return freeze;
}

async function known(ports: FreezePorts, id: string): Promise<FreezeRecord> {
  const freeze = await readFreeze(ports.control, id);
  if (freeze !== null) return freeze;
  throw new LetheError(
    'UNKNOWN_FREEZE',
    'freezeId names no freeze; `lethe freeze status` shows them',
    { field: 'freezeId' },
  );
}

async function newestRequest(ports: FreezePorts, id: string): Promise<string> {
  const row = await textRow(
    ports.control,
    'SELECT MAX(request_number) AS number FROM freeze_lift_requests WHERE freeze_id = ?',
    [id],
  );
  return required(row ?? {}, 'number');
}
