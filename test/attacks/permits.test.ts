import { provingRefusedPermits } from '../../src/activities/control/order-refusals';
import { readCohorts, type CohortRow } from '../../src/activities/control/cohort-rows';
import { readTenantFacts, type TenantFacts } from '../../src/activities/control/tenant-facts';
import { assertOrdersSigned } from '../../src/activities/destruction/assert-orders-signed';
import { createEvidenceLedger } from '../../src/activities/evidence/ledger';
import type { TotalsPorts } from '../../src/activities/control/order-refusals';
import { signApproval, signOrder } from '../../src/cli/order-documents';
import { ORDER_DOCUMENTS, type DeletionOrder } from '../../src/contracts/orders';
import type { SqlPool } from '../../src/contracts/sql';
import { digestOfDocument, signDocument } from '../../src/transparency/signed-document';
import { createSqlEnvironment, type SqlEnvironment } from '../support/environment';
import { printTally } from '../support/order-attacks';
import { documentId, officersOf } from '../support/orders';
import { provenDuring } from '../support/proven-refusals';
import { createOrder, createSealedRun, newPermitId, type SealedRun } from '../support/sealed-run';
import { newSigner, type TestSigner } from '../support/signers';

/** Single-signed attempts at the permit procedure, with the issuer's own login. */
const AT_PROCEDURE = 700;
/** Single-signed attempts with the same login, which nobody's code counts. */
const AT_LOGIN = 200;
/** Rounds of attempts at the key store, with the issuer's and the destroyer's login. */
const AT_KEYS = 60;
/** Attempts at the check of what is stored, with rows that claim two people. */
const AT_SIGNATURES = 300;
const TOGETHER = 10;
const DAY = 86_400_000;

let environment: SqlEnvironment;
let root: SqlPool;
let issuer: SqlPool;
let ports: TotalsPorts;
let officers: readonly [TestSigner, TestSigner];
let serial = 0;

beforeAll(async () => {
  environment = await createSqlEnvironment({ simulation: true });
  root = environment.pool('root', 'control');
  issuer = environment.pool('issuer');
  ports = {
    control: environment.pool('control'),
    keys: environment.pool('control', 'keys'),
    ledger: createEvidenceLedger({ pool: environment.pool('ledger', 'evidence') }),
  };
  officers = await officersOf(environment);
});
afterAll(() => environment.remove());

/** A run whose window is forged open and whose end alone does not let it go: the request decides. */
async function requested(approved: boolean): Promise<SealedRun> {
  serial += 1;
  const tenantId = `tn_permits${String(serial).padStart(10, '0')}`;
  const run = await createSealedRun(environment, { tenantId, endedDaysAgo: 10 });
  await root.execute(
    `INSERT INTO deletion_requests VALUES (?, ?, 'asset-basic-data', lethe_now() - INTERVAL 5 DAY)`,
    [tenantId, requestOf(run)],
  );
  await root.execute(
    'UPDATE cohort_windows SET ended_not_before = lethe_now() + INTERVAL 20 DAY WHERE run_id = ?',
    [run.runId],
  );
  await createOrder(environment, { tenantId, requestId: requestOf(run), approved });
  return run;
}

const requestOf = (run: SealedRun): string => `rq_${run.tenantId.slice(3)}`;
const orderOf = (run: SealedRun): string => `do_${run.tenantId.slice(3)}`;

/** Ways in which rows say that somebody approved, although one person alone did. */
const FORGERIES: readonly (string | null)[] = [
  null,
  `UPDATE deletion_approvals SET approved_by = 'person-1' WHERE order_id = ?`,
  `UPDATE deletion_approvals SET approved_by = 'PERSON-1' WHERE order_id = ?`,
  `UPDATE deletion_approvals SET approver_kid = 'k1' WHERE order_id = ?`,
  `UPDATE deletion_approvals SET order_digest = 'another' WHERE order_id = ?`,
  `UPDATE deletion_approvals SET expires_at = lethe_now() WHERE order_id = ?`,
  `UPDATE deletion_approvals SET tenant_id = 'tn_0000000000000000' WHERE order_id = ?`,
  `UPDATE deletion_approvals SET order_id = CONCAT(order_id, '0') WHERE order_id = ?`,
  `UPDATE deletion_orders SET expires_at = lethe_now() WHERE order_id = ?`,
  `UPDATE deletion_order_requests SET request_id = 'rq_other' WHERE order_id = ?`,
];

