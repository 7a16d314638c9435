import type { Sql } from '../../contracts/sql';
import type { CalendarDate, CalendarKind } from '../../domain/calendar-feed';
import { formatInstant, parseInstant, DAY } from '../../domain/instants';
import { RETENTION_SCHEDULE } from '../../domain/retention-schedule';
import { IN_FORCE, REVIEW_ON } from '../control/read-holds';
import { required, textRows, toInstant, toInstantOrNull, type TextRow } from '../control/sql-text';

/** Rows of each sort that one calendar shows; the nearest ones. */
const ROWS_MAX = 2000;

/** Dates of a calendar. */
export interface CalendarDates {
  readonly dates: readonly CalendarDate[];
  /** False when there are more than one calendar shows: one of a single tenant has them all. */
  readonly complete: boolean;
}

/**
 * Every date that people wait for: windows that are not over, reviews of holds in force, internal ends of
 * deletion requests. A window without an end, under an open hold, has no date. Reading, so safe to repeat.
 *
 * @param tenantId - null: of all tenants.
 */
export async function readCalendarDates(sql: Sql, tenantId: string | null): Promise<CalendarDates> {
  const sorts = [
    await readWindowDates(sql, tenantId),
    await readHoldReviews(sql, tenantId),
    await readRequestStops(sql, tenantId),
  ];
  return {
    dates: sorts.flatMap((rows) => rows.slice(0, ROWS_MAX).flat()),
    complete: sorts.every((rows) => rows.length <= ROWS_MAX),
  };
}

const ofTenant = (column: string, tenantId: string | null): string =>
  tenantId === null ? '' : `AND ${column} = ?`;
const paramsOf = (tenantId: string | null): readonly string[] =>
  tenantId === null ? [] : [tenantId];

/** The dates of each row, one row more than is shown. */
type DatesOfRows = readonly (readonly CalendarDate[])[];

async function readWindowDates(sql: Sql, tenantId: string | null): Promise<DatesOfRows> {
  const rows = await textRows(
    sql,
    `SELECT c.tenant_id, c.run_id, c.due_on, w.window_number, w.earliest_at, w.delete_not_before,
            w.latest_at, w.computed_at
       FROM cohorts c
       JOIN cohort_windows w ON w.run_id = c.run_id AND w.due_on = c.due_on
        AND w.window_number = (SELECT MAX(n.window_number) FROM cohort_windows n
                                WHERE n.run_id = c.run_id AND n.due_on = c.due_on)
      WHERE NOT EXISTS (SELECT 1 FROM cohort_states s WHERE s.run_id = c.run_id
              AND s.due_on = c.due_on AND s.state IN ('destroyed', 'certified', 'restored', 'superseded'))
        AND NOT EXISTS (SELECT 1 FROM run_states t WHERE t.run_id = c.run_id
              AND t.state IN ('superseded', 'recalled'))
        ${ofTenant('c.tenant_id', tenantId)}
      ORDER BY w.latest_at IS NULL, w.latest_at, c.run_id, c.due_on LIMIT ${ROWS_MAX + 1}`,
    paramsOf(tenantId),
  );
  return rows.map((row) =>
    (
      [
        ['earliest', 'earliest_at'],
        ['not-before', 'delete_not_before'],
        ['latest', 'latest_at'],
      ] as const
    ).flatMap(([kind, column]) => windowDate(row, kind, column)),
  );
}

function windowDate(row: TextRow, kind: CalendarKind, column: string): readonly CalendarDate[] {
  const at = toInstantOrNull(row[column]);
  if (at === null) return [];
  const revision = Number(required(row, 'window_number')) - 1;
  return [
    {
      kind,
      of: `${required(row, 'run_id')}/${required(row, 'due_on')}`,
      tenantId: required(row, 'tenant_id'),
      at,
      changedAt: toInstant(required(row, 'computed_at')),
      revision,
    },
  ];
}

async function readHoldReviews(sql: Sql, tenantId: string | null): Promise<DatesOfRows> {
  const rows = await textRows(
    sql,
    `SELECT DISTINCT h.hold_id, ${REVIEW_ON} AS review_on, s.tenant_id,
            COALESCE((SELECT MAX(v.reviewed_at) FROM hold_reviews v WHERE v.hold_id = h.hold_id),
              h.placed_at) AS changed_at,
            (SELECT COUNT(*) FROM hold_reviews v WHERE v.hold_id = h.hold_id) AS revision
       FROM holds h JOIN hold_scopes s ON s.hold_id = h.hold_id
      WHERE ${IN_FORCE}
        ${ofTenant('s.tenant_id', tenantId)}
      ORDER BY review_on, h.hold_id, s.tenant_id LIMIT ${ROWS_MAX + 1}`,
    paramsOf(tenantId),
  );
  return rows.map((row) => [
    {
      kind: 'hold-review',
      of: `${required(row, 'hold_id')}/${required(row, 'tenant_id')}`,
      tenantId: required(row, 'tenant_id'),
      at: required(row, 'review_on'),
      changedAt: toInstant(required(row, 'changed_at')),
      revision: Number(required(row, 'revision')),
    },
  ]);
}

/**
 * Requests that were not withdrawn, of whose runs nothing is certified yet, and of which there is something:
 * one that is sealed while nothing of its class waits has found nothing, or nothing any more.
 */
async function readRequestStops(sql: Sql, tenantId: string | null): Promise<DatesOfRows> {
  const rows = await textRows(
    sql,
    `SELECT q.tenant_id, q.request_id, q.received_at FROM deletion_requests q
      WHERE NOT EXISTS (SELECT 1 FROM deletion_withdrawals w
              WHERE w.tenant_id = q.tenant_id AND w.request_id = q.request_id)
        AND NOT EXISTS (SELECT 1 FROM runs r JOIN cohort_states s ON s.run_id = r.run_id
              WHERE r.tenant_id = q.tenant_id AND r.event_ref = q.request_id AND s.state = 'certified')
        AND (EXISTS (SELECT 1 FROM events e
                LEFT JOIN event_closings f ON f.tenant_id = e.tenant_id AND f.event_id = e.event_id
               WHERE e.tenant_id = q.tenant_id AND e.event_ref = q.request_id AND f.event_id IS NULL)
          OR EXISTS (SELECT 1 FROM cohorts c JOIN runs r ON r.run_id = c.run_id
               WHERE c.tenant_id = q.tenant_id AND r.record_class = q.record_class
                 AND NOT EXISTS (SELECT 1 FROM cohort_states s WHERE s.run_id = c.run_id
                   AND s.due_on = c.due_on AND s.state IN ('certified', 'restored', 'superseded'))))
        ${ofTenant('q.tenant_id', tenantId)}
      ORDER BY q.received_at DESC, q.request_id LIMIT ${ROWS_MAX + 1}`,
    paramsOf(tenantId),
  );
  const { internalRequestStopDays } = RETENTION_SCHEDULE.parameters;
  return rows.map((row) => {
    const receivedAt = toInstant(required(row, 'received_at'));
    const stop = parseInstant(receivedAt, 'receivedAt') + BigInt(internalRequestStopDays) * DAY;
    return [
      {
        kind: 'request-stop',
        // Two tenants may have chosen the same id for a request.
        of: `${required(row, 'request_id')}/${required(row, 'tenant_id')}`,
        tenantId: required(row, 'tenant_id'),
        at: formatInstant(stop),
        changedAt: receivedAt,
        revision: 0,
      },
    ];
  });
}
