import { isLetheError, LetheError } from '../../domain/errors';
import type { Progress } from '../../contracts/activities';
import type { Observation } from '../../contracts/observations';
import { required, textRows, toInstant, toSqlTime } from '../control/sql-text';
import { databaseNow } from '../control/tenant-facts';
import { readIngestFacts, type IngestFacts } from './facts';
import { refusalAtFence } from './fence';
import { startLease, type IngestLease } from './lease';
import { resolveLinks, type Binding, type Resolved } from './links';
import type { IngestPorts } from './ports';
import { prepareObservation, type PreparedAsset, type PreparedObservation } from './prepare';
import { chunksOf, ID_LIST } from './rows';
import { writeAsset, writePart, type AssetCounts, type AssetWork } from './write-asset';

/** How far ahead of the database's clock an observation may be; it waits until it lies in the past. */
const FUTURE_TOLERANCE_MS = 60_000;
const WAIT_STEP_MS = 1_000;

/** What became of an observation: how much was stored, and why some of its assets were not. */
export interface Recorded extends Progress {
  /** Why the first asset that is not stored was refused; null when all were stored. */
  readonly refusal: LetheError | null;
}

/**
 * Stores what a scan saw, append-only. Assets are admitted one by one; of one that is refused nothing is
 * stored.
 *
 * Runs inside an attempt with a lease, as the tenant's only writer; `done: false` when another one is at
 * work. Memory is bounded by the observation and the number of the asset's records.
 *
 * @param stillAllowed - asked before each asset; throws when the source may not be used any longer.
 * @idempotency see writeAsset; a repetition adds what is missing and yields the same counts.
 * @throws LetheError INVALID_INPUT, UNKNOWN_KIND, INVALID_INSTANT: malformed, nothing was stored;
 * OBSERVATION_REFUSED, STALE_OBSERVATION, ASSET_WITHOUT_LINK, SERVICE_NOT_ACTIVE: no asset was admitted;
 * FEATURE_NOT_ACTIVE, ATTESTATION_REQUIRED: the use is suspended; retryable codes when a store is away.
 * @source AB-1, AB-2, HS-1, AT-1
 */
export async function recordObservation(
  ports: IngestPorts,
  observation: Observation,
  stillAllowed: () => Promise<void> = () => Promise.resolve(),
): Promise<Recorded> {
  return underLease(ports, observation, { stillAllowed, write: writeAsset });
}

/**
 * Stores a part of what a scan saw before the scan is over, so that it is not lost with the attempt: the
 * records alone, without basics and without the row of a complete scan. They stand for themselves.
 *
 * @returns false when another writer was at work and nothing was stored.
 * @throws LetheError see recordObservation.
 * @source AB-1, SH-1
 */
export async function recordPart(
  ports: IngestPorts,
  part: Observation,
  stillAllowed: () => Promise<void>,
): Promise<boolean> {
  const { done, refusal } = await underLease(ports, part, { stillAllowed, write: writePart });
  if (refusal !== null) throw refusal;
  return done;
}

interface Written {
  readonly stillAllowed: () => Promise<void>;
  readonly write: (ports: IngestPorts, work: AssetWork) => Promise<AssetCounts>;
}

async function underLease(
  ports: IngestPorts,
  observation: Observation,
  written: Written,
): Promise<Recorded> {
  const prepared = prepareObservation(observation);
  await waitUntilPast(ports, prepared.observedAt);
  const lease = await startLease(ports, prepared.tenantId);
  if (lease === null) return { done: false, blockedOn: 'writers', counts: {}, refusal: null };
  let isInDoubt = false;
  try {
    await lease.assertMayWrite();
    return await writeAdmitted(ports, prepared, { lease, ...written });
  } catch (error) {
    // Its statement may still arrive: the attempt stays open until its lease is over.
    isInDoubt = isLetheError(error) && error.code === 'OUTCOME_UNKNOWN';
    throw error;
  } finally {
    if (!isInDoubt) await lease.end();
  }
}

/**
 * An observation counts from when it was made, which is never later than now: what the facts say about its
 * instant is then settled, because every later command gets a later instant.
 */
async function waitUntilPast(ports: IngestPorts, observedAt: string): Promise<void> {
  for (;;) {
    const now = await databaseNow(ports.control);
    if (observedAt <= now) return;
    const ahead = Date.parse(observedAt) - Date.parse(now);
    if (ahead > FUTURE_TOLERANCE_MS) {
      throw new LetheError(
        'INVALID_INSTANT',
        'observedAt lies in the future; set the clock of the observed side right',
        { field: 'observedAt' },
      );
    }
    ports.heartbeat();
    await ports.pause(Math.min(ahead + 1, WAIT_STEP_MS));
  }
}