/** Asks as whoever has the issuer's login would: other ids, other clocks, other batches. */
async function ask(run: SealedRun, at: number): Promise<string> {
  const key = `asset:${run.runId}:${run.dueOn}`;
  const [location, batch] =
    at % 3 === 0 ? (['mysql:assets.image_risks', 1] as const) : ([key, 0] as const);
  const permit = newPermitId();
  const clocks = [
    'lethe_now()',
    'lethe_now() - INTERVAL 1 MINUTE',
    'lethe_now() + INTERVAL 1 MINUTE',
  ];
  const asked = provingRefusedPermits(ports, run, async () => {
    await issuer.execute(
      `CALL issue_destroy_permit(?, ?, ?, ?, ?, ?, ${clocks[at % clocks.length] ?? ''}, ${1 + (at % 60)})`,
      [permit, run.tenantId, run.runId, run.dueOn, location, batch],
    );
  });
  return asked.then(() => 'accepted', codeOf);
}

/** Asks as a program of somebody's own would; nothing of the engine sees it. */
const askAlone = (run: SealedRun): Promise<string> =>
  issuer
    .execute('CALL issue_destroy_permit(?, ?, ?, ?, ?, 0, lethe_now(), 60)', [
      ...[newPermitId(), run.tenantId, run.runId, run.dueOn],
      `asset:${run.runId}:${run.dueOn}`,
    ])
    .then(() => 'accepted', codeOf);

const codeOf = (error: unknown): string => (error as { code?: string }).code ?? 'crashed';

