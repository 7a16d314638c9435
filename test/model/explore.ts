import { outerMoves, type Surroundings } from './interlock-moves';
import {
  IDLE,
  INTERLOCKS,
  isStopped,
  textOf,
  WORKERS,
  type Interlock,
  type Move,
  type State,
  type Worker,
} from './state';
import { workerMoves } from './worker-moves';

/** What is explored: who works on which store, and which interlocks may come. */
export interface Scenario extends Surroundings {
  readonly interlocks: readonly Interlock[];
}

/** What must never happen, and the shortest way on which it did. */
export interface Counterexample {
  readonly broken: string;
  readonly steps: readonly string[];
}

/** What was found. */
export interface Exploration {
  readonly states: number;
  readonly moves: number;
  /** Null when every invariant holds in every state that can be reached. */
  readonly counterexample: Counterexample | null;
}

/** More states than any scenario has; beyond it the model has lost its bounds. */
const STATES_MAX = 1_000_000;

interface Visited {
  readonly state: State;
  /** Number of the state from which it was found first, and by which move. */
  readonly from: number;
  readonly by: string;
}

/**
 * Visits every interleaving, breadth first, so that the first violation found is a shortest one. Then looks
 * back from the states in which everything is destroyed: each state that nothing stops must lead to one.
 */
export function explore(scenario: Scenario): Exploration {
  const visited: Visited[] = [{ state: initial(scenario), from: -1, by: '' }];
  const numbers = new Map([[textOf(initial(scenario)), 0]]);
  /** Who leads to a state, persons apart: nobody has to place anything for the end to come. */
  const backwards: number[][] = [[]];
  let moves = 0;
  for (let at = 0; at < visited.length; at += 1) {
    const { state } = visited[at] as Visited;
    for (const move of movesOf(state, scenario)) {
      moves += 1;
      const broken = brokenBy(state, move);
      if (broken !== null) {
        const steps = [...pathTo(visited, at), move.name];
        return { states: visited.length, moves, counterexample: { broken, steps } };
      }
      const text = textOf(move.to);
      const known = numbers.get(text);
      const number = known ?? visited.length;
      if (known === undefined) {
        numbers.set(text, number);
        visited.push({ state: move.to, from: at, by: move.name });
        backwards.push([]);
        if (visited.length > STATES_MAX) throw new Error('the model has no bounds');
      }
      if (move.by !== 'person') backwards[number]?.push(at);
    }
  }
  const stuck = stuckState(visited, backwards, scenario);
  const counterexample =
    stuck === null ? null : { broken: 'nothing stops it and it never ends', steps: stuck };
  return { states: visited.length, moves, counterexample };
}

const initial = ({ interlocks }: Scenario): State => ({
  isOpen: false,
  isOpenForProcess: false,
  areWindowsCurrent: true,
  haveWindowsAnEnd: true,
  interlocks: Object.fromEntries(interlocks.map((interlock) => [interlock, 'absent'] as const)),
  wasPermitted: false,
  present: { rows: true, documents: true, key: true },
  stamp: null,
  isTombstoneCopied: false,
  workers: { A: IDLE, B: IDLE },
});

function* movesOf(state: State, { rules, targets }: Scenario): Generator<Move> {
  yield* outerMoves(state, { rules, targets });
  for (const name of WORKERS) yield* workerMoves(state, { name, store: targets[name], rules });
}

/** The invariant that a move breaks. */
function brokenBy(before: State, move: Move): string | null {
  if (move.removes !== undefined) {
    const gone = before.present[move.removes];
    if (gone && !before.isOpen) return `${move.removes}: gone before the window`;
    const over = INTERLOCKS.find((one) => before.interlocks[one] === 'acknowledged');
    if (gone && over !== undefined) return `${move.removes}: gone under an acknowledged ${over}`;
  }
  if (WORKERS.some((name) => move.to.workers[name].uses > 1)) return 'a permit is accepted twice';
  const opens = WORKERS.some(
    (name) => before.workers[name].step !== 'open' && isOpenLate(move.to.workers[name]),
  );
  if (opens) return 'a permit is used that has run out';
  if (move.saysKeyIsGone !== undefined && move.saysKeyIsGone === before.present.key) {
    return 'an acknowledgement is wrong about the key';
  }
  return null;
}

const isOpenLate = ({ step, isOver }: Worker): boolean => step === 'open' && isOver;

function pathTo(visited: readonly Visited[], at: number): string[] {
  const steps: string[] = [];
  for (let number = at; number > 0; number = visited[number]?.from ?? 0) {
    steps.unshift(visited[number]?.by ?? '');
  }
  return steps;
}

/** The way to the nearest state from which the end cannot be reached although nothing stops it. */
function stuckState(
  visited: readonly Visited[],
  backwards: readonly (readonly number[])[],
  { targets }: Scenario,
): readonly string[] | null {
  const isDestroyed = ({ present }: State): boolean =>
    WORKERS.every((name) => !present[targets[name]]);
  const ends = new Set<number>();
  visited.forEach(({ state }, number) => {
    if (isDestroyed(state)) ends.add(number);
  });
  // A set gives what is added while it is walked.
  for (const number of ends) backwards[number]?.forEach((earlier) => ends.add(earlier));
  const stuck = visited.findIndex(({ state }, number) => !isStopped(state) && !ends.has(number));
  return stuck < 0 ? null : pathTo(visited, stuck);
}
