import { createHash } from 'node:crypto';
import type { Sql, SqlPool } from '../../src/contracts/sql';
import { createSqlEnvironment, type SqlEnvironment } from '../support/environment';
import { insertHold } from '../support/released-holds';
import {
  createSealedRun,
  issueDestroyPermit,
  liveRows,
  newPermitId,
  type SealedRun,
} from '../support/sealed-run';

/** What one stolen login can still say about a run after others have looked at it. */
let environment: SqlEnvironment;
let root: SqlPool;
let archiver: SqlPool;
let control: SqlPool;
let serial = 0;

beforeAll(async () => {
  environment = await createSqlEnvironment();
  root = environment.pool('root', 'control');
  archiver = environment.pool('archiver');
  control = environment.pool('control');
});
afterAll(() => environment.remove());

const sealed = (): Promise<SealedRun> => {
  serial += 1;
  return createSealedRun(environment, {
    tenantId: `tn_sealed${String(serial).padStart(11, '0')}`,
  });
};

const REFUSED = { code: 'PERMIT_REFUSED' };
const SEALED = { code: 'TAKEN_OVER' };
const LATE_IDS = '[["as_0000000000000001","version-late"]]';
const digestOf = (ids: string): string => createHash('sha256').update(ids).digest('hex');

/** What an archiver could say beside the truth: one row for each table that belongs to a seal. */
const SAYINGS: readonly (readonly [string, string])[] = [
  [
    'manifest_batches',
    `INSERT INTO manifest_batches VALUES (?, 'mysql:assets.image_risks', 2, '', '', '${LATE_IDS}', 1, '${digestOf(LATE_IDS)}')`,
  ],
  [
    'manifest_objects',
    "INSERT INTO manifest_objects VALUES (?, '2020-01-01', 'archive', 9, 'o', 'v', 1, 'd')",
  ],
  [
    'cohorts',
    "INSERT INTO cohorts VALUES (?, '2020-01-02', 'tn_0000000000000000', NULL, NULL, NULL, 0, lethe_now())",
  ],
  ['cohort_keys', "INSERT INTO cohort_keys VALUES (?, '2020-01-01', 'asset:rn_other:2031-01-01')"],
  ['cohort_counts', "INSERT INTO cohort_counts VALUES (?, '2020-01-01', 'mysql:assets.scans', 1)"],
  ['run_assets', "INSERT INTO run_assets VALUES (?, 'as_other00000000000', 0)"],
];

