import { HOLD_FACTS } from '../support/holds';
import { insertRelease } from '../support/released-holds';
import { createControlReader, waitsForOf } from '../../src/activities/control/reader';
import { createBodyStaging } from '../../src/activities/staging/body-staging';
import type { ControlReader } from '../../src/contracts/control-reader';
import type { SqlPool } from '../../src/contracts/sql';
import { createControlHarness, type ControlHarness } from '../support/control';
import { createSqlEnvironment, type SqlEnvironment } from '../support/environment';
import { createSealedRun } from '../support/sealed-run';

const DUE = 'tn_reader00000000001';
const LATER = 'tn_reader00000000002';
const HOLD = 'hd_reader00000000001';

let environment: SqlEnvironment;
let harness: ControlHarness;
let reader: ControlReader;
let root: SqlPool;

beforeAll(async () => {
  environment = await createSqlEnvironment();
  harness = createControlHarness(environment);
  reader = createControlReader(
    environment.pool('reader', 'control'),
    environment.pool('reader', 'evidence'),
  );
  root = environment.pool('root');
  await createSealedRun(environment, { tenantId: DUE });
  await createSealedRun(environment, { tenantId: LATER });
  await root.execute(
    `INSERT INTO cohort_windows VALUES ('rn_${LATER.slice(3)}', '2020-01-01', 2, NULL,
       lethe_now() + INTERVAL 40 DAY, lethe_now() + INTERVAL 90 DAY, '{"because":"AB-3"}', lethe_now(), NULL, NULL)`,
  );
});
afterAll(() => environment.remove());

describe('status from control', () => {
  it('is the same as what a command was answered with, and says who answers', async () => {
    const tenantId = await harness.subscribed('CVM', 'Lighthouse');
    const { snapshot } = await harness.send(tenantId, 'endService', { service: 'CVM' });
    const status = await reader.status(tenantId);
    expect(status).toEqual({
      ...snapshot,
      tenantId,
      revision: status?.revision,
      asOf: status?.asOf,
      waitsFor: 'dispose of asset-basic-data',
      source: 'control',
    });
  });

  it('is nothing for a tenant that never subscribed, and refused for no tenant', async () => {
    expect(await reader.status('tn_reader0000000none')).toBeNull();
    await expect(reader.status('')).rejects.toMatchObject({ code: 'INVALID_TENANT_ID' });
  });

  it('says what the process would wait for', async () => {
    const active = await reader.status(await harness.subscribed('CVM'));
    if (active === null) throw new Error('the tenant is subscribed');
    expect(active.waitsFor).toBe('a command');
    const over = { ...active, work: [], nextDueAt: null };
    expect(waitsForOf({ ...over, ended: true })).toBe('nothing: every promise is kept');
    expect(waitsForOf({ ...over, blockedOn: 'hold' })).toBe('the release of a hold');
    expect(waitsForOf({ ...over, nextDueAt: '2026-01-01T00:00:00Z' })).toContain('2026-01-01');
    expect(waitsForOf({ ...over, work: [{ kind: 'scan', scanId: 'sc_1', summary: '' }] })).toBe(
      'scan sc_1',
    );
  });
});

describe('deadlines', () => {
  it('of one tenant are all its due days that are not over', async () => {
    expect(await reader.deadlines(DUE)).toMatchObject([
      { runId: `rn_${DUE.slice(3)}`, dueOn: '2020-01-01', recordClass: 'asset-basic-data' },
    ]);
    expect(await reader.deadlines('tn_reader0000000none')).toEqual([]);
  });

  it('over tenants come nearest first, each with its own band', async () => {
    const { dueDays, complete } = await reader.deadlinesOf({});
    expect(dueDays.map(({ tenantId, band }) => [tenantId, band])).toEqual([
      [DUE, 'due_soon'],
      [LATER, 'on_track'],
    ]);
    expect(complete).toBe(true);
  });

  it('can be narrowed to a band and to an instant, which is not included', async () => {
    const band = await reader.deadlinesOf({ band: 'on_track' });
    expect(band.dueDays.map(({ tenantId }) => tenantId)).toEqual([LATER]);
    const [first, second] = (await reader.deadlinesOf({})).dueDays;
    const before = async (end: string | null | undefined): Promise<readonly string[]> =>
      (await reader.deadlinesOf({ before: end ?? '' })).dueDays.map(({ tenantId }) => tenantId);
    expect(await before(first?.latestAt)).toEqual([]);
    expect(await before(second?.latestAt)).toEqual([DUE]);
    expect(await before('2199-12-31T23:59:59+08:00')).toEqual([DUE, LATER]);
  });

  it.each(['tomorrow', '2026-03-01T00:00:00', ''])(
    'are refused for %p as an instant',
    async (before) => {
      await expect(reader.deadlinesOf({ before })).rejects.toMatchObject({
        code: 'INVALID_INSTANT',
        field: 'before',
      });
    },
  );

  it('leave out what is certified', async () => {
    const tenantId = 'tn_reader00000000003';
    const { runId, dueOn } = await createSealedRun(environment, { tenantId });
    expect(await reader.deadlines(tenantId)).toHaveLength(1);
    await root.execute(
      `INSERT INTO cohort_states VALUES ('${runId}', '${dueOn}', 'certified', lethe_now())`,
    );
    expect(await reader.deadlines(tenantId)).toEqual([]);
    const all = await reader.deadlinesOf({});
    expect(all.dueDays.map((day) => day.tenantId)).not.toContain(tenantId);
  });
});

