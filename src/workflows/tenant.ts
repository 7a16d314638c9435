import {
  ActivityFailure,
  ApplicationFailure,
  defineQuery,
  defineSignal,
  defineUpdate,
  log,
  setHandler,
} from '@temporalio/workflow';
import type { Command, CommandKind, CommandReceipt } from '../contracts/commands';
import { COMMAND_KINDS } from '../contracts/commands';
import { QUERY_NAMES, SIGNAL_NAMES } from '../contracts/messages';
import type { DueDay, LifecycleSnapshot, ProcessStatus } from '../contracts/snapshot';
import { assertCommand } from '../contracts/validate-command';
import { isLetheError } from '../domain/errors';
import { control } from './activity-options';
import { causeOf, checked } from './failures';
import { RetentionTimer } from './retention-timer';
import {
  CARRIED_MAX,
  isNewer,
  taken,
  type TenantLifecycleInput,
  type TenantState,
} from './tenant-state';
import { showAttributes, showDetails } from './visibility';

/** One line of help per command, shown beside it in the operator's page. */
const DESCRIPTIONS: Readonly<Record<CommandKind, string>> = {
  subscribe: 'Begin the lifecycle: zone, calendars, services, minimum-age attestation',
  attachService: 'A Hosting Service is in use (again)',
  endService: 'The use of a Hosting Service ended',
  linkAsset: 'Link an asset to Hosting Services',
  grantSharing: 'Authorize sharing of image repository basics',
  revokeSharing: 'Revoke a sharing authorization; scans stop',
  changeConfiguration: 'A console configuration body waits in staging',
  endFeature: 'The use of the Feature ended',
  reactivateFeature: 'The Feature is in use again',
  attestMinimumAge: 'Attest the minimum age of end users',
  withdrawAttestation: 'Withdraw an attestation; the Feature is suspended',
  requestDeletion: 'Deletion of a record class was requested; the clock starts',
  withdrawDeletion: 'A deletion request is withdrawn',
  submitOrder: 'A signed deletion order; it waits for the approval of another person',
  approveOrder: 'Another person approves a deletion order',
  denyOrder: 'A deletion order is denied',
  revokeOrder: 'An approved deletion order is revoked',
  requestScan: 'Scan a host report or a registry repository',
};

/** Begins the code of an alarm that ends with the next reading of the facts. */
const FACTS_UNREAD = 'facts:';

const UNREADABLE = { code: 'INVALID_INPUT', field: undefined } as const;

/**
 * The tenant as its process sees it: handlers for everything that can be told or asked, and the last
 * reading of the facts. Handlers are set in the constructor, before anything is awaited, because
 * messages of the first task are delivered before the main function runs.
 */
export class Tenant {
  readonly timer = new RetentionTimer();
  /** What was due could not be destroyed the last time, and a person was told why. */
  destructionFailed = false;
  private snapshot: LifecycleSnapshot | null;
  private refreshWanted: boolean;
  private waitsFor = 'the first command';
  private alarm: string | null;
  private readonly queued: Command[];

  constructor(private readonly input: TenantLifecycleInput) {
    const state = taken(input.state);
    this.snapshot = state.snapshot;
    this.alarm = state.alarm;
    this.queued = [...state.queued];
    this.refreshWanted = state.refreshWanted;
    for (const kind of COMMAND_KINDS) this.answer(kind);
    this.listen();
    if (this.snapshot !== null) showDetails(this.snapshot, this.waitsFor);
  }

  get id(): string {
    return this.input.tenantId;
  }

  get facts(): LifecycleSnapshot | null {
    return this.snapshot;
  }

  /** True when somebody told something that was not carried out yet. */
  get isTold(): boolean {
    return this.refreshWanted || this.queued.length > 0;
  }

  /** True when more commands wait than one start can take along. */
  get isFlooded(): boolean {
    return this.queued.length > CARRIED_MAX;
  }

  /** True when there is something to do other than to wait for the timer. */
  get isBusy(): boolean {
    return this.isTold || (this.snapshot?.work.length ?? 0) > 0;
  }

  /** True while a person is called because of something that this process cannot get past. */
  get callsAPerson(): boolean {
    return this.alarm !== null;
  }

  /** Shows that a person must look, with the code of what stands in the way; null: all is well again. */
  raise(code: string | null): void {
    if (code === this.alarm) return;
    const before = this.shown();
    this.alarm = code;
    const after = this.shown();
    if (before !== null && after !== null) showAttributes(before, after);
  }

  /** State for the next run of this process: it hears nothing of what was only told to this one. */
  carry(): TenantState {
    return {
      stateSchema: 1,
      snapshot: this.snapshot,
      alarm: this.alarm,
      queued: this.queued,
      refreshWanted: this.refreshWanted,
    };
  }

