import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  createCertificateStore,
  type CertificateStore,
} from '../../src/activities/evidence/certificates';
import { createEvidenceLedger, type Ledger } from '../../src/activities/evidence/ledger';
import { readLedger, verifyLedger } from '../../src/activities/evidence/read-ledger';
import type { Certificate } from '../../src/domain/certificate';
import type { Sql, SqlPool } from '../../src/contracts/sql';
import type { SigningKeys } from '../../src/transparency/signing-keys';
import { createSqlEnvironment, type SqlEnvironment } from '../support/environment';
import { newSigningKeys } from '../support/signing-keys';

const GOLDEN = JSON.parse(
  readFileSync(join(__dirname, '..', 'golden', 'certificate.json'), 'utf8'),
) as Certificate;

let environment: SqlEnvironment;
let root: SqlPool;
let pool: SqlPool;
let ledger: Ledger;
let store: CertificateStore;
let keys: SigningKeys;
let serial = 0;

beforeAll(async () => {
  environment = await createSqlEnvironment();
  root = environment.pool('root', 'evidence');
  pool = environment.pool('ledger', 'evidence');
  ledger = createEvidenceLedger({ pool });
  keys = newSigningKeys(environment.name);
  store = createCertificateStore({ pool, ledger, keys });
});
afterAll(() => environment.remove());

function certificate(change: Partial<Certificate> = {}): Certificate {
  serial += 1;
  const id = String(serial).padStart(16, '0');
  return {
    ...GOLDEN,
    certificateId: `ce_${id.repeat(2)}`,
    tenantId: `tn_${id}`,
    runId: `rn_${id}`,
    ...change,
  };
}

async function acts(kind: string): Promise<number> {
  let count = 0;
  for await (const entry of readLedger(pool)) if (entry.kind === kind) count += 1;
  return count;
}

const later = (issued: Certificate): Certificate => ({
  ...issued,
  issuedAt: '2027-04-01T09:00:00Z',
  locations: issued.locations.map((item) => ({ ...item, verifiedAt: '2027-04-01T08:00:00Z' })),
});

describe('certificates', () => {
  it('are issued once per cohort, with a ledger entry that has their digest', async () => {
    const issued = certificate();
    const { digest } = await store.issue(issued);
    expect(await store.find(issued.runId, issued.dueOn)).toMatchObject({
      certificate: issued,
      digest,
    });
    const entries = [];
    for await (const entry of readLedger(pool, { tenantId: issued.tenantId })) entries.push(entry);
    expect(entries).toMatchObject([
      {
        kind: 'certificate-issued',
        subject: `${issued.runId}/${issued.dueOn}`,
        details: { certificateId: issued.certificateId, certificateDigest: digest, late: false },
      },
    ]);
    expect(await verifyLedger(pool)).toMatchObject({ broken: null });
  });

  it('stay the first one when a repeated activity verified and issued again', async () => {
    const first = certificate();
    const before = await store.issue(first);
    expect(await store.issue(later(first))).toEqual(before);
    expect(await store.issue(first)).toEqual(before);
    const rows = await pool.query('SELECT 1 FROM certificates WHERE run_id = ?', [first.runId]);
    expect(rows).toHaveLength(1);
  });

  it('are one when several issue it at the same time', async () => {
    const first = certificate();
    const count = await acts('certificate-issued');
    const issued = await Promise.all(
      Array.from({ length: 6 }, (_, index) => {
        const own = environment.pool('ledger', 'evidence');
        const other = createCertificateStore({
          pool: own,
          ledger: createEvidenceLedger({ pool: own }),
          keys,
        });
        return other.issue(index % 2 === 0 ? first : later(first));
      }),
    );
    expect(new Set(issued.map(({ digest }) => digest)).size).toBe(1);
    expect(await acts('certificate-issued')).toBe(count + 1);
  });

  it('are never replaced by one that says something else', async () => {
    const first = certificate();
    await store.issue(first);
    for (const change of [
      { late: true },
      { destroyedAt: '2027-03-31T18:45:00Z' },
      { keys: [] },
      { locations: first.locations.slice(1) },
      { locations: first.locations.map((item) => ({ ...item, before: item.before + 1 })) },
    ]) {
      await expect(store.issue({ ...first, ...change })).rejects.toMatchObject({
        code: 'DIGEST_MISMATCH',
      });
    }
    expect((await store.find(first.runId, first.dueOn))?.certificate).toEqual(first);
  });

  it('exist together with their ledger entry or not at all', async () => {
    const broken = certificate();
    const failing: SqlPool = {
      ...pool,
      transaction: (work) =>
        pool.transaction((sql) =>
          work({
            ...sql,
            execute: (statement, params) =>
              statement.includes('INTO certificates')
                ? Promise.reject(new Error('full disk'))
                : sql.execute(statement, params),
          } satisfies Sql),
        ),
    };
    const other = createCertificateStore({
      ...{ pool, keys },
      ledger: createEvidenceLedger({ pool: failing }),
    });
    const count = await acts('certificate-issued');
    await expect(other.issue(broken)).rejects.toThrow('full disk');
    expect(await store.find(broken.runId, broken.dueOn)).toBeNull();
    expect(await acts('certificate-issued')).toBe(count);
    await store.issue(broken);
    expect(await acts('certificate-issued')).toBe(count + 1);
  });

  it('are listed by tenant in the order of their issue', async () => {
    const first = certificate();
    const second = { ...certificate(), tenantId: first.tenantId, issuedAt: '2027-04-01T10:00:00Z' };
    await store.issue(second);
    await store.issue(first);
    const listed = await store.listOf(first.tenantId);
    expect(listed.map((item) => item.certificate.runId)).toEqual([first.runId, second.runId]);
    expect(await store.listOf('tn_nobody0000000000')).toEqual([]);
    await expect(store.listOf('')).rejects.toMatchObject({ code: 'INVALID_TENANT_ID' });
  });

  it.each([
    [
      'its text',
      `UPDATE certificates SET body = REPLACE(body, '"late":false', '"late":true ') WHERE run_id = ?`,
    ],
    [
      'its text and its digest',
      `UPDATE certificates SET body = REPLACE(body, 'false', 'true'), digest = SHA2(REPLACE(body, 'false', 'true'), 256) WHERE run_id = ?`,
    ],
    ['its tenant', `UPDATE certificates SET tenant_id = 'tn_another0000000000' WHERE run_id = ?`],
    ['its id', `UPDATE certificates SET certificate_id = 'ce_another' WHERE run_id = ?`],
    [
      'its ledger entry',
      `DELETE FROM entries WHERE kind = 'certificate-issued' AND subject = CONCAT(?, '/2027-03-31')`,
    ],
  ])('are not given out when somebody changed %s', async (_, statement) => {
    const issued = certificate();
    await store.issue(issued);
    expect((await root.execute(statement, [issued.runId])).affectedRows).toBe(1);
    await expect(store.find(issued.runId, issued.dueOn)).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
  });

  it('that were removed are not issued again: the ledger knows them', async () => {
    const issued = certificate();
    await store.issue(issued);
    await root.execute('DELETE FROM certificates WHERE run_id = ?', [issued.runId]);
    await expect(store.issue(issued)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });
});
