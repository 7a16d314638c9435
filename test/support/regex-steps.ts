import { RegExpParser, type AST } from '@eslint-community/regexpp';

/** Thrown when the work is beyond the bound: what explodes is not waited for. */
export class TooManySteps extends Error {}

/** A place in the text, and what goes on from there; true when the whole pattern matched. */
type Continue = (at: number) => boolean;

interface Run {
  readonly text: string;
  readonly ignoreCase: boolean;
  steps: number;
  readonly bound: number;
}

/**
 * Counts what a backtracking matcher does to find all matches of a pattern in a text, with the order of
 * trials that the language prescribes: one step for each character or assertion that is looked at.
 * Counting is exact and the same on every machine, which a clock is not.
 *
 * @throws TooManySteps when there are more than `bound`.
 */
export function stepsOf(pattern: RegExp, text: string, bound: number): number {
  const parsed = new RegExpParser().parsePattern(pattern.source);
  const run: Run = { text, ignoreCase: pattern.ignoreCase, steps: 0, bound };
  for (let from = 0; from <= text.length;) {
    let end = -1;
    alternatives(run, parsed.alternatives, from, (at) => {
      end = at;
      return true;
    });
    from = end > from ? end : from + 1;
  }
  return run.steps;
}

function step(run: Run): void {
  run.steps += 1;
  if (run.steps > run.bound) throw new TooManySteps(`more than ${run.bound} steps`);
}

const alternatives = (
  run: Run,
  list: readonly AST.Alternative[],
  ...[at, next]: [number, Continue]
): boolean => list.some(({ elements }) => sequence(run, elements, at, next));

function sequence(
  run: Run,
  elements: readonly AST.Element[],
  ...[at, next, index = 0]: [number, Continue, number?]
): boolean {
  const element = elements[index];
  if (element === undefined) return next(at);
  return one(run, element, at, (after) => sequence(run, elements, after, next, index + 1));
}

function one(run: Run, element: AST.Element, ...[at, next]: [number, Continue]): boolean {
  if (isSingle(element)) {
    step(run);
    return at < run.text.length && fits(run, element, run.text.charCodeAt(at)) && next(at + 1);
  }
  if (element.type === 'Group' || element.type === 'CapturingGroup') {
    return alternatives(run, element.alternatives, at, next);
  }
  if (element.type === 'Quantifier') return repeated(run, element, at, next);
  if (element.type !== 'Assertion') throw new Error(`${element.type} is not known to the counter`);
  step(run);
  return holds(run, element, at) && next(at);
}

/** Of a single character: taken as often as possible and given back one by one, as engines do. */
function repeated(run: Run, item: AST.Quantifier, ...[at, next]: [number, Continue]): boolean {
  const { element, min, max, greedy } = item;
  if (!greedy) throw new Error('patient repetitions are not known to the counter');
  if (isSingle(element)) {
    let count = 0;
    while (count < max && at + count < run.text.length) {
      step(run);
      if (!fits(run, element, run.text.charCodeAt(at + count))) break;
      count += 1;
    }
    for (; count >= min; count -= 1) {
      step(run);
      if (next(at + count)) return true;
    }
    return false;
  }
  if (element.type === 'Group' && element.alternatives.every(isSimple)) {
    return repeatedSimple(run, { choices: element.alternatives, min, max }, at, next);
  }
  const again = (count: number, from: number): boolean => {
    if (count < max) {
      const more = one(run, element, from, (after) => after > from && again(count + 1, after));
      if (more) return true;
    }
    return count >= min && next(from);
  };
  return again(0, at);
}

/** The same for a choice of single characters, without recursion: it may go through the whole text. */
function repeatedSimple(
  run: Run,
  { choices, min, max }: { choices: readonly AST.Alternative[]; min: number; max: number },
  ...[at, next]: [number, Continue]
): boolean {
  const taken = [{ at, choice: 0 }];
  for (let top = taken.at(-1); top !== undefined; top = taken.at(-1)) {
    const choice = taken.length <= max ? choices[top.choice] : undefined;
    if (choice !== undefined) {
      top.choice += 1;
      let end = -1;
      sequence(run, choice.elements, top.at, (after) => (end = after) >= 0);
      if (end > top.at) taken.push({ at: end, choice: 0 });
    } else {
      if (taken.length > min && next(top.at)) return true;
      taken.pop();
    }
  }
  return false;
}

