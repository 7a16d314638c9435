import { IS_LONG } from './long-form';
import { addedTo, missingFrom, type Sight } from './witness';

/** A generator with a seed (mulberry32): the same seed gives the same races. */
export function seededNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Deals interleavings in a random order, each once before any comes again. */
export class Deck<T> {
  private rest: T[] = [];

  constructor(
    private readonly cards: readonly T[],
    private readonly random: () => number,
  ) {}

  /** The next one. */
  next(): T {
    if (this.rest.length === 0) this.rest = [...this.cards];
    const [card] = this.rest.splice(Math.floor(this.random() * this.rest.length), 1);
    return card as T;
  }

  /** One of several, each as likely. */
  oneOf<U>(choices: readonly U[]): U {
    return choices[Math.floor(this.random() * choices.length)] as U;
  }
}

/** The races of one suite, in the long form and in the short one. */
export const RACES = IS_LONG ? 300 : 104;
/** Longest time for them. */
export const RACES_TIMEOUT_MS = RACES * 6000;

/** The seed of this run: the given one, or any. */
export const raceSeed = (): number =>
  Number(process.env['LETHE_RACE_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

/** What a call may end in: in time it does all of its work, late it does nothing. */
export type Ending = 'in-time' | 'late-refused';

/** One race as the administrator saw it. */
export interface Race {
  readonly kind: string;
  /** What must come of it; where the order of two servers decides, either. */
  readonly endings: readonly Ending[];
  /** Why nothing may go: an acknowledged interlock, a window that is not open, or nothing permits it. */
  readonly guard: 'held' | 'early' | 'lost';
  /** What the call is entitled to end if it comes in time, by the names of the sight. */
  readonly entitled: (name: string) => boolean;
  /** Seen when the interlock was acknowledged, or when the call was let go. */
  readonly before: Sight;
  /** Seen when everything had come to rest. */
  readonly after: Sight;
  /** What the call may leave behind even when it is late, by the names of the sight. */
  readonly mayAdd?: (name: string) => boolean;
}

/**
 * Judges races by what the administrator saw and by nothing that the engine says of itself, and counts
 * them.
 */
export class Referee {
  readonly violations: string[] = [];
  private readonly endings = new Map<string, number>();
  private readonly kinds = new Map<string, number>();
  private readonly wrongs = { lost: 0, early: 0, held: 0, undone: 0 };

  constructor(
    private readonly store: string,
    readonly seed: number,
  ) {}

  /** Races so far. */
  get run(): number {
    return [...this.kinds.values()].reduce((sum, count) => sum + count, 0);
  }

  /** How often races of a kind came to an ending. */
  count(kind: string, ending: Ending): number {
    return this.endings.get(`${kind} ${ending}`) ?? 0;
  }

  /** How often races came to an ending, of whatever kind. */
  total(ending: Ending): number {
    return [...this.endings]
      .filter(([name]) => name.endsWith(` ${ending}`))
      .reduce((sum, [, count]) => sum + count, 0);
  }

  /** Judges one race. */
  judge(race: Race): Ending {
    const gone = missingFrom(race.before, race.after);
    const added = addedTo(race.before, race.after).filter((name) => race.mayAdd?.(name) !== true);
    const ending: Ending = gone.length === 0 ? 'late-refused' : 'in-time';
    const wrongly = race.endings.includes('in-time')
      ? gone.filter((name) => !race.entitled(name))
      : gone;
    if (wrongly.length > 0) this.accuse(race.kind, race.guard, wrongly);
    if (added.length > 0) this.accuse(race.kind, 'undone', added);
    if (!race.endings.includes(ending) && wrongly.length === 0) {
      this.violations.push(`${race.kind}: nothing was done by a call that came in time`);
    }
    this.kinds.set(race.kind, (this.kinds.get(race.kind) ?? 0) + 1);
    const name = `${race.kind} ${ending}`;
    this.endings.set(name, (this.endings.get(name) ?? 0) + 1);
    return ending;
  }

  /** Puts a wrong on record. */
  accuse(kind: string, wrong: keyof Referee['wrongs'], names: readonly string[]): void {
    this.wrongs[wrong] += 1;
    this.violations.push(`${kind}: ${wrong}: ${names.slice(0, 5).join(', ')}`);
  }

  /** One line for people. */
  line(): string {
    const { lost, early, held, undone } = this.wrongs;
    return [
      `races: store=${this.store} seed=${this.seed} run=${this.run}`,
      `late-refused=${this.total('late-refused')} in-time=${this.total('in-time')}`,
      `lost=${lost} early=${early} held=${held} undone=${undone}`,
    ].join(' ');
  }

  /** Kinds of races with how often each was run. */
  get byKind(): ReadonlyMap<string, number> {
    return this.kinds;
  }
}
