import { createEngineHarness, type EngineHarness } from '../support/engine';
import { approveRelease, placeOver, release } from '../support/holds';
import { IS_LONG } from '../support/long-form';
import { assetDays, objectsOf } from '../support/tenant-life';
import {
  archivedIn,
  certificatesOf,
  Died,
  dueDay,
  intercepting,
  keysGone,
  placesOf,
  retained,
  rowsOf,
  type Interception,
} from '../support/withheld';

let engine: EngineHarness;
/** What happens before the next statement that matches it. */
let interception: Interception | null = null;
beforeAll(async () => {
  engine = await createEngineHarness((stores) => ({
    ...stores,
    sql: (...login) => intercepting(stores.sql(...login), () => interception),
  }));
});
beforeEach(() => engine.setClock('2030-01-07T01:00:00Z'));
afterEach(() => {
  interception = null;
});
afterAll(() => engine.remove());

const HOUR_MS = 3_600_000;
const at = (instant: string, shiftMs = 0): Promise<void> =>
  engine.setClock(new Date(Date.parse(instant) + shiftMs).toISOString());

/** Once, before a statement that matches: what somebody else does meanwhile. */
function meanwhile(pattern: RegExp, act: () => Promise<void>): void {
  interception = {
    at: pattern,
    act: () => {
      interception = null;
      return act();
    },
  };
}

const FIRST_END_MS = Date.parse('2030-10-01T01:00:00Z');
let lives = 0;

/**
 * Both hosts are seen on 7 January and, with another shell, on 1 March; everything is due on one day, each life on
 * one of its own.
 */
const seenTwice = () => {
  lives += 1;
  const endsAt = new Date(FIRST_END_MS + lives * 24 * HOUR_MS).toISOString();
  return retained(engine, { at: '2030-03-01T01:00:00Z', endsAt });
};

const over = (tenantId: string, more: object) =>
  placeOver(engine, [{ tenantId, recordClass: 'asset-basic-data', ...more }]);

/** Of each host: basics, root's account, two ports, a risk and the scan in two versions or one, and the link. */
const OF_BOTH = 20;
const verdictsOn = (runId: string) =>
  rowsOf(
    engine.root('control'),
    'SELECT hold_id, withheld, rest FROM split_verdicts WHERE run_id = ? ORDER BY verified_at',
    [runId],
  );

/** Of each range what stays of both hosts, by place; the last one in the long form. */
const RANGES = [
  [
    'an end',
    { collectedTo: '2030-02-01T00:00:00Z' },
    { asset_links: 2, assets: 2, fingerprints: 6, image_risks: 2, scans: 2 },
  ],
  [
    'a beginning',
    { collectedFrom: '2030-02-01T00:00:00Z' },
    { asset_links: 2, assets: 2, fingerprints: 6, image_risks: 2, scans: 2 },
  ],
  [
    'both',
    { collectedFrom: '2030-01-10T00:00:00Z', collectedTo: '2030-02-01T00:00:00Z' },
    { asset_links: 2, assets: 2, fingerprints: 4 },
  ],
] as const;

