import { isLetheError, LetheError } from '../../domain/errors';
import { mayCover, type HoldReach } from '../../domain/hold-scope';
import { recordLocationsOf } from '../../domain/inventory';
import type { CohortRow } from '../control/cohort-rows';
import { insertRow } from '../control/command-context';
import { readLostSplits, type LostSplit } from '../control/lost-splits';
import { required, textRow, toInstant, toSqlTime } from '../control/sql-text';
import { databaseNow, readTenantFacts } from '../control/tenant-facts';
import { COPIES } from '../disposition/cohort-archive';
import { readRun, type RunRow } from '../disposition/run-rows';
import { assertSeal } from './assert-seal';
import { readDivided } from './covered-records';
import { liveIdsOfAssets } from './live-ids';
import type { VerifierPorts } from './ports';
import {
  assertCopyLocked,
  assertSameBytes,
  openCohortCopy,
  proveCohortCopy,
  readCohortCopy,
  readCohortKey,
} from './read-copy';
import { readSealedIds, type SealedIds } from './sealed-ids';
import { assertSameTotals, Totals, type SetTotals } from './totals';
import { insertSpans, insertVerdicts, readManifest, verifiedCohorts } from './verdicts';

/** A due day that was split for a hold. */
export interface SplitCohort {
  readonly tenantId: string;
  readonly cohort: CohortRow;
  readonly holdId: string;
}

/** How many records the verifier found on either side. */
export interface SplitVerdict {
  readonly withheldRunId: string | null;
  readonly withheld: number;
  readonly rest: number;
  readonly manifestDigest: string;
}

/** Records between two reports of progress. */
const REPORT_EVERY = 1000;

/**
 * Judges a split with the verifier's accounts: reads the due day that was split to its proven end, decides of
 * each record by itself whether the hold covers it, and compares the covered ones, byte for byte, with what the
 * withheld run holds in both copies under locks. Nothing else may be withheld and nothing covered may be missing;
 * nothing withheld may be live, and the hold must keep the withheld run. Of a split that control has lost the due
 * day may be gone; then the withheld run must be what the evidence says.
 *
 * Effect: verdicts over the withheld run and over the split, all or none.
 * @idempotency repeating reads again and adds further verdicts.
 * Bounds: 16 to 32 bytes for each withheld record.
 * @throws LetheError VERIFICATION_FAILED, ARCHIVE_INVALID: the due day stays under the hold.
 * @source CC-4
 */
export async function verifySplit(ports: VerifierPorts, split: SplitCohort): Promise<SplitVerdict> {
  const { tenantId, cohort, holdId } = split;
  const { dueOn } = cohort;
  const row = await textRow(
    ports.control,
    'SELECT withheld_run_id, split_at FROM cohort_splits WHERE run_id = ? AND due_on = ? AND hold_id = ?',
    [cohort.runId, dueOn, holdId],
  );
  if (row === null) throw failed('there is no split on record');
  const withheldRunId = row['withheld_run_id'] ?? null;
  const child =
    withheldRunId === null ? null : await readRun(ports.control, tenantId, withheldRunId);
  const { run, digest, newest } = await readOrigin(ports, split, child);
  const sealed = child === null ? null : await readSealedIds(ports, child);
  const splitAt = toInstant(required(row, 'split_at'));
  const found = await readSides(ports, split, { run, child, sealed, splitAt });
  const verdict = { withheldRunId, withheld: found.withheld, rest: found.rest };
  const withheldDigest =
    child === null ? null : await judgeChild(ports, split, { child, sealed, found });
  await ports.control.transaction(async (sql) => {
    if (child !== null && withheldDigest !== null) {
      const subjects = [...COPIES.map((copy) => `copy:${copy}`), 'moved'];
      await insertVerdicts(
        sql,
        subjects.map((subject) => ({
          ...{ runId: child.runId, dueOn, subject, manifestDigest: withheldDigest },
          outcome: 'ok' as const,
          records: subject === 'moved' ? 0 : found.withheld,
          newestObservedAt: newest,
        })),
      );
      if (found.oldest !== null) {
        await insertSpans(sql, child.runId, new Map([[dueOn, found.oldest]]));
      }
    }
    await insertRow(sql, 'split_verdicts', {
      ...{ run_id: cohort.runId, due_on: dueOn, hold_id: holdId, withheld_run_id: withheldRunId },
      ...{ manifest_digest: digest, withheld_digest: withheldDigest },
      ...{ withheld: found.withheld, rest: found.rest },
      verified_at: toSqlTime(await databaseNow(sql)),
    });
  });
  return { ...verdict, manifestDigest: digest };
}

