import { createEvidenceLedger, type Ledger } from '../../src/activities/evidence/ledger';
import { readLedger, verifyLedger } from '../../src/activities/evidence/read-ledger';
import type { EvidenceAct, LedgerEntry } from '../../src/domain/evidence';
import type { Sql, SqlPool } from '../../src/contracts/sql';
import { createSqlEnvironment, type SqlEnvironment } from '../support/environment';

const TENANT = 'tn_evidence00000001';
const OTHER = 'tn_evidence00000002';

let environment: SqlEnvironment;
let root: SqlPool;
let pool: SqlPool;
let ledger: Ledger;
let serial = 0;

beforeAll(async () => {
  environment = await createSqlEnvironment();
  root = environment.pool('root', 'evidence');
});
afterAll(() => environment.remove());

beforeEach(async () => {
  await root.execute('DELETE FROM entries WHERE sequence > 0');
  pool = environment.pool('ledger', 'evidence');
  ledger = createEvidenceLedger({ pool });
});

const act = (change: Partial<EvidenceAct> = {}): EvidenceAct => ({
  tenantId: TENANT,
  kind: 'rows-moved',
  subject: `rn_0123456789abcdef/${(serial += 1)}`,
  details: { records: serial },
  ...change,
});

async function entries(tenantId?: string): Promise<LedgerEntry[]> {
  const found: LedgerEntry[] = [];
  const options = tenantId === undefined ? {} : { tenantId };
  for await (const entry of readLedger(environment.pool('reader', 'evidence'), options)) {
    found.push(entry);
  }
  return found;
}

describe('the evidence ledger', () => {
  it('records an act with its number, the database instant and its clock', async () => {
    const recorded = act();
    await ledger.append(recorded);
    const [entry] = await entries();
    expect(entry).toEqual({
      version: 1,
      sequence: 1,
      at: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T[\d:]{8}\.\d{6}Z$/) as string,
      clock: 'system',
      ...recorded,
    });
    expect(await verifyLedger(pool)).toMatchObject({ verified: { sequence: 1 }, broken: null });
  });

  it('says that the clock is simulated where the database says so', async () => {
    const simulation = await createSqlEnvironment({ simulation: true });
    try {
      const simulated = createEvidenceLedger({ pool: simulation.pool('ledger', 'evidence') });
      await simulated.append(act());
      const rows = await simulation.pool('root', 'evidence').query('SELECT entry FROM entries');
      expect(JSON.parse(rows[0]?.['entry'] as string)).toMatchObject({ clock: 'simulated' });
    } finally {
      await simulation.remove();
    }
  });

  it('stays one chain without a gap when 20 writers append at the same time', async () => {
    const acts = Array.from({ length: 20 }, () => act());
    await Promise.all(
      acts.map((item) =>
        createEvidenceLedger({ pool: environment.pool('ledger', 'evidence') }).append(item),
      ),
    );
    const found = await entries();
    expect(found.map(({ sequence }) => sequence)).toEqual(acts.map((_, index) => index + 1));
    expect(found.map(({ subject }) => subject).sort()).toEqual(
      acts.map(({ subject }) => subject).sort(),
    );
    expect(await verifyLedger(pool)).toMatchObject({ verified: { sequence: 20 }, broken: null });
  });

  it('records the same act once, also when it is repeated by several at the same time', async () => {
    const recorded = act();
    await Promise.all(Array.from({ length: 8 }, () => ledger.append(recorded)));
    await ledger.append({ ...recorded, details: { ...recorded.details } });
    expect(await entries()).toHaveLength(1);
  });

  it('keeps the first record of an act and refuses one that says something else', async () => {
    const recorded = act({ details: { records: 1, runId: 'rn_0123456789abcdef' } });
    await ledger.append(recorded);
    await ledger.append({
      ...recorded,
      details: { runId: 'rn_0123456789abcdef', records: 1 },
    });
    for (const change of [{ details: { records: 2 } }, { tenantId: OTHER }, { tenantId: null }]) {
      await expect(ledger.append({ ...recorded, ...change })).rejects.toMatchObject({
        code: 'DIGEST_MISMATCH',
      });
    }
    expect(await entries()).toHaveLength(1);
  });

  it('records many acts in one transaction, all of them or none', async () => {
    const known = act();
    await ledger.append(known);
    const acts = [act(), known, act(), act()];
    await ledger.appendAll([...acts, acts[0] as EvidenceAct]);
    expect((await entries()).map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4]);
    await expect(
      ledger.appendAll([act(), { ...known, details: { records: -1 } }]),
    ).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    const twin = act();
    await expect(ledger.appendAll([twin, { ...twin, details: {} }])).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
    await expect(
      ledger.appendAll([act(), act({ details: { note: 'Alice Example' } })]),
    ).rejects.toMatchObject({ code: 'INVALID_INPUT', field: 'details.note' });
    expect(await entries()).toHaveLength(4);
    expect(await verifyLedger(pool)).toMatchObject({ broken: null });
  });

  it('gives a tenant its own entries only', async () => {
    await ledger.appendAll([act(), act({ tenantId: OTHER }), act({ tenantId: null }), act()]);
    expect((await entries(TENANT)).map(({ sequence }) => sequence)).toEqual([1, 4]);
    expect((await entries(OTHER)).map(({ sequence }) => sequence)).toEqual([2]);
  });

  it.each([
    ['a name', { requester: 'Alice Example' }, 'details.requester'],
    ['a path', { files: ['/etc/shadow'] }, 'details.files[0]'],
    ['a mailbox', { tenant: { contact: 'alice@example.com' } }, 'details.tenant.contact'],
  ])('refuses %s, names the field and stores nothing', async (...[, details, field]) => {
    await expect(ledger.append(act({ details }))).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      field,
    });
    expect(await entries()).toEqual([]);
  });

  it('refuses an entry that is too long to be a list of facts', async () => {
    const list = Array<string>(1000).fill('a'.repeat(64));
    await expect(ledger.append(act({ details: { list, more: list } }))).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      field: 'details',
    });
  });
});

