import type { Command, CommandReceipt } from '../../src/contracts/commands';
import type { LifecycleSnapshot } from '../../src/contracts/snapshot';

/** A reading of the facts of a subscribed tenant, with what the test says otherwise. */
export const snapshot = (over: Partial<LifecycleSnapshot>): LifecycleSnapshot => ({
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
export class Ports {
  readonly calls: string[] = [];
  /** Keys of the accepted commands, in their order. */
  readonly keys: string[] = [];
  /** What every reading of the facts waits for. */
  gate: Promise<void> = Promise.resolve();
  state = snapshot({});
  revision = 1;

  readonly activities = {
    acceptCommand: ({ command }: { command: Command }) => {
      this.calls.push(command.kind);
      this.keys.push(command.idempotencyKey);
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
    refresh: async ({ workflowNow }: { workflowNow: string }) => {
      this.calls.push('refresh');
      await this.gate;
      if (this.state.work.length > 0) {
        this.set({
          stage: 'retained',
          work: [],
          nextDueAt: new Date(Date.parse(workflowNow) + 30 * 86_400_000).toISOString(),
        });
      }
      return this.state;
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

/** The first command of a lifecycle. */
export const subscribe: Command<'subscribe'> = {
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
