import { countTenantActions } from '../../demo/actions';
import { subscribeTo } from '../support/control';
import { newTenantId } from '../support/engine';
import { createLiveEngine, type LiveEngine } from '../support/live-engine';
import { newAsset } from '../support/observations';
import { scanOnDays } from '../support/populate';

let live: LiveEngine;
let year = 2030;
beforeAll(async () => {
  live = await createLiveEngine('2030-01-01T00:00:00Z');
});
afterAll(() => live.remove());

const DAY_MS = 86_400_000;

/** `count` civil days in a row, as YYYY-MM-DD. */
const days = (from: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) =>
    new Date(Date.parse(from) + index * DAY_MS).toISOString().slice(0, 10),
  );

const engineOf = (): { readonly address: string; readonly namespace: string } => ({
  address: process.env['LETHE_TEMPORAL_ADDRESS'] ?? '',
  namespace: live.namespace,
});

describe('the actions of a life', () => {
  it.each([1, 30, 151])(
    'stay within 25 and five for each of %i due days, counted from the histories [AB-3]',
    async (dueDays) => {
      const tenantId = newTenantId();
      year += 2;
      await live.engine.setClock(`${year}-01-01T01:00:00Z`);
      await live.subscribe(tenantId, subscribeTo('CVM'));
      const assetId = newAsset();
      await live.send(tenantId, 'linkAsset', { assetId, services: ['CVM'] });
      await scanOnDays(
        live.engine,
        { tenantId, assetIds: [assetId] },
        { days: days(`${year}-01-02`, dueDays), fingerprints: 10, risks: 0 },
      );
      await live.endHosting(tenantId, 'CVM');
      await live.send(tenantId, 'endService', { service: 'CVM' });
      await live.settled(tenantId);
      expect((await live.engine.snapshot(tenantId)).dueDaysTotal).toBe(dueDays);
      await live.playToTheEnd(tenantId);
      const { total, byKind } = await countTenantActions(engineOf(), tenantId);
      expect({ total, byKind, within: total <= 25 + 5 * dueDays }).toMatchObject({ within: true });
    },
    900_000,
  );
});
