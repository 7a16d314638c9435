import type { IngestPorts } from '../../src/activities/ingest/ports';
import { recordObservation } from '../../src/activities/ingest/record-observation';
import {
  createIngestHarness,
  host,
  hostLinkedTo,
  port,
  risk,
  seen,
  type IngestHarness,
} from '../support/ingest';

let harness: IngestHarness;

beforeAll(async () => {
  harness = await createIngestHarness({ simulation: true });
});
afterAll(() => harness.remove());

const tenantWithHost = (): Promise<string> => hostLinkedTo(harness, 'CVM');

let scans = 0;
async function scanNow(tenantId: string): ReturnType<typeof recordObservation> {
  const at = await harness.now();
  await harness.advance(1);
  const observed = seen(tenantId, { number: (scans += 1), at }, host([port(22)]));
  return recordObservation(harness.ports, observed);
}

const openAttempts = async (tenantId: string): Promise<number> => {
  const rows = await harness.ports.control.query(
    'SELECT COUNT(*) AS n FROM attempts WHERE tenant_id = ? AND ended_at IS NULL',
    [tenantId],
  );
  return Number(rows[0]?.['n']);
};

describe('the lease of a writer', () => {
  const started = async (tenantId: string): Promise<string> => {
    const attempt = `at_${tenantId.slice(3)}`;
    await harness.ports.control.execute(`CALL start_attempt(?, ?, 'ingest', NULL, 120)`, [
      attempt,
      tenantId,
    ]);
    return attempt;
  };

  it('ends with the scan, so that a disposition need not wait', async () => {
    const tenantId = await tenantWithHost();
    await scanNow(tenantId);
    expect(await openAttempts(tenantId)).toBe(0);
  });

  it('is waited for by the next writer of the tenant, dead or alive, and by no other tenant', async () => {
    const tenantId = await tenantWithHost();
    await started(tenantId);
    const before = await harness.count(tenantId);
    const at = await harness.now();
    await harness.advance(1);
    const observed = seen(tenantId, { number: (scans += 1), at }, host([port(22)]));
    // It gives way at once: the other one started earlier.
    const pause = () => Promise.reject(new Error('it waited'));
    expect(await recordObservation({ ...harness.ports, pause }, observed)).toMatchObject({
      done: false,
      blockedOn: 'writers',
    });
    expect(await harness.count(tenantId)).toBe(before);
    expect(await openAttempts(tenantId)).toBe(1);
    expect(await scanNow(await tenantWithHost())).toMatchObject({ done: true });
    await harness.advance(121);
    expect(await scanNow(tenantId)).toMatchObject({ done: true });
  });

  it('makes one of two writers that start together give way, and stores everything of the other', async () => {
    const tenantId = await tenantWithHost();
    const at = await harness.now();
    await harness.advance(2);
    const observed = seen(tenantId, { number: (scans += 1), at }, host([port(22), risk('r')]));
    const outcomes = await Promise.all(
      Array.from({ length: 4 }, () => recordObservation(harness.ports, observed)),
    );
    expect(outcomes.filter((outcome) => outcome.done).length).toBeGreaterThanOrEqual(1);
    const once = await harness.live(tenantId);
    expect(await recordObservation(harness.ports, observed)).toMatchObject({ done: true });
    expect(await harness.live(tenantId)).toEqual(once);
    expect(once['scans']).toHaveLength(1);
    expect(await openAttempts(tenantId)).toBe(0);
  });

  it('gives way to a writer whose start was seen late', async () => {
    const tenantId = await tenantWithHost();
    const at = await harness.now();
    await harness.advance(1);
    let later: string | undefined;
    const control: IngestPorts['control'] = {
      ...harness.ports.control,
      execute: async (statement, params) => {
        const result = await harness.ports.control.execute(statement, params);
        // Another writer starts after this one and before this one looks around.
        if (statement.includes('start_attempt') && later === undefined) {
          later = await started(tenantId);
        }
        return result;
      },
    };
    let pauses = 0;
    const pause = async (): Promise<void> => {
      pauses += 1;
      expect((await harness.live(tenantId))['scans']).toEqual([]);
      if (pauses === 3) await harness.ports.control.execute('CALL end_attempt(?)', [later ?? '']);
    };
    const observed = seen(tenantId, { number: (scans += 1), at }, host([port(22)]));
    const ports = { ...harness.ports, control, pause };
    expect(await recordObservation(ports, observed)).toMatchObject({ done: true });
    expect(pauses).toBe(3);
  });

  it('is renewed while a long scan goes on', async () => {
    const tenantId = await tenantWithHost();
    const at = await harness.now();
    await harness.advance(1);
    const execute: IngestPorts['assets']['execute'] = async (statement, params) => {
      await harness.advance(60);
      return harness.ports.assets.execute(statement, params);
    };
    const ports = { ...harness.ports, assets: { ...harness.ports.assets, execute } };
    const risks = Array.from({ length: 1100 }, (_, index) => risk(`rule-${index}`));
    const observed = seen(tenantId, { number: (scans += 1), at }, host(risks));
    expect((await recordObservation(ports, observed)).counts).toMatchObject({ versions: 1101 });
    const rows = await harness.ports.control.query(
      'SELECT COUNT(*) AS n FROM attempts WHERE tenant_id = ?',
      [tenantId],
    );
    expect(Number(rows[0]?.['n'])).toBeGreaterThan(2);
    expect(await openAttempts(tenantId)).toBe(0);
  });

  it('that ran out makes a late statement have no effect', async () => {
    const tenantId = await tenantWithHost();
    const at = await harness.now();
    await harness.advance(1);
    const execute: IngestPorts['assets']['execute'] = async (statement, params) => {
      // The worker slept between its look at the clock and the statement.
      if (statement.includes('INTO image_risks')) await harness.advance(121);
      return harness.ports.assets.execute(statement, params);
    };
    const ports = { ...harness.ports, assets: { ...harness.ports.assets, execute } };
    const observed = seen(tenantId, { number: (scans += 1), at }, host([risk('r')]));
    await expect(recordObservation(ports, observed)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
    const state = await harness.live(tenantId);
    expect(state['image_risks']).toEqual([]);
    expect(state['scans']).toEqual([]);
    expect(await recordObservation(harness.ports, observed)).toMatchObject({ done: true });
  });

  it('lets a scan in flight end behind the fence, also over a renewal: the plan waits for it [AB-2]', async () => {
    const tenantId = await tenantWithHost();
    await harness.control.send(tenantId, 'endService', { service: 'Lighthouse' });
    const at = await harness.now();
    await harness.advance(1);
    const endAfter = (seconds: number): IngestPorts => {
      let isEnded = false;
      const execute: IngestPorts['assets']['execute'] = async (statement, params) => {
        const result = await harness.ports.assets.execute(statement, params);
        if (!isEnded && statement.includes('INTO assets')) {
          isEnded = true;
          await harness.control.send(tenantId, 'endService', { service: 'CVM' });
          await harness.advance(seconds);
        }
        return result;
      };
      return { ...harness.ports, assets: { ...harness.ports.assets, execute } };
    };
    const observed = seen(tenantId, { number: (scans += 1), at }, host([risk('r')]));
    expect(await recordObservation(endAfter(60), observed)).toMatchObject({ done: true });
    await harness.control.send(tenantId, 'attachService', { service: 'CVM' });
    const next = seen(
      tenantId,
      { number: (scans += 1), at: await harness.now() },
      host([risk('s')], { basics: { hostname: 'web-2' } }),
    );
    await harness.advance(1);
    expect(await recordObservation(endAfter(90), next)).toMatchObject({ done: true });
    expect((await harness.live(tenantId))['scans']).toHaveLength(2);
  });
});

describe('an observation from the near future', () => {
  it('waits until it lies in the past', async () => {
    const tenantId = await tenantWithHost();
    const at = new Date(Date.parse(await harness.now()) + 50_000).toISOString();
    let waited = 0;
    const pause = async (milliseconds: number): Promise<void> => {
      waited += milliseconds;
      await harness.advance(10);
    };
    const observed = seen(tenantId, { number: (scans += 1), at }, host([port(22)]));
    expect(await recordObservation({ ...harness.ports, pause }, observed)).toMatchObject({
      done: true,
    });
    expect(waited).toBeGreaterThan(0);
    expect(Date.parse(await harness.now())).toBeGreaterThanOrEqual(Date.parse(at));
  });
});
