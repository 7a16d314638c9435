import { readCaps, setCap, type SetCap } from '../../src/activities/control/caps';
import { createLimitsHarness, type LimitsHarness } from '../support/limits';
import type { SealedRun } from '../support/sealed-run';

let limits: LimitsHarness;

beforeEach(async () => {
  limits = await createLimitsHarness();
});
afterEach(() => limits.remove());

let serial = 0;
const number = (): string => String((serial += 1)).padStart(11, '0');

const order = (change: Partial<SetCap> = {}): SetCap => ({
  cap: 'cohorts-per-hour',
  amount: 5,
  share: 0,
  setBy: 'ops-1',
  reason: 'a smaller step while we watch',
  ...change,
});

const inForce = async (cap: string): Promise<number | undefined> =>
  (await readCaps(limits.ports.control)).find((record) => record.cap === cap)?.inForce?.amount;

const refusedWith = (code: string): object => ({ code });

describe('caps by default', () => {
  it('are all in force in a new environment, so that nobody has to switch them on', async () => {
    const caps = await readCaps(limits.ports.control);
    expect(caps).toHaveLength(7);
    for (const { inForce: value, pending } of caps) {
      expect(value?.amount).toBeGreaterThan(0);
      expect(pending).toBeNull();
    }
  });

  it('let ten tenants lose data within 30 days and stop the eleventh [AB-1]', async () => {
    for (let tenant = 0; tenant < 10; tenant += 1) {
      expect(await limits.issueDestroy(await limits.sealed())).toMatch(/^pm_/);
      await limits.moveClock(25);
    }
    const eleventh = await limits.sealed();
    await expect(limits.issueDestroy(eleventh)).rejects.toMatchObject(
      refusedWith('CAP_TENANTS_PER_30_DAYS'),
    );
    await limits.moveClock(20 * 24);
    expect(await limits.issueDestroy(eleventh)).toMatch(/^pm_/);
  });

  it('let a tenth of many tenants pass, also when that is more than ten', async () => {
    await limits.capAt('unusual-tenants-per-day', 1000);
    for (let tenant = 0; tenant < 120; tenant += 1) {
      await limits.root.execute(`INSERT INTO tenants VALUES (?, 'UTC', 'CN', '1', lethe_now())`, [
        `tn_crowd${number()}`,
      ]);
    }
    await limits.root.execute(
      `INSERT INTO subscriptions SELECT tenant_id, 'sb_1', 'CVM', lethe_now(), lethe_now() FROM tenants`,
    );
    const runs: SealedRun[] = [];
    for (let tenant = 0; tenant < 14; tenant += 1) runs.push(await limits.sealed());
    for (const run of runs.slice(0, 13)) expect(await limits.issueDestroy(run)).toMatch(/^pm_/);
    const beyond = runs[13] as SealedRun;
    await expect(limits.issueDestroy(beyond)).rejects.toMatchObject(
      refusedWith('CAP_TENANTS_PER_30_DAYS'),
    );
  });

  it('refuse when a setting is missing: nothing counts as no limit', async () => {
    await limits.root.execute(`DELETE FROM cap_settings WHERE cap = 'cohorts-per-hour'`);
    await expect(limits.issueDestroy(await limits.sealed())).rejects.toMatchObject(
      refusedWith('PERMIT_REFUSED'),
    );
  });
});

describe('a cap', () => {
  it('on rows stops a batch that has more, for moving too, and trims nothing', async () => {
    const run = await limits.sealed({ rows: 3 });
    await limits.capAt('rows-per-batch', 2);
    await expect(limits.issueMove(run)).rejects.toMatchObject(refusedWith('CAP_ROWS_PER_BATCH'));
    await limits.capAt('rows-per-batch', 3);
    expect(await limits.issueMove(run)).toMatch(/^pm_/);
  });

  it('on cohorts stops the one that is too many, for an hour', async () => {
    await limits.capAt('cohorts-per-hour', 2);
    const [first, second, third] = [
      await limits.sealed(),
      await limits.sealed(),
      await limits.sealed(),
    ];
    await limits.issueDestroy(first);
    await limits.issueDestroy(second);
    await expect(limits.issueDestroy(third)).rejects.toMatchObject(
      refusedWith('CAP_COHORTS_PER_HOUR'),
    );
    // What was counted already is not counted twice: a permit that ran out is asked for again.
    expect(await limits.issueDestroy(second)).toMatch(/^pm_/);
    await limits.moveClock(1.01);
    expect(await limits.issueDestroy(third)).toMatch(/^pm_/);
  });

  it('on the share of a store takes the larger of the amount and the share', async () => {
    const runs: SealedRun[] = [];
    for (let tenant = 0; tenant < 5; tenant += 1) runs.push(await limits.sealed({ rows: 3 }));
    const [first, second] = runs as [SealedRun, SealedRun];
    await limits.capAt('store-share-per-day', 1, 200);
    expect(await limits.issueDestroy(first)).toMatch(/^pm_/);
    await expect(limits.issueDestroy(second)).rejects.toMatchObject(
      refusedWith('CAP_STORE_SHARE_PER_DAY'),
    );
    await limits.moveClock(24.01);
    expect(await limits.issueDestroy(second)).toMatch(/^pm_/);
  });

  it('lets the end of what is irrevocable be finished, whatever it says', async () => {
    await limits.capAt('cohorts-per-hour', 1);
    const [first, begun] = [await limits.sealed(), await limits.sealed()];
    const permit = await limits.issueDestroy(begun);
    await limits.moveClock(1.01);
    await limits.issueDestroy(first);
    await expect(limits.issueDestroy(begun)).rejects.toMatchObject(
      refusedWith('CAP_COHORTS_PER_HOUR'),
    );
    await limits.root.execute(
      `INSERT INTO tombstones VALUES (?, ?, ?, 1, 'k', 'd', ?, lethe_now())`,
      [begun.runId, begun.dueOn, begun.tenantId, permit],
    );
    expect(await limits.issueDestroy(begun)).toMatch(/^pm_/);
  });

  it('lets only one pass when many ask for the last place at once', async () => {
    await limits.capAt('cohorts-per-hour', 3);
    await limits.capAt('unusual-tenants-per-day', 100);
    const runs: SealedRun[] = [];
    for (let tenant = 0; tenant < 8; tenant += 1) runs.push(await limits.sealed());
    const answers = await Promise.allSettled(runs.map((run) => limits.issueDestroy(run)));
    const refused = answers.filter(({ status }) => status === 'rejected');
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
    for (const answer of refused) {
      expect((answer as PromiseRejectedResult).reason).toMatchObject({
        code: 'CAP_COHORTS_PER_HOUR',
      });
    }
    const uses = await limits.root.query('SELECT COUNT(*) AS n FROM cap_uses');
    expect(Number(uses[0]?.['n'])).toBe(3);
  });

  it('leaves no trace of a permit that it refused', async () => {
    await limits.capAt('cohorts-per-hour', 1);
    await limits.issueDestroy(await limits.sealed());
    const run = await limits.sealed();
    await expect(limits.issueDestroy(run)).rejects.toMatchObject(
      refusedWith('CAP_COHORTS_PER_HOUR'),
    );
    const permits = await limits.root.query('SELECT COUNT(*) AS n FROM permits WHERE run_id = ?', [
      run.runId,
    ]);
    expect(Number(permits[0]?.['n'])).toBe(0);
  });
});