describe('a due day that a hold over a range of collection covers in part', () => {
  it.each(IS_LONG ? RANGES : RANGES.slice(0, 2))(
    'with %s keeps what was collected in it, and the rest goes with a certificate that lists it [CC-4] [AB-3]',
    async (_, range, places) => {
      const { tenantId } = await seenTwice();
      const before = await dueDay(engine, tenantId);
      expect(before.records).toBe(OF_BOTH);
      const all = await archivedIn(engine, tenantId, before);
      const { holdId } = await over(tenantId, range);
      await at(before.deleteNotBefore ?? '', 1);
      await engine.destroy(tenantId);
      expect(await keysGone(engine, tenantId)).toEqual([`asset:${before.runId}:${before.dueOn}`]);
      const child = await dueDay(engine, tenantId);
      expect(child).toMatchObject({ splitFrom: { runId: before.runId, holdId } });
      const kept = await archivedIn(engine, tenantId, child);
      expect(placesOf(kept)).toEqual(
        Object.fromEntries(Object.entries(places).map(([place, n]) => [`assets.${place}`, n])),
      );
      expect(kept.every((record) => all.includes(record))).toBe(true);
      const [certificate] = (await certificatesOf(engine, tenantId)).filter(
        ({ runId }) => runId === before.runId,
      );
      expect(certificate).toMatchObject({
        withheld: [
          { ground: 'legal-hold', groundKind: 'litigation', holdId, records: kept.length },
        ],
      });
      await release(engine, holdId);
      await at(await engine.now(), 3 * HOUR_MS);
      expect((await engine.destroy(tenantId)).snapshot.ended).toBe(true);
      expect(await objectsOf(engine, tenantId)).toBe(0);
    },
  );

  it('is split again when another hold covers a part of what was withheld [CC-4]', async () => {
    const { tenantId, asset } = await seenTwice();
    const before = await dueDay(engine, tenantId);
    await at(before.deleteNotBefore ?? '', 1);
    const first = await over(tenantId, { collectedFrom: '2030-02-01T00:00:00Z' });
    await engine.destroy(tenantId);
    const child = await dueDay(engine, tenantId);
    const second = await over(tenantId, { assetId: asset, collectedFrom: '2030-01-08T00:00:00Z' });
    await release(engine, first.holdId);
    await at(await engine.now(), 3 * HOUR_MS);
    const mine = await archivedIn(engine, tenantId, { ...child, asset });
    await engine.destroy(tenantId);
    const grandchild = await dueDay(engine, tenantId);
    expect(grandchild).toMatchObject({
      splitFrom: { runId: child.runId, holdId: second.holdId },
      records: mine.length,
    });
    expect(await archivedIn(engine, tenantId, grandchild)).toEqual(mine);
    expect(await keysGone(engine, tenantId)).toHaveLength(2);
    await release(engine, second.holdId);
    await at(await engine.now(), 3 * HOUR_MS);
    expect((await engine.destroy(tenantId)).snapshot.ended).toBe(true);
    expect(await objectsOf(engine, tenantId)).toBe(0);
    const all = await certificatesOf(engine, tenantId);
    const listed = all.flatMap(({ runId, withheld }) =>
      (withheld as { runId: string; records: number }[]).map((one) => [
        runId,
        one.runId,
        one.records,
      ]),
    );
    expect(listed).toEqual([
      [before.runId, child.runId, child.records],
      [child.runId, grandchild.runId, mine.length],
    ]);
  });

  it('stays whole where the end of a sighting was left behind: under an end and then under a beginning [CC-4]', async () => {
    const { tenantId } = await seenTwice();
    const before = await dueDay(engine, tenantId);
    await at(before.deleteNotBefore ?? '', 1);
    const first = await over(tenantId, { collectedTo: '2030-02-01T00:00:00Z' });
    // The basics were seen in March as well, and no scan beside them says so any more.
    const second = await over(tenantId, { collectedFrom: '2030-02-15T00:00:00Z' });
    await engine.destroy(tenantId);
    expect(await keysGone(engine, tenantId)).toEqual([]);
    await release(engine, first.holdId);
    await at(await engine.now(), 3 * HOUR_MS);
    await engine.destroy(tenantId);
    expect(await keysGone(engine, tenantId)).toEqual([]);
    const waiting = assetDays(await engine.snapshot(tenantId));
    expect(waiting).toHaveLength(2);
    for (const day of waiting)
      expect(day).toMatchObject({ heldBy: [{ holdId: second.holdId, whole: true }] });
    await release(engine, second.holdId);
    await at(await engine.now(), 3 * HOUR_MS);
    expect((await engine.destroy(tenantId)).snapshot.ended).toBe(true);
    expect(await objectsOf(engine, tenantId)).toBe(0);
  });
});

