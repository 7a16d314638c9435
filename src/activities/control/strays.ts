import type { Sql, SqlPool } from '../../contracts/sql';
import type { RecordClass } from '../../domain/record-class';
import { insertRow, recordEvent } from './command-context';
import { textRow, toSqlTime } from './sql-text';
import { databaseNow } from './tenant-facts';

/** An archive without a cohort that still waits: its key, and what may stand behind it. */
export interface StrayArchive {
  readonly keyRef: string;
  readonly newestObservedAt: string;
  readonly objects: number;
}

/** Something stored that belongs to no run. */
export interface Discovery {
  readonly tenantId: string;
  readonly recordClass: RecordClass;
  /** The run whose services it belongs to, generations of configuration, or {@link ARCHIVE}. */
  readonly ref: string;
  readonly archives?: readonly StrayArchive[];
}

/** What an event of strays stands on when they lie in the archive or among the keys. */
const ARCHIVE = 'archive';
const GENERATIONS = /^generation-(?<from>[1-9]\d{0,8})-(?<to>[1-9]\d{0,8})$/;

/** Names a stretch of generations that hold what no run covers. */
export const generationsRef = (from: number, to: number): string => `generation-${from}-${to}`;

/** The stretch of generations that an event of strays names, or null. */
export function generationsOfRef(ref: string): readonly [number, number] | null {
  const found = GENERATIONS.exec(ref)?.groups;
  return found === undefined ? null : [Number(found['from']), Number(found['to'])];
}

/** True for a run, or an event, of what lies in the archive or among the keys: no record of it is live. */
export const isOfArchive = (run: {
  readonly eventKind: string;
  readonly eventRef: string;
}): boolean => run.eventKind === 'stray' && run.eventRef === ARCHIVE;

/** A discovery in the archive or among the keys. */
export const inArchive = (tenantId: string, archives: readonly StrayArchive[]): Discovery => ({
  ...{ tenantId, archives, recordClass: 'asset-basic-data', ref: ARCHIVE },
});

/**
 * Records that live records were found which belong to no run: they become a run of their own, with their
 * own window from their discovery.
 *
 * @idempotency as {@link recordDiscovery}.
 * @source ST-1
 */
export async function recordStrays(
  control: SqlPool,
  run: Pick<Discovery, 'tenantId' | 'recordClass'> & { readonly runId: string },
  strays: number,
): Promise<void> {
  if (strays === 0) return;
  const { tenantId, recordClass, runId } = run;
  await recordDiscovery(control, { tenantId, recordClass, ref: runId });
}

/**
 * Records that something was found stored which belongs to no run.
 *
 * @idempotency while an event of the same discovery is open, no second one is recorded.
 * @source ST-1, ST-2
 */
export async function recordDiscovery(control: SqlPool, discovery: Discovery): Promise<void> {
  const { tenantId, recordClass, ref, archives = [] } = discovery;
  await control.transaction(async (sql) => {
    await sql.execute('CALL lock_tenant(?)', [tenantId]);
    const open = await textRow(
      sql,
      `SELECT e.event_id FROM events e
         LEFT JOIN event_closings c ON c.tenant_id = e.tenant_id AND c.event_id = e.event_id
        WHERE e.tenant_id = ? AND e.event_kind = 'stray' AND e.event_ref = ?
          AND c.event_id IS NULL`,
      [tenantId, ref],
    );
    if (open !== null) return;
    const unknown: StrayArchive[] = [];
    for (const archive of archives) if (!(await isWithheld(sql, archive))) unknown.push(archive);
    if (archives.length > 0 && unknown.length === 0) return;
    const now = await databaseNow(sql);
    const event = { kind: 'stray', ref, at: now, recordClass };
    const eventId = await recordEvent({ sql, tenantId, now }, event);
    for (const { keyRef, newestObservedAt, objects } of unknown) {
      await insertRow(sql, 'stray_archives', {
        tenant_id: tenantId,
        event_id: eventId,
        key_ref: keyRef,
        newest_observed_at: toSqlTime(newestObservedAt),
        objects,
        found_at: toSqlTime(now),
      });
    }
  });
}

/** Put on record as withheld since somebody looked: both happen under the tenant's lock. */
async function isWithheld(sql: Sql, { keyRef }: StrayArchive): Promise<boolean> {
  const row = await textRow(
    sql,
    `SELECT k.key_ref FROM cohort_keys k
       JOIN cohort_splits s ON s.withheld_run_id = k.run_id AND s.due_on = k.due_on
      WHERE k.key_ref = ? AND NOT EXISTS (SELECT 1 FROM cohort_states c
        WHERE c.run_id = k.run_id AND c.due_on = k.due_on AND c.state IN ('certified', 'restored'))`,
    [keyRef],
  );
  return row !== null;
}
