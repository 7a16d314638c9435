import { planRuns } from '../../src/activities/disposition/plan-runs';
import { readRun } from '../../src/activities/disposition/run-rows';
import type { SqlPool } from '../../src/contracts/sql';
import type { HostingService } from '../../src/domain/record-class';
import { createControlHarness, type ControlHarness } from '../support/control';
import { createSqlEnvironment, type SqlEnvironment } from '../support/environment';

let environment: SqlEnvironment;
let harness: ControlHarness;
let control: SqlPool;
let assets: SqlPool;

beforeAll(async () => {
  environment = await createSqlEnvironment();
  harness = createControlHarness(environment);
  control = environment.pool('control');
  assets = environment.pool('archiver', 'assets');
});
afterAll(() => environment.remove());

const link = (tenantId: string, assetId: string, ...services: HostingService[]): Promise<void> =>
  harness.links.link({ tenantId, assetId, services, linkedAt: '2026-01-01T00:00:00Z' });

const eventOf = (accepted: Awaited<ReturnType<ControlHarness['send']>>): string =>
  String(accepted.receipt.result['eventId']);

async function subjectsOfRuns(tenantId: string, eventId: string): Promise<readonly string[][]> {
  const { runIds } = await planRuns({ control, assets }, { tenantId, eventId });
  const runs = await Promise.all(runIds.map((runId) => readRun(control, tenantId, runId)));
  return runs.map((run) => [...run.subjects]);
}

const ONE = 'as_0000000000000001';
const TWO = 'as_0000000000000002';

describe('planning the disposition of an ended service', () => {
  it('takes the assets of that service and leaves those that another service still uses [AB-2] [HS-1]', async () => {
    const tenantId = await harness.subscribed('CVM', 'Lighthouse');
    await link(tenantId, ONE, 'CVM');
    await link(tenantId, TWO, 'CVM', 'Lighthouse');
    const first = await harness.send(tenantId, 'endService', { service: 'CVM' });
    expect(await subjectsOfRuns(tenantId, eventOf(first))).toEqual([['CVM']]);
    const second = await harness.send(tenantId, 'endService', { service: 'Lighthouse' });
    expect(await subjectsOfRuns(tenantId, eventOf(second))).toEqual([['CVM', 'Lighthouse']]);
  });

  it('plans the same runs when it is repeated', async () => {
    const tenantId = await harness.subscribed('CVM');
    await link(tenantId, ONE, 'CVM');
    const eventId = eventOf(await harness.send(tenantId, 'endService', { service: 'CVM' }));
    const first = await planRuns({ control, assets }, { tenantId, eventId });
    expect(await planRuns({ control, assets }, { tenantId, eventId })).toEqual(first);
    expect(first.runIds).toHaveLength(1);
  });

  it('closes the event when nothing is left to dispose of', async () => {
    const tenantId = await harness.subscribed('CVM');
    const eventId = eventOf(await harness.send(tenantId, 'endService', { service: 'CVM' }));
    expect((await planRuns({ control, assets }, { tenantId, eventId })).runIds).toEqual([]);
    expect((await harness.activities.refresh({ tenantId, workflowNow: '' })).work).toEqual([]);
  });

  it('waits for a writer in flight, and plans once it has ended', async () => {
    const tenantId = await harness.subscribed('CVM');
    await link(tenantId, ONE, 'CVM');
    const collector = environment.pool('collector');
    const attempt = `at_${tenantId.slice(3)}`;
    await collector.execute(`CALL start_attempt(?, ?, 'ingest', NULL, 600)`, [attempt, tenantId]);
    const eventId = eventOf(await harness.send(tenantId, 'endService', { service: 'CVM' }));
    const waiting = await planRuns({ control, assets }, { tenantId, eventId });
    expect(waiting).toMatchObject({ runIds: [], progress: { done: false, blockedOn: 'writers' } });
    await collector.execute('CALL end_attempt(?)', [attempt]);
    expect((await planRuns({ control, assets }, { tenantId, eventId })).runIds).toHaveLength(1);
  });

  it('lets late data in until the end is planned, and keeps every writer out afterwards [AB-2]', async () => {
    const tenantId = await harness.subscribed('CVM');
    const collector = environment.pool('collector');
    const attempt = (id: string): Promise<unknown> =>
      collector.execute(`CALL start_attempt(?, ?, 'ingest', NULL, 600)`, [id, tenantId]);
    const eventId = eventOf(await harness.send(tenantId, 'endService', { service: 'CVM' }));
    await attempt('at_late_but_in_time');
    await collector.execute(`CALL end_attempt('at_late_but_in_time')`);
    await planRuns({ control, assets }, { tenantId, eventId });
    await expect(attempt('at_too_late')).rejects.toMatchObject({ code: 'OBSERVATION_REFUSED' });
  });

  it('waits for a writer that began between its two looks [AB-2]', async () => {
    const tenantId = await harness.subscribed('CVM', 'Lighthouse');
    await link(tenantId, ONE, 'CVM');
    const eventId = eventOf(await harness.send(tenantId, 'endService', { service: 'CVM' }));
    const collector = environment.pool('collector');
    let begun = false;
    const between: SqlPool = {
      ...control,
      transaction: async (work) => {
        if (!begun) {
          begun = true;
          await collector.execute(`CALL start_attempt('at_between', ?, 'ingest', NULL, 600)`, [
            tenantId,
          ]);
        }
        return control.transaction(work);
      },
    };
    const planned = await planRuns({ control: between, assets }, { tenantId, eventId });
    expect(planned).toMatchObject({ runIds: [], progress: { blockedOn: 'writers' } });
    await collector.execute(`CALL end_attempt('at_between')`);
    expect((await planRuns({ control, assets }, { tenantId, eventId })).runIds).toHaveLength(1);
  });
});

describe('planning the disposition of configuration', () => {
  const generations = async (tenantId: string, eventId: string): Promise<unknown[]> => {
    const { runIds } = await planRuns({ control, assets }, { tenantId, eventId });
    const runs = await Promise.all(runIds.map((runId) => readRun(control, tenantId, runId)));
    return runs.map((run) => [run.generationFrom, run.generationTo]);
  };
  const request = (tenantId: string, digit: number): ReturnType<ControlHarness['send']> =>
    harness.send(tenantId, 'requestDeletion', {
      requestId: `rq_${String(digit).repeat(16)}`,
      recordClass: 'console-configuration-data',
    });

  it('covers what was received before the request and not what comes after it [CC-2]', async () => {
    const tenantId = await harness.subscribed('CVM');
    const first = await request(tenantId, 1);
    expect(await generations(tenantId, eventOf(first))).toEqual([[1, 1]]);
    const second = await request(tenantId, 2);
    expect(await generations(tenantId, eventOf(second))).toEqual([[2, 2]]);
    const ended = await harness.send(tenantId, 'endFeature', {});
    expect(await generations(tenantId, eventOf(ended))).toEqual([[3, 3]]);
  });

  it('covers every generation at the end of the Feature when nothing was requested [CC-3]', async () => {
    const tenantId = await harness.subscribed('CVM');
    const ended = await harness.send(tenantId, 'endFeature', {});
    expect(await generations(tenantId, eventOf(ended))).toEqual([[1, 1]]);
  });
});