interface Writing extends Written {
  readonly lease: IngestLease;
}

interface Admission {
  readonly asset: PreparedAsset;
  readonly verdict: Resolved;
}

async function writeAdmitted(
  ports: IngestPorts,
  observation: PreparedObservation,
  { lease, stillAllowed, write }: Writing,
): Promise<Recorded> {
  const facts = await readIngestFacts(ports.control, observation.tenantId);
  const admissions = await admit(ports, observation, facts);
  const refusals = admissions.flatMap(({ verdict }) => (isRefusal(verdict) ? [verdict] : []));
  const refusal = refusals[0] ?? null;
  if (refusal !== null && refusals.length === admissions.length) throw refusal;
  const requestedAt = facts.requests.map((request) => request.receivedAt);
  const written: AssetCounts[] = [];
  for (const { asset, verdict } of admissions) {
    if (isRefusal(verdict)) continue;
    await stillAllowed();
    const binding: Binding = verdict;
    written.push(await write(ports, { observation, asset, binding, requestedAt, lease }));
  }
  return { done: true, blockedOn: null, counts: total(written, refusals.length), refusal };
}

const isRefusal = (verdict: Resolved): verdict is LetheError => verdict instanceof LetheError;

/** Decides about every asset before anything is written. */
async function admit(
  ports: IngestPorts,
  observation: PreparedObservation,
  facts: IngestFacts,
): Promise<readonly Admission[]> {
  const { tenantId, assets: observed, observedAt } = observation;
  const bindings = await resolveLinks(ports.assets, tenantId, { observed, facts });
  const stale = await findStale(ports, observation);
  return observed.map((asset) => {
    const binding = bindings.get(asset.assetId);
    if (binding === undefined) throw new Error('every asset is resolved');
    if (isRefusal(binding)) return { asset, verdict: binding };
    const refusal = refusalAtFence(facts, binding.services, observedAt);
    if (refusal !== null) return { asset, verdict: refusal };
    return { asset, verdict: stale.has(asset.assetId) ? staleObservation() : binding };
  });
}

/** Assets that were scanned at or after the observation's instant; unless it was this scan. */
async function findStale(
  ports: IngestPorts,
  { tenantId, scanId, observedAt, assets }: PreparedObservation,
): Promise<ReadonlySet<string>> {
  const stale = new Set<string>();
  const own = new Set<string>();
  for (const ids of chunksOf(assets.map(({ assetId }) => assetId))) {
    const rows = await textRows(
      ports.assets,
      `SELECT s.asset_id, s.scan_id, s.observed_at FROM ${ID_LIST} j
         JOIN scans s ON s.tenant_id = ? AND s.asset_id = CAST(j.id AS BINARY)
          AND s.observed_at >= ?`,
      [JSON.stringify(ids), tenantId, toSqlTime(observedAt)],
    );
    for (const row of rows) {
      const isOwn =
        required(row, 'scan_id') === scanId &&
        toInstant(required(row, 'observed_at')) === observedAt;
      (isOwn ? own : stale).add(required(row, 'asset_id'));
    }
  }
  for (const assetId of own) stale.delete(assetId);
  return stale;
}

const staleObservation = (): LetheError =>
  new LetheError(
    'STALE_OBSERVATION',
    'observedAt is not later than the last scan of the asset; nothing of it was stored',
    { field: 'observedAt' },
  );

function total(written: readonly AssetCounts[], refused: number): Progress['counts'] {
  const counts: Record<string, number> = {
    assets: written.length,
    refusedAssets: refused,
    records: 0,
    versions: 0,
    vanished: 0,
    redacted: 0,
  };
  const add = (name: string, count: number): void => {
    counts[name] = (counts[name] ?? 0) + count;
  };
  for (const asset of written) {
    add('records', asset.records);
    add('versions', asset.versions);
    add('vanished', asset.vanished);
    for (const [kind, count] of asset.byKind) add(`kind:${kind}`, count);
    for (const [detector, count] of asset.byDetector) {
      add('redacted', count);
      add(`redacted:${detector}`, count);
    }
    if (asset.withheldValues > 0) add('withheldValues', asset.withheldValues);
  }
  return counts;
}
