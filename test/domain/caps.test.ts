import { breakerScopeOf, isStop } from '../../src/domain/caps';
import { FAILURES } from '../../src/domain/errors';

describe('a permit that a limit refuses', () => {
  it('stops the run for every limit that has a code, and for nothing else [AB-1]', () => {
    const limits = Object.keys(FAILURES).filter((code) => /^(CAP|BREAKER)_/.test(code));
    expect(Object.keys(FAILURES).filter(isStop)).toEqual(limits);
    expect(limits).toContain('BREAKER_OPEN');
  });
});

describe('the circuit breaker', () => {
  it.each([
    ['mysql:assets.scans', 'mysql'],
    ['mysql:configuration.console_settings', 'mysql'],
    ['mongodb:assets.fingerprints', 'mongodb'],
    ['mysql:keys', 'keys'],
    ['s3:archive', 'keys'],
    ['worker:temporary-files', 'all'],
    ['', 'all'],
    [undefined, 'all'],
  ] as const)('for %s stops %s: what is not known stops everything', (location, scope) => {
    expect(breakerScopeOf(location)).toBe(scope);
  });
});
