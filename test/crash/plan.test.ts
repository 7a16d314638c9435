import { planDeaths } from '../support/crash-plan';
import { readShare, shareOf } from '../support/long-form';
import { kindOf, type Call } from '../support/store-calls';

const call = (activity: string, name: string): Call => ({ activity, name });
const moved = Array.from({ length: 9 }, () => call('moveRows', 'purger: CALL purge_scans(?, ?)'));
const read = call('moveRows', 'control: SELECT 1 FROM runs');
const lives = new Map([
  ['one', [read, ...moved]],
  ['two', [read, call('destroyDue', 'destroyer: CALL destroy_key(?)')]],
]);
const deathsOf = (seed: number) =>
  [...planDeaths(lives, seed)].flatMap(([story, deaths]) =>
    deaths.map((death) => ({ story, ...death })),
  );

describe('the plan of the deaths in a long run', () => {
  it('has every kind of call at its first and at its last, one not carried out and the other one lost', () => {
    for (let seed = 0; seed < 50; seed += 1) {
      const deaths = deathsOf(seed);
      for (const [kind, last] of [
        ['moveRows: sql CALL purge_scans', 9],
        ['moveRows: sql SELECT', 1],
        ['destroyDue: sql CALL destroy_key', 1],
      ] as const) {
        const [first, end] = deaths.filter((death) => death.kind === kind);
        expect([first?.call, end?.call]).toEqual([1, last]);
        expect(new Set([first?.moment, end?.moment])).toEqual(new Set(['before', 'after']));
      }
    }
  });

  it('is the same for a seed and reaches every call with other seeds', () => {
    expect(deathsOf(7)).toEqual(deathsOf(7));
    const met = new Set<string>();
    for (let seed = 0; seed < 200; seed += 1) {
      for (const { kind, call: at, moment } of deathsOf(seed)) {
        if (kind.endsWith('purge_scans')) met.add(`${at} ${moment}`);
      }
    }
    expect(met.size).toBe(18);
  });

  it('names no call that a story does not make', () => {
    for (const { story, kind, call: at } of deathsOf(3)) {
      const alike = lives.get(story)?.filter((known) => kindOf(known) === kind) ?? [];
      expect(at).toBeLessThanOrEqual(alike.length);
    }
  });

  it('is played once and in full by its parts together', () => {
    const all = deathsOf(5);
    const parts = [1, 2, 3].flatMap((part) => shareOf(all, readShare(`${part}/3`)));
    expect(parts).toHaveLength(all.length);
    expect(new Set(parts)).toEqual(new Set(all));
    expect(() => readShare('4/3')).toThrow('k/n');
    expect(() => readShare('half')).toThrow('k/n');
  });
});
