import { mayCover } from '../../domain/hold-scope';
import type { GoneCohort, HoldAcknowledgement } from '../../contracts/holds';
import type { SqlPool } from '../../contracts/sql';
import { readCohorts, type CohortRow } from './cohort-rows';
import { required, textRows, toInstant, type TextRow } from './sql-text';
import { readTenantFacts } from './tenant-facts';

/** Where it is read what can no longer be held. */
interface GonePorts {
  readonly control: SqlPool;
  readonly keys: SqlPool;
}

/** Cohorts that one acknowledgement names; it crosses a history, and a long life has hundreds. */
const COHORTS_MAX = 500;

/**
 * What of the data under a hold is gone, read when nothing older can destroy any more: keys from the key
 * store itself, rows from the permits that were used. A cohort that was restored is not gone.
 *
 * @idempotency it only reads, and while the hold is in force the answer stays the same.
 * @source CC-4
 */
export async function readGoneBefore(
  ports: GonePorts,
  { holdId, tenants }: { readonly holdId: string; readonly tenants: readonly string[] },
): Promise<Required<Pick<HoldAcknowledgement, 'gone' | 'goneTotal'>>> {
  const gone: GoneCohort[] = [];
  for (const tenantId of tenants) {
    const facts = await readTenantFacts(ports.control, tenantId);
    const reaches = facts?.holds.filter((hold) => hold.holdId === holdId) ?? [];
    const cohorts = await readCohorts(ports.control, tenantId);
    const covered = cohorts.filter((cohort) => reaches.some((reach) => mayCover(reach, cohort)));
    const found = await readEnds(ports, tenantId);
    gone.push(...covered.flatMap((cohort) => goneOf({ tenantId, cohort, found })));
  }
  const newestFirst = gone.sort((a, b) => endOf(b).localeCompare(endOf(a)));
  return { gone: newestFirst.slice(0, COHORTS_MAX), goneTotal: gone.length };
}

/** The last key of a cohort that went; rows go after the keys. */
const endOf = ({ keys, dueOn }: GoneCohort): string => keys.at(-1)?.destroyedAt ?? dueOn;

/** Rows of a tenant by run and due day. */
interface Ends {
  readonly keys: ReadonlyMap<string, readonly TextRow[]>;
  readonly tombstones: ReadonlyMap<string, TextRow>;
  readonly existing: ReadonlySet<string>;
  readonly counts: ReadonlyMap<string, readonly TextRow[]>;
  readonly removed: ReadonlyMap<string, readonly TextRow[]>;
}

async function readEnds({ control, keys }: GonePorts, tenantId: string): Promise<Ends> {
  const of = (statement: string): Promise<readonly TextRow[]> =>
    textRows(control, statement, [tenantId]);
  const tombstones = await textRows(
    keys,
    'SELECT key_ref, kind, destroyed_at FROM key_tombstones WHERE tenant_id = ?',
    [tenantId],
  );
  const made = await textRows(keys, 'SELECT key_ref FROM data_keys WHERE tenant_id = ?', [
    tenantId,
  ]);
  return {
    tombstones: new Map(tombstones.map((row) => [required(row, 'key_ref'), row])),
    existing: new Set(made.map((row) => required(row, 'key_ref'))),
    keys: byCohort(
      await of(`SELECT k.run_id, k.due_on, k.key_ref FROM cohort_keys k
        JOIN cohorts c ON c.run_id = k.run_id AND c.due_on = k.due_on WHERE c.tenant_id = ?`),
    ),
    counts: byCohort(
      await of(`SELECT n.run_id, n.due_on, n.location, n.records FROM cohort_counts n
        JOIN cohorts c ON c.run_id = n.run_id AND c.due_on = n.due_on
       WHERE c.tenant_id = ? ORDER BY n.location`),
    ),
    removed: byCohort(
      await of(`SELECT p.run_id, p.due_on, p.location, COUNT(*) AS batches,
               SUM(p.used_count) AS records FROM permits p
         JOIN manifest_batches b ON b.run_id = p.run_id AND b.location = p.location
          AND b.batch_number = p.batch_number
        WHERE p.tenant_id = ? AND p.kind = 'destroy' AND p.used_at IS NOT NULL
        GROUP BY p.run_id, p.due_on, p.location ORDER BY p.location`),
    ),
  };
}

function byCohort(rows: readonly TextRow[]): ReadonlyMap<string, readonly TextRow[]> {
  const groups = new Map<string, TextRow[]>();
  for (const row of rows) {
    const key = `${required(row, 'run_id')} ${required(row, 'due_on')}`;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return groups;
}

function goneOf(question: {
  readonly tenantId: string;
  readonly cohort: CohortRow;
  readonly found: Ends;
}): readonly GoneCohort[] {
  const { tenantId, cohort, found } = question;
  const { runId, dueOn, recordClass } = cohort;
  const at = `${runId} ${dueOn}`;
  const refs = (found.keys.get(at) ?? []).map((row) => required(row, 'key_ref'));
  const ended = refs.flatMap((keyRef) => {
    const row = found.tombstones.get(keyRef);
    return row?.['kind'] === 'destroy'
      ? [{ keyRef, destroyedAt: toInstant(required(row, 'destroyed_at')) }]
      : [];
  });
  const removed = (found.removed.get(at) ?? []).map((row) => ({
    ...countOf(row),
    batches: Number(required(row, 'batches')),
  }));
  if (ended.length === 0 && removed.length === 0) return [];
  const keysLeft = refs.filter(
    (ref) => found.existing.has(ref) && !found.tombstones.has(ref),
  ).length;
  return [
    {
      ...{ tenantId, recordClass, runId, dueOn },
      keys: ended.sort((a, b) => a.destroyedAt.localeCompare(b.destroyedAt)),
      keysLeft,
      unreadable: keysLeft > 0 ? [] : unreadableOf(cohort, found),
      removed,
    },
  ];
}

/** Records of a due day by location; what was withheld of it was not gone with its key. */
function unreadableOf(
  { runId, dueOn, withheld }: CohortRow,
  { counts }: Ends,
): GoneCohort['unreadable'] {
  const kept = new Map<string, number>();
  for (const child of withheld) {
    for (const row of counts.get(`${child.runId} ${dueOn}`) ?? []) {
      const { location, records } = countOf(row);
      kept.set(location, (kept.get(location) ?? 0) + records);
    }
  }
  return (counts.get(`${runId} ${dueOn}`) ?? []).map(countOf).flatMap(({ location, records }) => {
    const left = records - (kept.get(location) ?? 0);
    return left > 0 ? [{ location, records: left }] : [];
  });
}

const countOf = (row: TextRow): { readonly location: string; readonly records: number } => ({
  location: required(row, 'location'),
  records: Number(required(row, 'records')),
});