describe('a due day that is being split', () => {
  it('is not let go when a second hold is placed a moment before the split is on record [CC-4]', async () => {
    const { tenantId, asset, other } = await seenTwice();
    const before = await dueDay(engine, tenantId);
    await at(before.deleteNotBefore ?? '', 1);
    const first = await over(tenantId, { assetId: asset });
    let second = '';
    meanwhile(/INSERT INTO manifest_batches/, async () => {
      const scope = { assetId: other, collectedTo: '2030-02-01T00:00:00Z' };
      second = (await over(tenantId, scope)).holdId;
    });
    await engine.destroy(tenantId);
    expect(second).not.toBe('');
    expect(await keysGone(engine, tenantId)).toEqual([]);
    // It is split for the second as well, and only what neither covers goes.
    await engine.destroy(tenantId);
    expect(await keysGone(engine, tenantId)).toEqual([`asset:${before.runId}:${before.dueOn}`]);
    const [certificate] = (await certificatesOf(engine, tenantId)).filter(
      ({ runId }) => runId === before.runId,
    );
    expect(certificate).toMatchObject({
      withheld: [
        { holdId: first.holdId, records: OF_BOTH / 2 },
        { holdId: second, records: 7 },
      ],
    });
    expect(await verdictsOn(before.runId)).toEqual([
      { hold_id: first.holdId, withheld: '10', rest: '10' },
      { hold_id: second, withheld: '7', rest: '3' },
    ]);
  });

  it('goes as a whole when the hold is released in the middle, and what was written goes as well [CC-4] [AB-3]', async () => {
    const { tenantId, asset } = await seenTwice();
    const before = await dueDay(engine, tenantId);
    await at(before.deleteNotBefore ?? '', 1);
    const { holdId } = await over(tenantId, { assetId: asset });
    const releasedAt = await approveRelease(engine, holdId);
    meanwhile(/INSERT INTO manifest_batches/, () => at(releasedAt, 1));
    await engine.destroy(tenantId);
    const splits = await rowsOf(
      engine.root('control'),
      'SELECT * FROM cohort_splits WHERE run_id = ?',
      [before.runId],
    );
    expect(splits).toEqual([]);
    await at(releasedAt, 3 * HOUR_MS);
    await engine.destroy(tenantId);
    expect(await keysGone(engine, tenantId)).toContain(`asset:${before.runId}:${before.dueOn}`);
    const [certificate] = (await certificatesOf(engine, tenantId)).filter(
      ({ runId }) => runId === before.runId,
    );
    expect(certificate).toMatchObject({ withheld: [] });
    await engine.runWork(tenantId);
    await at(await engine.now(), 5 * HOUR_MS);
    await engine.destroy(tenantId);
    expect((await engine.destroy(tenantId)).snapshot.ended).toBe(true);
    expect(await objectsOf(engine, tenantId)).toBe(0);
  });
});

describe('a due day whose split was judged long ago', () => {
  /** Split, and nothing has gone: the worker died before the first permit. */
  async function splitOnly() {
    const { tenantId, asset } = await seenTwice();
    const before = await dueDay(engine, tenantId);
    await at(before.deleteNotBefore ?? '', 1);
    const { holdId } = await over(tenantId, { assetId: asset });
    interception = { at: /CALL issue_destroy_permit/ };
    await expect(engine.destroy(tenantId)).rejects.toThrow(Died);
    interception = null;
    return { tenantId, before, holdId };
  }

  const askPermit = async (tenantId: string, before: { runId: string; dueOn: string }) =>
    engine.stores
      .sql('issuer', 'control')
      .execute('CALL issue_destroy_permit(?, ?, ?, ?, ?, 0, ?, 60)', [
        ...['pm_0000000000000077', tenantId, before.runId, before.dueOn],
        `asset:${before.runId}:${before.dueOn}`,
        (await engine.now()).replace('T', ' ').replace('Z', ''),
      ]);

  it('gets no permit for the old verdict, and goes once the verifier has looked again [CC-4]', async () => {
    const { tenantId, before } = await splitOnly();
    expect(await verdictsOn(before.runId)).toHaveLength(1);
    await at(await engine.now(), 25 * HOUR_MS);
    await expect(askPermit(tenantId, before)).rejects.toMatchObject({ code: 'PERMIT_REFUSED' });
    await engine.destroy(tenantId);
    expect(await verdictsOn(before.runId)).toHaveLength(2);
    expect(await keysGone(engine, tenantId)).toEqual([`asset:${before.runId}:${before.dueOn}`]);
  });

  it('stays when what is withheld is no longer what was judged [CC-4]', async () => {
    const { tenantId, before } = await splitOnly();
    const [child] = assetDays(await engine.snapshot(tenantId)).filter(
      ({ splitFrom }) => splitFrom !== undefined,
    );
    const kept = await archivedIn(engine, tenantId, before);
    const root = engine.root('control');
    await root.execute(
      `UPDATE cohorts SET records = records - 1 WHERE run_id = '${child?.runId ?? ''}'`,
    );
    await expect(askPermit(tenantId, before)).rejects.toMatchObject({ code: 'PERMIT_REFUSED' });
    expect((await engine.destroy(tenantId)).blockedOn).toBe('verification');
    expect(await keysGone(engine, tenantId)).toEqual([]);
    expect(await archivedIn(engine, tenantId, before)).toEqual(kept);
  });
});
