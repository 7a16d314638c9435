import { readCohort, type ArchivedRecord } from '../../archive-format';
import type { Sql } from '../../contracts/sql';
import { coversRecord, type Reachable, type RecordScope } from '../../domain/hold-scope';
import { toScope } from '../control/read-holds';
import { required, textRows, toInstant } from '../control/sql-text';
import { FirstScans, lifeOf, SCANS, type ArchivedLife } from './archived-lives';
import type { VerifierPorts } from './ports';
import type { OpenedCopy } from './read-copy';
import { readSealedIds, type SealedIds } from './sealed-ids';

/** A due day and a hold that covers something of it, perhaps. */
export interface Coverage {
  readonly tenantId: string;
  readonly cohort: Reachable & { readonly dueOn: string };
  readonly holdId: string;
  /** Only splits that were made before that instant count as earlier; absent: all. */
  readonly before?: string;
}

/** An archived record and what becomes of it in a split. */
export interface DividedRecord {
  readonly record: ArchivedRecord;
  /** `elsewhere`: withheld by an earlier split, or of what that withheld; its holds and this one keep it there. */
  readonly share: 'covered' | 'rest' | 'elsewhere';
  /** When it was seen first, by itself; null when it does not say so in the one form. */
  readonly seenAt: string | null;
}

/**
 * Reads a due day to its proven end and says of every record, once and in no particular order, whether a hold
 * covers it. What cannot be read of a record counts as covered.
 *
 * Reading, so safe to repeat. Bounds: 16 to 32 bytes for each record that is withheld elsewhere; for a hold with a
 * beginning of collection one instant for each asset and kind.
 *
 * @throws LetheError as `readCohort`; what was given out before counts only without one.
 * @source CC-4
 */
export async function* readDivided(
  { control }: Pick<VerifierPorts, 'control'>,
  copy: OpenedCopy,
  { tenantId, cohort, holdId, before }: Coverage,
): AsyncGenerator<DividedRecord> {
  const scopes = await readScopes(control, tenantId, holdId);
  const lives = await readLives(control, copy, { cohort, scopes });
  const earlier: SealedIds[] = [];
  for (const runId of await readStanding(control, cohort, before)) {
    earlier.push(await readSealedIds({ control }, { runId }));
  }
  for await (const { record, life, next } of withNext(readCohort(copy.open, copy))) {
    const seenAt = life.observedAt;
    const isCovered = (scope: RecordScope): boolean =>
      coversRecord(scope, cohort, {
        ...{ assetId: record.assetId, observedAt: seenAt },
        observedUntil: lives?.get(scope.collectedFrom)?.until(record.assetId, life, next) ?? null,
      });
    const share = earlier.some(({ ids }) => ids.has(record))
      ? 'elsewhere'
      : scopes.some(isCovered)
        ? 'covered'
        : 'rest';
    yield { record, share, seenAt };
  }
}

interface Followed {
  readonly record: ArchivedRecord;
  readonly life: ArchivedLife;
  /** When a later version of the same record was seen; null when none follows it. */
  readonly next: string | null;
}

/** Puts beside each record the version that follows it: they were written record by record in the order of time. */
async function* withNext(source: AsyncIterable<ArchivedRecord>): AsyncGenerator<Followed> {
  const waiting = new Map<string, Omit<Followed, 'next'>>();
  for await (const record of source) {
    const life = lifeOf(record);
    const before = waiting.get(record.location);
    waiting.set(record.location, { record, life });
    if (before !== undefined) yield { ...before, next: nextOf(before, { record, life }) };
  }
  for (const last of waiting.values()) yield { ...last, next: null };
}

/** Whatever is later is an end that the record did not outlive; out of order it would only be less exact. */
function nextOf(
  { record, life }: Omit<Followed, 'next'>,
  after: Omit<Followed, 'next'>,
): string | null {
  const isSame = life.recordId !== null && life.recordId === after.life.recordId;
  const later = after.life.observedAt;
  if (!isSame || record.assetId !== after.record.assetId || later === null) return null;
  return life.observedAt !== null && later > life.observedAt ? later : null;
}

