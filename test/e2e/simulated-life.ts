import type { WorkflowClient } from '@temporalio/client';
import type { Command, CommandReceipt } from '../../src/contracts/commands';
import type { LifecycleSnapshot, LifecycleStatus } from '../../src/contracts/snapshot';
import { until } from '../support/live-engine';
import { snapshot } from '../support/mocked-ports';
import { startLifecycle } from '../support/start-lifecycle';

/** What an act of destruction saw: the workflow's clock and the database's. */
export interface Act {
  readonly workflowNow: string;
  readonly databaseNow: string;
}

const SNAPSHOT = snapshot({ asOf: '2030-01-07T01:00:00.000000Z' });

const DONE = { done: true, blockedOn: null, counts: {} };

/** The stores' side of one tenant's life: a list of due instants, each done once when it is destroyed. */
export class SimulatedLife {
  readonly acts: Act[] = [];
  state: LifecycleSnapshot = SNAPSHOT;
  /** Workflow instants at which commands were accepted. */
  readonly acceptedAt: string[] = [];
  blocked = false;
  childBlocked = false;
  /** Real time that one destruction takes, in milliseconds. */
  destroysForMs = 0;
  /** Stages at which the child was told to wait. */
  readonly blockedAt: string[] = [];

  constructor(
    private readonly due: string[],
    private readonly databaseNow: () => Promise<string>,
  ) {}

  get nextDue(): string | null {
    return this.due[0] ?? null;
  }

  readonly activities = {
    acceptCommand: ({ command, workflowNow }: { command: Command; workflowNow: string }) => {
      this.acceptedAt.push(workflowNow);
      if (command.kind === 'endService') {
        const work = { kind: 'dispose', eventId: 'ev_1', mode: 'dispose' } as const;
        this.set({ stage: 'closing', work: [{ ...work, recordClass: 'asset-basic-data' }] });
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
    refresh: () => {
      this.set({ work: [], stage: 'retained', nextDueAt: this.nextDue });
      return Promise.resolve(this.state);
    },
    planRuns: () => Promise.resolve({ runIds: ['rn_1'], progress: DONE }),
    sealAndCopy: () => {
      if (!this.childBlocked) return Promise.resolve(DONE);
      this.blockedAt.push(this.state.stage);
      return Promise.resolve({ ...DONE, done: false, blockedOn: 'writers' });
    },
    verifyCopies: () => Promise.resolve(DONE),
    moveRows: () => Promise.resolve(DONE),
    verifyMoved: () => Promise.resolve(DONE),
    destroyDue: async ({ workflowNow }: { workflowNow: string }) => {
      if (this.blocked) return { ...DONE, done: false, blockedOn: 'hold' };
      const databaseNow = await this.databaseNow();
      const end = performance.now() + this.destroysForMs;
      await until(() => Promise.resolve(performance.now() >= end), 2 * this.destroysForMs);
      this.acts.push({ workflowNow, databaseNow });
      this.due.shift();
      return DONE;
    },
    verifyAndCertify: () => {
      this.set({ nextDueAt: this.nextDue, ended: this.nextDue === null });
      return Promise.resolve({ progress: DONE, snapshot: this.state });
    },
  };

  private set(over: Partial<LifecycleSnapshot>): void {
    this.state = { ...this.state, ...over, revision: this.state.revision + 1 };
  }
}

const command = (kind: string, key: string, body: object): object => ({
  kind,
  idempotencyKey: key,
  requestedBy: 'console',
  body,
});

/** Starts a lifecycle with its first command, as the facade does: without knowing of simulation. */
export async function subscribe(client: WorkflowClient, tenantId: string): Promise<string> {
  const workflowId = `tenant-lifecycle:${tenantId}`;
  const first = command('subscribe', 'k-1', {
    zone: 'Asia/Shanghai',
    calendars: ['CN'],
    services: ['CVM'],
    attestations: [{ jurisdiction: 'SG', minimumAge: 13 }],
  });
  await startLifecycle(client, { workflowId, tenantId }, first);
  return workflowId;
}

/** Ends the tenant's only service. */
export async function beginToEndService(client: WorkflowClient, workflowId: string): Promise<void> {
  await client.getHandle(workflowId).executeUpdate('endService', {
    args: [command('endService', 'k-2', { service: 'CVM' })],
  });
}

/** Ends the tenant's only service and waits until the retention timer stands. */
export async function endService(client: WorkflowClient, workflowId: string): Promise<void> {
  await beginToEndService(client, workflowId);
  await waitFor(client, workflowId, ({ stage, waitsFor }) => {
    return stage === 'retained' && waitsFor.startsWith('the window');
  });
}

/** Polls the status query until it satisfies `isThere`. */
async function waitFor(
  client: WorkflowClient,
  workflowId: string,
  isThere: (status: LifecycleStatus) => boolean,
): Promise<void> {
  for (let poll = 0; poll < 600; poll += 1) {
    const status = await client.getHandle(workflowId).query<LifecycleStatus>('status');
    if (isThere(status)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('the lifecycle did not get there');
}
