import { createControlReader } from '../../src/activities/control/reader';
import { setLegalHold } from '../../src/activities/objects/legal-hold';
import { listEverything } from '../../src/activities/objects/list-everything';
import type { ControlReader } from '../../src/contracts/control-reader';
import { createEngineHarness, type EngineHarness } from '../support/engine';
import { approveRelease, newHoldId, placeOver, release } from '../support/holds';
import { hostReport, newAsset } from '../support/observations';
import { assetDays, ended, objectsOf, withHost } from '../support/tenant-life';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

let engine: EngineHarness;
let reader: ControlReader;
beforeEach(async () => {
  engine = await createEngineHarness();
  await engine.setClock('2030-01-07T01:00:00Z');
  reader = createControlReader(
    engine.stores.sql('reader', 'control'),
    engine.stores.sql('reader', 'evidence'),
  );
});
afterEach(() => engine.remove());

const at = (instant: string, shiftMs = 0): Promise<void> =>
  engine.setClock(new Date(Date.parse(instant) + shiftMs).toISOString());

const asset = (tenantId: string) => ({ tenantId, recordClass: 'asset-basic-data' as const });

/** A tenant whose archive is due now. */
async function due(): Promise<{ readonly tenantId: string; readonly asset: string }> {
  const host = await withHost(engine, 'CVM');
  await engine.send(host.tenantId, 'endService', { service: 'CVM' });
  await engine.send(host.tenantId, 'endFeature', {});
  const retained = await engine.runWork(host.tenantId);
  engine.hosted = [ended('CVM')];
  const [day] = assetDays(retained);
  await at(day?.deleteNotBefore ?? '', 1);
  return host;
}

const entries = async (kind: string): Promise<readonly string[]> => {
  const rows = await engine
    .root('evidence')
    .query('SELECT subject FROM entries WHERE kind = ? ORDER BY sequence', [kind]);
  return rows.map((row) => String(row['subject']));
};

/** Keys of a tenant that are gone, as the administrator of their store sees them. */
const keysGone = async (tenantId: string): Promise<readonly string[]> => {
  const rows = await engine
    .root('keys')
    .query('SELECT key_ref FROM key_tombstones WHERE tenant_id = ? ORDER BY key_ref', [tenantId]);
  return rows.map((row) => String(row['key_ref']));
};

describe('the release of a hold', () => {
  it('lets go from two hours after its effect on and seven days long, not before and nobody else [AB-3] [CC-4]', async () => {
    const { tenantId } = await due();
    const { holdId } = await placeOver(engine, [{ tenantId }]);
    const other = await placeOver(engine, [asset(tenantId)]);
    await at('2031-03-01T04:00:00Z');
    const releasedAt = await approveRelease(engine, holdId);
    // Approved: in force, and the process is to wake when that ends.
    const approved = await engine.snapshot(tenantId);
    expect(approved).toMatchObject({ nextDueAt: releasedAt, blockedOn: 'hold', holdsTotal: 2 });
    await at(releasedAt, -60_000);
    expect(await engine.activities.settleHoldRelease({ holdId })).toMatchObject({
      ...{ state: 'release-approved', request: null },
      ...{ requestedBy: 'dpo-1', approvedBy: 'dpo-2' },
    });
    expect((await engine.destroy(tenantId)).snapshot.holdsTotal).toBe(2);
    await at(releasedAt);
    expect((await engine.activities.settleHoldRelease({ holdId })).state).toBe('released');
    // The other hold keeps it all the same.
    const held = assetDays((await engine.destroy(tenantId)).snapshot);
    expect(held).toMatchObject([{ deleteNotBefore: null, latestAt: null }]);

    const overAt = await approveRelease(engine, other.holdId);
    await at(overAt, 1);
    await engine.activities.settleHoldRelease({ holdId: other.holdId });
    const [day] = assetDays(await engine.snapshot(tenantId));
    // 1 March noon in Shanghai, two delays of a day: 3 March, and seven days of which the last counts in full.
    expect(day?.earliestAt).toBe(overAt);
    expect(day?.latestAt).toBe('2031-03-10T16:00:00.000000Z');
    const objects = await objectsOf(engine, tenantId);
    await at(overAt, 2 * HOUR_MS - 1000);
    await engine.destroy(tenantId);
    expect(await objectsOf(engine, tenantId)).toBe(objects);
    await at(overAt, 2 * HOUR_MS + 1);
    expect((await engine.destroy(tenantId)).snapshot.ended).toBe(true);
    expect(await objectsOf(engine, tenantId)).toBe(0);
    expect(await entries('hold-released')).toEqual([
      `${holdId}/${tenantId}`,
      `${other.holdId}/${tenantId}`,
    ]);
  });

  it('that is withdrawn changes nothing: the hold stays beyond the instant of its effect [CC-4]', async () => {
    const { tenantId } = await due();
    const { holdId } = await placeOver(engine, [{ tenantId }]);
    const releasedAt = await approveRelease(engine, holdId);
    const withdrawn = await engine.activities.withdrawHoldRelease({ holdId, withdrawnBy: 'dpo-3' });
    expect(withdrawn).toMatchObject({ state: 'in-force', releasedAt: null });
    await at(releasedAt, 3 * HOUR_MS);
    expect((await engine.activities.settleHoldRelease({ holdId })).state).toBe('in-force');
    const held = await engine.destroy(tenantId);
    expect(held.snapshot).toMatchObject({ nextDueAt: null, blockedOn: 'hold', ended: false });
    expect(await keysGone(tenantId)).toEqual([]);
    // Companion: asked for anew, it ends.
    await release(engine, holdId);
    await at(await engine.now(), 3 * HOUR_MS);
    expect((await engine.destroy(tenantId)).snapshot.ended).toBe(true);
    for (const kind of ['requested', 'approved', 'withdrawn']) {
      expect((await entries(`hold-release-${kind}`)).length).toBeGreaterThan(0);
    }
  });
});

