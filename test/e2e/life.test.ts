import { WorkflowClient } from '@temporalio/client';
import { hostReport, newAsset } from '../support/observations';
import { subscribeTo } from '../support/control';
import { newTenantId } from '../support/engine';
import { placeOver } from '../support/holds';
import { createLiveEngine, until, type LiveEngine } from '../support/live-engine';

let live: LiveEngine;
beforeAll(async () => {
  live = await createLiveEngine('2030-01-07T01:00:00Z');
});
afterAll(() => live.remove());

describe('a whole life on the real servers', () => {
  it('goes on when something comes back after its certificates: the sweep begins the process again [ST-1] [ST-2]', async () => {
    const tenantId = newTenantId();
    await live.subscribe(tenantId, subscribeTo('CVM'));
    const asset = newAsset();
    await live.send(tenantId, 'linkAsset', { assetId: asset, services: ['CVM'] });
    await live.engine.observe(hostReport(tenantId, asset, { observedAt: await live.engine.now() }));
    const links = await saveLinks(tenantId);
    await live.send(tenantId, 'endService', { service: 'CVM' });
    await live.send(tenantId, 'endFeature', {});
    await live.settled(tenantId);
    await live.endHosting(tenantId, 'CVM');
    await live.playUntil(tenantId, '2030-09-01T00:00:00Z');
    expect(await live.client.status(tenantId)).toMatchObject({ ended: true });

    await links.playBack();
    await live.engine.setClock(
      new Date(Date.parse(await live.engine.now()) + 86_401_000).toISOString(),
    );
    await live.client.sweepNow();
    await until(async () => (await live.client.sweepStatus())?.findingsTotal === 1);
    await until(async () => !(await live.client.status(tenantId)).ended);
    await live.settled(tenantId);
    expect(await links.count()).toBe(0);
    await live.simulator.join(`tenant-lifecycle:${tenantId}`);
    await live.playUntil(tenantId, '2031-09-01T00:00:00Z');
    expect(await live.client.status(tenantId)).toMatchObject({
      stage: 'ended',
      counters: { certificates: 3 },
    });
  });

  it('takes requests and changes that come as signals, from senders that wait for no answer [CC-2] [DC-3]', async () => {
    const tenantId = newTenantId();
    await live.subscribe(tenantId, subscribeTo('CVM'));
    const { connection, namespace } = live;
    const process = new WorkflowClient({ connection, namespace }).getHandle(
      `tenant-lifecycle:${tenantId}`,
    );
    const body = { setting: 'automatic-renewal', enabled: true };
    const staged = await live.engine.stage(tenantId, body);
    await process.signal('configurationChanged', {
      ...{ kind: 'changeConfiguration', idempotencyKey: 'signal-1', requestedBy: 'console' },
      body: { ...staged, configurationKind: 'console-setting', settingId: 'renewal' },
    });
    const requestId = `rq_${tenantId.slice(3)}`;
    const request = {
      ...{ kind: 'requestDeletion', idempotencyKey: 'signal-2', requestedBy: 'console' },
      body: { requestId, recordClass: 'console-configuration-data' },
    };
    // Twice, as a sender does that got no answer; and one that nobody understands.
    await process.signal('deletionRequested', request);
    await process.signal('deletionRequested', request);
    await process.signal('deletionRequested', { ...request, body: { requestId: 7 } });
    await until(async () => (await live.client.deadlines(tenantId)).length === 1);
    await live.settled(tenantId);
    expect(await live.client.deadlines(tenantId)).toMatchObject([
      { recordClass: 'console-configuration-data', because: 'CC-2', records: 2 },
    ]);
    expect((await live.client.status(tenantId)).counters.commands).toBe(3);
  });

  it('lets the rest of a due day go in its time when a hold covers one asset of it, and keeps that [AB-3] [CC-4]', async () => {
    const tenantId = newTenantId();
    await live.subscribe(tenantId, subscribeTo('CVM'));
    const assets = [newAsset(), newAsset()];
    for (const asset of assets) {
      await live.send(tenantId, 'linkAsset', { assetId: asset, services: ['CVM'] });
      const observedAt = await live.engine.now();
      await live.engine.observe(hostReport(tenantId, asset, { observedAt }));
    }
    const scope = { tenantId, recordClass: 'asset-basic-data', assetId: assets[0] ?? '' } as const;
    const { holdId } = await placeOver(live.engine, [scope]);
    await live.send(tenantId, 'endService', { service: 'CVM' });
    await live.send(tenantId, 'endFeature', {});
    await live.settled(tenantId);
    await live.endHosting(tenantId, 'CVM');
    // What is kept has no end: two years are more than any window of the rest.
    const later = Date.parse(await live.engine.now()) + 2 * 365 * 86_400_000;
    await live.playUntil(tenantId, new Date(later).toISOString());
    const status = await live.client.status(tenantId);
    expect(status).toMatchObject({ ended: false, blockedOn: 'hold', nextDueAt: null });
    expect(status.counters).toMatchObject({ certificates: 2, breaches: 0 });
    const left = status.dueDays.map(({ splitFrom }) => splitFrom?.holdId);
    expect(left).toEqual([holdId]);
  });

  it('ends with certificates and nothing left, through the workflow engine alone [AB-2] [AB-3] [CC-3]', async () => {
    const tenantId = newTenantId();
    await live.subscribe(tenantId, subscribeTo('CVM'));
    const asset = newAsset();
    await live.send(tenantId, 'linkAsset', { assetId: asset, services: ['CVM'] });
    await live.engine.observe(hostReport(tenantId, asset, { observedAt: await live.engine.now() }));
    await live.send(tenantId, 'endService', { service: 'CVM' });
    await live.send(tenantId, 'endFeature', {});
    await live.settled(tenantId);
    await live.endHosting(tenantId, 'CVM');
    await live.playToTheEnd(tenantId);
    expect(await live.client.status(tenantId)).toMatchObject({
      stage: 'ended',
      counters: { certificates: 2, breaches: 0 },
    });
  });
});

/** What an old backup holds of a tenant, and what it does when somebody plays it back. */
async function saveLinks(tenantId: string) {
  const assets = live.engine.root('assets');
  const rows = await assets.query('SELECT * FROM asset_links WHERE tenant_id = ?', [tenantId]);
  return {
    playBack: async (): Promise<void> => {
      for (const row of rows) {
        const columns = Object.keys(row);
        await assets.execute(
          `INSERT INTO asset_links (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
          Object.values(row) as string[],
        );
      }
    },
    count: async (): Promise<number> =>
      (await assets.query('SELECT 1 FROM asset_links WHERE tenant_id = ?', [tenantId])).length,
  };
}