describe('due days under a hold', () => {
  const WIDE = 'hd_reader00000000wide';
  const OTHERS = 1000;

  it('of a thousand tenants are read in a few statements, and are those of its tenants alone [CC-4]', async () => {
    await root.execute(
      `INSERT INTO holds (hold_id, placed_at, placed_by, review_on, ground_digest, matter, ground_kind, owner)
       VALUES ('${WIDE}', lethe_now(), 'dpo-1', '2200-12-31', 'd', 'mt-0001', 'litigation', 'legal-1')`,
    );
    const tenants = Array.from(
      { length: OTHERS },
      (_, n) => `tn_wide${String(n).padStart(13, '0')}`,
    );
    const rows = [...tenants, DUE].map((tenantId, n) => `('${WIDE}', ${n + 1}, '${tenantId}')`);
    await root.execute(
      `INSERT INTO hold_scopes (hold_id, scope_number, tenant_id) VALUES ${rows.join(', ')}`,
    );
    // Most of them have a due day that waits.
    const runs = tenants.slice(1).map((tenantId) => `SELECT '${tenantId}' AS tenant_id`);
    await root.execute(
      `INSERT INTO runs SELECT CONCAT('rn_', SUBSTR(t.tenant_id, 4)), t.tenant_id, event_id, record_class, event_kind,
         event_ref, event_at, generation, cutoff_at, generation_from, generation_to, created_at
         FROM runs JOIN (${runs.join(' UNION ALL ')}) t WHERE run_id = 'rn_${DUE.slice(3)}'`,
    );
    await root.execute(
      `INSERT INTO cohorts SELECT r.run_id, c.due_on, r.tenant_id, c.newest_observed_at, c.base_earliest_at,
         c.rule_earliest_at, c.records, c.created_at
         FROM cohorts c JOIN runs r ON r.tenant_id LIKE 'tn_wide%' WHERE c.run_id = 'rn_${DUE.slice(3)}'`,
    );
    let statements = 0;
    const counting = new Proxy(environment.pool('reader', 'control'), {
      get: (pool, name) => {
        if (name === 'query') statements += 1;
        const own: unknown = Reflect.get(pool, name);
        return typeof own === 'function' ? (own.bind(pool) as unknown) : own;
      },
    });
    const counted = createControlReader(counting, counting);
    const kept = await counted.deadlinesUnder(WIDE);
    expect(kept).toHaveLength(OTHERS);
    expect(new Set(kept.map(({ tenantId }) => tenantId))).toEqual(
      new Set([...tenants.slice(1), DUE]),
    );
    expect(kept.every(({ heldBy }) => heldBy?.[0]?.holdId === WIDE)).toBe(true);
    expect(statements).toBeGreaterThan(0);
    expect(statements).toBeLessThan(50);
    expect(await reader.deadlinesUnder('hd_reader000000none0')).toEqual([]);
    await root.execute(`DELETE FROM hold_scopes WHERE hold_id = '${WIDE}'`);
    await root.execute(`DELETE FROM cohorts WHERE tenant_id LIKE 'tn_wide%'`);
  });
});

describe('windows', () => {
  it('come newest first with the derivation that led to them', async () => {
    const windows = await reader.windowsOf(LATER, `rn_${LATER.slice(3)}`, '2020-01-01');
    expect(windows.map(({ windowNumber }) => windowNumber)).toEqual([2, 1]);
    expect(windows[0]?.derivation).toEqual({ because: 'AB-3' });
  });

  it('of another tenant are not shown, whoever asks for the run', async () => {
    expect(await reader.windowsOf(DUE, `rn_${LATER.slice(3)}`, '2020-01-01')).toEqual([]);
  });
});