describe('single-signed orders', () => {
  it('get no permit seven hundred times, however their rows are forged, and the evidence has each refusal [CC-2] [DR-1]', async () => {
    const runs: SealedRun[] = [];
    for (const forgery of FORGERIES) {
      const run = await requested(forgery !== null);
      if (forgery !== null) await root.execute(forgery, [orderOf(run)]);
      runs.push(run);
    }
    const codes: string[] = [];
    const proven = await provenDuring(environment, ports, async () => {
      for (let at = 0; at < AT_PROCEDURE; at += TOGETHER) {
        codes.push(...(await Promise.all(runs.map((run, more) => ask(run, at + more)))));
      }
    });
    const accepted = codes.filter((code) => code === 'accepted').length;
    printTally('single-signed, at the permit', { attacks: codes.length, accepted, proven });
    expect([codes.length, proven]).toEqual([AT_PROCEDURE, AT_PROCEDURE]);
    expect(new Set(codes)).toEqual(new Set(['ORDER_REQUIRED']));
    expect(await ask(await requested(true), 1)).toBe('accepted');
  });

  it('are in the evidence one for one when somebody asks past the engine, with the login alone [CC-2] [DR-1]', async () => {
    const run = await requested(false);
    const unknown = { ...run, tenantId: 'tn_nobody0000000000' };
    const codes: string[] = [];
    const asked = { ...ports, by: 'procedure' } as const;
    const proven = await provenDuring(environment, asked, async () => {
      for (let at = 0; at < AT_LOGIN; at += TOGETHER) {
        const together = Array.from({ length: TOGETHER }, (_, more) =>
          askAlone(more % 5 === 0 ? unknown : run),
        );
        codes.push(...(await Promise.all(together)));
      }
    });
    printTally('single-signed, with the login', {
      ...{ attacks: codes.length, proven },
      accepted: codes.filter((code) => code === 'accepted').length,
    });
    expect([codes.length, proven]).toEqual([AT_LOGIN, AT_LOGIN]);
    expect(new Set(codes)).toEqual(new Set(['ORDER_REQUIRED', 'PERMIT_REFUSED']));
    const rows = await root.query(
      "SELECT 1 FROM order_refusals WHERE cause LIKE 'issuer-%' AND tenant_id = ?",
      [unknown.tenantId],
    );
    expect(rows).toEqual([]);
    // What the engine asks for and gets is no refusal.
    const permitted = await requested(true);
    const none = async (): Promise<void> => {
      expect(await askAlone(permitted)).toBe('accepted');
    };
    expect(await provenDuring(environment, asked, none)).toBe(0);
  }, 60_000);

  it('are in the evidence as well when a permit to move, to retire or to replay is refused [AB-2]', async () => {
    const run = await requested(true);
    const at = [run.tenantId, run.runId];
    const asks: readonly (readonly [string, readonly (string | number)[]])[] = [
      ['issue_move_permit(?, ?, ?, ?, ?, 60)', [...at, 'mysql:assets.image_risks', 99]],
      ['issue_retire_permit(?, ?, ?, ?, ?, 60)', [...at, run.dueOn, `asset:${run.runId}`]],
      ['issue_replay_permit(?, ?, ?, ?, ?, 60)', [...at, 'mysql:assets.image_risks', 1]],
    ];
    const codes: string[] = [];
    const asked = { ...ports, by: 'procedure' } as const;
    const proven = await provenDuring(environment, asked, async () => {
      for (const [call, params] of asks) {
        const refused = issuer.execute(`CALL ${call}`, [newPermitId(), ...params]);
        codes.push(await refused.then(() => 'accepted', codeOf));
      }
    });
    expect(codes).toEqual(['PERMIT_REFUSED', 'PERMIT_REFUSED', 'PERMIT_REFUSED']);
    expect(proven).toBe(asks.length);
  });

  it('are in the evidence one for one when the key store is asked alone, also with made-up ids [AB-1] [CC-2]', async () => {
    const run = await requested(false);
    const key = `asset:${run.runId}:${run.dueOn}`;
    const keysRoot = environment.pool('root', 'keys');
    await keysRoot.execute('INSERT INTO key_epochs (scope, epoch) VALUES (?, 1)', [run.tenantId]);
    const keyIssuer = environment.pool('issuer', 'keys');
    const destroyer = environment.pool('destroyer', 'keys');
    const codes: string[] = [];
    const asked = { ...ports, by: 'key store' } as const;
    const proven = await provenDuring(environment, asked, async () => {
      for (let more = 0; more < AT_KEYS; more += 1) {
        const tenantId = more % 3 === 0 ? 'tn_nobody0000000000' : run.tenantId;
        const epoch = more % 2;
        const permit = keyIssuer.execute(
          `CALL issue_key_permit(?, 'destroy', ?, ?, ?, ?, 60, '2199-12-31')`,
          [newPermitId(), tenantId, key, epoch, epoch],
        );
        const end = destroyer.execute('CALL destroy_key(?, ?, ?)', [newPermitId(), tenantId, key]);
        for (const one of [permit, end]) codes.push(await one.then(() => 'accepted', codeOf));
      }
    });
    printTally('the key store, with the logins', {
      ...{ attacks: codes.length, proven },
      accepted: codes.filter((code) => code === 'accepted').length,
    });
    expect([codes.length, proven]).toEqual([2 * AT_KEYS, 2 * AT_KEYS]);
    expect(new Set(codes)).toEqual(new Set(['PERMIT_REFUSED']));
    const tenants = await keysRoot.query('SELECT DISTINCT tenant_id FROM key_refusals');
    expect(tenants.map((row) => String(row['tenant_id'])).sort()).toEqual(['', run.tenantId]);
    // Each hour is named once, however often totals are asked for.
    expect(await provenDuring(environment, asked, () => Promise.resolve())).toBe(0);
  });

  it('destroy nothing three hundred times under rows that name a second person who never signed [CC-2]', async () => {
    const run = await requested(true);
    const [facts, cohort] = await factsOf(run);
    const forged = signatures(run);
    const codes: string[] = [];
    const check = (): Promise<void> =>
      assertOrdersSigned(ports.control, { facts, cohort, now: facts.now });
    const proven = await provenDuring(environment, ports, async () => {
      for (let at = 0; at < AT_SIGNATURES; at += 1) {
        await store(run, forged(at));
        const checked = provingRefusedPermits(ports, run, check);
        codes.push(await checked.then(() => 'accepted', codeOf));
      }
    });
    const accepted = codes.filter((code) => code === 'accepted').length;
    printTally('single-signed, by its signatures', { attacks: codes.length, accepted, proven });
    expect([codes.length, accepted, proven]).toEqual([AT_SIGNATURES, 0, AT_SIGNATURES]);
    expect(
      codes.filter((code) => !/^(SIGN|ORDER_REFUSED|FOUR_EYES|UNKNOWN_SIGNER)/.test(code)),
    ).toEqual([]);
    await store(run, genuinePair(run));
    await check();
  });
});

