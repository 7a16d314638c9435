import type { RepositoryScan, SharingGrant, StagedBody } from '../contracts/commands';
import { parseRepositoryScan, parseSharingGrant } from '../contracts/schemas/sharing';
import { assertCommand } from '../contracts/validate-command';
import type { CommandHeader, SharingOrder } from './caller-input';

/** Stands for a body that waits nowhere yet, so that everything else is checked before it does. */
export const UNSTAGED: StagedBody = Object.freeze({
  stagingId: `st_${'0'.repeat(32)}`,
  digest: '0'.repeat(64),
});

/**
 * What an authorization covers, as it is staged.
 *
 * @throws LetheError naming the field of the header or of the body; values never enter the message.
 */
export function checkedGrant(header: CommandHeader, order: SharingOrder): SharingGrant {
  const { authorizationId, ...grant } = order;
  const { idempotencyKey, requestedBy } = header;
  assertCommand('grantSharing', {
    ...{ kind: 'grantSharing', idempotencyKey, requestedBy },
    body: { ...UNSTAGED, authorizationId },
  });
  return parseSharingGrant(grant);
}

/**
 * Which repository is to be read, as it is staged.
 *
 * @throws LetheError naming the field of the header or of the body; values never enter the message.
 */
export function checkedScan(header: CommandHeader, order: RepositoryScan): RepositoryScan {
  const { idempotencyKey, requestedBy } = header;
  assertCommand('requestScan', {
    ...{ kind: 'requestScan', idempotencyKey, requestedBy },
    body: { ...UNSTAGED, source: 'registry' },
  });
  return parseRepositoryScan(order);
}
