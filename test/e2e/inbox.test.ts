import { listEverything } from '../../src/activities/objects/list-everything';
import { withDigest } from '../../src/collector/report-digest';
import type { AssetId } from '../../src/domain/identifiers';
import { collectLive, removeFolders } from '../collector/machine';
import { WHOLE_FILES, wholeProc } from '../collector/whole-machine';
import { subscribeTo } from '../support/control';
import { newTenantId } from '../support/engine';
import { createLiveEngine, until, type LiveEngine } from '../support/live-engine';
import { newAsset } from '../support/observations';

const SECONDS_MAX = 60;

let live: LiveEngine;
beforeAll(async () => {
  live = await createLiveEngine('2031-04-01T00:00:00Z', { LETHE_INBOX: 'on' });
});
afterAll(async () => {
  removeFolders();
  await live.remove();
});

const collected = collectLive(WHOLE_FILES, wholeProc(100));

/** Delivers a report as a collector does, and waits until the worker has emptied the inbox and scanned. */
async function deliver(tenantId: string, report: Buffer, scans: number): Promise<void> {
  const name = `${tenantId}/report-${scans}.json`;
  const { engine } = live;
  await engine.stores.objects('courier').putObject(`${live.namespace}-inbox`, name, report);
  await until(async () => {
    await live.client.sweepNow();
    const inbox = { bucket: 'inbox', prefix: `${tenantId}/` } as const;
    const { versions } = await listEverything(engine.parts.objects('ingest'), inbox);
    const [row] = await engine
      .root('control')
      .query('SELECT COUNT(*) AS n FROM scan_results WHERE tenant_id = ?', [tenantId]);
    return versions.length === 0 && Number(row?.['n']) === scans;
  }, SECONDS_MAX * 1000);
}

const fingerprints = (tenantId: string): Promise<object[]> =>
  live.engine.mongo
    .db(`${live.engine.environment.prefix}_assets`)
    .collection('fingerprints')
    .find({ tenantId })
    .sort({ _id: 1 })
    .toArray();

describe('a worker whose inbox is on', () => {
  it('takes reports in by itself; one again and an older one change nothing [DC-1, AB-1]', async () => {
    const tenantId = newTenantId();
    const assetId = newAsset() as AssetId;
    await live.subscribe(tenantId, subscribeTo('CVM'));
    await live.send(tenantId, 'linkAsset', { assetId, services: ['CVM'] });
    const reportAt = (collectedAt: string): Buffer =>
      Buffer.from(JSON.stringify(withDigest({ ...collected, assetId, collectedAt })));
    await live.engine.setClock('2031-04-02T00:00:00Z');
    const report = reportAt('2031-04-01T12:00:00Z');

    await deliver(tenantId, report, 1);
    const known = await fingerprints(tenantId);
    expect(known.length).toBeGreaterThan(10);

    await deliver(tenantId, report, 2);
    await deliver(tenantId, reportAt('2031-04-01T06:00:00Z'), 3);
    expect(await fingerprints(tenantId)).toEqual(known);
    const scans = await live.engine
      .root('assets')
      .query('SELECT scan_id FROM scans WHERE tenant_id = ? AND asset_id = ?', [tenantId, assetId]);
    expect(scans).toHaveLength(1);
  });
});
