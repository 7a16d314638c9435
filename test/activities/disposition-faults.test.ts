import { setLegalHold } from '../../src/activities/objects/legal-hold';
import { listEverything } from '../../src/activities/objects/list-everything';
import { createEngineHarness, type EngineHarness } from '../support/engine';
import {
  assetDays,
  ended,
  liveDigest,
  liveRecords,
  objectsOf,
  planned,
  withHost,
} from '../support/tenant-life';

let engine: EngineHarness;
beforeAll(async () => {
  engine = await createEngineHarness();
  await engine.setClock('2030-01-07T01:00:00Z');
});
afterAll(() => engine.remove());

describe('a copy that is not what was sealed', () => {
  it('is found by the verifier, and nothing live is moved [AB-2] [ST-1]', async () => {
    const { tenantId } = await withHost(engine, 'CVM');
    await engine.send(tenantId, 'endService', { service: 'CVM' });
    const run = await planned(engine, tenantId);
    await engine.activities.sealAndCopy(run);
    const before = await liveDigest(engine, tenantId);
    // Somebody with an administrator's rights takes one part of the second copy away.
    const bucket = `${engine.environment.name}-backup`;
    const listing = await listEverything(engine.parts.objects('verifier'), {
      bucket: 'backup',
      prefix: `${tenantId}/`,
    });
    const [part] = listing.versions;
    const address = { bucket, name: part?.name ?? '', versionId: part?.versionId ?? '' };
    await setLegalHold(engine.admin, address, 'OFF');
    await engine.admin.removeObject(bucket, address.name, { versionId: address.versionId });

    await expect(engine.activities.verifyCopies(run)).rejects.toMatchObject({
      code: expect.stringMatching(/VERIFICATION_FAILED|STORE_REFUSED|ARCHIVE_INVALID/) as string,
    });
    await expect(engine.activities.moveRows(run)).rejects.toMatchObject({ code: 'PERMIT_REFUSED' });
    expect(await liveDigest(engine, tenantId)).toEqual(before);
  });
});

describe('what is found stored without belonging to a run', () => {
  it('becomes a cohort of its own, counted from its discovery, and holds the end up until it is gone [AB-1] [ST-1]', async () => {
    const { tenantId, asset } = await withHost(engine, 'CVM');
    await engine.send(tenantId, 'endService', { service: 'CVM' });
    await engine.send(tenantId, 'endFeature', {});
    const run = await planned(engine, tenantId);
    await engine.activities.sealAndCopy(run);
    // A writer that woke too late puts a row behind the seal.
    await engine.root('assets').execute(
      `INSERT INTO image_risks (tenant_id, asset_id, version_id, record_id, risk_kind, scan_id,
         observed_at, vanished, content_digest, body)
       SELECT tenant_id, asset_id, 'vr_late0000000000000001', 'rc_late', 'misconfiguration', scan_id,
         observed_at, 0, 'late', '{}' FROM scans WHERE tenant_id = ? AND asset_id = ?`,
      [tenantId, asset],
    );
    await engine.activities.verifyCopies(run);
    await engine.activities.moveRows(run);
    await engine.activities.verifyMoved(run);
    expect(await liveRecords(engine, tenantId)).toMatchObject({ image_risks: 1, assets: 0 });
    const found = await engine.runWork(tenantId);
    expect(await liveRecords(engine, tenantId)).toMatchObject({ image_risks: 0 });
    expect(
      assetDays(found)
        .map(({ records }) => records)
        .sort(),
    ).toEqual([1, 7]);
    engine.hosted = [ended('CVM')];
    const last = assetDays(found)
      .map(({ deleteNotBefore }) => deleteNotBefore ?? '')
      .sort();
    await engine.setClock(last.at(-1) ?? '');
    const { snapshot } = await engine.destroy(tenantId);
    expect(snapshot).toMatchObject({ ended: true });
    expect(await objectsOf(engine, tenantId)).toBe(0);
  });
});
