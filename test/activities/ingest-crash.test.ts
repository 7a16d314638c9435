import type { MongoClient } from 'mongodb';
import type { IngestPorts } from '../../src/activities/ingest/ports';
import { recordObservation } from '../../src/activities/ingest/record-observation';
import type { Observation } from '../../src/contracts/observations';
import { LetheError } from '../../src/domain/errors';
import type { SqlPool } from '../../src/contracts/sql';
import {
  account,
  assetId,
  createIngestHarness,
  host,
  image,
  port,
  risk,
  scanId,
  seen,
  type IngestHarness,
  type LiveState,
} from '../support/ingest';

/** Two environments with the same tenants: in one of them the power fails. */
let calm: IngestHarness;
let stormy: IngestHarness;

beforeAll(async () => {
  calm = await createIngestHarness({ simulation: true });
  stormy = await createIngestHarness({ simulation: true });
});
afterAll(async () => {
  await calm.remove();
  await stormy.remove();
});

/** Writes until the power fails; after that nothing works, not even saying good-bye. */
class PowerCut {
  private writes = 0;

  constructor(
    private readonly after: number,
    /** Whether the last statement still takes effect before the lights go out. */
    private readonly isCarriedOut: boolean,
  ) {}

  get hasFailed(): boolean {
    return this.writes >= this.after;
  }

  async write<T>(call: () => Promise<T>): Promise<T> {
    if (this.hasFailed) throw new Error('no power');
    const isLast = this.writes + 1 >= this.after;
    this.writes += 1;
    if (isLast && !this.isCarriedOut) throw new Error('no power');
    const result = await call();
    if (isLast) throw new Error('no power');
    return result;
  }
}

function cutOff(ports: IngestPorts, cut: PowerCut): IngestPorts {
  const wrap = (pool: SqlPool): SqlPool => ({
    ...pool,
    execute: (statement, params) => cut.write(() => pool.execute(statement, params)),
  });
  const documents = ports.documents;
  const client = {
    db: (name: string) => ({
      collection: (collection: string) => {
        const real = documents.client.db(name).collection(collection);
        return {
          find: real.find.bind(real),
          insertMany: (...args: Parameters<typeof real.insertMany>) =>
            cut.write(() => real.insertMany(...args)),
        };
      },
    }),
  } as unknown as MongoClient;
  return {
    ...ports,
    control: wrap(ports.control),
    assets: wrap(ports.assets),
    documents: { ...documents, client },
  };
}

/** What the third scan of a host with a container sees: new, changed, gone and returned things. */
const scansOf = (tenantId: string): readonly Observation[] => {
  const container = { assetId: assetId(2), assetKind: 'container' } as const;
  const links = { to: 'same-as', assetId: assetId(1) } as const;
  const completeKinds = ['port', 'account', 'image', 'misconfiguration'];
  const both = (...records: Parameters<typeof host>[0]) => [
    host(records, { links: { to: 'services', services: ['CVM'] }, completeKinds }),
    host(records, { ...container, links, completeKinds }),
  ];
  return [
    seen(tenantId, { number: 1 }, ...both(port(22), port(80), image('a'), risk('r'))),
    seen(tenantId, { number: 2 }, ...both(port(22), account('x'), image('a'))),
    seen(
      tenantId,
      { number: 3 },
      ...both(port(80), account('x', '/bin/no'), image('b'), risk('r')),
    ),
  ];
};

async function tenantBeforeThirdScan(harness: IngestHarness): Promise<string> {
  const tenantId = await harness.control.subscribed('CVM', 'ECM');
  for (const observed of scansOf(tenantId).slice(0, 2)) {
    await recordObservation(harness.ports, observed);
  }
  return tenantId;
}

/** Where a row says that the scan is complete, everything that it found is there. */
function expectNoFalseClaim(state: LiveState, complete: LiveState): void {
  type Row = Readonly<Record<string, unknown>>;
  const claims = (state['scans'] as Row[]).filter((row) => row['scan_id'] === scanId(3));
  for (const { asset_id: claimed } of claims) {
    for (const [place, rows] of Object.entries(complete)) {
      const ofAsset = (all: readonly object[] | undefined): object[] =>
        (all as Row[]).filter((row) => (row['asset_id'] ?? row['assetId']) === claimed);
      expect([place, ofAsset(state[place])]).toEqual([place, ofAsset(rows)]);
    }
  }
}

/** A repetition of the scan `third`, of which an attempt died, completes what that one left. */
async function expectCompletion(third: Observation, undisturbed: unknown): Promise<void> {
  const { tenantId } = third;
  expectNoFalseClaim(await stormy.live(tenantId), await calm.live(tenantId));
  // The dead writer's lease is waited for; no disposition overtakes it either.
  await stormy.advance(121);
  expect(await recordObservation(stormy.ports, third)).toEqual(undisturbed);
}

const NO_POWER = expect.objectContaining({ message: 'no power' }) as unknown;

describe.each([
  ['before the last statement takes effect', false],
  ['after the last statement took effect', true],
])('a power cut %s', (_, isCarriedOut) => {
  it('at any step of a scan leaves nothing that its repetition does not complete [AB-1]', async () => {
    let steps = 0;
    for (let isOver = false; !isOver; steps += 1) {
      const tenantId = await tenantBeforeThirdScan(calm);
      expect(await tenantBeforeThirdScan(stormy)).toBe(tenantId);
      const third = scansOf(tenantId)[2] as Observation;
      const undisturbed = await recordObservation(calm.ports, third);

      const cut = new PowerCut(steps + 1, isCarriedOut);
      const first = await recordObservation(cutOff(stormy.ports, cut), third).catch(
        (error: unknown) => error,
      );
      isOver = !cut.hasFailed;
      expect(first).toEqual(isOver ? undisturbed : NO_POWER);
      if (!isOver) await expectCompletion(third, undisturbed);
      expect(await stormy.live(tenantId)).toEqual(await calm.live(tenantId));
    }
    // Attempt, links, versions in four places, scan row (two assets each), end of the attempt.
    expect(steps).toBeGreaterThan(12);
  });
});

describe('a lost answer', () => {
  it('leaves the attempt open until its lease is over, because the statement may still arrive', async () => {
    const tenantId = await tenantBeforeThirdScan(stormy);
    const third = scansOf(tenantId)[2] as Observation;
    const execute: SqlPool['execute'] = (statement, params) =>
      statement.includes('INTO image_risks')
        ? Promise.reject(new LetheError('OUTCOME_UNKNOWN', 'the answer was lost'))
        : stormy.ports.assets.execute(statement, params);
    const ports = { ...stormy.ports, assets: { ...stormy.ports.assets, execute } };
    await expect(recordObservation(ports, third)).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
    });
    expect(await recordObservation(stormy.ports, third)).toMatchObject({ blockedOn: 'writers' });
    await stormy.advance(121);
    expect(await recordObservation(stormy.ports, third)).toMatchObject({ done: true });
  });
});
