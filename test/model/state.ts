/** Where the data of the cohort is; each kind of store has a protocol of its own. */
export type Store = 'rows' | 'documents' | 'key';
export const STORES: readonly Store[] = ['rows', 'documents', 'key'];

/** What stops destruction. */
export type Interlock = 'hold' | 'withdrawal' | 'resubscription' | 'freeze';
export const INTERLOCKS: readonly Interlock[] = ['hold', 'withdrawal', 'resubscription', 'freeze'];

/**
 * How far an interlock is: its fact is committed in control, the key store's epoch is raised, stamps are
 * off, the person has the answer. `over`: released by two, or lifted by two.
 */
export type Phase = 'absent' | 'committed' | 'settling' | 'unstamped' | 'acknowledged' | 'over';

/** Where a worker is in its attempt; between two steps it may sleep for as long as it likes. */
export type Step =
  | 'idle'
  | 'epochs-read'
  | 'permitted'
  | 'key-permitted'
  | 'started'
  | 'stamped'
  | 'checked'
  | 'open'
  | 'matched'
  | 'removed'
  | 'done';

/** The lease of a worker's permit: it lives, it has run out, and the statement limit has passed as well. */
export type Lease = 'lives' | 'out' | 'past';

/**
 * One attempt of a worker with its permits. Epochs only grow, so all that matters of one that was read or
 * written down is whether it is still the newest.
 */
export interface Worker {
  readonly step: Step;
  readonly lease: Lease;
  /** Permit in control: its epoch is current; an interlock has not revoked it; it was not used. */
  readonly isCurrent: boolean;
  readonly isRevoked: boolean;
  /** The permit in control has run out, whatever became of the one for the key. */
  readonly isOver: boolean;
  /** How often it was accepted for a removal. */
  readonly uses: number;
  /** The epoch of the key store that this worker has read, or its key permit carries. */
  readonly isKeyCurrent: boolean;
  readonly isKeyRevoked: boolean;
}

export const IDLE: Worker = Object.freeze({
  step: 'idle',
  lease: 'lives',
  isCurrent: false,
  isRevoked: false,
  isOver: false,
  uses: 0,
  isKeyCurrent: false,
  isKeyRevoked: false,
});

export const WORKERS = ['A', 'B'] as const;
export type WorkerName = (typeof WORKERS)[number];

/** Everything that decides what can happen next. */
export interface State {
  /** The window has opened by the database's clock, which is the true one, and by the process's. */
  readonly isOpen: boolean;
  readonly isOpenForProcess: boolean;
  /** The stored windows carry the current epoch; they say that there is an end at all. */
  readonly areWindowsCurrent: boolean;
  readonly haveWindowsAnEnd: boolean;
  readonly interlocks: Readonly<Partial<Record<Interlock, Phase>>>;
  /** A permit for destruction was issued at some time. */
  readonly wasPermitted: boolean;
  readonly present: Readonly<Record<Store, boolean>>;
  /** Whose stamp the documents carry. */
  readonly stamp: WorkerName | null;
  /** Control has its copy of the key's tombstone. */
  readonly isTombstoneCopied: boolean;
  readonly workers: Readonly<Record<WorkerName, Worker>>;
}

/** A step of somebody, and what a spectator must know of it. */
export interface Move {
  readonly name: string;
  /** A person places or releases; everything else happens by itself. */
  readonly by: 'person' | 'clock' | 'interlock' | WorkerName;
  readonly to: State;
  /** Data that is gone after this move. */
  readonly removes?: Store;
  /** What an acknowledgement says of the key. */
  readonly saysKeyIsGone?: boolean;
}

const isForced = (phase: Phase | undefined): boolean =>
  phase !== undefined && phase !== 'absent' && phase !== 'over';

/** Whether an interlock's fact is on record and not ended. */
export const stands = ({ interlocks }: State, interlock: Interlock): boolean =>
  isForced(interlocks[interlock]);

/** Whether anything stops destruction. */
export const isStopped = (state: State): boolean =>
  INTERLOCKS.some((interlock) => stands(state, interlock));

/** One text per state; equal states have equal texts. */
export const textOf = (state: State): string =>
  [
    bits(state.isOpen, state.isOpenForProcess, state.areWindowsCurrent, state.haveWindowsAnEnd),
    bits(state.wasPermitted, state.isTombstoneCopied, ...Object.values(state.present)),
    Object.values(state.interlocks).join(' '),
    state.stamp ?? '-',
    ...WORKERS.map((name) => workerText(state.workers[name])),
  ].join('|');

const workerText = (worker: Worker): string =>
  `${worker.step} ${worker.lease} ${worker.uses} ${bits(
    worker.isCurrent,
    worker.isRevoked,
    worker.isOver,
    worker.isKeyCurrent,
    worker.isKeyRevoked,
  )}`;

const bits = (...values: readonly boolean[]): string =>
  values.map((value) => (value ? '1' : '0')).join('');
