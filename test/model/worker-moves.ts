import { isPermittable } from './interlock-moves';
import type { Rules } from './rules';
import {
  IDLE,
  type Lease,
  type Move,
  type State,
  type Store,
  type Worker,
  type WorkerName,
} from './state';

/** A worker, the store it works on, and what both insist on. */
interface Actor {
  readonly name: WorkerName;
  readonly store: Store;
  readonly rules: Rules;
}

/** What one worker can do next, early or late. */
export function* workerMoves(state: State, actor: Actor): Generator<Move> {
  const { step, lease } = state.workers[actor.name];
  if (step !== 'idle') {
    // A refusal, a lost answer or a death: what it left behind stays, and a new attempt needs new permits.
    yield* step === 'open' || step === 'matched' ? [] : [become([state, actor], 'gives up', IDLE)];
    if (lease !== 'past') yield leaseRuns(state, actor, lease);
  }
  if (actor.store === 'rows') yield* rowMoves(state, actor);
  else if (actor.store === 'documents') yield* documentMoves(state, actor);
  else yield* keyMoves(state, actor);
}

/** Past the statement limit the server has ended what was running; the rest of a worker sleeps on. */
function leaseRuns(state: State, actor: Actor, lease: Lease): Move {
  const worker = state.workers[actor.name];
  if (lease === 'lives') {
    return {
      ...become([state, actor], 'lease runs out', { ...worker, lease: 'out', isOver: true }),
      by: 'clock',
    };
  }
  const step = worker.step === 'matched' ? 'checked' : worker.step;
  const to: Worker = { ...worker, lease: 'past', step };
  return { ...become([state, actor], 'statement limit passes', to), by: 'clock' };
}

/** `issue_destroy_permit`: one transaction under the shared interlock rows. */
function* issueMoves(state: State, actor: Actor, step: Worker['step']): Generator<Move> {
  const worker = state.workers[actor.name];
  if (worker.step !== step || !isPermittable(state, actor.rules)) return;
  const fresh = { lease: 'lives', isCurrent: true, isRevoked: false, isOver: false } as const;
  const permit: Worker = { ...worker, ...fresh, uses: 0, step: 'permitted' };
  yield become([{ ...state, wasPermitted: true }, actor], 'issue_destroy_permit', permit);
}

/** What `open_permit` and `assert_attempt_live` ask of a permit. */
const isLive = (worker: Worker, rules: Rules): boolean =>
  worker.lease === 'lives' &&
  (!rules.permitsOnce || worker.uses === 0) &&
  !worker.isRevoked &&
  (!rules.comparesEpochs || worker.isCurrent);

/** A store with transactions: `purge_<table>`. */
function* rowMoves(state: State, actor: Actor): Generator<Move> {
  const worker = state.workers[actor.name];
  yield* issueMoves(state, actor, 'idle');
  // The same call may arrive a second time.
  if ((worker.step === 'permitted' || worker.step === 'done') && isLive(worker, actor.rules)) {
    yield become([state, actor], 'purge_<table>: open_permit', { ...worker, step: 'open' });
  }
  if (worker.step === 'open') {
    const to: Worker = { ...worker, step: 'done', uses: worker.uses + 1 };
    yield removing(become([state, actor], 'purge_<table>: close_permit, commit', to), 'rows');
  }
}

/** A store without: `purgeDocuments`. */
function* documentMoves(state: State, actor: Actor): Generator<Move> {
  const worker = state.workers[actor.name];
  const { rules, name } = actor;
  const go = (what: string, step: Worker['step'], from: State = state): Move =>
    become([from, actor], what, { ...worker, step });
  yield* issueMoves(state, actor, 'idle');
  if (worker.step === 'permitted' && isLive(worker, rules)) {
    yield go('start_purge_attempt', 'started');
  }
  if (worker.step === 'started') {
    const stamped = state.present.documents ? { ...state, stamp: name } : state;
    yield go('stampBatch', 'stamped', stamped);
  }
  if (worker.step === 'stamped' && (!rules.readsPermitAgain || isLive(worker, rules))) {
    yield go('assert_attempt_live', 'checked');
  }
  yield* deleteMoves(state, actor);
  if (worker.step === 'removed') {
    const to: Worker = { ...worker, step: 'done', uses: worker.uses + 1 };
    yield become([state, actor], 'finish_purge_attempt', to);
  }
}