describe('a hold over a due day', () => {
  it('has permit and key refused [AB-1] [CC-4]', async () => {
    const { tenantId } = await due();
    await placeOver(engine, [{ tenantId }]);
    const [day] = assetDays(await engine.snapshot(tenantId));
    if (day === undefined) throw new Error('an archive has a due day');
    const keyRef = `asset:${day.runId}:${day.dueOn}`;
    const issuer = engine.stores.sql('issuer', 'control');
    const now = (await engine.now()).replace('T', ' ').replace('Z', '');
    await expect(
      issuer.execute('CALL issue_destroy_permit(?, ?, ?, ?, ?, 0, ?, 60)', [
        ...['pm_refused0000000001', tenantId, day.runId, day.dueOn, keyRef, now],
      ]),
    ).rejects.toMatchObject({ code: 'PERMIT_REFUSED' });
    await expect(
      engine.stores
        .sql('destroyer', 'keys')
        .execute('CALL destroy_key(?, ?, ?)', ['pm_refused0000000001', tenantId, keyRef]),
    ).rejects.toMatchObject({ code: 'PERMIT_REFUSED' });
    expect(await keysGone(tenantId)).toEqual([]);
  });

  it('has the delete of a locked object refused, even to the administrator [AB-1] [CC-4]', async () => {
    const { tenantId } = await due();
    await placeOver(engine, [{ tenantId }]);
    const verifier = engine.parts.objects('verifier');
    const listing = await listEverything(verifier, { bucket: 'archive', prefix: `${tenantId}/` });
    const [object] = listing.versions;
    if (object === undefined) throw new Error('an archive has objects');
    const before = await objectsOf(engine, tenantId);
    const { name, versionId } = object;
    const bucket = `${engine.environment.name}-archive`;
    const deleting = (): Promise<void> => engine.admin.removeObject(bucket, name, { versionId });
    await expect(deleting()).rejects.toMatchObject({ code: 'AccessDenied' });
    expect(await objectsOf(engine, tenantId)).toBe(before);
    // Companion: without the lock the same call deletes.
    await setLegalHold(engine.admin, { bucket, name, versionId }, 'OFF');
    await deleting();
    expect(await objectsOf(engine, tenantId)).toBe(before - 1);
  });

  it('keeps the runs of its asset or service and no others [CC-4] [HS-1]', async () => {
    const { tenantId, asset: first } = await withHost(engine, 'CVM');
    const second = newAsset();
    await engine.send(tenantId, 'attachService', { service: 'Lighthouse' });
    await engine.send(tenantId, 'linkAsset', { assetId: second, services: ['Lighthouse'] });
    await engine.observe(hostReport(tenantId, second, { observedAt: await engine.now() }));
    await engine.send(tenantId, 'endService', { service: 'CVM' });
    await engine.send(tenantId, 'endService', { service: 'Lighthouse' });
    await engine.runWork(tenantId);
    const heldRuns = async (): Promise<number> =>
      assetDays(await engine.snapshot(tenantId)).filter((day) => day.deleteNotBefore === null)
        .length;
    expect(assetDays(await engine.snapshot(tenantId))).toHaveLength(2);
    expect(await heldRuns()).toBe(0);
    await placeOver(engine, [{ ...asset(tenantId), assetId: first }]);
    expect(await heldRuns()).toBe(1);
    await placeOver(engine, [{ ...asset(tenantId), hostingService: 'CVM' }]);
    expect(await heldRuns()).toBe(1);
    await placeOver(engine, [{ ...asset(tenantId), hostingService: 'Lighthouse' }]);
    expect(await heldRuns()).toBe(2);

    engine.hosted = [ended('CVM'), ended('Lighthouse')];
    await at('2031-01-01T00:00:00Z');
    await engine.destroy(tenantId);
    expect(await keysGone(tenantId)).toEqual([]);
  });

  it('lets the due days go that lie outside of its range of collection [AB-3] [CC-4]', async () => {
    const tenantId = await days(3);
    const { dueDays } = await engine.snapshot(tenantId);
    // Collected on the 7th, 8th and 9th of January at one o'clock; the range takes the second day only.
    await placeOver(engine, [
      {
        ...asset(tenantId),
        collectedFrom: '2030-01-08T00:00:00Z',
        collectedTo: '2030-01-09T00:00:00+00:00',
      },
    ]);
    const held = assetDays(await engine.snapshot(tenantId)).filter((day) => day.latestAt === null);
    expect(held).toHaveLength(1);
    await engine.destroy(tenantId);
    expect(await keysGone(tenantId)).toHaveLength(dueDays.length - 1);
    expect((await keysGone(tenantId)).join()).not.toContain(held[0]?.dueOn ?? '?');
  });
});

