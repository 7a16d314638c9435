import { atOnce } from '../../src/activities/at-once';
import { DISPOSITION_SLOTS } from '../../src/contracts/task-queues';
import type { Stores } from '../../src/platform/connections';
import { createEngineHarness, type EngineHarness } from '../support/engine';
import { interceptingArchiver } from '../support/intercepted-writes';
import { liveRecords, planned, withHost } from '../support/tenant-life';

/** Decides when a run's writes to the archive go through; the names of objects begin with the tenant. */
class Gate {
  /** Waits for whatever the test waits for. */
  wait: (tenantId: string) => Promise<void> = () => Promise.resolve();

  async pass(objectName: string): Promise<void> {
    await this.wait(objectName.split('/')[0] ?? '');
  }
}

/** Opens once as many tenants have come as were expected. */
function turnstile(expected: number): (tenantId: string) => Promise<void> {
  const come = new Set<string>();
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return (tenantId) => {
    come.add(tenantId);
    if (come.size === expected) open();
    return opened;
  };
}

const gate = new Gate();

const gated = (stores: Stores): Stores =>
  interceptingArchiver(stores, async ({ method, objectName }) => {
    if (method === 'PUT' && objectName !== undefined) await gate.pass(objectName);
  });

let engine: EngineHarness;
beforeAll(async () => {
  engine = await createEngineHarness(gated);
});
afterAll(() => engine.remove());

const STEPS = ['sealAndCopy', 'verifyCopies', 'moveRows', 'verifyMoved'] as const;
type Run = Awaited<ReturnType<typeof planned>>;

/** Tenants with a host each, whose services have ended in the same moment, and their planned runs. */
async function endedTogether(count: number): Promise<readonly Run[]> {
  const tenants: string[] = [];
  for (let tenant = 0; tenant < count; tenant += 1) {
    tenants.push((await withHost(engine, 'CVM')).tenantId);
  }
  const runs: Run[] = [];
  for (const tenantId of tenants) {
    await engine.send(tenantId, 'endService', { service: 'CVM' });
    runs.push(await planned(engine, tenantId));
  }
  return runs;
}

async function dispose(run: Run): Promise<void> {
  for (const step of STEPS) {
    expect(await engine.activities[step](run)).toMatchObject({ done: true });
  }
}

const isGone = async ({ tenantId }: Run): Promise<boolean> =>
  Object.values(await liveRecords(engine, tenantId)).every((count) => count === 0);

describe('tenants whose services end together', () => {
  beforeAll(() => engine.setClock('2030-01-07T01:00:00Z'));

  it('are archived side by side, as many as one worker takes, and none waits for the connection of another [AB-2]', async () => {
    const runs = await endedTogether(DISPOSITION_SLOTS);
    // Nobody writes before everybody is in the middle of the seal.
    gate.wait = turnstile(DISPOSITION_SLOTS);
    await Promise.all(runs.map(dispose));
    for (const run of runs) expect(await isGone(run)).toBe(true);
  });

  it('come to their end while one of them is still being sealed, in the slots that it leaves [AB-2]', async () => {
    const [large, ...small] = await endedTogether(DISPOSITION_SLOTS + 3);
    if (large === undefined) throw new Error('no tenant');
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    gate.wait = (tenantId) => (tenantId === large.tenantId ? released : Promise.resolve());
    const last = dispose(large);
    await atOnce(small, DISPOSITION_SLOTS - 1, dispose);
    for (const run of small) expect(await isGone(run)).toBe(true);
    expect(await isGone(large)).toBe(false);
    release();
    await last;
    expect(await isGone(large)).toBe(true);
  });
});