function* deleteMoves(state: State, actor: Actor): Generator<Move> {
  const worker = state.workers[actor.name];
  const { rules, name } = actor;
  if (worker.step === 'checked' && (!rules.sendsInTime || worker.lease !== 'past')) {
    const matches = state.present.documents && (!rules.deletesStampedOnly || state.stamp === name);
    if (!matches) {
      yield become([state, actor], 'deleteStamped matches nothing', { ...worker, step: 'removed' });
    } else if (rules.deletesAtOnce) {
      const to: Worker = { ...worker, step: 'removed' };
      yield removing(become([state, actor], 'deleteStamped', to), 'documents');
    } else {
      yield become([state, actor], 'deleteStamped matches', { ...worker, step: 'matched' });
    }
  }
  if (worker.step === 'matched') {
    const to: Worker = { ...worker, step: 'removed' };
    yield removing(become([state, actor], 'deleteStamped removes by id', to), 'documents');
  }
}

/** The key, in a store of its own: `destroyUnderPermits`. */
function* keyMoves(state: State, actor: Actor): Generator<Move> {
  const worker = state.workers[actor.name];
  const first = actor.rules.readsKeyEpochsFirst;
  if (worker.step === (first ? 'idle' : 'permitted') && state.present.key) {
    const read = { step: 'epochs-read', isKeyCurrent: true, isKeyRevoked: false } as const;
    yield become([state, actor], 'readEpochs of the key store', { ...worker, ...read });
  }
  yield* issueMoves(state, actor, first ? 'epochs-read' : 'idle');
  yield* keyPermitMoves(state, actor);
  yield* destroyMoves(state, actor);
}

/** `issue_key_permit`: `not_before` and the epoch stand in the key store itself; its end is control's. */
function* keyPermitMoves(state: State, actor: Actor): Generator<Move> {
  const worker = state.workers[actor.name];
  const permitted = actor.rules.readsKeyEpochsFirst ? 'permitted' : 'epochs-read';
  if (worker.step !== permitted || !worker.isKeyCurrent) return;
  if (!state.isOpen && actor.rules.issuingAsksDatabaseClock) return;
  if (worker.lease !== 'lives' && actor.rules.keyPermitEndsWithControls) return;
  const fresh = { step: 'key-permitted', lease: 'lives', isKeyRevoked: false } as const;
  yield become([state, actor], 'issue_key_permit', { ...worker, ...fresh });
}

/** `destroy_key`, whose transaction keeps the key epochs locked; then control's copy. */
function* destroyMoves(state: State, actor: Actor): Generator<Move> {
  const worker = state.workers[actor.name];
  const { step, lease, isKeyCurrent, isKeyRevoked } = worker;
  const isLiveKey = lease === 'lives' && isKeyCurrent && !isKeyRevoked;
  if (step === 'key-permitted' && isLiveKey && state.present.key) {
    yield become([state, actor], 'destroy_key: permit and epoch', { ...worker, step: 'open' });
  }
  if (step === 'open') {
    const to: Worker = { ...worker, step: 'removed', uses: worker.uses + 1 };
    yield removing(become([state, actor], 'destroy_key: tombstone, commit', to), 'key');
  }
  if (!state.present.key && !state.isTombstoneCopied) {
    const copied = { ...state, isTombstoneCopied: true };
    yield become([copied, actor], 'copyTombstone', { ...worker, step: 'done' });
  }
}

const become = (
  [state, { name }]: readonly [State, Actor],
  what: string,
  worker: Worker,
): Move => ({
  name: `${name}: ${what}`,
  by: name,
  to: { ...state, workers: { ...state.workers, [name]: worker } },
});

const removing = (move: Move, store: Store): Move => ({
  ...move,
  removes: store,
  to: { ...move.to, present: { ...move.to.present, [store]: false } },
});