/** A tenant with as many due days as days on which one of its hosts was seen last; all of them due now. */
async function days(count: number): Promise<string> {
  const { tenantId } = await withHost(engine, 'CVM');
  for (let day = 1; day < count; day += 1) {
    await at('2030-01-07T01:00:00Z', day * DAY_MS);
    const host = newAsset();
    await engine.send(tenantId, 'linkAsset', { assetId: host, services: ['CVM'] });
    await engine.observe(hostReport(tenantId, host, { observedAt: await engine.now() }));
  }
  await engine.send(tenantId, 'endService', { service: 'CVM' });
  expect(assetDays(await engine.runWork(tenantId))).toHaveLength(count);
  engine.hosted = [ended('CVM')];
  await at('2030-09-01T00:00:00Z');
  await engine.snapshot(tenantId);
  return tenantId;
}

describe('a hold that comes in the middle of a destruction', () => {
  it('is acknowledged with exactly the keys and records that were gone, and nothing goes after it [AB-1] [CC-4]', async () => {
    const count = 8;
    const tenantId = await days(count);
    const before = await engine.snapshot(tenantId);
    const destroying = engine.destroy(tenantId);
    while ((await keysGone(tenantId)).length < 2) await new Promise(setImmediate);
    const answer = await placeOver(engine, [asset(tenantId)]);
    const acknowledged = await keysGone(tenantId);
    await destroying;
    expect(await keysGone(tenantId)).toEqual(acknowledged);
    expect(acknowledged.length).toBeGreaterThan(1);
    expect(acknowledged.length).toBeLessThan(count);

    const gone = answer.gone ?? [];
    expect(answer.goneTotal).toBe(acknowledged.length);
    expect(gone.flatMap(({ keys }) => keys.map(({ keyRef }) => keyRef)).sort()).toEqual(
      acknowledged,
    );
    const records = new Map(before.dueDays.map((day) => [day.dueOn, day.records]));
    for (const cohort of gone) {
      expect(cohort).toMatchObject({ tenantId, keysLeft: 0, removed: [] });
      const sum = cohort.unreadable.reduce((total, one) => total + one.records, 0);
      expect(sum).toBe(records.get(cohort.dueOn));
    }
    // What is left is still there when its windows are long open, and goes once the hold has ended.
    expect((await engine.destroy(tenantId)).snapshot.blockedOn).toBe('hold');
    expect(await keysGone(tenantId)).toEqual(acknowledged);
    await release(engine, answer.holdId);
    await at(await engine.now(), 3 * HOUR_MS);
    await engine.destroy(tenantId);
    expect(await keysGone(tenantId)).toHaveLength(count);
  });
});

describe('the review of a hold', () => {
  it('is reminded of once for each day of review, from that day on, and releases nothing [CC-4]', async () => {
    const { tenantId } = await withHost(engine, 'CVM');
    const holdId = newHoldId();
    await placeOver(engine, [{ tenantId }], { holdId, reviewOn: '2030-02-01' });
    const needsReview = async (): Promise<boolean | undefined> =>
      (await engine.snapshot(tenantId)).holds[0]?.needsReview;
    await at('2030-01-31T23:59:59Z');
    const early = await engine.activities.sweep();
    expect([await needsReview(), await entries('hold-review-due')]).toEqual([false, []]);
    expect(early.nextAt).toBe('2030-02-01T00:00:00.000000Z');
    expect((await reader.listHolds({ dueForReview: true })).holds).toEqual([]);

    await at('2030-02-01T00:00:00Z');
    expect((await engine.activities.sweep()).tenantsToWake).toEqual([tenantId]);
    await engine.activities.sweep();
    expect(await needsReview()).toBe(true);
    expect((await engine.snapshot(tenantId)).needsHuman).toBe(true);
    expect(await entries('hold-review-due')).toEqual([`${holdId}/${tenantId}/2030-02-01`]);
    expect((await reader.listHolds({ dueForReview: true })).holds).toMatchObject([
      { holdId, needsReview: true, release: null },
    ]);

    await expect(
      engine.activities.reviewHold({ holdId, reviewedBy: 'dpo-2', reviewOn: '2030-02-01' }),
    ).rejects.toMatchObject({ code: 'INVALID_INPUT', field: 'reviewOn' });
    await engine.activities.reviewHold({ holdId, reviewedBy: 'dpo-2', reviewOn: '2030-03-01' });
    expect(await needsReview()).toBe(false);
    expect((await reader.hold(holdId))?.reviewOn).toBe('2030-03-01');
    await at('2031-03-01T00:00:00Z');
    await engine.activities.sweep();
    expect(await entries('hold-review-due')).toHaveLength(2);
    expect((await engine.snapshot(tenantId)).holdsTotal).toBe(1);
  });
});