describe('a run that is sealed', () => {
  it.each(SAYINGS)(
    'takes no further row of %s from the login that sealed it [AB-1]',
    async (table, statement) => {
      const run = await sealed();
      await expect(archiver.execute(statement, [run.runId])).rejects.toMatchObject(SEALED);
      // Companion: the login may write there, and does before the seal.
      const unsealed = `rn_${table}`;
      await expect(archiver.execute(statement, [unsealed])).resolves.toBeDefined();
      await expect(
        archiver.execute("INSERT INTO manifests VALUES (?, 'at_1', 'd', lethe_now())", [unsealed]),
      ).resolves.toBeDefined();
    },
  );

  it('moves nothing that no verifier has seen in its copies [AB-2]', async () => {
    const run = await sealed();
    await root.execute(
      `INSERT INTO \`${environment.prefix}_assets\`.image_risks
        VALUES (?, 'as_0000000000000001', 'version-late', 'r', 'malware', 'sc', '2020-01-01', 0, 'd', '{}')`,
      [run.tenantId],
    );
    await archiver.execute(SAYINGS[0]?.[1] ?? '', [run.runId]).catch(() => undefined);
    const permit = newPermitId();
    const moved = environment
      .pool('issuer')
      .execute("CALL issue_move_permit(?, ?, ?, 'mysql:assets.image_risks', 2, 60)", [
        permit,
        run.tenantId,
        run.runId,
      ])
      .then(() =>
        environment
          .pool('purger', 'assets')
          .execute('CALL purge_image_risks(?, ?, 2, ?)', [permit, run.tenantId, LATE_IDS]),
      );
    await expect(moved).rejects.toMatchObject(REFUSED);
    expect(await liveRows(environment, run.tenantId)).toBe(4);
  });

  it('is not sealed around a row that is still being written [AB-1]', async () => {
    const runId = 'rn_between0000000001';
    const seal = async (sql: Sql): Promise<unknown> => {
      await sql.execute('SET SESSION innodb_lock_wait_timeout = 1');
      return sql.execute("INSERT INTO manifests VALUES (?, 'at_1', 'd', lethe_now())", [runId]);
    };
    const sealer = environment.pool('archiver');
    await archiver.transaction(async (sql) => {
      await sql.execute(SAYINGS[0]?.[1] ?? '', [runId]);
      await expect(sealer.transaction(seal)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    });
    // Companion: what has been written is part of what is sealed.
    await expect(sealer.transaction(seal)).resolves.toBeDefined();
  });
});

describe('a key that a run lists', () => {
  const listed = async (run: SealedRun, keyRef: string): Promise<void> => {
    await root.execute('DELETE FROM manifests WHERE run_id = ?', [run.runId]);
    await archiver.execute('INSERT INTO cohort_keys VALUES (?, ?, ?)', [
      run.runId,
      run.dueOn,
      keyRef,
    ]);
    await root.execute("INSERT INTO manifests VALUES (?, 'at_1', 'manifest', lethe_now())", [
      run.runId,
    ]);
  };
  const destroy = (run: SealedRun, keyRef: string): Promise<unknown> =>
    issueDestroyPermit(environment, run, { keyRef });

  it('gets no permit when it is the key of another run, whose hold would not be asked for [CC-4]', async () => {
    const run = await sealed();
    const held = `asset:rn_held0000000000001:${run.dueOn}`;
    await listed(run, held);
    await expect(destroy(run, held)).rejects.toMatchObject(REFUSED);
    await expect(destroy(run, `asset:${run.runId}:${run.dueOn}`)).resolves.toMatch(/^pm_/);
  });

  it('gets no permit to retire either, for which no key is too young [AB-1]', async () => {
    const run = await sealed();
    const young = `asset:${run.runId}:2031-01-01`;
    await listed(run, young);
    await root.execute("INSERT INTO cohort_states VALUES (?, ?, 'restoring', lethe_now())", [
      run.runId,
      run.dueOn,
    ]);
    await root.execute(
      "INSERT INTO verifications VALUES (?, ?, 'restored', 'manifest', 'ok', 3, NULL, lethe_now())",
      [run.runId, run.dueOn],
    );
    const retire = (keyRef: string): Promise<unknown> =>
      environment
        .pool('issuer')
        .execute('CALL issue_retire_permit(?, ?, ?, ?, ?, 60)', [
          newPermitId(),
          ...[run.tenantId, run.runId, run.dueOn, keyRef],
        ]);
    await expect(retire(young)).rejects.toMatchObject(REFUSED);
    await expect(retire(`asset:${run.runId}:${run.dueOn}`)).resolves.toBeDefined();
  });

  it.each([
    ['a generation that the run covers', 'configuration:{tenant}:2', 'issued'],
    ['a generation that came later', 'configuration:{tenant}:3', 'PERMIT_REFUSED'],
    ['a generation of another tenant', 'configuration:tn_other0000000000:2', 'PERMIT_REFUSED'],
    ['a generation in another spelling', 'configuration:{tenant}:02', 'PERMIT_REFUSED'],
    ['no number', 'configuration:{tenant}:', 'PERMIT_REFUSED'],
  ])('of configuration is %s: %s is %s [CC-2]', async (_, pattern, answer) => {
    const run = await sealed();
    const keyRef = pattern.replace('{tenant}', run.tenantId);
    await root.execute(
      `UPDATE runs SET record_class = 'console-configuration-data', event_kind = 'feature-end',
         generation_from = 1, generation_to = 2 WHERE run_id = ?`,
      [run.runId],
    );
    await root.execute(
      "INSERT INTO verifications VALUES (?, ?, 'sealed', 'manifest', 'ok', 3, NULL, lethe_now())",
      [run.runId, run.dueOn],
    );
    await listed(run, keyRef);
    const asked = destroy(run, keyRef).then(
      () => 'issued',
      (error: unknown) => (error as { code?: string }).code,
    );
    expect(await asked).toBe(answer);
  });

  it('of a stray is one that was found, not one that was listed [ST-1]', async () => {
    const run = await sealed();
    const [found, listedOnly] = [
      'asset:rn_found00000000001:2030-01-01',
      'asset:rn_listed0000000001:2030-01-01',
    ];
    await root.execute("UPDATE runs SET event_kind = 'stray' WHERE run_id = ?", [run.runId]);
    await control.execute(
      "INSERT INTO stray_archives VALUES (?, 'ev_1', ?, '2020-01-01', 1, lethe_now())",
      [run.tenantId, found],
    );
    await listed(run, found);
    await listed(run, listedOnly);
    await expect(destroy(run, found)).resolves.toMatch(/^pm_/);
    await expect(destroy(run, listedOnly)).rejects.toMatchObject(REFUSED);
  });
});

describe('an attempt on record', () => {
  const openPurge = async (): Promise<string> => {
    const run = await sealed();
    const permit = newPermitId();
    await environment
      .pool('issuer')
      .execute("CALL issue_move_permit(?, ?, ?, 'mysql:assets.image_risks', 1, 60)", [
        permit,
        run.tenantId,
        run.runId,
      ]);
    const attempt = `at_purge${permit.slice(3)}`;
    await environment
      .pool('purger')
      .execute("CALL start_purge_attempt(?, ?, ?, 'mysql:assets.image_risks', 1, ?)", [
        attempt,
        permit,
        run.tenantId,
        run.ids,
      ]);
    return attempt;
  };
  const isOpen = async (attempt: string): Promise<boolean> => {
    const rows = await root.query(
      'SELECT 1 FROM attempts WHERE attempt_id = ? AND ended_at IS NULL',
      [attempt],
    );
    return rows.length === 1;
  };

  it('of a purge is ended by its purger alone: a hold waits for it [CC-4]', async () => {
    const attempt = await openPurge();
    for (const [role, procedure] of [
      ['collector', 'end_attempt'],
      ['archiver', 'end_archive_attempt'],
    ] as const) {
      await environment.pool(role).execute(`CALL ${procedure}(?)`, [attempt]);
      expect(await isOpen(attempt)).toBe(true);
    }
    await environment.pool('purger').execute('CALL finish_purge_attempt(?, 0, 0)', [attempt]);
    expect(await isOpen(attempt)).toBe(false);
  });

  it('of an archiver is ended by no collector: a certificate waits for it [ST-1]', async () => {
    const run = await sealed();
    await archiver.execute("CALL start_attempt('at_archive000000001', ?, 'archive', ?, 60)", [
      run.tenantId,
      run.runId,
    ]);
    await environment.pool('collector').execute("CALL end_attempt('at_archive000000001')");
    expect(await isOpen('at_archive000000001')).toBe(true);
    await expect(
      environment.pool('collector').execute("CALL end_archive_attempt('at_archive000000001')"),
    ).rejects.toMatchObject({ code: 'ER_PROCACCESS_DENIED_ERROR' });
    await archiver.execute("CALL end_archive_attempt('at_archive000000001')");
    expect(await isOpen('at_archive000000001')).toBe(false);
  });
});

describe('a tombstone in control', () => {
  const uses = async (run: SealedRun): Promise<number> => {
    const rows = await root.query('SELECT COUNT(*) AS n FROM cap_uses WHERE run_id = ?', [
      run.runId,
    ]);
    return Number(rows[0]?.['n']);
  };
  const bury = (run: SealedRun, permit: string): Promise<unknown> =>
    control.execute("INSERT INTO tombstones VALUES (?, ?, ?, 1, 'k', 'd', ?, lethe_now())", [
      run.runId,
      run.dueOn,
      run.tenantId,
      permit,
    ]);

  it('that no counted permit led to takes nothing off the caps [AB-1]', async () => {
    const [run, other] = [await sealed(), await sealed()];
    await bury(run, await issueDestroyPermit(environment, other));
    await issueDestroyPermit(environment, run);
    expect(await uses(run)).toBe(1);
    // Companion: what was counted when its key was permitted is finished without being counted again.
    const permit = await issueDestroyPermit(environment, other);
    const before = await uses(other);
    await bury(other, permit);
    await issueDestroyPermit(environment, other);
    expect(await uses(other)).toBe(before);
  });

  it('stops every further move of its run: there is no copy to fall back on [AB-2]', async () => {
    const run = await sealed();
    await bury(run, 'pm_0');
    const move = environment
      .pool('issuer')
      .execute("CALL issue_move_permit(?, ?, ?, 'mysql:assets.image_risks', 1, 60)", [
        newPermitId(),
        run.tenantId,
        run.runId,
      ]);
    await expect(move).rejects.toMatchObject(REFUSED);
    expect(await liveRows(environment, run.tenantId)).toBe(3);
  });
});

describe('a hold over one asset', () => {
  it('is not talked away by an asset that is added to a run after its seal [CC-4]', async () => {
    const run = await sealed();
    await insertHold(root, `hd_${run.runId}`, { tenantId: run.tenantId, asset_id: 'as_held' });
    await expect(issueDestroyPermit(environment, run)).rejects.toMatchObject(REFUSED);
    await archiver
      .execute("INSERT INTO run_assets VALUES (?, 'as_other00000000000', 0)", [run.runId])
      .catch(() => undefined);
    await expect(issueDestroyPermit(environment, run)).rejects.toMatchObject(REFUSED);
  });
});
