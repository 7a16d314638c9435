import { kindOf, type Call } from './store-calls';
import type { Moment } from './saboteur';
import { seededNumbers } from './race-referee';

/** A death at the n-th call of a kind in one life. */
export interface Death {
  readonly kind: string;
  readonly call: number;
  readonly moment: Moment;
}

/** How often each kind is called in a life. */
function countKinds(calls: readonly Call[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const call of calls) counts.set(kindOf(call), (counts.get(kindOf(call)) ?? 0) + 1);
  return counts;
}

/** Most deaths between the first and the last call of one kind. */
const BETWEEN_MAX = 4;

/** How many deaths there are between the first and the last of so many calls. */
const between = (calls: number): number =>
  Math.max(0, Math.min(calls - 2, Math.ceil(Math.log2(calls)) - 1, BETWEEN_MAX));

/**
 * Chooses deaths in lives of every story: each kind of call at its first, at its last and at some calls
 * between, each in any of the stories that have it, before and after it is carried out. Another seed
 * chooses other calls, moments and stories.
 *
 * @param lives - the calls of an undisturbed life of each story.
 */
export function planDeaths(
  lives: ReadonlyMap<string, readonly Call[]>,
  seed: number,
): ReadonlyMap<string, readonly Death[]> {
  const random = seededNumbers(seed);
  const oneOf = <T>(choices: readonly T[]): T =>
    choices[Math.floor(random() * choices.length)] as T;
  const counts = [...lives].map(([story, calls]) => [story, countKinds(calls)] as const);
  const kinds = new Set(counts.flatMap(([, ofStory]) => [...ofStory.keys()]));
  const plan = new Map([...lives.keys()].map((story) => [story, [] as Death[]]));
  for (const kind of [...kinds].sort()) {
    const having = counts.flatMap(([story, ofStory]) => {
      const calls = ofStory.get(kind);
      return calls === undefined ? [] : [{ story, calls }];
    });
    const put = (at: (calls: number) => number, moment: Moment): void => {
      const { story, calls } = oneOf(having);
      plan.get(story)?.push({ kind, call: at(calls), moment });
    };
    const first: Moment = oneOf(['before', 'after']);
    put(() => 1, first);
    put((calls) => calls, first === 'before' ? 'after' : 'before');
    const most = Math.max(...having.map(({ calls }) => calls));
    for (let death = 0; death < between(most); death += 1) {
      put((calls) => 1 + Math.floor(random() * calls), oneOf(['before', 'after']));
    }
  }
  return plan;
}
