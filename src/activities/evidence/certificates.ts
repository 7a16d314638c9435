import { LetheError, isLetheError } from '../../domain/errors';
import type { Certificate } from '../../domain/certificate';
import type { EvidenceAct } from '../../domain/evidence';
import { isId } from '../../domain/identifiers';
import type { Sql, SqlPool } from '../../contracts/sql';
import { required, textRow, textRows, toSqlTime, type TextRow } from '../control/sql-text';
import type { Ledger } from './ledger';
import { parseEntry } from './read-ledger';
import { canonicalText, sha256 } from './text';

/** A certificate as it was issued. */
interface IssuedCertificate {
  readonly certificate: Certificate;
  /** Hexadecimal SHA-256 of the stored text, as the ledger has it. */
  readonly digest: string;
}

/** Issues certificates once per cohort and gives them out again, checked against the ledger. */
export interface CertificateStore {
  /**
   * Stores a certificate and its ledger entry together.
   *
   * @idempotency the cohort's first certificate is the answer when this one says the same; only the
   *   instants of issue and verification may differ, because a repeated activity verifies again.
   * @throws LetheError DIGEST_MISMATCH when the cohort has a certificate that says something else.
   */
  issue(certificate: Certificate): Promise<IssuedCertificate>;
  /** @throws LetheError DIGEST_MISMATCH when it is not the one that the ledger names. */
  find(runId: string, dueOn: string): Promise<IssuedCertificate | null>;
  /** All of a tenant, in the order of their issue. */
  listOf(tenantId: string): Promise<readonly IssuedCertificate[]>;
}

const KIND = 'certificate-issued';
const COLUMNS = 'certificate_id, tenant_id, run_id, due_on, body, digest';

/** Certificates on the evidence database, with the ledger's login: inserted, never changed. */
export function createCertificateStore(stores: {
  readonly pool: SqlPool;
  readonly ledger: Pick<Ledger, 'appendAll'>;
}): CertificateStore {
  const { pool, ledger } = stores;
  const find = async (runId: string, dueOn: string): Promise<IssuedCertificate | null> => {
    const row = await textRow(
      pool,
      `SELECT ${COLUMNS} FROM certificates WHERE run_id = ? AND due_on = ?`,
      [runId, dueOn],
    );
    return row === null ? null : check(pool, row);
  };
  return {
    find,
    listOf: async (tenantId) => {
      if (!isId('TenantId', tenantId)) {
        throw new LetheError('INVALID_TENANT_ID', 'tenantId is malformed', { field: 'tenantId' });
      }
      const rows = await textRows(
        pool,
        `SELECT ${COLUMNS} FROM certificates WHERE tenant_id = ? ORDER BY issued_at, certificate_id`,
        [tenantId],
      );
      return Promise.all(rows.map((row) => check(pool, row)));
    },
    issue: async (certificate) => {
      const { runId, dueOn } = certificate;
      if ((await find(runId, dueOn)) === null) await insert(ledger, certificate);
      const stored = await find(runId, dueOn);
      if (stored !== null && substanceOf(stored.certificate) === substanceOf(certificate)) {
        return stored;
      }
      throw differs('the cohort is certified with another text, or its certificate is missing');
    },
  };
}

/** When somebody else issued one in the same moment, that one is found afterwards. */
async function insert(ledger: Pick<Ledger, 'appendAll'>, certificate: Certificate): Promise<void> {
  const body = canonicalText(certificate);
  const digest = sha256(body);
  try {
    await ledger.appendAll([actOf(certificate, digest)], (sql) =>
      insertRow(sql, certificate, { body, digest }),
    );
  } catch (error) {
    if (isLetheError(error) && error.code === 'DIGEST_MISMATCH') return;
    throw error;
  }
}

const actOf = (certificate: Certificate, digest: string): EvidenceAct => ({
  tenantId: certificate.tenantId,
  kind: KIND,
  subject: `${certificate.runId}/${certificate.dueOn}`,
  details: {
    certificateId: certificate.certificateId,
    runId: certificate.runId,
    dueOn: certificate.dueOn,
    certificateDigest: digest,
    destroyedAt: certificate.destroyedAt,
    late: certificate.late,
  },
});

async function insertRow(
  sql: Sql,
  certificate: Certificate,
  text: { readonly body: string; readonly digest: string },
): Promise<void> {
  await sql.execute(
    `INSERT INTO certificates
       (certificate_id, tenant_id, run_id, due_on, body, digest, issued_at)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
    [
      certificate.certificateId,
      certificate.tenantId,
      certificate.runId,
      certificate.dueOn,
      text.body,
      text.digest,
      toSqlTime(certificate.issuedAt),
    ],
  );
}

/** The text must hash to what the ledger says and the columns must say what the text says. */
async function check(pool: SqlPool, row: TextRow): Promise<IssuedCertificate> {
  const body = required(row, 'body');
  const digest = sha256(body);
  const [runId, dueOn] = [required(row, 'run_id'), required(row, 'due_on')];
  const entry = await textRow(pool, 'SELECT entry FROM entries WHERE kind = ? AND subject = ?', [
    KIND,
    `${runId}/${dueOn}`,
  ]);
  const recorded = entry === null ? null : parseEntry(required(entry, 'entry'));
  const certificate = parseCertificate(body);
  const same =
    recorded?.details['certificateDigest'] === digest &&
    required(row, 'digest') === digest &&
    certificate.runId === runId &&
    certificate.dueOn === dueOn &&
    certificate.tenantId === required(row, 'tenant_id') &&
    certificate.certificateId === required(row, 'certificate_id');
  if (!same) throw differs('a stored certificate is not the one that the ledger names');
  return { certificate, digest };
}

function parseCertificate(body: string): Certificate {
  try {
    return JSON.parse(body) as Certificate;
  } catch {
    throw differs('a stored certificate is not readable');
  }
}

/** What a certificate says, without the instants that a repeated activity finds anew. */
const substanceOf = (certificate: Certificate): string =>
  canonicalText({
    ...certificate,
    issuedAt: null,
    locations: certificate.locations.map((location) => ({ ...location, verifiedAt: null })),
  });

const differs = (message: string): LetheError => new LetheError('DIGEST_MISMATCH', message);
