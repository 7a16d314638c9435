import { findForbidden, type PolicyContent } from '../../src/domain/policy-bounds';
import { RETENTION_SCHEDULE } from '../../src/domain/retention-schedule';

const shipped: PolicyContent = {
  parameters: RETENTION_SCHEDULE.parameters,
  floors: [
    { dataType: 'statutory-network-log', jurisdiction: 'CN', minimum: 'P6M' },
    { dataType: 'statutory-network-log', jurisdiction: 'IN', minimum: 'P180D' },
  ],
  minimumByStatute: false,
};
const withNumber = (name: string, value: unknown): PolicyContent => ({
  ...shipped,
  parameters: { ...shipped.parameters, [name]: value },
});
const BOUNDED = Object.keys(shipped.parameters).filter(
  (name) => !['minimumHours', 'statutoryMonths'].includes(name),
);

describe('the numbers of a policy', () => {
  it('are all allowed as they ship', () => {
    expect(findForbidden(shipped)).toEqual([]);
    expect(BOUNDED.length).toBeGreaterThan(8);
  });

  it.each(
    BOUNDED.flatMap((name) =>
      [Number.NaN, undefined, -1, 0, Number.NEGATIVE_INFINITY].map((value) => [name, value]),
    ),
  )('are refused by field when %s is %s [AB-1] [AB-3] [CC-2] [CC-3]', (name, value) => {
    const found = findForbidden(withNumber(String(name), value));
    expect(found.map(({ field }) => field)).toContainEqual(expect.stringMatching(/^spec\./));
  });

  it.each([
    ['before', 7, 8, []],
    ['at', 8, 8, ['spec.periods.coolingOff.period']],
    ['after', 9, 8, ['spec.periods.coolingOff.period']],
  ])('let a cooling-off end %s the internal stop of a request, or not [CC-2]', (...given) => {
    const [, coolingOffDays, internalRequestStopDays, fields] = given;
    const parameters = { ...shipped.parameters, coolingOffDays, internalRequestStopDays };
    expect(findForbidden({ ...shipped, parameters }).map(({ field }) => field)).toEqual(fields);
  });
});
