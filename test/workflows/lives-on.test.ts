import { ApplicationFailure } from '@temporalio/common';
import type { LifecycleStatus } from '../../src/contracts/snapshot';
import { TASK_QUEUES } from '../../src/contracts/task-queues';
import { until } from '../support/live-engine';
import { Ports, snapshot, subscribe } from '../support/mocked-ports';
import { startLifecycle } from '../support/start-lifecycle';
import { createTemporalEnvironment, type TemporalEnvironment } from '../support/temporal';

let environment: TemporalEnvironment;
beforeAll(async () => {
  environment = await createTemporalEnvironment();
});
afterAll(() => environment.close());

const stateOf = async (workflowId: string): Promise<string> =>
  (await environment.client.getHandle(workflowId).describe()).status.name;
const statusOf = (workflowId: string): Promise<LifecycleStatus> =>
  environment.client.getHandle(workflowId).query<LifecycleStatus>('status');

const endService = (workflowId: string): Promise<unknown> => {
  const body = { service: 'CVM' };
  const order = { kind: 'endService', idempotencyKey: 'k-2', requestedBy: 'console', body };
  return environment.client.getHandle(workflowId).executeUpdate('endService', { args: [order] });
};

const refused = (code: string, message: string) =>
  Promise.reject(ApplicationFailure.nonRetryable(message, code));