describe('an append whose connection dies', () => {
  /** Runs the real transaction and kills its connection after the insert, before the commit. */
  const killedOnce = (): SqlPool => {
    let killed = false;
    return {
      ...pool,
      transaction: <T>(work: (sql: Sql) => Promise<T>): Promise<T> =>
        pool.transaction(async (sql) => {
          const result = await work(sql);
          if (!killed) {
            killed = true;
            const [row] = await sql.query('SELECT CONNECTION_ID() AS id');
            await root.execute(`KILL CONNECTION ${Number(row?.['id'])}`);
          }
          return result;
        }),
    };
  };

  it('before the commit is repeated and recorded once', async () => {
    const recorded = act();
    await createEvidenceLedger({ pool: killedOnce() }).append(recorded);
    await ledger.append(recorded);
    expect((await entries()).map(({ subject }) => subject)).toEqual([recorded.subject]);
    expect(await verifyLedger(pool)).toMatchObject({ verified: { sequence: 1 }, broken: null });
  });

  it('after the commit, with the answer lost, is found and not recorded again', async () => {
    let answers = 0;
    const losing: SqlPool = {
      ...pool,
      transaction: async <T>(work: (sql: Sql) => Promise<T>): Promise<T> => {
        const result = await pool.transaction(work);
        answers += 1;
        if (answers === 1) throw lost();
        return result;
      },
    };
    await createEvidenceLedger({ pool: losing }).appendAll([act(), act()]);
    expect(answers).toBe(2);
    expect(await entries()).toHaveLength(2);
    expect(await verifyLedger(pool)).toMatchObject({ broken: null });
  });

  it('again and again is given up with the failure, and nothing is recorded', async () => {
    const away: SqlPool = { ...pool, transaction: () => Promise.reject(lost()) };
    await expect(createEvidenceLedger({ pool: away }).append(act())).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
    });
    expect(await entries()).toEqual([]);
  });
});