/** What was split: its manifest's digest and its newest observation as it was verified. */
interface Origin {
  /** Null when control has lost it. */
  readonly run: RunRow | null;
  readonly digest: string;
  readonly newest: string | null;
}

async function readOrigin(
  ports: VerifierPorts,
  { tenantId, cohort: { runId, dueOn, newestObservedAt } }: SplitCohort,
  child: RunRow | null,
): Promise<Origin> {
  const lost = await readLost(ports, tenantId, child);
  const row = await textRow(ports.control, 'SELECT run_id FROM runs WHERE run_id = ?', [runId]);
  if (row === null && lost !== null && lost.manifestDigest !== null) {
    return { run: null, digest: lost.manifestDigest, newest: newestObservedAt };
  }
  const run = await readRun(ports.control, tenantId, runId);
  const { digest } = await readManifest(ports.control, runId);
  const newest = (await verifiedCohorts(ports.control, runId, 'moved')).get(dueOn) ?? null;
  return { run, digest, newest };
}

/** What the evidence says of a withheld run that control has lost; null when it has not. */
async function readLost(
  { control }: VerifierPorts,
  tenantId: string,
  child: RunRow | null,
): Promise<LostSplit | null> {
  const lost = await readLostSplits(control, tenantId);
  return lost.find(({ withheldRunId }) => withheldRunId === child?.runId) ?? null;
}

/** What the due day that was split holds, by the verifier's own reading. */
interface Found {
  readonly withheld: number;
  readonly rest: number;
  /** Of the covered records, under the key of the withheld run. */
  readonly totals: SetTotals;
  /** Null when a covered record does not say when it was seen, or there is none. */
  readonly oldest: string | null;
}

interface Sides {
  readonly run: RunRow | null;
  readonly child: RunRow | null;
  readonly sealed: SealedIds | null;
  readonly splitAt: string;
}

/** Reads the due day, or, when it is lost or its key is gone, what is left of the split and what is known of it. */
async function readSides(ports: VerifierPorts, split: SplitCohort, sides: Sides): Promise<Found> {
  const { run, child, sealed } = sides;
  try {
    if (run !== null) return await readParent(ports, split, { ...sides, run });
  } catch (error) {
    if (!isLetheError(error) || error.code !== 'KEY_DESTROYED' || child === null) throw error;
  }
  if (child === null || sealed === null) throw failed('what was split is lost');
  const lost = await readLost(ports, split.tenantId, child);
  if (lost !== null) return readChild(ports, child, lost);
  // The due day went as a whole when the hold was released; nothing of it stays behind.
  if (!(await isReleased(ports, split.holdId))) throw failed('the due day went under its hold');
  const { dueOn } = split.cohort;
  return readChild(ports, child, { dueOn, withheld: sealed.ids.size, rest: 0 });
}

async function isReleased({ control }: VerifierPorts, holdId: string): Promise<boolean> {
  const statement = 'SELECT hold_id FROM released_holds WHERE hold_id = ?';
  return (await textRow(control, statement, [holdId])) !== null;
}

/** The records of a withheld run whose origin is gone; since when they were seen counts as unknown. */
async function readChild(
  ports: VerifierPorts,
  child: RunRow,
  { dueOn, withheld, rest }: Pick<LostSplit, 'dueOn' | 'withheld' | 'rest'>,
): Promise<Found> {
  const totals = new Totals(new Map([[dueOn, await readCohortKey(ports, child, dueOn)]]));
  for await (const record of readCohortCopy(ports, { run: child, dueOn, copy: 'archive' })) {
    totals.add(dueOn, record);
    reportAt(ports, dueOn, { withheld: totals.count, rest: 0 });
  }
  if (totals.count !== withheld) throw failed('another number of records is on record');
  return { withheld, rest, totals: totals.entries(), oldest: null };
}

async function readParent(
  ports: VerifierPorts,
  { tenantId, cohort, holdId }: SplitCohort,
  { run, child, sealed, splitAt }: Sides & { readonly run: RunRow },
): Promise<Found> {
  const { dueOn } = cohort;
  const coverage = { tenantId, cohort, holdId, before: splitAt };
  const keys = new Map<string, Buffer>();
  if (child !== null) keys.set(dueOn, await readCohortKey(ports, child, dueOn));
  const totals = new Totals(keys);
  const copy = await openCohortCopy(ports, { run, dueOn, copy: 'archive' });
  const counts = { withheld: 0, rest: 0 };
  const life = new Life();
  for await (const { record, share, seenAt } of readDivided(ports, copy, coverage)) {
    reportAt(ports, dueOn, counts);
    if (share === 'elsewhere') continue;
    const isWithheld = sealed?.ids.has(record) === true;
    if (isWithheld !== (share === 'covered')) throw failed(OTHERS_WITHHELD);
    counts[isWithheld ? 'withheld' : 'rest'] += 1;
    if (!isWithheld) continue;
    totals.add(dueOn, record);
    life.add(seenAt);
  }
  return { ...counts, totals: totals.entries(), oldest: life.beginning };
}