async function factsOf(run: SealedRun): Promise<readonly [TenantFacts, CohortRow]> {
  const facts = await readTenantFacts(ports.control, run.tenantId);
  const [cohort] = await readCohorts(ports.control, run.tenantId);
  if (facts === null || cohort === undefined) throw new Error('the run is there');
  expect(facts.requests.map(({ orderId }) => orderId)).toEqual([orderOf(run)]);
  return [facts, cohort];
}

interface Pair {
  readonly order: string;
  readonly approval: string;
}

const store = async (run: SealedRun, { order, approval }: Pair): Promise<void> => {
  await root.execute('UPDATE deletion_orders SET document = ? WHERE order_id = ?', [
    order,
    orderOf(run),
  ]);
  await root.execute('UPDATE deletion_approvals SET document = ? WHERE order_id = ?', [
    approval,
    orderOf(run),
  ]);
};

const instant = (at: number): string => new Date(at).toISOString();

function orderBy(run: SealedRun, over: Partial<DeletionOrder> = {}): DeletionOrder {
  return {
    ...{ version: 1, orderId: orderOf(run), tenantId: run.tenantId, requestIds: [requestOf(run)] },
    ...{ scope: ['asset-basic-data'], planDigest: 'a'.repeat(64), reason: 'customer-request' },
    ...{ person: officers[0].personId, issuedAt: instant(Date.now()) },
    expiresAt: instant(Date.now() + 30 * DAY),
    ...over,
  };
}

const approvalOf = (order: string, by: TestSigner): string =>
  signApproval(
    order,
    {
      ...{ approvalId: documentId('oa'), person: by.personId },
      issuedAt: instant(Date.now()),
    },
    by.key,
  );

function genuinePair(run: SealedRun): Pair {
  const order = signOrder(orderBy(run), officers[0].key);
  return { order, approval: approvalOf(order, officers[1]) };
}

/** The n-th pair of documents of which one person, or nobody, signed both. */
function signatures(run: SealedRun): (at: number) => Pair {
  const stranger = newSigner('dpo', officers[1].personId);
  const fields = (order: string): object => ({
    ...{ version: 1, approvalId: documentId('oa'), orderId: orderOf(run) },
    ...{ orderDigest: digestOfDocument(order), orderKid: 'k'.repeat(43), orderPerson: 'person-0' },
    ...{ tenantId: run.tenantId, planDigest: 'a'.repeat(64), issuedAt: instant(Date.now()) },
    expiresAt: instant(Date.now() + DAY),
  });
  const own = (order: string, person: string): string =>
    signDocument({ ...fields(order), person }, ORDER_DOCUMENTS.approval, officers[0].key);
  const ways: readonly ((pair: Pair, at: number) => Pair)[] = [
    ({ order }) => ({ order, approval: own(order, officers[0].personId) }),
    ({ order }) => ({ order, approval: own(order, officers[1].personId) }),
    ({ order }) => ({ order, approval: approvalOf(order, stranger) }),
    ({ order }) => ({ order, approval: order }),
    ({ order, approval }, at) => ({ order, approval: spoilt(approval, at) }),
    ({ order, approval }, at) => ({ order: spoilt(order, at), approval }),
    ({ order, approval }) => ({ order, approval: `${cut(approval)}${'A'.repeat(86)}` }),
    ({ order }) => ({
      order,
      approval: approvalOf(
        signOrder(orderBy(run, { orderId: documentId('do') }), officers[0].key),
        officers[1],
      ),
    }),
    ({ approval }, at) => ({
      order: signOrder(
        orderBy(run, { planDigest: at.toString(16).padStart(64, 'b') }),
        officers[0].key,
      ),
      approval,
    }),
    () => {
      const order = signOrder(orderBy(run), stranger.key);
      return { order, approval: approvalOf(order, officers[1]) };
    },
  ];
  return (at) => {
    const way = ways[at % ways.length] ?? ((pair: Pair) => pair);
    return way(genuinePair(run), at);
  };
}

const cut = (document: string): string => document.slice(0, document.lastIndexOf('.') + 1);

/** One letter of the signature is another one; which one moves. */
function spoilt(document: string, at: number): string {
  const place = cut(document).length + (at % 80);
  const letter = document[place] === 'A' ? 'B' : 'A';
  return document.slice(0, place) + letter + document.slice(place + 1);
}