const isSimple = ({ elements }: AST.Alternative): boolean =>
  elements.every((element) => element.type === 'Assertion' || isSingle(element));

type Single = AST.Character | AST.CharacterSet | AST.CharacterClass;

const isSingle = (element: AST.Element): element is Single =>
  element.type === 'Character' ||
  element.type === 'CharacterSet' ||
  element.type === 'CharacterClass';

function holds(run: Run, assertion: AST.Assertion, at: number): boolean {
  if (assertion.kind === 'word') throw new Error('word boundaries are not known to the counter');
  if (!('alternatives' in assertion)) {
    return at === (assertion.kind === 'start' ? 0 : run.text.length);
  }
  return around(run, assertion, at) !== assertion.negate;
}

const around = (run: Run, assertion: AST.LookaroundAssertion, at: number): boolean =>
  assertion.kind === 'lookahead'
    ? alternatives(run, assertion.alternatives, at, () => true)
    : standsBefore(run, assertion, at);

/** What stands before a place is short in every pattern: each beginning within reach is tried. */
function standsBefore(run: Run, assertion: AST.LookbehindAssertion, at: number): boolean {
  const reach = Math.max(...assertion.alternatives.map(lengthOf));
  for (let from = at; from >= Math.max(0, at - reach); from -= 1) {
    if (alternatives(run, assertion.alternatives, from, (end) => end === at)) return true;
  }
  return false;
}

const lengthOf = ({ elements }: AST.Alternative): number =>
  elements.reduce((sum, element) => sum + (element.type === 'Quantifier' ? element.max : 1), 0);

function fits(run: Run, element: Single, code: number): boolean {
  if (!run.ignoreCase) return member(element, code);
  const character = String.fromCharCode(code);
  return [character, character.toLowerCase(), character.toUpperCase()].some((variant) =>
    member(element, variant.charCodeAt(0)),
  );
}

function member(element: AST.CharacterClassElement | Single, code: number): boolean {
  if (element.type === 'Character') return element.value === code;
  if (element.type === 'CharacterClassRange') {
    return element.min.value <= code && code <= element.max.value;
  }
  if (element.type === 'CharacterClass') {
    return element.elements.some((part) => member(part, code)) !== element.negate;
  }
  if (element.type === 'CharacterSet' && element.kind !== 'property' && element.kind !== 'any') {
    return SETS[element.kind].test(String.fromCharCode(code)) !== element.negate;
  }
  throw new Error(`${element.type} is not known to the counter`);
}

const SETS = { word: /\w/, digit: /\d/, space: /\s/ };

/** Texts that make a pattern work in vain: its own pieces, each repeated, and what leads to them. */
export function hostileTexts(pattern: RegExp, length: number): readonly string[] {
  const parsed = new RegExpParser().parsePattern(pattern.source);
  const pieces = parsed.alternatives.flatMap(({ elements }) => {
    const samples = elements.map(sampleOf);
    return samples.flatMap((sample, index) => {
      const before = samples.slice(0, index).join('');
      return [
        [before, sample],
        ['', before + sample],
        ['', `${before + sample} `],
        ['', `${before + sample}!`],
      ] as const;
    });
  });
  const filled = pieces
    .filter(([, piece]) => piece !== '')
    .map(([before, piece]) => before + piece.repeat(Math.ceil(length / piece.length)));
  return [...new Set(filled.map((text) => text.slice(0, length)))];
}

/** The shortest text of an element that is not empty. */
function sampleOf(element: AST.Element): string {
  if (element.type === 'Group' || element.type === 'CapturingGroup') {
    return (element.alternatives[0]?.elements ?? []).map(sampleOf).join('');
  }
  if (element.type === 'Quantifier') {
    return sampleOf(element.element).repeat(Math.max(1, Math.min(element.min, 64)));
  }
  if (element.type === 'Character') return String.fromCharCode(element.value);
  if (!isSingle(element)) return '';
  const code = COMMON.find((candidate) => member(element, candidate));
  return String.fromCharCode(code ?? 0x78);
}

/** Characters that most classes have one of. */
const COMMON = Array.from('aA0/-+=.:@ "_~z9\n', (character) => character.charCodeAt(0));
