import { join } from 'node:path';
import { ASSET_KINDS, FINGERPRINT_KINDS } from '../../src/contracts/observations';
import { pinPolicy, RETENTION_SCHEDULE } from '../../src/domain/retention-schedule';
import type { ConfigurationFacts } from '../../src/domain/windows/facts';
import { computeWindow, type Window } from '../../src/domain/windows/window';
import { loadCalendars, sha256 } from '../../src/platform/calendars';
import { ROOT } from './repository';

const context = {
  policies: [pinPolicy(RETENTION_SCHEDULE, sha256)] as const,
  calendars: loadCalendars(join(ROOT, 'calendars')),
  tzdata: process.versions['tz'] ?? 'unknown',
};

const IN_USE: ConfigurationFacts = {
  recordClass: 'console-configuration-data',
  zone: 'Asia/Shanghai',
  calendars: ['CN'],
  featurePeriods: [{ startedAt: '2015-01-01T00:00:00Z', endedAt: null }],
  deletionRequests: [],
  holds: [],
};

const windowOf = (change: Partial<ConfigurationFacts>): Window =>
  computeWindow({ ...IN_USE, ...change }, context);

describe('the kinds of data that are collected', () => {
  it('are the fifteen fingerprints of the agreement and the four kinds of assets [DC-1]', () => {
    expect([...FINGERPRINT_KINDS].sort()).toEqual([
      'account',
      'database',
      'environment-variable',
      'jar-package',
      'kernel-module',
      'port',
      'process',
      'resource-monitoring',
      'scheduled-task',
      'software-application',
      'startup-service',
      'web-application',
      'web-framework',
      'web-service',
      'web-site',
    ]);
    expect([...ASSET_KINDS].sort()).toEqual(['cluster', 'container', 'host', 'image-repository']);
  });
});

describe('configuration while the Feature is in use', () => {
  it('has no window, however old it is, until its deletion is requested [CC-1]', () => {
    const untouched = windowOf({});
    expect([untouched.earliestAt, untouched.deleteNotBefore, untouched.latestAt]).toEqual([
      null,
      null,
      null,
    ]);
    expect(untouched.dueOn).toBeNull();
  });

  it('has one as soon as a request is made, or the Feature ends [CC-1]', () => {
    const requested = windowOf({
      deletionRequests: [{ receivedAt: '2026-03-02T04:00:00Z', withdrawnAt: null }],
    });
    const ended = windowOf({
      featurePeriods: [{ startedAt: '2015-01-01T00:00:00Z', endedAt: '2026-03-02T04:00:00Z' }],
    });
    expect(requested.earliestAt).toBe('2026-03-02T04:00:00Z');
    expect(ended.earliestAt).toBe('2026-04-02T16:00:00Z');
  });

  it('has none again when the request is withdrawn in time [CC-1]', () => {
    const withdrawn = windowOf({
      deletionRequests: [
        { receivedAt: '2026-03-02T04:00:00Z', withdrawnAt: '2026-03-03T04:00:00Z' },
      ],
    });
    expect(withdrawn.earliestAt).toBeNull();
    expect(withdrawn.breaches).toEqual([]);
  });
});