describe('the process of a tenant', () => {
  it('does not end when the first command is refused and the next one is accepted meanwhile [AB-3] [CC-3]', async () => {
    const ports = new Ports();
    ports.state = snapshot({ stage: 'unknown' });
    const tenantId = 'tn_refusedfirst000001';
    const workflowId = `tenant-lifecycle:${tenantId}`;
    let open = (): void => undefined;
    ports.gate = new Promise((resolve) => {
      open = resolve;
    });
    let refuses = true;
    let accept = (): void => undefined;
    const accepting = new Promise<void>((resolve) => {
      accept = resolve;
    });
    const activities = {
      ...ports.activities,
      refresh: async () => {
        ports.calls.push('refresh');
        const read = ports.state;
        await ports.gate;
        return read;
      },
      acceptCommand: async (order: Parameters<typeof ports.activities.acceptCommand>[0]) => {
        if (refuses) {
          throw ApplicationFailure.nonRetryable('no attestation', 'ATTESTATION_REQUIRED');
        }
        ports.calls.push('accepting');
        await accepting;
        ports.set({ stage: 'subscribed' });
        return ports.activities.acceptCommand(order);
      },
    };
    await environment.whileWorking(activities, async () => {
      const ids = { workflowId, tenantId };
      await expect(startLifecycle(environment.client, ids, subscribe)).rejects.toMatchObject({
        cause: { type: 'ATTESTATION_REQUIRED' },
      });
      await until(() => Promise.resolve(ports.calls.includes('refresh')));
      refuses = false;
      const second = startLifecycle(environment.client, ids, subscribe);
      await until(() => Promise.resolve(ports.calls.includes('accepting')));
      open();
      // It has read that there is no such tenant, and would end.
      await until(
        async () =>
          ((await statusOf(workflowId)) as LifecycleStatus | null)?.waitsFor ===
          'nothing: every promise is kept',
      );
      accept();
      await second;
      expect(await stateOf(workflowId)).toBe('RUNNING');
      expect(await statusOf(workflowId)).toMatchObject({
        stage: 'subscribed',
        waitsFor: 'a command',
      });
    });
  });

  it.each([
    ['terminates', 'TERMINATED'],
    ['cancels', 'CANCELLED'],
  ])(
    'goes on when somebody %s the child that works for it [AB-2] [AB-3]',
    async (...[act, code]) => {
      const ports = new Ports();
      const tenantId = `tn_childgone${act}0001`;
      const workflowId = `tenant-lifecycle:${tenantId}`;
      let blocked = true;
      const activities = {
        ...ports.activities,
        moveRows: () =>
          blocked
            ? Promise.resolve({ done: false, blockedOn: 'permit', counts: {} })
            : ports.activities.moveRows(),
      };
      await environment.whileWorking(activities, async () => {
        await startLifecycle(environment.client, { workflowId, tenantId }, subscribe);
        await endService(workflowId);
        await until(() => Promise.resolve(ports.calls.includes('verifyCopies')));
        const child = environment.client.getHandle(`disposition-run:${tenantId}:ev_1`);
        await (act === 'cancels' ? child.cancel() : child.terminate('an accident'));
        await until(async () => (await stateOf(child.workflowId)) !== 'RUNNING');
        await until(async () => (await statusOf(workflowId)).needsHuman, 20_000).catch(
          () => undefined,
        );
        expect(await stateOf(workflowId)).toBe('RUNNING');
        expect(await statusOf(workflowId)).toMatchObject({ needsHuman: true, blockedOn: code });

        blocked = false;
        await environment.fastForward(workflowId, 600);
        await until(async () => (await statusOf(workflowId)).stage === 'retained');
      });
    },
  );

  it('shows facts that cannot be read to a person, does nothing on older ones, and reads them later [AB-3]', async () => {
    const ports = new Ports();
    const tenantId = 'tn_unreadfacts00000001';
    const workflowId = `tenant-lifecycle:${tenantId}`;
    let known = false;
    const activities = {
      ...ports.activities,
      refresh: (order: { workflowNow: string }) =>
        known
          ? ports.activities.refresh(order)
          : refused('CONFIGURATION_INVALID', 'version 2 is in force and not known here'),
    };
    await environment.whileWorking(activities, async () => {
      await startLifecycle(environment.client, { workflowId, tenantId }, subscribe);
      const handle = environment.client.getHandle(workflowId);
      ports.set({ nextDueAt: new Date(Date.now() + 300_000).toISOString() });
      await handle.signal('factsChanged');
      await until(async () => (await statusOf(workflowId)).needsHuman);
      expect(await statusOf(workflowId)).toMatchObject({
        stage: 'active',
        blockedOn: 'facts:CONFIGURATION_INVALID',
      });
      await environment.fastForward(workflowId, 400);
      expect(ports.calls).toEqual(['subscribe']);

      known = true;
      await environment.fastForward(workflowId, 600);
      await until(async () => !(await statusOf(workflowId)).needsHuman);
      expect(await statusOf(workflowId)).toMatchObject({ blockedOn: null });
      await until(() => Promise.resolve(ports.calls.includes('verifyAndCertify')));
    });
  });

  it('that begins again waits until the facts can be read [AB-3]', async () => {
    const ports = new Ports();
    const tenantId = 'tn_unreadatfirst000001';
    const workflowId = `tenant-lifecycle:${tenantId}`;
    let known = false;
    let tries = 0;
    const activities = {
      ...ports.activities,
      refresh: (order: { workflowNow: string }) => {
        tries += 1;
        return known ? ports.activities.refresh(order) : refused('ACCESS_DENIED', 'no login');
      },
    };
    await environment.whileWorking(activities, async () => {
      const handle = await environment.client.start('tenantLifecycle', {
        workflowId,
        taskQueue: TASK_QUEUES.workflows,
        args: [{ tenantId }],
      });
      await until(() => Promise.resolve(tries === 1));
      known = true;
      await environment.fastForward(workflowId, 601);
      await until(async () => (await handle.query<LifecycleStatus | null>('status')) !== null);
      expect((await handle.describe()).status.name).toBe('RUNNING');
      expect(await statusOf(workflowId)).toMatchObject({ stage: 'active', needsHuman: false });
    });
  });

  it('calls no person any more when what it was blocked on is no longer to be done [DC-1]', async () => {
    const ports = new Ports();
    const tenantId = 'tn_scancancelled000001';
    const workflowId = `tenant-lifecycle:${tenantId}`;
    const work = { kind: 'scan', scanId: 'sn_1', source: 'host-report', summary: 'scan' } as const;
    const activities = {
      ...ports.activities,
      refresh: () => Promise.resolve(ports.state),
      runScan: () => refused('UNSAFE_STATEMENT', 'a defect'),
    };
    await environment.whileWorking(activities, async () => {
      ports.set({ work: [work] });
      await startLifecycle(environment.client, { workflowId, tenantId }, subscribe);
      await until(async () => (await statusOf(workflowId)).needsHuman);
      expect(await statusOf(workflowId)).toMatchObject({ blockedOn: 'UNSAFE_STATEMENT' });
      ports.set({ work: [] });
      await environment.client.getHandle(workflowId).signal('factsChanged');
      await until(async () => (await statusOf(workflowId)).waitsFor === 'a command');
      expect(await statusOf(workflowId)).toMatchObject({ needsHuman: false, blockedOn: null });
    });
  });

  it('goes on with everything else while one due day is refused, and calls a person [AB-2] [AB-3]', async () => {
    const ports = new Ports();
    const tenantId = 'tn_othersgoon000000001';
    const workflowId = `tenant-lifecycle:${tenantId}`;
    const activities = {
      ...ports.activities,
      destroyDue: () => {
        ports.calls.push('destroyDue');
        const type = 'VERIFICATION_FAILED';
        const message = 'the key ended for another reason than this one';
        return Promise.reject(ApplicationFailure.create({ type, message, nonRetryable: false }));
      },
      verifyAndCertify: () => {
        ports.calls.push('verifyAndCertify');
        const progress = { done: true, blockedOn: null, counts: {} };
        return Promise.resolve({ progress, snapshot: ports.state });
      },
      refresh: () => {
        if (ports.calls.includes('verifyMoved')) ports.set({ stage: 'retained', work: [] });
        return Promise.resolve(ports.state);
      },
    };
    await environment.whileWorking(activities, async () => {
      ports.set({ nextDueAt: new Date(Date.now() - 1000).toISOString() });
      await startLifecycle(environment.client, { workflowId, tenantId }, subscribe);
      await until(async () => (await statusOf(workflowId)).needsHuman);
      expect(await statusOf(workflowId)).toMatchObject({ blockedOn: 'VERIFICATION_FAILED' });
      expect(ports.calls).toEqual(['subscribe', 'destroyDue', 'verifyAndCertify']);

      await endService(workflowId);
      await environment.fastForward(workflowId, 601);
      await until(async () => (await statusOf(workflowId)).stage === 'retained');
      await until(async () => (await statusOf(workflowId)).needsHuman);
      expect(ports.calls.slice(3)).toEqual([
        'endService',
        'planRuns',
        'sealAndCopy',
        'verifyCopies',
        'moveRows',
        'verifyMoved',
        'destroyDue',
        'verifyAndCertify',
      ]);
    });
  });
});
