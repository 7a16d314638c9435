import type { Rules } from './rules';
import {
  INTERLOCKS,
  isStopped,
  stands,
  WORKERS,
  type Interlock,
  type Move,
  type Phase,
  type State,
  type Store,
  type Worker,
  type WorkerName,
} from './state';

/** What stays as it is while states change. */
export interface Surroundings {
  readonly rules: Rules;
  readonly targets: Readonly<Record<WorkerName, Store>>;
}

/** What clocks, persons and the settling of an interlock can do in a state. */
export function* outerMoves(state: State, surroundings: Surroundings): Generator<Move> {
  yield* clockMoves(state, surroundings.rules);
  for (const interlock of INTERLOCKS) {
    const phase = state.interlocks[interlock];
    if (phase === undefined) continue;
    yield* personMoves(state, { interlock, phase }, surroundings);
    yield* settlingMoves(state, { interlock, phase }, surroundings);
  }
}

function* clockMoves(state: State, rules: Rules): Generator<Move> {
  if (!state.isOpen) yield { name: 'lethe_now(): window opens', by: 'clock', to: open(state) };
  if (!state.isOpenForProcess) {
    const to = { ...state, isOpenForProcess: true };
    yield { name: "the process's clock says that the window is open", by: 'clock', to };
  }
  if (!state.areWindowsCurrent && rules.refreshesWindows) {
    // The new window follows from the facts: none while a hold is open or the use goes on.
    const haveWindowsAnEnd = !(['hold', 'withdrawal', 'resubscription'] as const).some((one) =>
      stands(state, one),
    );
    const to = { ...state, areWindowsCurrent: true, haveWindowsAnEnd };
    yield { name: 'refreshWindows', by: 'clock', to };
  }
}

const open = (state: State): State => ({ ...state, isOpen: true });

interface At {
  readonly interlock: Interlock;
  readonly phase: Phase;
}

/** `placeHold`, `acceptCommand`, `placeFreeze`; `releaseHold`, `approve_lift`. */
function* personMoves(
  state: State,
  { interlock, phase }: At,
  { rules, targets }: Surroundings,
): Generator<Move> {
  // A procedure that has the interlock row shared is waited for.
  if (rules.procedureHoldsLock && isOpenIn(state, targets, 'rows')) return;
  if (phase === 'absent' && isAccepted(state, interlock)) {
    const to = bumpControl(state, { interlock, phase: 'committed' }, rules);
    yield { name: `bump_interlock: ${interlock} committed`, by: 'person', to };
  }
  if (phase === 'acknowledged' && (interlock === 'hold' || interlock === 'freeze')) {
    const to = bumpControl(state, { interlock, phase: 'over' }, rules);
    yield { name: `bump_interlock: ${interlock} over`, by: 'person', to };
  }
}

/** `REQUEST_IRREVOCABLE`; a use that begins again after the window opened does not continue the old one. */
function isAccepted(state: State, interlock: Interlock): boolean {
  if (interlock === 'withdrawal') return !state.wasPermitted;
  return interlock !== 'resubscription' || !state.isOpen;
}

function bumpControl(state: State, { interlock, phase }: At, rules: Rules): State {
  const revoke = (worker: Worker): Worker => ({
    ...worker,
    isCurrent: false,
    isRevoked: worker.isRevoked || (rules.revokes && worker.uses === 0),
  });
  return {
    ...withPhase(state, { interlock, phase }),
    areWindowsCurrent: false,
    workers: { A: revoke(state.workers.A), B: revoke(state.workers.B) },
  };
}

/** `settleInterlock`, step by step. */
function* settlingMoves(
  state: State,
  { interlock, phase }: At,
  { rules, targets }: Surroundings,
): Generator<Move> {
  const by = 'interlock';
  if (phase === 'committed' && !isOpenIn(state, targets, 'key')) {
    const to = bumpKeys(withPhase(state, { interlock, phase: 'settling' }), rules);
    yield { name: `bump_key_epoch for the ${interlock}`, by, to };
  }
  if (phase === 'settling' && (!rules.waitsForLease || !hasLiveAttempt(state, targets))) {
    const stamp = rules.unstamps ? null : state.stamp;
    const to = { ...withPhase(state, { interlock, phase: 'unstamped' }), stamp };
    yield { name: `unstampInterrupted for the ${interlock}`, by, to };
  }
  if (phase === 'unstamped') {
    const saysKeyIsGone = rules.acknowledgesFromKeyStore
      ? !state.present.key
      : state.isTombstoneCopied;
    const to = withPhase(state, { interlock, phase: 'acknowledged' });
    yield { name: `the ${interlock} is acknowledged`, by, to, saysKeyIsGone };
  }
}

function bumpKeys(state: State, rules: Rules): State {
  if (!rules.bumpsKeyStore) return state;
  const revoke = (worker: Worker): Worker => ({
    ...worker,
    isKeyCurrent: false,
    isKeyRevoked: true,
  });
  return { ...state, workers: { A: revoke(state.workers.A), B: revoke(state.workers.B) } };
}

/** `countLive`: attempts on documents without a report, and key permits that live. */
const hasLiveAttempt = (
  { workers }: State,
  targets: Readonly<Record<WorkerName, Store>>,
): boolean =>
  WORKERS.some((name) => {
    const { step, lease, isKeyRevoked } = workers[name];
    return targets[name] === 'documents'
      ? ATTEMPTING.has(step) && lease !== 'past'
      : step === 'key-permitted' && lease === 'lives' && !isKeyRevoked;
  });

const ATTEMPTING: ReadonlySet<string> = new Set([
  'started',
  'stamped',
  'checked',
  'matched',
  'removed',
]);

const isOpenIn = (
  { workers }: State,
  targets: Readonly<Record<WorkerName, Store>>,
  store: Store,
): boolean => WORKERS.some((name) => targets[name] === store && workers[name].step === 'open');

const withPhase = (state: State, { interlock, phase }: At): State => ({
  ...state,
  interlocks: { ...state.interlocks, [interlock]: phase },
});

/** Whether the facts, the stored windows and both clocks allow a permit. */
export function isPermittable(state: State, rules: Rules): boolean {
  if (rules.issuingAsksFacts && isStopped(state)) return false;
  if (rules.issuingAsksWindowEpoch && !state.areWindowsCurrent) return false;
  if (!state.haveWindowsAnEnd || !state.isOpenForProcess) return false;
  return state.isOpen || !rules.issuingAsksDatabaseClock;
}
