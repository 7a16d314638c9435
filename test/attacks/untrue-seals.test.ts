import { createEngineHarness, type EngineHarness } from '../support/engine';
import { liveDigest, liveRecords, planned, withHost } from '../support/tenant-life';

let engine: EngineHarness;
beforeAll(async () => {
  engine = await createEngineHarness();
  await engine.setClock('2030-01-07T01:00:00Z');
});
afterEach(() =>
  engine.root('control').execute(
    `INSERT INTO breaker_resets
       SELECT t.trip_id, 'ops-1', 'the cause was found', lethe_now() FROM breaker_trips t
        WHERE NOT EXISTS (SELECT 1 FROM breaker_resets r WHERE r.trip_id = t.trip_id)`,
  ),
);
afterAll(() => engine.remove());

type Run = Awaited<ReturnType<typeof planned>>;

async function sealed(): Promise<Run> {
  const { tenantId } = await withHost(engine, 'CVM');
  await engine.send(tenantId, 'endService', { service: 'CVM' });
  const run = await planned(engine, tenantId);
  await engine.activities.sealAndCopy(run);
  return run;
}

const FAILED = { code: 'VERIFICATION_FAILED' };

/** What an archiver could write into a seal beside its records; the records themselves are all there. */
const UNTRUTHS: readonly (readonly [string, string])[] = [
  [
    'leaves an asset out, and with it a hold over that asset',
    'DELETE FROM run_assets WHERE run_id = ?',
  ],
  [
    'calls its newest record older than it is',
    'UPDATE cohorts SET newest_observed_at = newest_observed_at - INTERVAL 1 MICROSECOND WHERE run_id = ?',
  ],
  ['does not say how new it is', 'UPDATE cohorts SET newest_observed_at = NULL WHERE run_id = ?'],
  [
    'lists a key of another run as well',
    "INSERT INTO cohort_keys SELECT run_id, due_on, 'asset:rn_other00000000001:2031-01-01' FROM cohorts WHERE run_id = ?",
  ],
  ['lists no key', 'DELETE FROM cohort_keys WHERE run_id = ?'],
];

/** The issuer misses the verifier's verdict, or nothing says how new a due day is. */
const NOT_MOVED = /^both copies must be verified first$|has no observation$/;

describe('a seal that is not true', () => {
  it.each(UNTRUTHS)(
    'is found when it %s, and nothing is moved [AB-1] [CC-4]',
    async (_, forgery) => {
      const run = await sealed();
      const manifest = await engine
        .root('control')
        .query('SELECT attempt_id, digest, sealed_at FROM manifests WHERE run_id = ?', [run.runId]);
      const before = await liveDigest(engine, run.tenantId);
      // The forged row stands before the manifest, as if the archiver had written both.
      const root = engine.root('control');
      await root.execute('DELETE FROM manifests WHERE run_id = ?', [run.runId]);
      await root.execute(forgery, [run.runId]);
      const { attempt_id: attempt, digest, sealed_at: at } = manifest[0] ?? {};
      await root.execute('INSERT INTO manifests VALUES (?, ?, ?, ?)', [
        run.runId,
        ...[attempt, digest, at].map(String),
      ]);
      await expect(engine.activities.verifyCopies(run)).rejects.toMatchObject(FAILED);
      await expect(engine.activities.moveRows(run)).rejects.toThrow(NOT_MOVED);
      expect(await liveDigest(engine, run.tenantId)).toEqual(before);
    },
  );

  it('is taken when it says more than was found: more only keeps longer [AB-2]', async () => {
    const run = await sealed();
    const root = engine.root('control');
    await root.execute(
      'UPDATE cohorts SET newest_observed_at = newest_observed_at + INTERVAL 1 HOUR WHERE run_id = ?',
      [run.runId],
    );
    await engine.activities.verifyCopies(run);
    await engine.activities.moveRows(run);
    expect(await liveRecords(engine, run.tenantId)).toMatchObject({ assets: 0 });
  });
});

describe('a key store that was restored between verification and move', () => {
  it('keeps what is live: without its key a copy is no copy [AB-2] [ST-1]', async () => {
    const run = await sealed();
    await engine.activities.verifyCopies(run);
    const before = await liveDigest(engine, run.tenantId);
    const keys = engine.root('keys');
    await keys.execute('CREATE TABLE kept_wrappings AS SELECT * FROM key_wrappings');
    await keys.execute('DELETE FROM key_wrappings WHERE key_ref LIKE ?', [`asset:${run.runId}:%`]);
    await expect(engine.activities.moveRows(run)).rejects.toMatchObject(FAILED);
    expect(await liveDigest(engine, run.tenantId)).toEqual(before);
    // Companion: with the key it goes on.
    await keys.execute(
      'INSERT INTO key_wrappings SELECT * FROM kept_wrappings WHERE key_ref LIKE ?',
      [`asset:${run.runId}:%`],
    );
    await keys.execute('DROP TABLE kept_wrappings');
    await engine.root('control').execute(
      `INSERT INTO breaker_resets SELECT trip_id, 'ops-1', 'the keys are back', lethe_now()
         FROM breaker_trips WHERE trip_id NOT IN (SELECT trip_id FROM breaker_resets)`,
    );
    await engine.activities.moveRows(run);
    expect(await liveRecords(engine, run.tenantId)).toMatchObject({ assets: 0 });
  });
});