describe('setting a cap', () => {
  it('to a stricter value takes effect at once', async () => {
    const known = await setCap(limits.ports, order());
    expect(known).toMatchObject({ inForce: { amount: 5, setBy: 'ops-1' }, pending: null });
  });

  it('to a looser value waits a day, is shown meanwhile and is replaced by a later one', async () => {
    const looser = await setCap(limits.ports, order({ amount: 5000 }));
    expect(looser).toMatchObject({ inForce: { amount: 1000 }, pending: { amount: 5000 } });
    await limits.moveClock(23);
    expect(await inForce('cohorts-per-hour')).toBe(1000);
    const other = await setCap(limits.ports, order({ amount: 2000 }));
    expect(other).toMatchObject({ inForce: { amount: 1000 }, pending: { amount: 2000 } });
    await limits.moveClock(2);
    expect(await inForce('cohorts-per-hour')).toBe(1000);
    await limits.moveClock(22.01);
    expect(await inForce('cohorts-per-hour')).toBe(2000);
    expect((await readCaps(limits.ports.control)).flatMap(({ pending }) => pending ?? [])).toEqual(
      [],
    );
  });

  it('counts in SQL exactly when it is shown as in force', async () => {
    await limits.capAt('cohorts-per-hour', 1);
    await limits.issueDestroy(await limits.sealed());
    const run = await limits.sealed();
    await setCap(limits.ports, order({ amount: 2 }));
    await expect(limits.issueDestroy(run)).rejects.toMatchObject(
      refusedWith('CAP_COHORTS_PER_HOUR'),
    );
    await limits.moveClock(24.01);
    await limits.issueDestroy(await limits.sealed());
    expect(await limits.issueDestroy(run)).toMatch(/^pm_/);
  });

  it('shortens the delay itself only after the delay', async () => {
    const shorter = await setCap(limits.ports, order({ cap: 'loosening-hours', amount: 1 }));
    expect(shorter).toMatchObject({ inForce: { amount: 24 }, pending: { amount: 1 } });
    const longer = await setCap(limits.ports, order({ cap: 'loosening-hours', amount: 48 }));
    expect(longer).toMatchObject({ inForce: { amount: 48 }, pending: null });
  });

  it('is in the evidence with its values and without the words of the reason', async () => {
    await setCap(limits.ports, order());
    await setCap(limits.ports, order());
    expect(limits.acts.map(({ kind, subject }) => [kind, subject])).toEqual([
      ['cap-set', 'cohorts-per-hour/2'],
      ['cap-set', 'cohorts-per-hour/2'],
    ]);
    expect(limits.acts[0]?.details).toMatchObject({ amount: 5, setBy: 'ops-1' });
    expect(JSON.stringify(limits.acts)).not.toContain('watch');
  });

  it.each([
    ['reason', { reason: 'because' }],
    ['amount', { amount: 0 }],
    ['amount', { amount: 1.5 }],
    ['cap', { cap: 'everything' as SetCap['cap'] }],
    ['setBy', { setBy: '' }],
  ])('with a wrong %s is refused and changes nothing', async (...[field, change]) => {
    await expect(setCap(limits.ports, order(change))).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      field,
    });
    expect(await inForce('cohorts-per-hour')).toBe(1000);
  });

  it('is possible through the procedure alone', async () => {
    const own = `INSERT INTO cap_settings VALUES ('cohorts-per-hour', 9, 9, 0, lethe_now(), lethe_now(), 'me', 'x')`;
    await expect(limits.ports.control.execute(own)).rejects.toThrow(/DENIED/);
    const share = limits.ports.control.execute('CALL set_cap(?, ?, ?, ?, ?)', [
      ...['tenants-per-30-days', 10, 1001, 'ops-1', 'more than all of them'],
    ]);
    await expect(share).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });
});