  /** Says what the process waits for, in the queries and on its page. */
  waitFor(what: string): void {
    this.waitsFor = what;
    const shown = this.shown();
    if (shown !== null) showDetails(shown, what);
  }

  /** Takes a reading of the facts unless a newer one is known. */
  learn(next: LifecycleSnapshot): void {
    if (!isNewer(this.snapshot, next)) return;
    const before = this.shown();
    this.snapshot = next;
    const after = this.shown() ?? next;
    showAttributes(before, after);
    showDetails(after, this.waitsFor);
  }

  /** The facts with what this process itself cannot get past. */
  private shown(): LifecycleSnapshot | null {
    if (this.snapshot === null || this.alarm === null) return this.snapshot;
    return { ...this.snapshot, needsHuman: true, blockedOn: this.alarm };
  }

  /**
   * Reads the facts again, because somebody else changed them or work was done.
   *
   * @throws ApplicationFailure with a code of its own when they cannot be read; they stay to be read.
   */
  async refresh(): Promise<void> {
    this.refreshWanted = false;
    const next = await this.read();
    if (this.alarm?.startsWith(FACTS_UNREAD) === true) this.raise(null);
    this.learn(next);
  }

  private async read(): Promise<LifecycleSnapshot> {
    try {
      return await control.refresh({ tenantId: this.id, workflowNow: now() });
    } catch (error) {
      this.refreshWanted = true;
      const code = `${FACTS_UNREAD}${causeOf(error)}`;
      throw ApplicationFailure.nonRetryable('the facts cannot be read', code);
    }
  }

  /**
   * Carries out what came as a signal, while `goesOn` says so; its sender waits for no answer, so a
   * refusal is only logged.
   */
  async carryOutSignals(goesOn: () => boolean): Promise<void> {
    while (goesOn()) {
      const [command] = this.queued;
      if (command === undefined) break;
      try {
        await this.accept(command);
      } catch (error) {
        if (!(error instanceof ApplicationFailure)) throw error;
        log.warn('a signalled command was refused', { kind: command.kind, code: error.type });
      }
      this.queued.shift();
    }
    if (this.refreshWanted && goesOn()) await this.refresh();
  }

  private answer(kind: CommandKind): void {
    setHandler(
      defineUpdate<CommandReceipt, [Command]>(kind),
      async (command) => await this.accept(command),
      {
        description: DESCRIPTIONS[kind],
        validator: (command) => {
          checked(() => {
            assertCommand(kind, command);
          });
        },
      },
    );
  }

  private listen(): void {
    const enqueue = (kind: CommandKind) => (command: Command) => {
      try {
        assertCommand(kind, command);
        this.queued.push(command);
      } catch (error) {
        // Whatever is wrong with it, a signal that cannot be taken must not stop the process.
        const { code, field } = isLetheError(error) ? error : UNREADABLE;
        log.warn('a signal was refused', { kind, code, field });
      }
    };
    setHandler(
      defineSignal<[Command]>(SIGNAL_NAMES.deletionRequestedSignal),
      enqueue('requestDeletion'),
      { description: 'Alias of requestDeletion for senders that wait for no answer' },
    );
    setHandler(
      defineSignal<[Command]>(SIGNAL_NAMES.configurationChangedSignal),
      enqueue('changeConfiguration'),
      { description: 'Alias of changeConfiguration for senders that wait for no answer' },
    );
    setHandler(
      defineSignal(SIGNAL_NAMES.factsChangedSignal),
      () => {
        this.refreshWanted = true;
      },
      { description: 'Facts changed in control, e.g. a hold; read them again' },
    );
    setHandler(defineQuery<ProcessStatus | null>(QUERY_NAMES.statusQuery), () => this.status(), {
      description: 'Stage, next due instant, holds, counters and what it waits for',
    });
    setHandler(
      defineQuery<readonly DueDay[]>(QUERY_NAMES.deadlinesQuery),
      () => this.snapshot?.dueDays ?? [],
      { description: 'The next ten due days with their windows and rules' },
    );
  }

  private status(): ProcessStatus | null {
    const shown = this.shown();
    if (shown === null) return null;
    return { ...shown, tenantId: this.id, waitsFor: this.waitsFor, source: 'workflow' };
  }

  /** Commits a command in control; what the activity refuses is the answer of the Update. */
  private async accept(command: Command): Promise<CommandReceipt> {
    try {
      const accepted = await control.acceptCommand.executeWithOptions(
        { summary: `accept ${command.kind}` },
        [{ tenantId: this.id, command, workflowNow: now() }],
      );
      this.learn(accepted.snapshot);
      return accepted.receipt;
    } catch (error) {
      if (error instanceof ActivityFailure && error.cause instanceof ApplicationFailure) {
        throw error.cause;
      }
      throw error;
    }
  }
}

/** The process's own clock as an instant; deterministic, and virtual under time skipping. */
export function now(): string {
  return new Date(Date.now()).toISOString();
}
