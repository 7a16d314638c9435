import type { Progress } from '../../contracts/activities';
import { LetheError } from '../../domain/errors';
import { required, textRows, toInstant } from '../control/sql-text';
import { readTenantFacts } from '../control/tenant-facts';
import { COPIES, type Copy } from '../disposition/cohort-archive';
import { isCovered } from '../disposition/seal-assets';
import { bindDrafts } from '../disposition/drafts';
import type { RunRow } from '../disposition/run-rows';
import type { VerifierPorts } from './ports';
import { assertCopyLocked, readCohortCopy, readCohortKey } from './read-copy';
import { assetsOfRun, readSeenRecords, type SeenRecord } from './read-live';
import { assertSameTotals, Totals, type CohortKeys } from './totals';
import { insertVerdicts, readManifest, verifiedCohorts, type SealedManifest } from './verdicts';

/**
 * Reads both copies back with the verifier's accounts, decrypts, counts and hashes them, and reads the
 * live data again in its own way: every record must be in the archive of the due day that the verifier
 * finds for it, byte for byte, in both copies, under lock.
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
  const sealedIds = await assertBatches(ports, run, manifest);
  const keys = await readKeys(ports, run, manifest);
  const live = await readLive(ports, { run, sealedIds, keys });
  for (const copy of COPIES) {
    const archived = await readCopy(ports, { run, manifest, copy, keys });
    assertSameTotals(live.totals, archived, `live data and copy ${copy}`);
  }
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
  await ports.control.transaction((sql) => insertVerdicts(sql, verdicts));
  return { records: live.totals.count() };
}

interface LiveReading {
  readonly totals: Totals;
  readonly newest: ReadonlyMap<string, string>;
}

async function readLive(
  ports: VerifierPorts,
  {
    run,
    sealedIds,
    keys,
  }: {
    readonly run: RunRow;
    readonly sealedIds: ReadonlySet<string>;
    readonly keys: CohortKeys;
  },
): Promise<LiveReading> {
  const facts = await readTenantFacts(ports.control, run.tenantId);
  if (facts === null) throw new LetheError('VERIFICATION_FAILED', 'a run without a tenant');
  const draftOf = bindDrafts(ports, facts, run);
  const totals = new Totals(keys);
  const newest = new Map<string, string>();
  const take = (record: SeenRecord): void => {
    // What arrived after the seal is a stray of its own; it is neither moved nor forgotten.
    if (!isCovered(run, record) || !sealedIds.has(idOf(record))) return;
    const { dueOn } = draftOf(record.observedUntil);
    totals.add(dueOn, record);
    const known = newest.get(dueOn) ?? '';
    if (record.observedUntil > known) newest.set(dueOn, record.observedUntil);
  };
  for (const assetId of await assetsOfRun(ports, run)) {
    for await (const record of readSeenRecords(ports, { tenantId: run.tenantId, assetId })) {
      take(record);
      if (totals.count() % 1000 === 0) ports.pulse.beat({ step: 'verify live', assetId });
    }
  }
  return { totals, newest };
}

async function readCopy(
  ports: VerifierPorts,
  order: {
    readonly run: RunRow;
    readonly manifest: SealedManifest;
    readonly copy: Copy;
    readonly keys: CohortKeys;
  },
): Promise<Totals> {
  const { run, manifest, copy } = order;
  const totals = new Totals(order.keys);
  for (const { dueOn, records } of manifest.cohorts) {
    const cohort = { run, dueOn, copy };
    await assertCopyLocked(ports, cohort, await earliestOf(ports, run, dueOn));
    for await (const member of readCohortCopy(ports, cohort)) {
      totals.add(dueOn, member);
      if (totals.count() % 1000 === 0) ports.pulse.beat({ step: `verify ${copy}`, dueOn });
    }
    if (totals.count(dueOn) !== records) {
      throw new LetheError('VERIFICATION_FAILED', `copy ${copy} holds another number of records`);
    }
  }
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
): Promise<ReadonlySet<string>> {
  const ids = await readSealedIds(ports, run);
  const sealed = manifest.cohorts.reduce((sum, { records }) => sum + records, 0);
  if (ids.size === sealed) return ids;
  throw new LetheError('VERIFICATION_FAILED', 'the batches list another number of records');
}

/** Every sealed id of a run as `<location> <asset> <version>`. */
export async function readSealedIds(
  ports: Pick<VerifierPorts, 'control'>,
  run: RunRow,
): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  const rows = ports.control.stream(
    'SELECT location, asset_id, ids FROM manifest_batches WHERE run_id = ?',
    [run.runId],
  );
  for await (const [location, asset, text] of rows) {
    for (const id of JSON.parse(String(text)) as (string | [string, string])[]) {
      const [assetId, versionId] = typeof id === 'string' ? [String(asset), id] : id;
      ids.add(idOf({ location: String(location), assetId, versionId }));
    }
  }
  return ids;
}

/** One text for a record's place and id. */
export const idOf = (record: {
  readonly location: string;
  readonly assetId: string;
  readonly versionId: string;
}): string => `${record.location} ${record.assetId} ${record.versionId}`;