/** Scans by the beginning of collection that they are asked about; null when they cannot say until when. */
async function readLives(
  control: Sql,
  copy: OpenedCopy,
  { cohort, scopes }: { readonly cohort: Reachable; readonly scopes: readonly RecordScope[] },
): Promise<ReadonlyMap<string | null, FirstScans> | null> {
  const lives = new Map<string | null, FirstScans>();
  for (const { collectedFrom } of scopes) {
    if (collectedFrom !== null) lives.set(collectedFrom, new FirstScans(collectedFrom));
  }
  if (lives.size === 0) return lives;
  const { manifest } = copy;
  if (await isWithoutScans(control, cohort.runId, manifest.splitFrom !== undefined)) return null;
  const isOfScans = ({ location }: { readonly location: string }): boolean => location === SCANS;
  const scans = {
    ...manifest,
    locations: manifest.locations.filter(isOfScans),
    parts: manifest.parts.filter(isOfScans),
  };
  const { open, dataKey } = copy;
  for await (const record of readCohort(open, { dataKey, manifest: scans })) {
    for (const first of lives.values()) if (!first.add(record)) return null;
  }
  return lives;
}

/**
 * True for what was withheld under an end of the range of collection: of a record that was seen before that end and
 * after it the later scans stayed behind.
 */
async function isWithoutScans(control: Sql, runId: string, isSplit: boolean): Promise<boolean> {
  const seen = new Set<string>();
  for (let child: string | null = runId; child !== null && !seen.has(child);) {
    seen.add(child);
    const rows: readonly { readonly [column: string]: string | null }[] = await textRows(
      control,
      `SELECT s.run_id, EXISTS (SELECT 1 FROM hold_scopes h WHERE h.hold_id = s.hold_id
                AND h.collected_to IS NOT NULL) AS has_end
         FROM cohort_splits s WHERE s.withheld_run_id = ?`,
      [child],
    );
    if (rows.some((row) => row['has_end'] !== '0')) return true;
    if (rows.length === 0 && child === runId && isSplit) return true;
    child = rows[0]?.['run_id'] ?? null;
  }
  return false;
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

/**
 * Runs that keep what earlier splits withheld. Where such a run has ended, what was withheld of it in its turn is
 * still kept, and nothing else of it.
 */
async function readStanding(
  control: Sql,
  { runId, dueOn }: { readonly runId: string; readonly dueOn: string },
  before: string | undefined,
): Promise<readonly string[]> {
  const standing: string[] = [];
  const parents = [runId];
  // Grows while it is read: every run that has ended is a parent as well.
  for (const parent of parents) {
    const rows = await textRows(
      control,
      `SELECT s.withheld_run_id, s.split_at, f.withheld_run_id IS NOT NULL AS stands
         FROM cohort_splits s
         LEFT JOIN cohort_reliefs f ON f.run_id = s.run_id AND f.due_on = s.due_on
          AND f.hold_id = s.hold_id
        WHERE s.run_id = ? AND s.due_on = ? AND s.withheld_run_id IS NOT NULL
        UNION SELECT l.withheld_run_id, l.split_at, 0 FROM lost_splits l
        WHERE l.run_id = ? AND l.due_on = ? AND NOT EXISTS (
          SELECT 1 FROM cohort_splits s WHERE s.withheld_run_id = l.withheld_run_id)`,
      [parent, dueOn, parent, dueOn],
    );
    for (const row of rows) {
      const isLater = before !== undefined && toInstant(required(row, 'split_at')) >= before;
      if (parent === runId && isLater) continue;
      const withheld = required(row, 'withheld_run_id');
      if (row['stands'] === '1') standing.push(withheld);
      else if (!parents.includes(withheld)) parents.push(withheld);
    }
  }
  return standing;
}