describe('the verification of the ledger', () => {
  const fill = async (): Promise<void> => {
    await ledger.appendAll(Array.from({ length: 6 }, () => act()));
  };
  const columns = 'sequence, tenant_id, kind, at, subject, entry, hash';

  it.each([
    [
      'a rewritten entry',
      `UPDATE entries SET entry = REPLACE(entry, '"records":', '"records":1') WHERE sequence = 3`,
      3,
      'rewritten',
    ],
    [
      'a rewritten hash',
      `UPDATE entries SET hash = REPEAT('0', 64) WHERE sequence = 3`,
      3,
      'rewritten',
    ],
    ['a removed entry', 'DELETE FROM entries WHERE sequence = 3', 3, 'gap'],
    ['a removed beginning', 'DELETE FROM entries WHERE sequence = 1', 1, 'gap'],
    [
      'an entry moved to another place',
      'UPDATE entries SET sequence = 9 WHERE sequence = 6',
      6,
      'gap',
    ],
    [
      'an entry put in between',
      `INSERT INTO entries SELECT 7, tenant_id, kind, at, 'rn_0123456789abcdef/x', entry, hash FROM entries WHERE sequence = 6`,
      7,
      'rewritten',
    ],
    [
      'an entry hidden from its tenant',
      `UPDATE entries SET tenant_id = '${OTHER}' WHERE sequence = 3`,
      3,
      'columns',
    ],
    [
      'an entry without its tenant',
      `UPDATE entries SET tenant_id = NULL WHERE sequence = 3`,
      3,
      'columns',
    ],
    [
      'another instant',
      `UPDATE entries SET at = at - INTERVAL 1 SECOND WHERE sequence = 3`,
      3,
      'columns',
    ],
    ['another subject', `UPDATE entries SET subject = 'rn_0/0' WHERE sequence = 3`, 3, 'columns'],
  ])('finds %s that an administrator made', async (...[, statement, sequence, reason]) => {
    await fill();
    const before = await verifyLedger(pool);
    expect(before).toMatchObject({ verified: { sequence: 6 }, broken: null });
    expect((await root.execute(statement)).affectedRows).toBe(1);
    expect((await verifyLedger(pool)).broken).toEqual({ sequence, reason });
  });

  it('finds a ledger that was cut off or written anew, by a position known from elsewhere', async () => {
    await fill();
    const { verified } = await verifyLedger(pool);
    const checkpoints = [verified];
    await ledger.append(act());
    expect((await verifyLedger(pool, { checkpoints })).broken).toBeNull();
    await root.execute('DELETE FROM entries WHERE sequence > 4');
    expect((await verifyLedger(pool)).broken).toBeNull();
    expect((await verifyLedger(pool, { checkpoints })).broken).toEqual({
      sequence: 5,
      reason: 'truncated',
    });
    expect((await verifyLedger(pool, { from: verified })).broken).toEqual({
      sequence: 6,
      reason: 'checkpoint',
    });
    // A chain that is sound in itself, but another one.
    await ledger.appendAll([act(), act(), act()]);
    expect((await verifyLedger(pool)).broken).toBeNull();
    expect((await verifyLedger(pool, { checkpoints })).broken).toEqual({
      sequence: 6,
      reason: 'checkpoint',
    });
    expect((await verifyLedger(pool, { from: verified })).broken).toEqual({
      sequence: 6,
      reason: 'checkpoint',
    });
  });

  it('cannot be disturbed by the account that writes: it may not change or remove', async () => {
    await fill();
    for (const statement of [
      `UPDATE entries SET hash = 'x' WHERE sequence = 1`,
      'DELETE FROM entries WHERE sequence = 1',
      'TRUNCATE TABLE entries',
      `UPDATE checkpoints SET hash = 'x' WHERE sequence = 1`,
      `DELETE FROM certificates WHERE certificate_id = 'x'`,
    ]) {
      await expect(pool.execute(statement)).rejects.toThrow(/DENIED/);
    }
    const rows = await pool.query(`SELECT ${columns} FROM entries`);
    expect(rows).toHaveLength(6);
  });
});

const lost = (): Error =>
  Object.assign(new Error('lost'), { name: 'LetheError', code: 'OUTCOME_UNKNOWN' });
