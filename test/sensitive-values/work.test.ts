import { DETECTORS } from '../../src/sensitive-values/detectors';
import { DRAWN } from '../../src/sensitive-values/names';
import { NAME, VALUE } from '../../src/sensitive-values/named-values';
import { WORD } from '../../src/sensitive-values/options';
import { hostileTexts, stepsOf, TooManySteps } from '../support/regex-steps';

const LENGTH = 1_000;
/** Steps for each character, at worst; bounded repetitions are tried again at every beginning. */
const STEPS_EACH = 160;

/** Most steps for each character of any hostile text, at a length and at twice the length. */
function worst(pattern: RegExp, length = LENGTH): readonly [number, number] {
  return [length, 2 * length].map((size) =>
    Math.max(
      ...hostileTexts(pattern, size).map((text) => stepsOf(pattern, text, size * 1_000) / size),
    ),
  ) as [number, number];
}

const patterns: readonly (readonly [string, RegExp])[] = [
  ...DETECTORS.map(({ id, pattern }) => [id, pattern] as const),
  ['names', NAME],
  ['drawn', DRAWN],
];

describe('the work of a detector', () => {
  it.each(patterns)(
    '%s grows with the text and not faster, however hostile it is [SD-1]',
    (_, pattern) => {
      const [once, twice] = worst(pattern);
      expect(once).toBeLessThan(STEPS_EACH);
      expect(twice).toBeLessThan(once * 1.25 + 1);
    },
  );

  it.each([
    ['values', VALUE],
    ['words', WORD],
  ])('%s is the same where quotation marks are in one another', (_, pattern) => {
    const [once, twice] = worst(pattern, 300);
    expect(once).toBeLessThan(STEPS_EACH);
    expect(twice).toBeLessThan(once * 1.25 + 1);
  });

  it.each([/(?:a+)+b/, /a*b/, /(?:a|a)*b/, /x[a-z]*x[a-z]*y/])(
    'is found to explode or to grow faster where it does: %p',
    (pattern) => {
      const measure = (): boolean => {
        const [once, twice] = worst(pattern, 400);
        return once < STEPS_EACH && twice < once * 1.25 + 1;
      };
      let fine = false;
      try {
        fine = measure();
      } catch (error) {
        if (!(error instanceof TooManySteps)) throw error;
      }
      expect(fine).toBe(false);
    },
  );
});