const OTHERS_WITHHELD = 'the records that are withheld are not those that the hold covers';

function reportAt(
  { pulse }: VerifierPorts,
  dueOn: string,
  { withheld, rest }: { readonly withheld: number; readonly rest: number },
): void {
  const seen = withheld + rest;
  if (seen % REPORT_EVERY === 0) pulse.beat({ step: 'verify split', dueOn, seen });
}

/** Since when records were seen; unknown as soon as one of them does not say. */
class Life {
  private oldest: string | null = null;
  private isKnown = true;

  add(at: string | null): void {
    if (at === null) this.isKnown = false;
    else if (this.oldest === null || at < this.oldest) this.oldest = at;
  }

  get beginning(): string | null {
    return this.isKnown ? this.oldest : null;
  }
}

/** Proves the withheld run: the covered records and no others, twice, under locks, kept by the hold. */
async function judgeChild(
  ports: VerifierPorts,
  { tenantId, cohort, holdId }: SplitCohort,
  given: { readonly child: RunRow; readonly sealed: SealedIds | null; readonly found: Found },
): Promise<string> {
  const { child, sealed, found } = given;
  const { dueOn } = cohort;
  const manifest = await readManifest(ports.control, child.runId);
  const row = await textRow(
    ports.control,
    'SELECT rule_earliest_at FROM cohorts WHERE run_id = ? AND due_on = ? AND tenant_id = ?',
    [child.runId, dueOn, tenantId],
  );
  const earliestAt = toInstant(required(row ?? {}, 'rule_earliest_at'));
  for (const copy of COPIES) await assertCopyLocked(ports, { run: child, dueOn, copy }, earliestAt);
  const of = { run: child, dueOn };
  const proven = await proveCohortCopy(ports, { ...of, copy: 'archive' }, (count) => {
    ports.pulse.beat({ step: 'verify withheld', dueOn, count });
  });
  await assertSameBytes(ports, of, { proven: 'archive', other: 'backup' });
  const archived: SetTotals = new Map(
    proven.map(({ location, ...total }) => [`${dueOn} ${location}`, total]),
  );
  assertSameTotals(found.totals, archived, 'the covered records and what is withheld');
  const records = manifest.cohorts.find((one) => one.dueOn === dueOn)?.records;
  const isWhole = found.withheld > 0 && records === found.withheld && sealed?.ids.size === records;
  if (!isWhole) throw failed('another number of records is withheld than is covered');
  const { newestObservedAt } = cohort;
  await assertSeal(ports, child, {
    assets: sealed.assets,
    newest: new Map(newestObservedAt === null ? [] : [[dueOn, newestObservedAt]]),
  });
  await assertNothingLive(ports, tenantId, sealed);
  await assertKept(ports, tenantId, { child, cohort, holdId, oldest: found.oldest });
  return manifest.digest;
}

async function assertNothingLive(
  ports: VerifierPorts,
  tenantId: string,
  sealed: SealedIds,
): Promise<void> {
  for (const location of recordLocationsOf('asset-basic-data')) {
    const assetIds = [...sealed.assetsIn(location)];
    for await (const ids of liveIdsOfAssets(ports, { location, tenantId, assetIds })) {
      ports.pulse.beat({ step: 'verify withheld', location });
      if (ids.some((id) => sealed.ids.has({ location, ...id }))) {
        throw failed(`a withheld record is live in ${location}`);
      }
    }
  }
}

/** The withheld run must fall under the hold by the very rule that permits follow. */
async function assertKept(
  ports: VerifierPorts,
  tenantId: string,
  given: {
    readonly child: RunRow;
    readonly cohort: CohortRow;
    readonly holdId: string;
    readonly oldest: string | null;
  },
): Promise<void> {
  const { child, cohort, holdId, oldest } = given;
  const facts = await readTenantFacts(ports.control, tenantId);
  const reaches: readonly HoldReach[] = facts?.holds.filter((hold) => hold.holdId === holdId) ?? [];
  const withheld = { ...cohort, runId: child.runId, subjects: child.subjects };
  if (reaches.some((reach) => mayCover(reach, { ...withheld, oldestObservedAt: oldest }))) return;
  throw failed('the hold does not cover what is withheld for it');
}

const failed = (what: string): LetheError =>
  new LetheError('VERIFICATION_FAILED', `${what}; the due day is not split`);
