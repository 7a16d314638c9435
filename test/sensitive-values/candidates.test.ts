import { indexHints } from '../../src/sensitive-values/candidates';
import { DETECTORS } from '../../src/sensitive-values/detectors';

const candidatesIn = indexHints(DETECTORS);

describe('the detectors that are tried on a text', () => {
  it('are among others those of every hint in it, whatever stands around it [SD-1]', () => {
    const around = ['', 'a', 'b', ' ', '=', 'é', '中', '\uffff', '😀', 'xyz', 'wxy-'];
    for (const detector of DETECTORS) {
      for (const hint of detector.hints) {
        for (const before of around) {
          const text = `${before}${hint.toUpperCase()}${before.padEnd(detector.least ?? 0, '~')}`;
          expect(candidatesIn(text)).toContain(detector);
        }
      }
    }
  });

  it('are each there once, in their order, and forgotten with the next text', () => {
    const hints = DETECTORS.flatMap((detector) => detector.hints).reverse();
    const found = candidatesIn(`${hints.join(' ')} ${hints.join(' ')} 0000`);
    expect(found).toEqual(DETECTORS);
    expect(candidatesIn('nothing of the kind')).toEqual([]);
  });
});
