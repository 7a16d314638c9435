import { documentTexts, pickSqlValues, type ArchivedRecord } from '../../archive-format';
import type { Sql } from '../../contracts/sql';
import { coversRecord, type Reachable, type RecordScope } from '../../domain/hold-scope';
import { toScope } from '../control/read-holds';
import { required, textRows, toInstant } from '../control/sql-text';
import { readSealedIds, type SealedIds } from './sealed-ids';

/** A due day and a hold that covers something of it, perhaps. */
export interface Coverage {
  readonly tenantId: string;
  readonly cohort: Reachable & { readonly dueOn: string };
  readonly holdId: string;
}

/** Says of each archived record whether it must be withheld. */
export interface CoveredRecords {
  covers(record: ArchivedRecord): boolean;
  /** Withheld by an earlier split already, whose own holds and this one keep it there. */
  isElsewhere(record: ArchivedRecord): boolean;
  /** When a record was seen first, by itself; null when it does not say so in the one form. */
  seenAt(record: ArchivedRecord): string | null;
}

/**
 * Reads what a hold covers of a due day, and what of it earlier splits that stand have withheld. Reading, so
 * safe to repeat. Bounds: 16 to 32 bytes for each record that is withheld elsewhere.
 *
 * @param before - only splits that were made before that instant count as earlier; null: all.
 * @source CC-4
 */
export async function readCoveredRecords(
  control: Sql & Parameters<typeof readSealedIds>[0]['control'],
  { tenantId, cohort, holdId }: Coverage,
  before: string | null = null,
): Promise<CoveredRecords> {
  const scopes = await readScopes(control, tenantId, holdId);
  const earlier: SealedIds[] = [];
  for (const { runId, splitAt } of await readStanding(control, cohort)) {
    if (before !== null && splitAt >= before) continue;
    earlier.push(await readSealedIds({ control }, { runId }));
  }
  return {
    covers: (record) => {
      const seen = { assetId: record.assetId, observedAt: observedAtOf(record) };
      return scopes.some((scope) => coversRecord(scope, cohort, seen));
    },
    seenAt: observedAtOf,
    isElsewhere: (record) => earlier.some(({ ids }) => ids.has(record)),
  };
}

async function readScopes(
  control: Sql,
  tenantId: string,
  holdId: string,
): Promise<readonly RecordScope[]> {
  const rows = await textRows(
    control,
    `SELECT tenant_id, record_class, hosting_service, asset_id, collected_from, collected_to
       FROM hold_scopes WHERE tenant_id = ? AND hold_id = ?`,
    [tenantId, holdId],
  );
  return rows.map(toScope);
}

async function readStanding(
  control: Sql,
  { runId, dueOn }: { readonly runId: string; readonly dueOn: string },
): Promise<readonly { readonly runId: string; readonly splitAt: string }[]> {
  const rows = await textRows(
    control,
    `SELECT withheld_run_id, split_at FROM cohort_reliefs
      WHERE run_id = ? AND due_on = ? AND withheld_run_id IS NOT NULL`,
    [runId, dueOn],
  );
  return rows.map((row) => ({
    runId: required(row, 'withheld_run_id'),
    splitAt: toInstant(required(row, 'split_at')),
  }));
}

const SQL_TIME = /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(\.\d{1,6})?$/;
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$/;
/** Columns that say when a row was seen or made; a table has one of them. */
const SEEN_COLUMNS: readonly string[] = ['observed_at', 'linked_at'];

function observedAtOf({ content, schema }: ArchivedRecord): string | null {
  if (schema.kind === 'bson') {
    const text = documentTexts(content, ['observedAt']).get('observedAt') ?? '';
    return INSTANT.test(text) ? text : null;
  }
  const position = schema.columns.findIndex(({ name }) => SEEN_COLUMNS.includes(name));
  if (position < 0) return null;
  const [value] = pickSqlValues(content, schema.columns.length, [position]);
  return typeof value === 'string' && SQL_TIME.test(value) ? toInstant(value) : null;
}
