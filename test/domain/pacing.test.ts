import {
  DEFAULT_THROTTLE,
  estimatedEnd,
  isQuiet,
  moveBy,
  paceWarning,
  reasonToWait,
  restAfter,
  stillHolds,
  type PaceFacts,
} from '../../src/domain/pacing';

const NIGHT = { from: '22:00', to: '06:00', zone: null };
const FACTS: PaceFacts = {
  throttle: { ...DEFAULT_THROTTLE, quietHours: NIGHT },
  hourAndMinute: '23:00',
  threadsRunning: 1,
  replicaLagMs: 0,
  isCatchingUp: false,
  now: '2030-01-01T23:00:00.000Z',
  moveBy: '2030-01-09T00:00:00.000Z',
  remainingMs: 0,
};
const HOUR_MS = 3_600_000;

describe('quiet hours', () => {
  it.each([
    ['21:59', false],
    ['22:00', true],
    ['23:59', true],
    ['00:00', true],
    ['05:59', true],
    ['06:00', false],
  ])('over midnight at %s: %s', (time, quiet) => {
    expect(isQuiet(time, NIGHT)).toBe(quiet);
  });

  it.each([
    ['08:59', false],
    ['09:00', true],
    ['16:59', true],
    ['17:00', false],
  ])('by day at %s: %s', (time, quiet) => {
    expect(isQuiet(time, { from: '09:00', to: '17:00' })).toBe(quiet);
    expect(isQuiet(time, { from: '09:00', to: '09:00' })).toBe(false);
  });

  it('hold the move up while a day is left beside the work, and give way to the deadline after it [AB-2]', () => {
    expect(reasonToWait(FACTS)).toBe('quiet-hours');
    const lastDay = { ...FACTS, now: '2030-01-07T23:59:59.999Z' };
    expect(reasonToWait(lastDay)).toBe('quiet-hours');
    expect(reasonToWait({ ...lastDay, now: '2030-01-08T00:00:00.000Z' })).toBeNull();
    expect(reasonToWait({ ...lastDay, remainingMs: 1 })).toBeNull();
    const long = { ...FACTS, remainingMs: 7 * 24 * HOUR_MS };
    expect(reasonToWait(long)).toBeNull();
  });
});

describe('a reason that is shown', () => {
  const shown = (reason: string, now: string, rowsLeft: number | null = null): boolean =>
    stillHolds(reason, { now, moveBy: FACTS.moveBy, rowsLeft, rowsPerSecond: 1 });

  it.each([
    ['quiet-hours', false],
    ['replica-lag', false],
    ['paused', true],
    ['freeze', true],
    ['load', true],
    ['CAP_ROWS_PER_BATCH', true],
  ])('%s stays when a deadline presses: %s [AB-2]', (reason, stays) => {
    expect(shown(reason, '2030-01-07T23:59:59.999Z')).toBe(true);
    expect(shown(reason, '2030-01-08T00:00:00.000Z')).toBe(stays);
    expect(shown(reason, '2030-01-07T00:00:00.000Z', 86_400)).toBe(stays);
    expect(shown(reason, '2030-01-07T00:00:00.000Z', 86_399)).toBe(true);
  });
});

describe('an order to wait', () => {
  it('is a pause whatever is due, and load only beyond what was set', () => {
    const paused = { ...FACTS.throttle, paused: true };
    expect(reasonToWait({ ...FACTS, throttle: paused, now: FACTS.moveBy })).toBe('paused');
    const day = { ...FACTS, hourAndMinute: '12:00' };
    expect(reasonToWait({ ...day, threadsRunning: DEFAULT_THROTTLE.threadsRunningMax })).toBeNull();
    expect(reasonToWait({ ...day, threadsRunning: DEFAULT_THROTTLE.threadsRunningMax + 1 })).toBe(
      'load',
    );
    expect(reasonToWait({ ...day, throttle: DEFAULT_THROTTLE, hourAndMinute: '23:00' })).toBeNull();
  });
});

describe('replicas that fall behind', () => {
  const day = { ...FACTS, hourAndMinute: '12:00' };

  it.each([
    [10_000, false, null],
    [10_001, false, 'replica-lag'],
    [null, false, 'replica-lag'],
    [2_000, true, null],
    [2_001, true, 'replica-lag'],
    [null, true, 'replica-lag'],
  ] as const)('by %p ms, catching up: %p, make the move wait: %p', (lag, isCatchingUp, reason) => {
    expect(reasonToWait({ ...day, replicaLagMs: lag, isCatchingUp })).toBe(reason);
  });

  it('give way to the deadline, known or unknown, and never to a pause [AB-2]', () => {
    const late = { ...day, now: '2030-01-08T00:00:00.000Z', replicaLagMs: null };
    expect(reasonToWait(late)).toBeNull();
    const paused = { ...FACTS.throttle, paused: true };
    expect(reasonToWait({ ...late, throttle: paused })).toBe('paused');
  });
});

