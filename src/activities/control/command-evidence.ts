import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { EvidenceAct } from '../../domain/evidence';
import type { Command, CommandReceipt } from '../../contracts/commands';
import type { SqlPool } from '../../contracts/sql';
import type { EvidenceLedger } from '../../contracts/stores';
import { appendAgain } from './append-again';
import { required, textRow } from './sql-text';

/**
 * SHA-256 of what makes two commands the same. Where a body waits in staging does not: who repeats a
 * command stages its body again, and the digest of the body says whether it is the same.
 */
export const commandDigest = (command: Command): string =>
  createHash('sha256')
    .update(canonicalize({ kind: command.kind, body: withoutPlace(command.body) }) ?? '')
    .digest('hex');

function withoutPlace(body: object): object {
  const rest = Object.entries(body).filter(([key]) => key !== 'stagingId');
  return Object.fromEntries(
    rest.map(([key, value]: [string, unknown]) => [
      key,
      key === 'report' ? withoutPlace(value as object) : value,
    ]),
  );
}

/**
 * Appends what a committed command says: what it takes out of force, and that it was accepted.
 *
 * @idempotency an entry that is there with the same words is left as it is.
 */
export async function proveAcceptance(
  ports: { readonly control: SqlPool; readonly ledger: EvidenceLedger },
  tenantId: string,
  { command, receipt }: { readonly command: Command; readonly receipt: CommandReceipt },
): Promise<void> {
  const takenBack = actTakingBack(tenantId, receipt);
  if (takenBack !== null) await appendAgain(ports.ledger, takenBack, receipt.acceptedAt);
  const act = {
    tenantId,
    kind: 'command-accepted',
    subject: `${tenantId}/${command.idempotencyKey}`,
    details: {
      command: command.kind,
      bodyDigest: commandDigest(command),
      requestedBy: await requesterOf(ports.control, tenantId, command.idempotencyKey),
      acceptedAt: receipt.acceptedAt,
    },
  };
  await appendAgain(ports.ledger, act, receipt.acceptedAt);
}

/** What takes an order out of force is named by itself: a restored control store must know it again. */
function actTakingBack(
  tenantId: string,
  { kind, acceptedAt, result }: CommandReceipt,
): EvidenceAct | null {
  if (kind === 'withdrawDeletion') {
    const requestId = String(result['requestId']);
    const details = { requestId, withdrawnAt: acceptedAt };
    return { tenantId, kind: 'deletion-withdrawn', subject: `${tenantId}/${requestId}`, details };
  }
  if (kind !== 'denyOrder' && kind !== 'revokeOrder') return null;
  const { orderId, reason, stoppedBy } = result;
  const stop = kind === 'denyOrder' ? 'denied' : 'revoked';
  return {
    ...{ tenantId, kind: 'order-stopped', subject: String(orderId) },
    details: { orderId, stop, reason, stoppedBy, stoppedAt: acceptedAt },
  };
}

/** Who sent it first; somebody else may repeat it, and the evidence names the first. */
async function requesterOf(
  control: SqlPool,
  tenantId: string,
  idempotencyKey: string,
): Promise<string> {
  const row = await textRow(
    control,
    'SELECT requested_by FROM commands WHERE tenant_id = ? AND idempotency_key = ?',
    [tenantId, idempotencyKey],
  );
  return required(row ?? {}, 'requested_by');
}
