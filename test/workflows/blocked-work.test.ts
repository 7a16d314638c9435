import { ApplicationFailure } from '@temporalio/common';
import type { CommandReceipt } from '../../src/contracts/commands';
import type { LifecycleStatus } from '../../src/contracts/snapshot';
import { until } from '../support/live-engine';
import { Ports, subscribe } from '../support/mocked-ports';
import { createTemporalEnvironment, type TemporalEnvironment } from '../support/temporal';
import { startLifecycle } from '../support/start-lifecycle';

const TENANT = 'tn_blocked00000000001';

let environment: TemporalEnvironment;
beforeAll(async () => {
  environment = await createTemporalEnvironment();
});
afterAll(() => environment.close());

const start = (workflowId: string): Promise<CommandReceipt> =>
  startLifecycle(environment.client, { workflowId, tenantId: TENANT }, subscribe);

const endService = (workflowId: string) =>
  environment.client.getHandle(workflowId).executeUpdate('endService', {
    args: [
      {
        kind: 'endService',
        idempotencyKey: 'k-2',
        requestedBy: 'console',
        body: { service: 'CVM' },
      },
    ],
  });

const statusOf = (workflowId: string): Promise<LifecycleStatus> =>
  environment.client.getHandle(workflowId).query<LifecycleStatus>('status');

const failed = (code: string) =>
  Promise.reject(ApplicationFailure.create({ type: code, message: code, nonRetryable: false }));

describe('a disposition that cannot go on', () => {
  it('is shown to a person with its code, moves nothing, and goes on by itself later [AB-2] [ST-1]', async () => {
    const ports = new Ports();
    const workflowId = 'tenant-lifecycle:damaged-copy';
    let damaged = true;
    const activities = {
      ...ports.activities,
      verifyCopies: () =>
        damaged ? failed('VERIFICATION_FAILED') : ports.activities.verifyCopies(),
    };
    await environment.whileWorking(activities, async () => {
      await start(workflowId);
      await endService(workflowId);
      await until(async () => (await statusOf(workflowId)).needsHuman);
      expect(await statusOf(workflowId)).toMatchObject({
        needsHuman: true,
        blockedOn: 'VERIFICATION_FAILED',
        waitsFor: 'VERIFICATION_FAILED',
      });
      expect(ports.calls).not.toContain('moveRows');

      damaged = false;
      await environment.fastForward(workflowId, 600);
      await until(async () => (await statusOf(workflowId)).stage === 'retained');
      expect(await statusOf(workflowId)).toMatchObject({ needsHuman: false, blockedOn: null });
      expect(ports.calls).toContain('moveRows');
    });
  });

  it('does not keep waiting what is due elsewhere [AB-3]', async () => {
    const ports = new Ports();
    const workflowId = 'tenant-lifecycle:due-elsewhere';
    const activities = {
      ...ports.activities,
      verifyCopies: () => failed('VERIFICATION_FAILED'),
      destroyDue: (order: { workflowNow: string }) => {
        ports.set({ nextDueAt: null });
        return ports.activities.destroyDue(order);
      },
      verifyAndCertify: () => {
        ports.calls.push('verifyAndCertify');
        const progress = { done: true, blockedOn: null, counts: {} };
        return Promise.resolve({ progress, snapshot: ports.state });
      },
    };
    await environment.whileWorking(activities, async () => {
      await start(workflowId);
      ports.set({ nextDueAt: new Date(Date.now() + 300_000).toISOString() });
      await endService(workflowId);
      await until(async () => (await statusOf(workflowId)).needsHuman);
      expect(ports.calls.filter((call) => call.startsWith('destroyDue'))).toEqual([]);
      await environment.fastForward(workflowId, 330);
      await until(() => Promise.resolve(ports.calls.includes('verifyAndCertify')));
      expect(ports.calls.filter((call) => call.startsWith('destroyDue'))).toHaveLength(1);
    });
  });

  it('is told to a person after five minutes of waiting for the same thing [AB-2]', async () => {
    const ports = new Ports();
    const workflowId = 'tenant-lifecycle:waits';
    const activities = {
      ...ports.activities,
      moveRows: () => Promise.resolve({ done: false, blockedOn: 'permit', counts: {} }),
    };
    await environment.whileWorking(activities, async () => {
      await start(workflowId);
      await endService(workflowId);
      await until(() => Promise.resolve(ports.calls.includes('verifyCopies')));
      expect((await statusOf(workflowId)).needsHuman).toBe(false);
      const child = `disposition-run:${TENANT}:ev_1`;
      await environment.fastForward(child, 300);
      await until(async () => (await statusOf(workflowId)).needsHuman);
      expect(await statusOf(workflowId)).toMatchObject({ blockedOn: 'permit' });
    });
  });

  it('waits for a pause or for quiet hours, which somebody ordered, without calling a person [AB-2]', async () => {
    const ports = new Ports();
    const workflowId = 'tenant-lifecycle:throttled';
    let paused = true;
    const activities = {
      ...ports.activities,
      moveRows: () =>
        paused
          ? Promise.resolve({ done: false, blockedOn: 'throttle:paused', counts: {} })
          : ports.activities.moveRows(),
    };
    await environment.whileWorking(activities, async () => {
      await start(workflowId);
      await endService(workflowId);
      await until(() => Promise.resolve(ports.calls.includes('verifyCopies')));
      await environment.fastForward(`disposition-run:${TENANT}:ev_1`, 300);
      await until(async () => (await statusOf(workflowId)).waitsFor === 'throttle:paused');
      expect(await statusOf(workflowId)).toMatchObject({ needsHuman: false, blockedOn: null });
      paused = false;
      await environment.fastForward(workflowId, 600);
      await until(async () => (await statusOf(workflowId)).stage === 'retained');
    });
  });
});
