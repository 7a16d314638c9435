import type { LifecycleStatus } from '../../src/contracts/snapshot';
import { TASK_QUEUES } from '../../src/contracts/task-queues';
import { until } from '../support/live-engine';
import { Ports, subscribe } from '../support/mocked-ports';
import { createTemporalEnvironment, type TemporalEnvironment } from '../support/temporal';
import { startLifecycle } from '../support/start-lifecycle';

const TENANT = 'tn_inherited000000001';
const WORKFLOW = `tenant-lifecycle:${TENANT}`;
const CHILD = `disposition-run:${TENANT}:ev_1`;

let environment: TemporalEnvironment;
beforeAll(async () => {
  environment = await createTemporalEnvironment();
});
afterAll(() => environment.close());

const handle = () => environment.client.getHandle(WORKFLOW);
const statusOf = (): Promise<LifecycleStatus> => handle().query<LifecycleStatus>('status');
const stateOf = async (workflowId: string): Promise<string> =>
  (await environment.client.getHandle(workflowId).describe()).status.name;

describe('the process of a tenant that begins again while a child of the one before still runs', () => {
  it('waits for that child, doubles nothing of its work and goes on where it ended [AB-2] [AB-3]', async () => {
    const ports = new Ports();
    let open = (): void => undefined;
    const moved = new Promise<void>((resolve) => {
      open = resolve;
    });
    const activities = {
      ...ports.activities,
      moveRows: async () => {
        await moved;
        return ports.activities.moveRows();
      },
      // The facts of the run change when it is done, whoever asks.
      refresh: (order: { workflowNow: string }) => {
        if (ports.calls.includes('verifyMoved')) return ports.activities.refresh(order);
        ports.calls.push('refresh');
        return Promise.resolve(ports.state);
      },
    };
    await environment.whileWorking(activities, async () => {
      const ids = { workflowId: WORKFLOW, tenantId: TENANT };
      await startLifecycle(environment.client, ids, subscribe);
      const body = { service: 'CVM' };
      const order = { kind: 'endService', idempotencyKey: 'k-2', requestedBy: 'console', body };
      await handle().executeUpdate('endService', { args: [order] });
      await until(() => Promise.resolve(ports.calls.includes('verifyCopies')));

      await handle().terminate('an accident');
      expect(await stateOf(CHILD)).toBe('RUNNING');
      const child = (await environment.client.getHandle(CHILD).describe()).runId;
      await environment.client.start('tenantLifecycle', {
        workflowId: WORKFLOW,
        taskQueue: TASK_QUEUES.workflows,
        args: [{ tenantId: TENANT }],
      });
      await until(
        async () =>
          ((await statusOf()) as LifecycleStatus | null)?.waitsFor ===
          'a child of an earlier process',
      );
      expect(await statusOf()).toMatchObject({ stage: 'closing', needsHuman: false });
      expect(await stateOf(WORKFLOW)).toBe('RUNNING');

      open();
      await until(async () => (await stateOf(CHILD)) === 'COMPLETED');
      await environment.fastForward(WORKFLOW, 61);
      await until(async () => (await statusOf()).stage === 'retained');
      expect((await environment.client.getHandle(CHILD).describe()).runId).toBe(child);
      for (const step of ['sealAndCopy', 'verifyCopies', 'moveRows', 'verifyMoved']) {
        expect(ports.calls.filter((call) => call === step)).toEqual([step]);
      }
      expect(ports.calls.filter((call) => call.startsWith('destroyDue'))).toEqual([]);
    });
  });
});
