import { join } from 'node:path';
import type { TenantFacts } from '../../src/activities/control/tenant-facts';
import { bindDrafts } from '../../src/activities/disposition/drafts';
import { bindDueDays } from '../../src/activities/disposition/due-days';
import type { RunRow } from '../../src/activities/disposition/run-rows';
import { bindDeriveWindow } from '../../src/activities/windows/derive-window';
import type { DerivedWindow, DeriveWindow } from '../../src/contracts/windows';
import { loadCalendars } from '../../src/platform/calendars';
import { loadPolicies } from '../../src/platform/policies/load-policies';

const ENDED_AT = '2026-05-20T01:00:00.000000Z';
const REQUESTED_AT = '2026-02-10T05:00:00.000000Z';
const derive = bindDeriveWindow({
  policies: loadPolicies(join(__dirname, '..', '..', 'policies')),
  calendars: loadCalendars(join(__dirname, '..', '..', 'calendars')),
  tzdata: process.versions['tz'] ?? 'unknown',
});

const factsIn = (zone: string): TenantFacts => ({
  tenantId: 'tn_dueonwhichday0000000',
  now: ENDED_AT,
  zone,
  calendars: ['CN'],
  policyVersions: [1],
  periods: [
    {
      subscriptionId: 'sb_1',
      subject: 'CVM',
      startedAt: '2025-11-01T00:00:00.000000Z',
      endedAt: ENDED_AT,
    },
  ],
  requests: [
    {
      requestId: 'rq_1',
      recordClass: 'asset-basic-data',
      receivedAt: REQUESTED_AT,
      withdrawnAt: null,
      orderId: null,
    },
  ],
  holds: [],
  attestedJurisdictions: ['SG'],
  attestationWithdrawn: false,
  generation: 1,
});

const runOf = (eventKind: 'termination' | 'request' | 'stray'): RunRow => ({
  runId: 'rn_1',
  tenantId: 'tn_dueonwhichday0000000',
  eventId: 'ev_1',
  recordClass: 'asset-basic-data',
  eventKind,
  eventRef: eventKind === 'request' ? 'rq_1' : 'sb_1',
  eventAt: eventKind === 'request' ? REQUESTED_AT : ENDED_AT,
  generation: 1,
  cutoffAt: eventKind === 'request' ? REQUESTED_AT : null,
  generationFrom: null,
  generationTo: null,
  subjects: ['CVM'],
  states: new Set(),
});

/** Instants over half a year in no order, and the last and first moments of many days in the zone. */
function instants(until: string): readonly string[] {
  const found: string[] = [];
  const first = Date.parse('2025-11-02T00:00:00Z');
  let state = 20260520;
  for (let index = 0; index < 200; index += 1) {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    const at = first + (state % (190 * 24 * 60)) * 60_000;
    for (const milliseconds of [at, at - (at % 86_400_000) + 16 * 3_600_000 - (index % 2)]) {
      found.push(`${new Date(milliseconds).toISOString().slice(0, -1)}${index % 10}00Z`);
    }
  }
  return found.filter((instant) => instant <= until);
}

describe('the due day of an observation', () => {
  it.each(['termination', 'request', 'stray'] as const)(
    'is the one that its own derivation gives, after a %s and in whatever order they come [AB-3] [DR-1]',
    (eventKind) => {
      for (const zone of ['Asia/Shanghai', 'America/New_York', 'Australia/Lord_Howe']) {
        const run = runOf(eventKind);
        const until = run.cutoffAt ?? ENDED_AT;
        const own = bindDrafts({ derive }, factsIn(zone), run);
        const dayOf = bindDueDays({ derive }, factsIn(zone), run);
        const all = instants(until);
        for (const instant of all) expect(dayOf(instant).dueOn).toBe(own(instant).dueOn);
      }
    },
  );

  it('is derived a few times for the scans of a day, however many there are', () => {
    let derivations = 0;
    const counting: DeriveWindow = (...given) => {
      derivations += 1;
      return derive(...given);
    };
    const dayOf = bindDueDays({ derive: counting }, factsIn('Asia/Shanghai'), runOf('termination'));
    const first = Date.parse('2026-01-10T17:00:00Z');
    for (let second = 0; second < 36_000; second += 1) {
      const instant = new Date(first + second * 1000).toISOString();
      expect(dayOf(`${instant.slice(0, -1)}000Z`).dueOn).toBe('2026-07-10');
    }
    expect(derivations).toBeLessThan(10);
  });

  it('is refused when a later observation would be due earlier, and nothing is archived then [AB-1]', () => {
    const [first, second, third] = ['2026-01-01', '2026-01-02', '2026-01-03'].map(
      (day) => `${day}T00:00:00.000000Z`,
    ) as [string, string, string];
    const days = new Map([
      [first, '2026-07-02'],
      [third, '2026-07-04'],
      [second, '2026-07-05'],
    ]);
    const wrong: DeriveWindow = (facts) =>
      ({
        dueOn: days.get('collectedAt' in facts ? facts.collectedAt : '') ?? null,
        earliestAt: third,
        baseEarliestAt: null,
        minimumAt: null,
      }) as unknown as DerivedWindow;
    const dayOf = bindDueDays({ derive: wrong }, factsIn('Asia/Shanghai'), runOf('termination'));
    expect([dayOf(third).dueOn, dayOf(first).dueOn]).toEqual(['2026-07-04', '2026-07-02']);
    expect(() => dayOf(second)).toThrow('a later observation would be due earlier');
  });
});
