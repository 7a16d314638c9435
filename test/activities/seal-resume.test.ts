import { LetheError } from '../../src/domain/errors';
import type { Stores } from '../../src/platform/connections';
import { canonicalState, type CanonicalState } from '../support/canonical-digest';
import { createEngineHarness, type EngineHarness } from '../support/engine';
import { interceptingArchiver, type ObjectRequest } from '../support/intercepted-writes';
import { newAsset } from '../support/observations';
import { scanOnDays } from '../support/populate';
import { liveDigest, objectsOf, planned, subscribed } from '../support/tenant-life';

const DAYS = ['2030-01-07', '2030-01-09', '2030-01-12', '2030-01-15'];
const ENDED_AT = '2030-01-20T01:00:00Z';

/** What the archiver writes, and after how many writes its worker dies. */
class Writes {
  names: string[] = [];
  private left = Infinity;

  /** From now on; the next `count` writes are let through. */
  dieAfter(count: number): void {
    this.names = [];
    this.left = count;
  }

  through(request: ObjectRequest): void {
    // A legal hold is set by a request with a query.
    if (request.method !== 'PUT' || request.query !== undefined) return;
    this.left -= 1;
    if (this.left < 0) throw new LetheError('OUTCOME_UNKNOWN', 'the worker was killed by the test');
    this.names.push(request.objectName ?? '');
  }
}

const writes = new Writes();

const watched = (stores: Stores): Stores =>
  interceptingArchiver(stores, (request) => {
    writes.through(request);
  });

let engine: EngineHarness;
beforeAll(async () => {
  engine = await createEngineHarness(watched);
});
afterAll(() => engine.remove());

/** A tenant with several due days and places, whose use has ended, and its planned run. */
async function endedTenant(): Promise<Awaited<ReturnType<typeof planned>>> {
  await engine.setClock('2030-01-06T01:00:00Z');
  const tenantId = await subscribed(engine, 'CVM');
  const assetIds = [newAsset(), newAsset(), newAsset()];
  for (const assetId of assetIds) {
    await engine.send(tenantId, 'linkAsset', { assetId, services: ['CVM'] });
  }
  await scanOnDays(engine, { tenantId, assetIds }, { days: DAYS, fingerprints: 12, risks: 15 });
  await engine.setClock(ENDED_AT);
  await engine.send(tenantId, 'endService', { service: 'CVM' });
  return planned(engine, tenantId);
}

const recorded = async (runId: string): Promise<number> => {
  const rows = await engine
    .root('control')
    .query('SELECT COUNT(*) AS n FROM seal_parts WHERE run_id = ?', [runId]);
  return Number(rows[0]?.['n']);
};

/** Verifies, moves and looks at the end. */
async function finish(run: Awaited<ReturnType<typeof planned>>): Promise<CanonicalState> {
  await engine.activities.verifyCopies(run);
  await engine.activities.moveRows(run);
  await engine.activities.verifyMoved(run);
  expect(await liveDigest(engine, run.tenantId)).toEqual([]);
  const sources = {
    root: (database: string) => engine.root(database),
    mongo: engine.mongo,
    prefix: engine.environment.prefix,
    // Leftovers of the attempt that died differ; they end with the cohort.
    objectsOf: () => Promise.resolve(0),
  };
  return canonicalState(sources, run.tenantId);
}

describe('a seal whose worker dies', () => {
  it('is resumed behind its finished parts, which are not written again, with the same end [AB-2] [AB-3]', async () => {
    const calm = await endedTenant();
    writes.dieAfter(Infinity);
    await engine.activities.sealAndCopy(calm);
    const all = writes.names.length;
    expect(all).toBeGreaterThan(16);
    const undisturbed = await finish(calm);

    const run = await endedTenant();
    let before = 0;
    let written = 0;
    for (const letThrough of [7, 5, 4]) {
      writes.dieAfter(letThrough);
      await expect(engine.activities.sealAndCopy(run)).rejects.toMatchObject({
        code: 'OUTCOME_UNKNOWN',
      });
      written += writes.names.length;
      const finished = await recorded(run.runId);
      expect(finished).toBeGreaterThan(before);
      before = finished;
    }
    writes.dieAfter(Infinity);
    const { counts } = await engine.activities.sealAndCopy(run);
    expect(counts['resumedParts']).toBe(before);
    // Two copies of each part that was not finished, and of each manifest.
    expect(writes.names.length).toBe(all - 2 * before);
    expect(written).toBe(16);
    expect(await finish(run)).toEqual(undisturbed);
  });

  it('begins anew when the records of a finished part are no longer the same, and loses none [AB-2]', async () => {
    const run = await endedTenant();
    writes.dieAfter(15);
    await expect(engine.activities.sealAndCopy(run)).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
    });
    expect(await recorded(run.runId)).toBeGreaterThan(0);
    // A writer that woke too late puts a row among those of the first due day, whose parts are finished.
    await engine.root('assets').execute(
      `INSERT INTO scans (tenant_id, asset_id, version_id, scan_id, source, observed_at, completed_at,
         kinds, records)
       SELECT tenant_id, asset_id, '00000000000000000001', scan_id, source, observed_at, completed_at,
         '[]', 0 FROM scans WHERE tenant_id = ? ORDER BY observed_at, asset_id LIMIT 1`,
      [run.tenantId],
    );
    const before = await liveDigest(engine, run.tenantId);
    writes.dieAfter(Infinity);
    const { counts } = await engine.activities.sealAndCopy(run);
    expect(counts).toMatchObject({ records: before.length, resumedParts: 0 });
    await finish(run);
    expect(await objectsOf(engine, run.tenantId)).toBeGreaterThan(0);
  });
});
