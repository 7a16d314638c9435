import type { RunReference } from '../../src/contracts/activities';
import { isLetheError } from '../../src/domain/errors';
import { newTenantId, type EngineHarness } from './engine';
import { subscribeTo } from './control';
import { hostReport, newAsset } from './observations';
import type { Pauses, PausedCall } from './paused-worker';
import { assetDays, ended, planned } from './tenant-life';
import { recordsIn, seeEverything } from './witness';

/** A tenant whose use has ended, with what it had when it ended. */
export interface Subject {
  readonly tenantId: string;
  readonly run: RunReference;
  readonly records: ReadonlyMap<string, string>;
}

/** Subscribes, scans hosts once on each of some days, ends the service and plans the run. */
export async function endedTenant(
  engine: EngineHarness,
  scans: { readonly hosts: number; readonly days?: number },
): Promise<Subject> {
  const tenantId = newTenantId();
  await engine.send(tenantId, 'subscribe', subscribeTo('CVM'));
  const assets = Array.from({ length: scans.hosts }, () => newAsset());
  for (const assetId of assets) {
    await engine.send(tenantId, 'linkAsset', { assetId, services: ['CVM'] });
    await engine.observe(hostReport(tenantId, assetId, { observedAt: await engine.now() }));
  }
  for (let day = 1; day < (scans.days ?? 1); day += 1) {
    await engine.setClock(new Date(Date.parse(await engine.now()) + 86_400_000).toISOString());
    const report = { observedAt: await engine.now(), shell: `/bin/shell-${day}` };
    await engine.observe(hostReport(tenantId, assets[0] ?? '', report));
  }
  const records = recordsIn(await seeEverything(engine, tenantId));
  await engine.send(tenantId, 'endService', { service: 'CVM' });
  return { tenantId, run: await planned(engine, tenantId), records };
}

/** The same, sealed in two verified copies: its rows and documents may be moved. */
export async function movableTenant(engine: EngineHarness, hosts = 1): Promise<Subject> {
  const subject = await endedTenant(engine, { hosts });
  await engine.activities.sealAndCopy(subject.run);
  await engine.activities.verifyCopies(subject.run);
  return subject;
}

/** The same, moved, at the instant at which its first window has opened; the clock goes on by half a year. */
export async function ripeTenant(engine: EngineHarness, days = 1): Promise<Subject> {
  const subject = await endedTenant(engine, { hosts: 1, days });
  const snapshot = await engine.runWork(subject.tenantId);
  engine.hosted = [ended('CVM')];
  const opens = assetDays(snapshot).map(({ deleteNotBefore }) => deleteNotBefore ?? '');
  await engine.setClock(opens.sort()[0] ?? '');
  return subject;
}

/** Destroys what is due, as the tenant's process lets it; the answer is what it waits for, or `done`. */
export async function destroyDue(
  engine: EngineHarness,
  { tenantId }: Pick<Subject, 'tenantId'>,
): Promise<Outcome> {
  const order = { tenantId, workflowNow: await engine.now() };
  return (await engine.activities.destroyDue(order)).blockedOn ?? 'done';
}

/** Places that still hold sealed batches which no used permit covers, as the administrator reads them. */
export async function openPlaces(
  engine: EngineHarness,
  runId: string,
  store: 'mysql' | 'mongodb',
): Promise<readonly string[]> {
  const rows = await engine.root('control').query(
    `SELECT DISTINCT b.location FROM manifest_batches b WHERE b.run_id = ? AND b.location LIKE ?
       AND NOT EXISTS (SELECT 1 FROM permits p WHERE p.run_id = b.run_id AND p.location = b.location
         AND p.batch_number = b.batch_number AND p.used_at IS NOT NULL) ORDER BY b.location`,
    [runId, `${store}:assets.%`],
  );
  return rows.map((row) => String(row['location']).split('.')[1] ?? '');
}

/** Names of everything that a run's batches seal, as a sight names it. */
export async function sealedNames(
  engine: EngineHarness,
  runId: string,
): Promise<ReadonlySet<string>> {
  const rows = await engine
    .root('control')
    .query('SELECT location, ids FROM manifest_batches WHERE run_id = ?', [runId]);
  return new Set(
    rows.flatMap((row) => {
      const [store = '', place = ''] = String(row['location']).split(':');
      const ids = JSON.parse(String(row['ids'])) as (string | readonly string[])[];
      return ids
        .map((id) =>
          typeof id === 'string' ? `document ${place} ${id}` : `row ${place} ${id.join('/')}`,
        )
        .map((name) => (store === '' ? '' : name));
    }),
  );
}

/** What became of a worker: `done`, the word it answers with, or the code it failed with. */
export type Outcome = string;

/** A worker that stands still before a call. */
export interface PausedWorker {
  readonly call: PausedCall;
  readonly outcome: Promise<Outcome>;
}

/** What a worker ends in. @throws what is no failure of the engine: the test itself is wrong then. */
export function outcomeOf(work: Promise<unknown>): Promise<Outcome> {
  return work.then(
    (answer) => (typeof answer === 'string' ? answer : 'done'),
    (error: unknown) => {
      if (isLetheError(error)) return error.code;
      if (error instanceof Error && error.name === 'SqlStoreError') {
        return String((error as { code?: unknown }).code);
      }
      throw error;
    },
  );
}

/** Starts a worker and waits until it stands before a call; null when it ended without making it. */
export async function pausedBefore(
  pauses: Pauses,
  at: { readonly pattern: RegExp; readonly skip?: number },
  work: () => Promise<unknown>,
): Promise<PausedWorker | null> {
  const stopped = pauses.stopNext(at.pattern, at.skip);
  const outcome = outcomeOf(work());
  const call = await Promise.race([stopped, outcome.then(() => null)]);
  if (call !== null) return { call, outcome };
  pauses.disarm();
  return null;
}

const POLLS_MAX = 200;
/** The SQL server answers who waits for whom from a cache that ends only when nobody asks for a tenth of a second. */
const POLL_MS = 120;

/** Polls until a condition holds. @throws when it never does. */
export async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let poll = 0; poll < POLLS_MAX; poll += 1) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error('what is waited for does not come');
}
