import type { Command, CommandReceipt } from '../../src/contracts/commands';
import type { LifecycleStatus } from '../../src/contracts/snapshot';
import { Ports, snapshot, subscribe } from '../support/mocked-ports';
import { until } from '../support/live-engine';
import { createTemporalEnvironment, type TemporalEnvironment } from '../support/temporal';
import { startLifecycle } from '../support/start-lifecycle';

const TENANT = 'tn_workflow000000001';
const WORKFLOW = `tenant-lifecycle:${TENANT}`;

let environment: TemporalEnvironment;
beforeAll(async () => {
  environment = await createTemporalEnvironment();
});
afterAll(() => environment.close());

const start = (command: unknown, workflowId = WORKFLOW): Promise<CommandReceipt> =>
  startLifecycle(environment.client, { workflowId, tenantId: TENANT }, command);

const DAY = 86_400;

const deletion = (idempotencyKey: string): Command<'requestDeletion'> => ({
  kind: 'requestDeletion',
  idempotencyKey,
  requestedBy: 'console',
  body: {
    requestId: `rq_${idempotencyKey.replaceAll('-', '')}0000000000`,
    recordClass: 'console-configuration-data',
  },
});

describe('the process of a tenant', () => {
  it('disposes of an ended service in order, waits for the window and not a moment less, then certifies [AB-2] [AB-3]', async () => {
    const ports = new Ports();
    await environment.whileWorking(ports.activities, async () => {
      await start(subscribe);
      const handle = environment.client.getHandle(WORKFLOW);
      await handle.executeUpdate('endService', {
        args: [
          {
            kind: 'endService',
            idempotencyKey: 'k-2',
            requestedBy: 'console',
            body: { service: 'CVM' },
          },
        ],
      });
      let status = await handle.query<LifecycleStatus>('status');
      while (status.stage !== 'retained') status = await handle.query<LifecycleStatus>('status');
      expect(ports.calls).toEqual([
        'subscribe',
        'endService',
        'planRuns',
        'sealAndCopy',
        'verifyCopies',
        'moveRows',
        'verifyMoved',
        'refresh',
      ]);

      await environment.fastForward(WORKFLOW, 30 * 86_400 - 3600);
      expect(ports.calls.filter((call) => call.startsWith('destroyDue'))).toEqual([]);
      expect((await handle.query<LifecycleStatus>('status')).stage).toBe('retained');

      await environment.fastForward(WORKFLOW, 7200);
      await handle.result();
      const destroyed = ports.calls.filter((call) => call.startsWith('destroyDue'));
      expect(destroyed).toHaveLength(1);
      expect(destroyed[0]?.slice('destroyDue@'.length).localeCompare(ports.state.asOf)).toBe(1);
      expect(ports.calls.at(-1)).toBe('verifyAndCertify');
    });
  });

  it('starts afresh under a flood of signals, loses none of them and waits for the same instant [DR-1]', async () => {
    const ports = new Ports();
    const workflowId = `${WORKFLOW}-flooded`;
    await environment.whileWorking(ports.activities, async () => {
      await start(subscribe, workflowId);
      const handle = environment.client.getHandle(workflowId);
      const before = (await handle.describe()).runId;
      let open = (): void => undefined;
      const dueAt = new Date(Date.now() + 30 * DAY * 1000).toISOString();
      ports.gate = new Promise((resolve) => {
        open = resolve;
      });
      ports.set({
        stage: 'retained',
        nextDueAt: dueAt,
        counters: { ...ports.state.counters, scans: 7 },
      });
      const flood = async (signals: readonly (() => Promise<void>)[]): Promise<void> => {
        for (let at = 0; at < signals.length; at += 50) {
          await Promise.all(signals.slice(at, at + 50).map((send) => send()));
        }
      };
      await flood(Array.from({ length: 4_100 }, () => () => handle.signal('factsChanged')));
      const keys = Array.from({ length: 20 }, (...[, index]) => `k-signal-${index}`);
      await flood(keys.map((key) => () => handle.signal('deletionRequested', deletion(key))));
      open();

      await until(() => Promise.resolve(ports.keys.length === 1 + keys.length));
      expect([...ports.keys].sort()).toEqual(['k-1', ...keys].sort());
      expect((await handle.describe()).runId).not.toBe(before);
      expect(await handle.query<LifecycleStatus>('status')).toMatchObject({
        stage: 'retained',
        nextDueAt: dueAt,
        counters: { scans: 7 },
      });

      await environment.fastForward(workflowId, 29 * DAY);
      expect(ports.calls.filter((call) => call.startsWith('destroyDue'))).toEqual([]);
      await environment.fastForward(workflowId, 2 * DAY);
      await handle.result();
      expect(ports.calls.filter((call) => call.startsWith('destroyDue'))).toHaveLength(1);
    });
  });

  it.each([
    ['an unknown zone shape', { zone: '+08:00' }, 'INVALID_ZONE', 'body.zone'],
    ['an unknown calendar', { calendars: ['XX'] }, 'INVALID_CALENDAR', 'body.calendars[0]'],
    ['an unknown service', { services: ['EC2'] }, 'INVALID_INPUT', 'body.services[0]'],
    ['no attestation', { attestations: [] }, 'INVALID_INPUT', 'body.attestations'],
    ['a field that nobody knows', { colour: 'red' }, 'INVALID_INPUT', 'body.colour'],
  ])(
    'refuses %s with a code and the field, and commits nothing [AT-1]',
    async (...[, change, code, field]) => {
      const ports = new Ports();
      ports.state = snapshot({ stage: 'unknown' });
      const bad = { ...subscribe, body: { ...subscribe.body, ...change } };
      await environment.whileWorking(ports.activities, async () => {
        const refused = await start(bad, `tenant-lifecycle:${code}-${field}`).then(
          () => null,
          (error: unknown) => (error as { cause: unknown }).cause,
        );
        expect(refused).toMatchObject({ type: code, details: [{ field }] });
        expect(ports.calls).not.toContain('subscribe');
      });
    },
  );
});
