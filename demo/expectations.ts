import { total } from './administrator/locations';

/** Something that is not as the policy says. */
export interface Difference {
  readonly name: string;
  readonly expected: string;
  readonly actual: string;
}

const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z$/;

/**
 * Compares what happened with what was written down beforehand. It goes on after a difference, so that
 * one run shows all of them, and the program ends with code 1 when there was any.
 */
export class Expectations {
  readonly differences: Difference[] = [];
  private compared = 0;

  /** A civil day, or an instant in UTC; `literal` is written down, never computed. */
  expectDate(name: string, actual: string | null | undefined, literal: string): void {
    const same = actual === literal || sameInstant(actual, literal);
    this.note(same, { name, expected: literal, actual: actual ?? 'nothing' });
  }

  /** An act between two instants: at or after the first, before the second. */
  expectWithin(
    name: string,
    actual: string | null | undefined,
    window: { readonly from: string; readonly before: string },
  ): void {
    const [at, from, before] = [actual ?? '', window.from, window.before].map(Date.parse);
    const inside = Number(at) >= Number(from) && Number(at) < Number(before);
    const expected = `in [${window.from}, ${window.before})`;
    this.note(inside, { name, expected, actual: actual ?? 'nothing' });
  }

  /** Any other value; compared as JSON. */
  expectEqual(name: string, actual: unknown, literal: unknown): void {
    const [found, expected] = [asText(actual), asText(literal)];
    this.note(found === expected, { name, expected, actual: found });
  }

  /** Nothing in any of the places; which ones are not empty is shown. A search of no place fails. */
  expectNothing(name: string, counts: Readonly<Record<string, number>>): void {
    const left = Object.entries(counts).filter(([, things]) => things !== 0);
    const searched = Object.keys(counts).length;
    const actual = searched === 0 ? 'no place was searched' : asText(Object.fromEntries(left));
    this.note(searched > 0 && total(counts) === 0 && left.length === 0, {
      name,
      expected: 'nothing left',
      actual,
    });
  }

  /** 0 when everything was compared and equal, 1 otherwise; a run that compared nothing has failed. */
  get exitCode(): 0 | 1 {
    return this.compared > 0 && this.differences.length === 0 ? 0 : 1;
  }

  /** The outcome for people. */
  summary(): readonly string[] {
    return [
      `${this.compared} expectations, ${this.differences.length} differences`,
      ...this.differences.map(
        ({ name, expected, actual }) => `  ${name}: expected ${expected}, found ${actual}`,
      ),
    ];
  }

  private note(same: boolean, difference: Difference): void {
    this.compared += 1;
    if (!same) this.differences.push(difference);
  }
}

/** The same moment, however many digits of its fraction are written. */
function sameInstant(actual: string | null | undefined, literal: string): boolean {
  if (actual === null || actual === undefined) return false;
  if (!INSTANT.test(actual) || !INSTANT.test(literal)) return false;
  return canonical(actual) === canonical(literal);
}

/** Without zeros at the end of a fraction. */
const canonical = (instant: string): string =>
  instant.replace(/(\.\d*?)0*Z$/, '$1Z').replace('.Z', 'Z');

function asText(value: unknown): string {
  if (typeof value === 'string') return value;
  // JSON has no word for undefined, whatever the type of the function says.
  const json = JSON.stringify(value) as string | undefined;
  return json ?? 'undefined';
}