describe('the rest after a batch', () => {
  it('keeps the limit of rows, and is as long as a slow batch was too slow, up to a second', () => {
    expect(restAfter({ rows: 1000, tookMs: 10 }, null, 0)).toBe(0);
    expect(restAfter({ rows: 1000, tookMs: 50 }, null, 0)).toBe(0);
    expect(restAfter({ rows: 1000, tookMs: 51 }, null, 0)).toBe(1);
    expect(restAfter({ rows: 1000, tookMs: 9000 }, null, 0)).toBe(1000);
    expect(restAfter({ rows: 1000, tookMs: 10 }, 2000, 0)).toBe(490);
    expect(restAfter({ rows: 1000, tookMs: 600 }, 2000, 0)).toBe(550);
  });
});

describe('the rest after a batch while tries fail', () => {
  const batch = { rows: 1000, tookMs: 10 };

  it('grows with every failed try of the last minute, up to five seconds', () => {
    expect(restAfter(batch, null, 0)).toBe(0);
    expect(restAfter(batch, null, 1)).toBe(250);
    expect(restAfter(batch, null, 4)).toBe(1000);
    expect(restAfter(batch, null, 20)).toBe(5000);
    expect(restAfter(batch, null, 1000)).toBe(5000);
  });

  it('comes on top of what the limit of rows and a slow batch ask for', () => {
    expect(restAfter(batch, 2000, 1)).toBe(740);
    expect(restAfter({ rows: 1000, tookMs: 9000 }, null, 2)).toBe(1500);
  });
});

describe('the estimated end', () => {
  const now = '2030-01-01T00:00:00.000Z';

  it('is where the present rate ends the rest', () => {
    expect(estimatedEnd({ now, rowsLeft: 7200, rowsPerSecond: 2 })).toBe(
      '2030-01-01T01:00:00.000Z',
    );
    expect(estimatedEnd({ now, rowsLeft: 0, rowsPerSecond: 2 })).toBe(now);
  });

  it('is not known while nothing moves, or while nobody has counted', () => {
    expect(estimatedEnd({ now, rowsLeft: 7200, rowsPerSecond: 0 })).toBeNull();
    expect(estimatedEnd({ now, rowsLeft: null, rowsPerSecond: 2 })).toBeNull();
  });

  it('is not known when it lies beyond every calendar', () => {
    expect(estimatedEnd({ now, rowsLeft: 1e15, rowsPerSecond: 0.01 })).toBeNull();
  });
});

describe('the warning of a pace', () => {
  const deadline = '2030-01-10T00:00:00.000Z';
  const at = (endsAt: string | null, now = '2030-01-01T00:00:00.000Z') =>
    paceWarning({ now, estimatedEndAt: endsAt, moveBy: deadline, latestAt: null });

  it('comes a day before the estimate passes the deadline, and says so when it does [AB-2]', () => {
    expect(at('2030-01-08T23:59:59.999Z')).toBeNull();
    expect(at('2030-01-09T00:00:00.000Z')).toBe('tight');
    expect(at('2030-01-10T00:00:00.000Z')).toBe('tight');
    expect(at('2030-01-10T00:00:00.001Z')).toBe('too-late');
  });

  it('counts from now while there is no estimate', () => {
    expect(at(null)).toBeNull();
    expect(at(null, '2030-01-09T00:00:00.000Z')).toBe('tight');
    expect(at(null, '2030-01-10T00:00:00.001Z')).toBe('too-late');
  });

  it('minds the end of the first window when that comes first [AB-3]', () => {
    const facts = {
      now: '2030-01-01T00:00:00.000Z',
      estimatedEndAt: '2030-01-03T00:00:00.000Z',
      moveBy: deadline,
    };
    expect(paceWarning({ ...facts, latestAt: '2030-01-02T00:00:00.000Z' })).toBe('too-late');
    expect(paceWarning({ ...facts, latestAt: '2030-02-01T00:00:00.000Z' })).toBeNull();
  });

  it('compares instants, however they are written', () => {
    const facts = { now: '2030-01-01T00:00:00Z', estimatedEndAt: null, moveBy: deadline };
    expect(paceWarning({ ...facts, latestAt: '2030-01-01T08:00:00.000000+08:00' })).toBe('tight');
  });
});

describe('the instant by which live rows must have moved', () => {
  it('leaves 21 of the 30 days to backups in clear [ST-1]', () => {
    expect(moveBy('2030-01-01T00:00:00.000000Z')).toBe('2030-01-10T00:00:00.000Z');
  });
});
