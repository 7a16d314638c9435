import { LetheError } from '../../../domain/errors';
import { isSamePerson } from '../../../domain/signers';
import type { EvidenceLedger } from '../../../contracts/stores';
import { insertRow, recordEvent, type EffectContext, type EffectResult } from '../command-context';
import { recordDecision } from '../decisions';
import { toSqlTime } from '../sql-text';
import { openPeriod, type UsePeriod } from '../tenant-facts';

type EndContext = EffectContext<'endService'> | EffectContext<'endFeature'>;

/** How far ahead of the database's clock a reported instant may be, in milliseconds. */
const FUTURE_TOLERANCE_MS = 60_000;
/** From how far back an effective instant counts as backdated, in milliseconds. */
const BACKDATED_FROM_MS = 300_000;

/**
 * The instant from which a reported end counts. @source late news: an end reported after the fact
 * counts from its effective time, and dating it back needs two people.
 */
function effectiveEnd(context: EndContext, period: UsePeriod): string {
  const { endedAt, approvedBy } = context.command.body;
  if (endedAt === undefined) return context.now;
  const at = Date.parse(endedAt);
  if (at > Date.parse(context.now) + FUTURE_TOLERANCE_MS) {
    throw new LetheError(
      'INVALID_INSTANT',
      'endedAt lies in the future; report the end when it has come',
      {
        field: 'endedAt',
      },
    );
  }
  if (at < Date.parse(period.startedAt)) {
    throw new LetheError('INVALID_INSTANT', 'endedAt lies before the start of the use', {
      field: 'endedAt',
    });
  }
  const isAlone = approvedBy === undefined || isSamePerson(approvedBy, context.command.requestedBy);
  if (isBackdated(context, endedAt) && isAlone) {
    throw new LetheError(
      'BACKDATING_NEEDS_APPROVAL',
      'endedAt lies in the past: name a second person in approvedBy',
      { field: 'approvedBy' },
    );
  }
  return at > Date.parse(context.now) ? context.now : endedAt;
}

const isBackdated = ({ now }: EndContext, endedAt: string): boolean =>
  Date.parse(endedAt) < Date.parse(now) - BACKDATED_FROM_MS;

/**
 * Records the signatures of who reports an end in the past and of who approves it, in the transaction that
 * accepts the end. Whether they are needed, and say exactly this, the database judges when the end is written.
 */
async function recordSignatures(
  { sql, tenantId, command }: EndContext,
  { ledger }: { readonly ledger: EvidenceLedger },
): Promise<void> {
  const [request, approval] = command.body.documents ?? [];
  const { approvedBy = '' } = command.body;
  const asked = { decision: 'request-end', subject: tenantId, by: command.requestedBy } as const;
  const approved = { decision: 'approve-end', subject: tenantId, by: approvedBy } as const;
  if (request !== undefined) await recordDecision({ control: sql, ledger }, asked, request);
  if (approval !== undefined) await recordDecision({ control: sql, ledger }, approved, approval);
}

/**
 * Ends the open period of `subject` and records the event that its disposition stands on.
 *
 * @idempotency runs in the transaction that accepts the command, which is accepted once under its key.
 * @throws LetheError INVALID_INSTANT; BACKDATING_NEEDS_APPROVAL; SIGNATURE_REQUIRED where decisions are signed, or
 *   what is wrong with a document.
 */
export async function endPeriod(
  context: EndContext,
  ports: { readonly ledger: EvidenceLedger },
  options: { readonly subject: string; readonly eventKind: 'termination' | 'feature-end' },
): Promise<EffectResult> {
  const period = openPeriod(context.facts, options.subject);
  if (period === undefined) throw new Error('the caller checks that the use is open');
  const endedAt = effectiveEnd(context, period);
  if (isBackdated(context, endedAt)) await recordSignatures(context, ports);
  await insertRow(context.sql, 'subscription_ends', {
    tenant_id: context.tenantId,
    subscription_id: period.subscriptionId,
    ended_at: toSqlTime(endedAt),
    recorded_at: toSqlTime(context.now),
    approved_by: context.command.body.approvedBy ?? null,
  });
  const eventId = await recordEvent(context, {
    kind: options.eventKind,
    ref: period.subscriptionId,
    at: endedAt,
    recordClass:
      options.eventKind === 'termination' ? 'asset-basic-data' : 'console-configuration-data',
  });
  return { eventId, endedAt };
}
