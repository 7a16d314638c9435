import { LetheError } from '../../../domain/errors';
import { insertRow, recordEvent, type EffectContext, type EffectResult } from '../command-context';
import { closeUnplannedEvents, lastEndOf, reviveArchived } from '../revive';
import { textRow, toSqlTime } from '../sql-text';
import { openPeriod } from '../tenant-facts';
import { openGeneration } from './services';

/**
 * A deletion was requested; the clock starts at receipt.
 *
 * @throws LetheError IDEMPOTENCY_CONFLICT when the id is taken by an earlier request.
 * @source CC-2, DR-1
 */
export async function requestDeletion(
  context: EffectContext<'requestDeletion'>,
): Promise<EffectResult> {
  const { requestId, recordClass } = context.command.body;
  if (context.facts.requests.some((request) => request.requestId === requestId)) {
    throw new LetheError('IDEMPOTENCY_CONFLICT', 'requestId is taken by an earlier request', {
      field: 'requestId',
    });
  }
  await insertRow(context.sql, 'deletion_requests', {
    tenant_id: context.tenantId,
    request_id: requestId,
    record_class: recordClass,
    received_at: toSqlTime(context.now),
  });
  if (recordClass === 'console-configuration-data') await openGeneration(context);
  const eventId = await recordEvent(context, {
    kind: 'request',
    ref: requestId,
    at: context.now,
    recordClass,
  });
  return { requestId, receivedAt: context.now, eventId };
}

/**
 * A request is withdrawn as if it had not been made; until the first destruction permit, not after it.
 * When the Feature has ended meanwhile, its own rule takes over.
 *
 * @throws LetheError UNKNOWN_REQUEST; REQUEST_IRREVOCABLE after the first destruction permit.
 * @source CC-2, CC-3
 */
export async function withdrawDeletion(
  context: EffectContext<'withdrawDeletion'>,
): Promise<EffectResult> {
  const { requestId } = context.command.body;
  const request = context.facts.requests.find((known) => known.requestId === requestId);
  if (request === undefined || request.withdrawnAt !== null) {
    throw new LetheError(
      'UNKNOWN_REQUEST',
      'requestId names no standing request; `lethe order list` shows them',
      {
        field: 'requestId',
      },
    );
  }
  const permit = await textRow(
    context.sql,
    // Also of a run that is older than the request: once it stands, the request decides there, too.
    `SELECT p.permit_id FROM permits p
       JOIN runs r ON r.run_id = p.run_id
       JOIN cohorts c ON c.run_id = p.run_id AND c.due_on = p.due_on
      WHERE r.tenant_id = ? AND r.record_class = ? AND p.kind = 'destroy' AND p.issued_at >= ?
        AND CASE WHEN r.event_kind = 'request' THEN r.event_ref = ?
                 WHEN r.record_class = 'asset-basic-data' THEN c.newest_observed_at <= ?
                 ELSE r.event_at <= ? END LIMIT 1`,
    [
      ...[context.tenantId, request.recordClass, toSqlTime(request.receivedAt), requestId],
      ...[toSqlTime(request.receivedAt), toSqlTime(request.receivedAt)],
    ],
  );
  if (permit !== null) {
    throw new LetheError('REQUEST_IRREVOCABLE', 'destruction of what requestId covers has begun', {
      field: 'requestId',
    });
  }
  await insertRow(context.sql, 'deletion_withdrawals', {
    tenant_id: context.tenantId,
    request_id: requestId,
    withdrawn_at: toSqlTime(context.now),
  });
  await closeUnplannedEvents(context, { kind: 'request', refs: [requestId] });
  // Archived data whose services have ended meanwhile stays where it is, under the rule of their end.
  const kept = await reviveArchived(
    context,
    (cohort) =>
      cohort.eventRef === requestId &&
      (cohort.recordClass !== 'asset-basic-data' ||
        lastEndOf(context.facts, cohort.subjects) === undefined),
  );
  if (request.recordClass === 'console-configuration-data') await resumeFeatureEnd(context);
  return { requestId, kept };
}

/** The withdrawn request's data falls back to the rule of the Feature's end, if it has ended. */
async function resumeFeatureEnd(context: EffectContext<'withdrawDeletion'>): Promise<void> {
  if (openPeriod(context.facts, 'Feature') !== undefined) return;
  const last = context.facts.periods.filter((period) => period.subject === 'Feature').at(-1);
  if (last?.endedAt === undefined || last.endedAt === null) return;
  await recordEvent(context, {
    kind: 'feature-end',
    ref: last.subscriptionId,
    at: last.endedAt,
    recordClass: 'console-configuration-data',
  });
}
