import { createEvidenceLedger, type Ledger } from '../../src/activities/evidence/ledger';
import { verifyLedger } from '../../src/activities/evidence/read-ledger';
import type { SqlPool } from '../../src/contracts/sql';
import type { EvidenceAct } from '../../src/domain/evidence';
import { createSqlEnvironment, type SqlEnvironment } from '../support/environment';

let environment: SqlEnvironment;
let pool: SqlPool;
let ledger: Ledger;
let transactions = 0;
let away = false;
let serial = 0;

beforeAll(async () => {
  environment = await createSqlEnvironment();
  pool = environment.pool('ledger', 'evidence');
  const counting: SqlPool = {
    ...pool,
    transaction: (work) => {
      transactions += 1;
      if (away) return Promise.reject(lost());
      return pool.transaction(work);
    },
  };
  ledger = createEvidenceLedger({ pool: counting });
});
afterAll(() => environment.remove());
beforeEach(async () => {
  await environment.pool('root', 'evidence').execute('DELETE FROM entries WHERE sequence > 0');
  [transactions, away] = [0, false];
});

const lost = (): Error =>
  Object.assign(new Error('lost'), { name: 'LetheError', code: 'STORE_UNAVAILABLE' });
const act = (change: Partial<EvidenceAct> = {}): EvidenceAct => ({
  tenantId: 'tn_group00000000001',
  kind: serial % 3 === 0 ? 'rows-moved' : 'window-computed',
  subject: `rn_0123456789abcdef/${(serial += 1)}`,
  details: { records: serial },
  ...change,
});

describe('acts that are appended at the same time', () => {
  it('go into few transactions and stay one chain, each recorded once', async () => {
    const acts = Array.from({ length: 1200 }, () => act());
    await Promise.all([...acts, ...acts.slice(0, 50)].map((one) => ledger.append(one)));
    expect(transactions).toBeLessThan(8);
    expect(await verifyLedger(pool)).toMatchObject({ verified: { sequence: 1200 }, broken: null });
  });

  it('fail one by one: what is wrong with one act is no other act’s failure', async () => {
    const known = act();
    await ledger.append(known);
    const contradicting = { ...known, details: { records: -1 } };
    const list = Array<string>(1000).fill('a'.repeat(64));
    const tooLong = act({ details: { list, more: list } });
    const good = Array.from({ length: 20 }, () => act());
    const outcomes = await Promise.allSettled(
      [...good.slice(0, 10), contradicting, tooLong, ...good.slice(10)].map((one) =>
        ledger.append(one),
      ),
    );
    const failures = outcomes.flatMap((outcome, index) =>
      outcome.status === 'rejected' ? [[index, (outcome.reason as { code: string }).code]] : [],
    );
    expect(failures).toEqual([
      [10, 'DIGEST_MISMATCH'],
      [11, 'INVALID_INPUT'],
    ]);
    expect(await verifyLedger(pool)).toMatchObject({ verified: { sequence: 21 }, broken: null });
  });

  it('all fail when the store is away, and the next ones are recorded when it is back', async () => {
    away = true;
    const outcomes = await Promise.allSettled(
      Array.from({ length: 5 }, () => ledger.append(act())),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(Array(5).fill('rejected'));
    away = false;
    await ledger.append(act());
    expect(await verifyLedger(pool)).toMatchObject({ verified: { sequence: 1 }, broken: null });
  });
});
