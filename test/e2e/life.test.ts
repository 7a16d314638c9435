import { hostReport, newAsset } from '../support/observations';
import { subscribeTo } from '../support/control';
import { newTenantId } from '../support/engine';
import { createLiveEngine, type LiveEngine } from '../support/live-engine';

let live: LiveEngine;
beforeAll(async () => {
  live = await createLiveEngine('2030-01-07T01:00:00Z');
});
afterAll(() => live.remove());

describe('a whole life on the real servers', () => {
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
