import { LetheError, isLetheError } from '../../domain/errors';
import type { Certificate } from '../../domain/certificate';
import type { EvidenceAct } from '../../domain/evidence';
import { isId } from '../../domain/identifiers';
import type { Sql, SqlPool } from '../../contracts/sql';
import { required, textRow, textRows, toSqlTime, type TextRow } from '../control/sql-text';
import type { Ledger } from './ledger';
import { parseEntry } from './read-ledger';
import { signText, type SignedText } from '../../transparency/jws';
import type { SigningKeys } from '../../transparency/signing-keys';
import { CERTIFICATE_TYPE, openCertificate } from '../../transparency/certificate-file';
import { assertMaySign } from './signed-checkpoint';
import { canonicalText, sha256 } from './text';

/** A certificate as it was issued. */
interface IssuedCertificate {
  readonly certificate: Certificate;
  /** Hexadecimal SHA-256 of the stored text, as the ledger has it. */
  readonly digest: string;
  /** The text with the signature over it. */
  readonly signed: SignedText;
}

/** Keys that certificates are signed and checked with. */
type CertificateKeys = Pick<SigningKeys, 'certificate' | 'list'>;

/** Issues certificates once per cohort and gives them out again, checked against the ledger. */
export interface CertificateStore {
  /**
   * Stores a certificate, its signature and its ledger entry together.
   *
   * @idempotency the cohort's first certificate is the answer when this one says the same; only the
   *   instants of issue and verification may differ, because a repeated activity verifies again.
   * @throws LetheError DIGEST_MISMATCH when the cohort has a certificate that says something else;
   *   CONFIGURATION_INVALID when the signing key is not valid at the instant of issue.
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
  readonly keys: CertificateKeys;
}): CertificateStore {
  const { pool, ledger, keys } = stores;
  const find = async (runId: string, dueOn: string): Promise<IssuedCertificate | null> => {
    const row = await textRow(
      pool,
      `SELECT ${COLUMNS} FROM certificates WHERE run_id = ? AND due_on = ?`,
      [runId, dueOn],
    );
    return row === null ? null : check(pool, row, keys);
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
      return Promise.all(rows.map((row) => check(pool, row, keys)));
    },
    issue: async (certificate) => {
      const { runId, dueOn } = certificate;
      if ((await find(runId, dueOn)) === null) await insert(ledger, keys, certificate);
      const stored = await find(runId, dueOn);
      if (stored !== null && saysTheSame(stored.certificate, certificate)) return stored;
      throw differs('the cohort is certified with another text, or its certificate is missing');
    },
  };
}

/** When somebody else issued one in the same moment, that one is found afterwards. */
async function insert(
  ledger: Pick<Ledger, 'appendAll'>,
  keys: CertificateKeys,
  certificate: Certificate,
): Promise<void> {
  const body = canonicalText(certificate);
  const digest = sha256(body);
  assertMaySign(keys.list, keys.certificate.keyId, certificate.issuedAt);
  const signed = signText(body, CERTIFICATE_TYPE, keys.certificate);
  try {
    await ledger.appendAll([actOf(certificate, digest)], async (sql) => {
      await insertRow(sql, certificate, { body, digest });
      await insertSignature(sql, certificate, { ...signed, keyId: keys.certificate.keyId });
    });
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

async function insertSignature(
  sql: Sql,
  { certificateId, issuedAt }: Certificate,
  signed: SignedText & { readonly keyId: string },
): Promise<void> {
  await sql.execute(
    `INSERT INTO certificate_signatures
       (certificate_id, key_id, protected, signature, signed_at)
     VALUES (?, ?, ?, ?, ?)`,
    [certificateId, signed.keyId, signed.protected, signed.signature, toSqlTime(issuedAt)],
  );
}

/** The text must hash to what the ledger says and the columns must say what the text says. */
async function check(
  pool: SqlPool,
  row: TextRow,
  { list }: CertificateKeys,
): Promise<IssuedCertificate> {
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
  const signed = await readSigned(pool, certificate.certificateId, body);
  if (signed === null) throw differs('a stored certificate has no signature');
  openCertificate(signed, list);
  return { certificate, digest, signed };
}

/** A certificate's text with the first signature over it, or null when it has none. */
export async function readSigned(
  sql: Sql,
  certificateId: string,
  body: string,
): Promise<SignedText | null> {
  const row = await textRow(
    sql,
    `SELECT protected, signature FROM certificate_signatures
      WHERE certificate_id = ? ORDER BY signed_at, key_id LIMIT 1`,
    [certificateId],
  );
  if (row === null) return null;
  return {
    protected: required(row, 'protected'),
    payload: Buffer.from(body, 'utf8').toString('base64url'),
    signature: required(row, 'signature'),
  };
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
    // An act that the end of the key overtook may come to the ledger late, and took nothing out.
    takenOut: null,
    // What became of the hold, or of control, since then changes neither what is withheld nor where.
    withheld: certificate.withheld.map((one) => ({ ...one, withheldSince: null, reviewOn: null })),
    locations: certificate.locations.map((location) => ({ ...location, verifiedAt: null })),
  });

/** One that was issued before an upgrade lacks what newer versions say; the rest has to be the same. */
function saysTheSame(stored: Certificate, composed: Certificate): boolean {
  if (stored.version === composed.version) return substanceOf(stored) === substanceOf(composed);
  const rest = Object.entries(composed).filter(([name]) => !SINCE_VERSION_3.has(name));
  const older = { ...Object.fromEntries(rest), version: stored.version } as Certificate;
  return substanceOf(stored) === substanceOf(older);
}

const SINCE_VERSION_3: ReadonlySet<string> = new Set(['scope', 'people', 'order']);

const differs = (message: string): LetheError => new LetheError('DIGEST_MISMATCH', message);
