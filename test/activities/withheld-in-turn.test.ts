import { createEngineHarness, type EngineHarness } from '../support/engine';
import { placeOver, release } from '../support/holds';
import { assetDays, objectsOf } from '../support/tenant-life';
import {
  archivedIn,
  certificatesOf,
  Died,
  dueDay,
  intercepting,
  keysGone,
  retained,
  rowsOf,
} from '../support/withheld';

let engine: EngineHarness;
/** The next statement that matches it is never sent: the worker dies there. */
let diesAt: RegExp | null = null;
beforeAll(async () => {
  engine = await createEngineHarness((stores) => ({
    ...stores,
    sql: (...login) =>
      intercepting(stores.sql(...login), () => (diesAt === null ? null : { at: diesAt })),
  }));
  await engine.setClock('2030-01-07T01:00:00Z');
});
afterAll(() => engine.remove());

const HOUR_MS = 3_600_000;
const UNTIL_FEBRUARY = { collectedTo: '2030-02-01T00:00:00Z' };
const at = (instant: string, shiftMs = 0): Promise<void> =>
  engine.setClock(new Date(Date.parse(instant) + shiftMs).toISOString());

/** Releases a hold and lets what it held go. */
async function letGo(tenantId: string, holdId: string) {
  await release(engine, holdId);
  await at(await engine.now(), 3 * HOUR_MS);
  return engine.destroy(tenantId);
}

const keyOf = ({ runId, dueOn }: { readonly runId: string; readonly dueOn: string }): string =>
  `asset:${runId}:${dueOn}`;

describe('a due day that was split twice and still waits', () => {
  it.each([
    ['the other host', (other: string) => ({ assetId: other, ...UNTIL_FEBRUARY }), 1],
    ['both hosts', () => UNTIL_FEBRUARY, 2],
  ] as const)(
    'goes after what the first hold withheld of it has ended, and a hold over %s keeps its part [CC-4] [AB-3]',
    async (_, second, parts) => {
      await engine.setClock('2030-01-07T01:00:00Z');
      const life = { at: '2030-03-01T01:00:00Z', endsAt: `2030-10-0${parts}T01:00:00Z` };
      const { tenantId, asset, other } = await retained(engine, life);
      const before = await dueDay(engine, tenantId);
      const over = (more: object) =>
        placeOver(engine, [{ tenantId, recordClass: 'asset-basic-data', ...more }]);
      const first = await over({ assetId: asset });
      const narrow = await over(second(other));
      // It covers all that is left, so that the due day stays whole for it.
      const wide = await over({ assetId: other });
      await at(before.deleteNotBefore ?? '', 1);
      await engine.destroy(tenantId);
      expect(await keysGone(engine, tenantId)).toEqual([]);
      const withheld = assetDays(await engine.snapshot(tenantId));
      const ofFirst = withheld.find(({ splitFrom }) => splitFrom?.holdId === first.holdId);
      expect(withheld).toHaveLength(3);
      await letGo(tenantId, first.holdId);
      expect(await keysGone(engine, tenantId)).toEqual([keyOf(ofFirst ?? before)]);
      // More than a day has passed: the verifier has to look again before the due day may go.
      expect((await letGo(tenantId, wide.holdId)).blockedOn).not.toBe('verification');
      expect(await keysGone(engine, tenantId)).toContain(keyOf(before));
      const left = assetDays(await engine.snapshot(tenantId));
      expect(left).toHaveLength(parts);
      const kept = await Promise.all(left.map((day) => archivedIn(engine, tenantId, day)));
      // Its certificate does not say that what is held elsewhere is gone.
      const [certificate] = (await certificatesOf(engine, tenantId)).filter(
        ({ runId }) => runId === before.runId,
      );
      const listed = certificate?.['withheld'] as readonly { runId: string; records: number }[];
      expect(listed.map(({ runId, records }) => [runId, records]).sort()).toEqual(
        left.map(({ runId, records }) => [runId, records]).sort(),
      );
      expect(kept.flat()).toHaveLength(listed.reduce((sum, { records }) => sum + records, 0));
      expect(await rowsOf(engine.root('control'), 'SELECT cause FROM breaker_trips')).toEqual([]);
      expect((await letGo(tenantId, narrow.holdId)).snapshot.ended).toBe(true);
      expect(await objectsOf(engine, tenantId)).toBe(0);
    },
  );
});

describe('a due day whose hold is released before its split was judged', () => {
  it('ends completely, and so does what was withheld of it [CC-4] [ST-1]', async () => {
    await engine.setClock('2030-01-07T01:00:00Z');
    const { tenantId, asset } = await retained(engine);
    const before = await dueDay(engine, tenantId);
    await at(before.deleteNotBefore ?? '', 1);
    const { holdId } = await placeOver(engine, [
      { tenantId, recordClass: 'asset-basic-data', assetId: asset },
    ]);
    diesAt = /INSERT INTO split_verdicts/;
    await expect(engine.destroy(tenantId)).rejects.toThrow(Died);
    diesAt = null;
    await letGo(tenantId, holdId);
    expect(await keysGone(engine, tenantId)).toContain(keyOf(before));
    await engine.runWork(tenantId);
    await at(await engine.now(), 5 * HOUR_MS);
    expect((await engine.destroy(tenantId)).snapshot.ended).toBe(true);
    expect(await objectsOf(engine, tenantId)).toBe(0);
  });
});
