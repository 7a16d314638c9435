import { actor, matching, objectOf, optional } from '../../contracts/field-checks';
import type { TripRecord } from '../../contracts/control-reader';
import { signedDecision, type SignedBy } from '../../contracts/decisions';
import type { Sql, SqlPool } from '../../contracts/sql';
import type { EvidenceLedger } from '../../contracts/stores';
import type { BreakerCause, BreakerScope } from '../../domain/caps';
import { LetheError } from '../../domain/errors';
import { appendAgain } from './append-again';
import { withDecision } from './decisions';
import type { FreezePorts } from './freeze';
import { reasonDigest, reasonText } from './lift-freeze';
import { required, textRow, textRows, toInstant, toInstantOrNull } from './sql-text';

/** Stores that a trip is recorded in and takes effect in. */
export interface BreakerPorts {
  /** The control login on control. */
  readonly control: SqlPool;
  /** The control login on the key store: it makes older key permits void. */
  readonly keys: SqlPool;
  readonly ledger: EvidenceLedger;
  /** A fresh token of 26 lower-case letters and digits. */
  readonly newToken: () => string;
}

/** What was wrong, and where. */
export interface TripBreaker {
  readonly scope: BreakerScope;
  readonly cause: BreakerCause;
  readonly tenantId: string;
  readonly runId: string;
  /** Empty for a move, which spans due days. */
  readonly dueOn: string;
}

/**
 * Trips the circuit breaker: permits that are out are revoked in control and made stale in the key store,
 * and no further one is issued in its scope until a person resets it.
 *
 * Effect: one row and one ledger entry.
 * @idempotency while a trip of the same scope and cause is open there is no second one.
 */
export async function tripBreaker(ports: BreakerPorts, trip: TripBreaker): Promise<void> {
  const { scope, cause, tenantId, runId, dueOn } = trip;
  await ports.control.execute('CALL trip_breaker(?, ?, ?, ?, ?, ?)', [
    `bt_${ports.newToken()}`,
    ...[scope, cause, tenantId, runId, dueOn],
  ]);
  if (scope === 'all' || scope === 'keys') {
    await ports.keys.execute('CALL bump_key_epoch(?)', ['global']);
  }
  const open = await textRow(
    ports.control,
    `SELECT t.trip_id, t.tripped_at, t.tenant_id, t.run_id FROM breaker_trips t
       LEFT JOIN breaker_resets r ON r.trip_id = t.trip_id
      WHERE r.trip_id IS NULL AND t.scope = ? AND t.cause = ? ORDER BY t.tripped_at LIMIT 1`,
    [scope, cause],
  );
  // Somebody was quick and has reset it; the trip itself is on record.
  if (open === null) return;
  await ports.ledger.append({
    tenantId: required(open, 'tenant_id'),
    kind: 'breaker-tripped',
    subject: required(open, 'trip_id'),
    details: {
      tripId: required(open, 'trip_id'),
      scope,
      cause,
      runId: required(open, 'run_id'),
      trippedAt: toInstant(required(open, 'tripped_at')),
    },
  });
}

const tripId = matching(
  /^bt_[0-9a-z]{16,40}$/,
  'must be bt_ followed by 16 to 40 lower-case letters or digits',
);

/**
 * Lets destruction go on after a trip, because a person has found its cause. After one by volume, what
 * comes within a day is taken for usual; the caps still stand.
 *
 * @idempotency the first reset counts; repeating it changes nothing.
 * @throws LetheError UNKNOWN_TRIP; SIGNATURE_REQUIRED where decisions are signed, or what is wrong with
 *   the document.
 */
export async function resetBreaker(
  ports: Pick<FreezePorts, 'control' | 'ledger'>,
  order: { readonly tripId: string; readonly resetBy: string; readonly reason: string } & SignedBy,
): Promise<TripRecord> {
  const document = optional(signedDecision);
  objectOf({ tripId, resetBy: actor, reason: reasonText, document })(order, '');
  const { tripId: subject, resetBy: by } = order;
  const taken = { decision: 'reset-breaker', subject, by, document: order.document } as const;
  await withDecision(ports, taken, () =>
    ports.control.execute('CALL reset_breaker(?, ?, ?)', [...[subject, by, order.reason]]),
  );
  const trip = (await readTrips(ports.control)).find((record) => record.tripId === order.tripId);
  if (trip?.reset === undefined || trip.reset === null) {
    throw new LetheError(
      'UNKNOWN_TRIP',
      'tripId names no trip; `lethe breaker status` shows them',
      { field: 'tripId' },
    );
  }
  const { resetAt } = trip.reset;
  const act = {
    tenantId: trip.tenantId,
    kind: 'breaker-reset',
    subject: trip.tripId,
    details: {
      tripId: trip.tripId,
      resetBy: trip.reset.resetBy,
      resetAt,
      reasonDigest: reasonDigest(trip.reset.reason),
    },
  };
  await appendAgain(ports.ledger, act, resetAt);
  return trip;
}

/** How many trips one answer covers, newest first; open ones always come before. */
const TRIPS_MAX = 200;

/** Trips of the circuit breaker, open ones first, newest first. Reading, so safe to repeat. */
export async function readTrips(sql: Sql): Promise<readonly TripRecord[]> {
  const rows = await textRows(
    sql,
    `SELECT t.trip_id, t.scope, t.cause, t.tenant_id, t.run_id, t.due_on, t.tripped_at,
            r.reset_by, r.reason, r.reset_at
       FROM breaker_trips t LEFT JOIN breaker_resets r ON r.trip_id = t.trip_id
      ORDER BY r.trip_id IS NOT NULL, t.tripped_at DESC LIMIT ${TRIPS_MAX}`,
  );
  return rows.map((row) => {
    const resetAt = toInstantOrNull(row['reset_at']);
    return {
      tripId: required(row, 'trip_id'),
      scope: required(row, 'scope') as BreakerScope,
      cause: required(row, 'cause') as BreakerCause,
      tenantId: row['tenant_id'] ?? null,
      runId: row['run_id'] ?? null,
      dueOn: row['due_on'] ?? null,
      trippedAt: toInstant(required(row, 'tripped_at')),
      reset:
        resetAt === null
          ? null
          : { resetBy: required(row, 'reset_by'), reason: required(row, 'reason'), resetAt },
    };
  });
}
