import { WithStartWorkflowOperation } from '@temporalio/client';
import type { Command, CommandReceipt } from '../../src/contracts/commands';
import type { LifecycleSnapshot, LifecycleStatus } from '../../src/contracts/snapshot';
import { TASK_QUEUES } from '../../src/contracts/task-queues';
import { createTemporalEnvironment, type TemporalEnvironment } from '../support/temporal';

const TENANT = 'tn_workflow000000001';
const WORKFLOW = `tenant-lifecycle:${TENANT}`;

let environment: TemporalEnvironment;
beforeAll(async () => {
  environment = await createTemporalEnvironment();
});
afterAll(() => environment.close());

const snapshot = (over: Partial<LifecycleSnapshot>): LifecycleSnapshot => ({
  revision: 1,
  asOf: new Date().toISOString(),
  stage: 'active',
  band: 'none',
  policyVersion: '1',
  zone: 'Asia/Shanghai',
  activeServices: ['CVM'],
  featureActive: true,
  recordClasses: [],
  terminatedAt: null,
  nextDueAt: null,
  dueDays: [],
  dueDaysTotal: 0,
  holds: [],
  holdsTotal: 0,
  blockedOn: null,
  needsHuman: false,
  work: [],
  counters: {
    commands: 0,
    scans: 0,
    redactedValues: 0,
    refusedObservations: 0,
    certificates: 0,
    breaches: 0,
  },
  ended: false,
  ...over,
});

/** Ports whose answers a test sets; the same contract runs against the real stores in test/activities. */
class Ports {
  readonly calls: string[] = [];
  state = snapshot({});
  revision = 1;

  readonly activities = {
    acceptCommand: ({ command }: { command: Command }) => {
      this.calls.push(command.kind);
      if (command.kind === 'endService') {
        this.set({
          stage: 'closing',
          activeServices: [],
          work: [
            { kind: 'dispose', eventId: 'ev_1', recordClass: 'asset-basic-data', mode: 'dispose' },
          ],
        });
      }
      const receipt: CommandReceipt = {
        kind: command.kind,
        idempotencyKey: command.idempotencyKey,
        acceptedAt: this.state.asOf,
        repeated: false,
        result: {},
      };
      return Promise.resolve({ receipt, snapshot: this.state });
    },
    refresh: ({ workflowNow }: { workflowNow: string }) => {
      this.calls.push('refresh');
      if (this.state.work.length > 0) {
        this.set({
          stage: 'retained',
          work: [],
          nextDueAt: new Date(Date.parse(workflowNow) + 30 * 86_400_000).toISOString(),
        });
      }
      return Promise.resolve(this.state);
    },
    planRuns: () => this.done('planRuns', { runIds: ['rn_1'] }),
    sealAndCopy: () => this.done('sealAndCopy'),
    verifyCopies: () => this.done('verifyCopies'),
    moveRows: () => this.done('moveRows'),
    verifyMoved: () => this.done('verifyMoved'),
    destroyDue: ({ workflowNow }: { workflowNow: string }) => {
      this.calls.push(`destroyDue@${workflowNow}`);
      return Promise.resolve({ done: true, blockedOn: null, counts: {} });
    },
    verifyAndCertify: () => {
      this.calls.push('verifyAndCertify');
      this.set({ stage: 'ended', ended: true, nextDueAt: null });
      return Promise.resolve({
        progress: { done: true, blockedOn: null, counts: {} },
        snapshot: this.state,
      });
    },
  };

  set(over: Partial<LifecycleSnapshot>): void {
    this.revision += 1;
    this.state = { ...this.state, ...over, revision: this.revision };
  }

  private done(name: string, extra: object = {}): Promise<object> {
    this.calls.push(name);
    const progress = { done: true, blockedOn: null, counts: {} };
    return Promise.resolve({ ...progress, ...extra, progress });
  }
}

const subscribe: Command<'subscribe'> = {
  kind: 'subscribe',
  idempotencyKey: 'k-1',
  requestedBy: 'console',
  body: {
    zone: 'Asia/Shanghai',
    calendars: ['CN'],
    services: ['CVM'],
    attestations: [{ jurisdiction: 'SG', minimumAge: 13 }],
  },
};

const start = (command: unknown, workflowId = WORKFLOW): Promise<CommandReceipt> =>
  environment.client.executeUpdateWithStart<
    (input: { tenantId: string }) => Promise<void>,
    CommandReceipt,
    [unknown]
  >('subscribe', {
    args: [command],
    startWorkflowOperation: new WithStartWorkflowOperation('tenantLifecycle', {
      workflowId,
      taskQueue: TASK_QUEUES.workflows,
      args: [{ tenantId: TENANT }],
      workflowIdConflictPolicy: 'USE_EXISTING',
    }),
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
