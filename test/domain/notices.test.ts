import {
  isSetAside,
  REFUSALS_MIN,
  REFUSED_OVER_SECONDS_MIN,
  SET_ASIDE_IN_A_ROW_MAX,
} from '../../src/domain/notices';

describe('a notice that is refused', () => {
  const refused = {
    count: REFUSALS_MIN,
    overSeconds: REFUSED_OVER_SECONDS_MIN,
    setAsideInARow: SET_ASIDE_IN_A_ROW_MAX - 1,
  };

  it('is set aside from six refusals over a day on', () => {
    expect([REFUSALS_MIN, REFUSED_OVER_SECONDS_MIN, SET_ASIDE_IN_A_ROW_MAX]).toEqual([
      6, 86_400, 3,
    ]);
    expect(isSetAside(refused)).toBe(true);
    expect(isSetAside({ count: 9, overSeconds: 200_000, setAsideInARow: 0 })).toBe(true);
  });

  it.each([
    ['once less', { count: REFUSALS_MIN - 1 }],
    ['within a second less than a day', { overSeconds: REFUSED_OVER_SECONDS_MIN - 1 }],
    ['behind three that were set aside', { setAsideInARow: SET_ASIDE_IN_A_ROW_MAX }],
  ])('holds up the rest when it was refused %s', (_, change) => {
    expect(isSetAside({ ...refused, ...change })).toBe(false);
  });
});
