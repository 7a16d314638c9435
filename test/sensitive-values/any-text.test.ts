import fc from 'fast-check';
import { redactArguments, redactText } from '../../src/sensitive-values';
import { plantedSecrets } from '../support/planted-secrets';

const planted = plantedSecrets('any text');

/** Pieces that texts with secrets are made of, in any order. */
const piece = fc.oneof(
  fc.constantFrom(...planted.map(({ text }) => text)),
  fc.constantFrom(
    ...[
      'password',
      'token',
      '=',
      ': ',
      '"',
      "'",
      '\\',
      '://',
      '@',
      ' ',
      '\n',
      '--',
      '-p',
      '[',
      ']',
    ],
    ...['[redacted:named-secret]', '[redacted:', 'mysql ', 'login ', '$', '{', '}', '&', '|', ';'],
  ),
  fc.string({ maxLength: 6 }),
);
const text = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));

describe('any text', () => {
  it('is the same when it is redacted again [SD-1]', () => {
    fc.assert(
      fc.property(text, (given) => {
        const once = redactText(given);
        expect(redactText(once)).toBe(once);
      }),
      { numRuns: 3_000 },
    );
  });

  it('keeps what stands on both sides of a value with a form of its own', () => {
    const tokens = planted.filter(({ detector }) =>
      /^(github|npm|stripe|aws-access)/.test(detector),
    );
    fc.assert(
      fc.property(fc.constantFrom(...tokens), fc.nat(1000), ({ value, detector }, number) => {
        expect(redactText(`before ${number} ${value} after`)).toBe(
          `before ${number} [redacted:${detector}] after`,
        );
      }),
    );
  });

  it('as words of a command line holds no value that a word of it is [SD-1]', () => {
    const bare = planted.filter((one) => one.text === one.value && one.value.length > 12);
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...bare.map(({ value }) => value), '-v', 'run', '--x'), {
          maxLength: 6,
        }),
        (words) => {
          const shown = redactArguments(words);
          for (const { value } of bare) expect(shown).not.toContain(value);
        },
      ),
    );
  });
});
