import { join } from 'node:path';
import { applyCalendars } from '../../src/activities/control/apply-calendars';
import { planWindows } from '../../src/activities/control/plan-windows';
import { readDueDays } from '../../src/activities/control/read-snapshot';
import { bindDeriveWindow } from '../../src/activities/windows/derive-window';
import type { DueDay } from '../../src/contracts/snapshot';
import type { WindowPlan } from '../../src/contracts/window-plans';
import type { DeriveWindow } from '../../src/contracts/windows';
import { loadCalendars } from '../../src/platform/calendars';
import { SHIPPED } from '../support/draft-policy';
import { calendarsWith, madeUp2027, removeFolders, shippedYear } from '../support/calendar-folders';
import { createEngineHarness, type EngineHarness } from '../support/engine';
import { subscribed } from '../support/tenant-life';

const CALENDARS = join(__dirname, '../../calendars');
/** Through 8 January 2027: 28 days from Monday to Friday after 1 December 2026. */
const PROVISIONAL = '2027-01-08T16:00:00.000000Z';
/** Four days of work at weekends of December bring the thirtieth working day forward by one day. */
const MADE_UP_DECEMBER = ['2026-12-19', '2026-12-20', '2026-12-26', '2026-12-27'];

let engine: EngineHarness;
const ruleWith = (folder: string): DeriveWindow =>
  bindDeriveWindow({
    policies: SHIPPED,
    calendars: loadCalendars(folder),
    tzdata: process.versions['tz'] ?? 'unknown',
  });
const planWith = (folder: string): Promise<WindowPlan> =>
  planWindows(engine.stores.sql('reader', 'control'), { derive: ruleWith(folder) });
const apply = (folder: string): ReturnType<typeof applyCalendars> =>
  applyCalendars(
    {
      control: engine.stores.sql('control', 'control'),
      ledger: engine.parts.ledger,
      calendars: loadCalendars(folder),
      derive: ruleWith(folder),
    },
    { appliedBy: 'ops-1' },
    () => Promise.resolve(true),
  );
/** What is stored, without computing anything again. */
const stored = async (tenantId: string): Promise<DueDay | undefined> =>
  (await readDueDays(engine.stores.sql('reader', 'control'), tenantId))[0];
async function asked(): Promise<string> {
  const tenantId = await subscribed(engine, 'CVM');
  await engine.send(tenantId, 'requestDeletion', {
    requestId: `rq_${tenantId.slice(3)}`,
    recordClass: 'console-configuration-data',
  });
  await engine.runWork(tenantId);
  return tenantId;
}

beforeEach(async () => {
  engine = await createEngineHarness();
  await engine.setClock('2026-12-01T01:00:00Z');
});
afterEach(async () => {
  await engine.remove();
  removeFolders();
});

describe('a deadline that was provisional', () => {
  it('becomes final with the new year and keeps its earlier end [CC-2]', async () => {
    const tenantId = await asked();
    expect(await stored(tenantId)).toMatchObject({ latestAt: PROVISIONAL, provisional: true });
    const published = calendarsWith(
      shippedYear('CN/2026', { settledThrough: '2026-12-31' }),
      madeUp2027('2027-12-14'),
    );
    // The thirtieth working day is 13 January by then: nothing moves, for a later end is no news.
    expect((await planWith(published)).moves).toEqual([]);
    expect(await apply(published)).toEqual({ tenants: 1, told: 1 });
    expect(await stored(tenantId)).toMatchObject({ latestAt: PROVISIONAL, provisional: false });
    // A worker that has not heard of the new year changes neither.
    await apply(CALENDARS);
    expect(await stored(tenantId)).toMatchObject({ latestAt: PROVISIONAL, provisional: false });
  });

  it('moves earlier by itself when the new year says so, and never back [CC-2]', async () => {
    const tenantId = await asked();
    const published = calendarsWith(
      shippedYear('CN/2026', { work: MADE_UP_DECEMBER, settledThrough: '2026-12-31' }),
      madeUp2027('2027-12-31'),
    );
    const plan = await planWith(published);
    const earlier = '2027-01-07T16:00:00.000000Z';
    expect(plan.moves).toMatchObject([
      { tenantId, begins: 'same', ends: 'earlier', to: { latestAt: earlier } },
    ]);
    expect(plan.totals).toMatchObject({ endEarlier: 1, endLater: 0 });
    expect(await stored(tenantId)).toMatchObject({ latestAt: PROVISIONAL });
    await apply(published);
    expect(await stored(tenantId)).toMatchObject({ latestAt: earlier, provisional: false });
    await apply(CALENDARS);
    await apply(calendarsWith(madeUp2027('2027-12-14')));
    expect(await stored(tenantId)).toMatchObject({ latestAt: earlier });
  });

  it('is counted anew when a fact changes, by the calendars of that day [CC-2]', async () => {
    const tenantId = await asked();
    const requestId = `rq_${tenantId.slice(3)}`;
    await engine.send(tenantId, 'withdrawDeletion', { requestId });
    await engine.setClock('2026-12-02T01:00:00Z');
    await engine.send(tenantId, 'requestDeletion', {
      requestId: `${requestId}2`,
      recordClass: 'console-configuration-data',
    });
    await engine.runWork(tenantId);
    expect((await stored(tenantId))?.latestAt).toBe('2027-01-11T16:00:00.000000Z');
  });

  it('stays where nothing new was published, and writes no window [CC-2]', async () => {
    const tenantId = await asked();
    const windows = async (): Promise<unknown> =>
      engine.root('control').query('SELECT COUNT(*) AS n FROM cohort_windows');
    const before = await windows();
    await apply(CALENDARS);
    expect(await windows()).toEqual(before);
    expect(await stored(tenantId)).toMatchObject({ latestAt: PROVISIONAL, provisional: true });
  });
});
