import type { Progress } from '../../contracts/activities';
import { LetheError } from '../../domain/errors';
import { atOnce } from '../at-once';
import { required, textRows, toInstant } from '../control/sql-text';
import { readTenantFacts } from '../control/tenant-facts';
import { COPIES } from '../disposition/cohort-archive';
import { isCovered } from '../disposition/seal-assets';
import { bindDueDays } from '../disposition/due-days';
import type { RunRow } from '../disposition/run-rows';
import { assertSeal } from './assert-seal';
import type { VerifierPorts } from './ports';
import { assertCopyLocked, assertSameBytes, proveCohortCopy, readCohortKey } from './read-copy';
import { assetsOfRun, readSeenRecords, type SeenRecord } from './read-live';
import { readSealedIds, type SealedIds } from './sealed-ids';
import { assertSameTotals, Totals, type CohortKeys, type SetTotal, type SetTotals } from './totals';
import {
  insertSpans,
  insertVerdicts,
  readManifest,
  verifiedCohorts,
  type SealedManifest,
} from './verdicts';

/**
 * Reads both copies back with the verifier's accounts: decrypts, counts and hashes the first, and proves
 * that the second consists of the same bytes. Reads the live data again in its own way: every record must
 * be in the archive of the due day that the verifier finds for it, byte for byte, in both copies, under
 * lock. Live data and copies are read side by side.
 *
 * Effect: verdicts, all or none.
 * @idempotency a run whose cohorts are all verified is not read again.
 * @throws LetheError VERIFICATION_FAILED naming the first difference; nothing is moved then.
 * @source AB-2
 */
export async function verifyCopies(ports: VerifierPorts, run: RunRow): Promise<Progress['counts']> {
  const manifest = await readManifest(ports.control, run.runId);
  const verified = await verifiedCohorts(ports.control, run.runId, 'copy:backup');
  if (manifest.cohorts.every(({ dueOn }) => verified.has(dueOn))) return { records: 0 };
  const sealed = await assertBatches(ports, run, manifest);
  const keys = await readKeys(ports, run, manifest);
  const [live, archived] = await bothOf(
    readLive(ports, { run, sealed, keys }),
    readCopies(ports, run, manifest),
  );
  assertSameTotals(live.totals, archived, 'live data and copies');
  await assertSeal(ports, run, { assets: sealed.assets, newest: live.newest });
  const verdicts = manifest.cohorts.flatMap(({ dueOn, records }) =>
    ['live', ...COPIES.map((copy) => `copy:${copy}`)].map((subject) => ({
      runId: run.runId,
      dueOn,
      subject,
      manifestDigest: manifest.digest,
      outcome: 'ok' as const,
      records,
      newestObservedAt: live.newest.get(dueOn) ?? null,
    })),
  );
  await ports.control.transaction(async (sql) => {
    await insertVerdicts(sql, verdicts);
    await insertSpans(sql, run.runId, live.oldest);
  });
  return { records: live.records };
}

/** Waits for both, also when one fails: nothing goes on unseen. */
async function bothOf<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([first, second]);
  return [await first, await second];
}

interface LiveReading {
  readonly totals: SetTotals;
  readonly records: number;
  readonly newest: ReadonlyMap<string, string>;
  /** When the first version of each cohort was seen: a hold over a range of collection asks for it. */
  readonly oldest: ReadonlyMap<string, string>;
}

async function readLive(
  ports: VerifierPorts,
  {
    run,
    sealed,
    keys,
  }: { readonly run: RunRow; readonly sealed: SealedIds; readonly keys: CohortKeys },
): Promise<LiveReading> {
  const facts = await readTenantFacts(ports.control, run.tenantId);
  if (facts === null) throw new LetheError('VERIFICATION_FAILED', 'a run without a tenant');
  const draftOf = bindDueDays(ports, facts, run);
  const totals = new Totals(keys);
  const newest = new Map<string, string>();
  const oldest = new Map<string, string>();
  const take = (record: SeenRecord): void => {
    // What arrived after the seal is a stray of its own; it is neither moved nor forgotten.
    if (!isCovered(run, record) || !sealed.ids.has(record)) return;
    const { dueOn } = draftOf(record.observedUntil);
    totals.add(dueOn, record);
    const known = newest.get(dueOn) ?? '';
    if (record.observedUntil > known) newest.set(dueOn, record.observedUntil);
    const first = oldest.get(dueOn);
    if (first === undefined || record.observedAt < first) oldest.set(dueOn, record.observedAt);
  };
  const assets = { tenantId: run.tenantId, assetIds: await assetsOfRun(ports, run) };
  let seen = 0;
  for await (const records of readSeenRecords(ports, assets)) {
    records.forEach(take);
    seen += records.length;
    ports.pulse.beat({ step: 'verify live', seen });
  }
  return { totals: totals.entries(), records: totals.count, newest, oldest };
}

/** Cohorts that are proven at the same time: while one waits for its store another is computed. */
const COHORTS_AT_ONCE = 3;

/** What the copies hold, by due day and location, once each is proven. */
async function readCopies(
  ports: VerifierPorts,
  run: RunRow,
  manifest: SealedManifest,
): Promise<SetTotals> {
  const totals = new Map<string, SetTotal>();
  let proven = 0;
  await atOnce(manifest.cohorts, COHORTS_AT_ONCE, async ({ dueOn, records }) => {
    const cohort = { run, dueOn };
    const earliestAt = await earliestOf(ports, run, dueOn);
    for (const copy of COPIES) await assertCopyLocked(ports, { ...cohort, copy }, earliestAt);
    const locations = await proveCohortCopy(ports, { ...cohort, copy: 'archive' }, (count) => {
      proven += count;
      ports.pulse.beat({ step: 'verify copies', dueOn, count: proven });
    });
    if (locations.reduce((sum, location) => sum + location.records, 0) !== records) {
      throw new LetheError('VERIFICATION_FAILED', 'the copies hold another number of records');
    }
    await assertSameBytes(ports, cohort, { proven: 'archive', other: 'backup' });
    for (const { location, ...total } of locations) totals.set(`${dueOn} ${location}`, total);
  });
  return totals;
}

async function readKeys(
  ports: VerifierPorts,
  run: RunRow,
  manifest: SealedManifest,
): Promise<CohortKeys> {
  const keys = new Map<string, Buffer>();
  for (const { dueOn } of manifest.cohorts) {
    keys.set(dueOn, await readCohortKey(ports, run, dueOn));
  }
  return keys;
}

/** The rule's own earliest instant, to which a provider that only knows retention locked the copy. */
async function earliestOf(ports: VerifierPorts, run: RunRow, dueOn: string): Promise<string> {
  const rows = await textRows(
    ports.control,
    'SELECT rule_earliest_at FROM cohorts WHERE run_id = ? AND due_on = ? AND tenant_id = ?',
    [run.runId, dueOn, run.tenantId],
  );
  return toInstant(required(rows[0] ?? {}, 'rule_earliest_at'));
}

/** The sealed ids must be exactly as many as the cohorts hold, and none twice. */
async function assertBatches(
  ports: VerifierPorts,
  run: RunRow,
  manifest: SealedManifest,
): Promise<SealedIds> {
  const sealed = manifest.cohorts.reduce((sum, { records }) => sum + records, 0);
  const listed = await readSealedIds(ports, run, { expected: sealed });
  if (listed.ids.size === sealed) return listed;
  throw new LetheError('VERIFICATION_FAILED', 'the batches list another number of records');
}