describe('tenants', () => {
  it('are listed page by page, each once', async () => {
    const seen: string[] = [];
    let after: string | null = null;
    do {
      const page: { tenantIds: readonly string[]; next: string | null } = await reader.listTenants({
        limit: 2,
        ...(after !== null && { after }),
      });
      seen.push(...page.tenantIds);
      after = page.next;
    } while (after !== null);
    const all = await reader.listTenants();
    expect(all.next).toBeNull();
    expect(seen).toEqual(all.tenantIds);
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toContain(DUE);
  });
});

describe('holds, freezes and certificates', () => {
  it('shows a hold with its scopes and release but never its ground [CC-4]', async () => {
    const tenantId = await harness.subscribed('CVM');
    const ground = await createBodyStaging(environment.pool('stager')).grounds.stage(tenantId, {
      ground: 'canary',
    });
    await harness.activities.placeHold({
      holdId: HOLD,
      scopes: [{ tenantId, recordClass: 'asset-basic-data' }, { tenantId: DUE }],
      ground,
      ...HOLD_FACTS,
      reviewOn: '2030-01-31',
    });
    const [hold] = await reader.holdsOf(tenantId);
    expect(hold).toMatchObject({
      holdId: HOLD,
      placedBy: 'dpo-1',
      reviewOn: '2030-01-31',
      groundDigest: ground.digest,
      ...{ matter: 'mt-0001', groundKind: 'litigation', owner: 'legal-1', needsReview: false },
      scopes: [
        { tenantId, recordClass: 'asset-basic-data' },
        { tenantId: DUE, recordClass: null },
      ],
      release: null,
    });
    expect(JSON.stringify(hold)).not.toContain('canary');
    await insertRelease(root, HOLD, { hoursAgo: 1 });
    expect((await reader.hold(HOLD))?.release).toEqual({
      releasedAt: expect.stringMatching(/Z$/) as string,
      releasedBy: 'dpo-1',
      approvedBy: 'dpo-2',
    });
    expect(await reader.hold('hd_reader000000none0')).toBeNull();
  });

  it('counts a freeze as in force until two people have lifted it', async () => {
    await root.execute(`INSERT INTO freezes VALUES ('fz_1', 'global', lethe_now(), 'ops-1')`);
    await root.execute(`INSERT INTO freezes VALUES ('fz_2', '${DUE}', lethe_now(), 'ops-1')`);
    await root.execute(`INSERT INTO freeze_lifts VALUES ('fz_1', 'ops-1', lethe_now())`);
    expect(await reader.freezes()).toMatchObject([
      { freezeId: 'fz_1', scope: 'global', liftedBy: ['ops-1'], inForce: true },
    ]);
    await root.execute(`INSERT INTO freeze_lifts VALUES ('fz_1', 'ops-2', lethe_now())`);
    expect(await reader.freezes(DUE)).toMatchObject([
      { freezeId: 'fz_1', inForce: false },
      { freezeId: 'fz_2', scope: DUE, inForce: true },
    ]);
    expect(await reader.freezes(LATER)).toHaveLength(1);
  });

  it('lists certificates of one tenant, and yields one with the text its digest covers', async () => {
    await environment
      .pool('root', 'evidence')
      .execute(
        `INSERT INTO certificates VALUES ('ct_1', '${DUE}', 'rn_1', '2020-01-01', '{"a":1}', 'd', '2026-01-01 00:00:00')`,
      );
    expect(await reader.certificatesOf(DUE)).toEqual([
      {
        certificateId: 'ct_1',
        tenantId: DUE,
        runId: 'rn_1',
        dueOn: '2020-01-01',
        digest: 'd',
        issuedAt: '2026-01-01T00:00:00.000000Z',
      },
    ]);
    expect(await reader.certificatesOf(LATER)).toEqual([]);
    expect((await reader.certificate('ct_1'))?.body).toBe('{"a":1}');
    expect(await reader.certificate('ct_2')).toBeNull();
  });
});

describe("the reader's login", () => {
  it('reads neither staged bodies nor grounds of holds', async () => {
    const pool = environment.pool('reader');
    for (const table of ['staging', 'hold_grounds']) {
      await expect(pool.query(`SELECT COUNT(*) FROM ${table}`)).rejects.toThrow(/DENIED/);
    }
  });
});
