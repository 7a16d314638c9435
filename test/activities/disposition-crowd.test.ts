import type { Client } from 'minio';
import { DISPOSITION_SLOTS } from '../../src/contracts/task-queues';
import type { Stores } from '../../src/platform/connections';
import { createEngineHarness, type EngineHarness } from '../support/engine';
import { liveRecords, planned, withHost } from '../support/tenant-life';

const ENDED_AT = '2030-01-20T01:00:00Z';

/** Holds the first write of every run until as many runs are in the middle of their seals as there are slots. */
class Gate {
  private readonly runs = new Set<string>();
  private open: () => void = () => undefined;
  private readonly opened = new Promise<void>((resolve) => {
    this.open = resolve;
  });

  /** Object names begin with the tenant and the run. */
  async pass(objectName: string): Promise<void> {
    this.runs.add(objectName.split('/').slice(0, 2).join('/'));
    if (this.runs.size === DISPOSITION_SLOTS) this.open();
    await this.opened;
  }
}

const gate = new Gate();

function gated(stores: Stores): Stores {
  const archiver: Client = new Proxy(stores.objects('archiver'), {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      const method = value as (...args: unknown[]) => unknown;
      if (name !== 'makeRequestAsync') return method.bind(target);
      return async (...args: unknown[]) => {
        const { method: verb, objectName } = args[0] as { method: string; objectName?: string };
        if (verb === 'PUT' && objectName !== undefined) await gate.pass(objectName);
        return method.apply(target, args);
      };
    },
  });
  return {
    ...stores,
    objects: (role) => (role === 'archiver' ? archiver : stores.objects(role)),
  };
}

let engine: EngineHarness;
beforeAll(async () => {
  engine = await createEngineHarness(gated);
});
afterAll(() => engine.remove());

describe('tenants whose services end together', () => {
  it('are archived side by side, as many as one worker takes, and none waits for the connection of another [AB-2]', async () => {
    await engine.setClock('2030-01-07T01:00:00Z');
    const tenants: string[] = [];
    for (let tenant = 0; tenant < DISPOSITION_SLOTS; tenant += 1) {
      tenants.push((await withHost(engine, 'CVM')).tenantId);
    }
    await engine.setClock(ENDED_AT);
    const runs = [];
    for (const tenantId of tenants) {
      await engine.send(tenantId, 'endService', { service: 'CVM' });
      runs.push(await planned(engine, tenantId));
    }
    const steps = ['sealAndCopy', 'verifyCopies', 'moveRows', 'verifyMoved'] as const;
    for (const step of steps) {
      const ends = await Promise.all(runs.map((run) => engine.activities[step](run)));
      expect(ends.map(({ done }) => done)).toEqual(runs.map(() => true));
    }
    for (const tenantId of tenants) {
      expect(Object.values(await liveRecords(engine, tenantId))).toEqual([0, 0, 0, 0, 0]);
    }
  });
});
