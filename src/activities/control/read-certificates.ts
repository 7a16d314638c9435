import { LetheError } from '../../domain/errors';
import { OPAQUE_ID, parseId } from '../../domain/identifiers';
import type {
  CertificateSummary,
  ControlReader,
  StoredCertificate,
} from '../../contracts/control-reader';
import type { SqlPool } from '../../contracts/sql';
import { required, textRow, textRows, toInstant, type TextRow } from './sql-text';

/** The part of the reader that reads the evidence store; certificates name ids, counts and instants only. */
export function createEvidenceReading(
  evidence: SqlPool,
): Pick<ControlReader, 'certificatesOf' | 'certificate'> {
  return {
    certificatesOf: async (tenantId) => {
      const rows = await textRows(
        evidence,
        `SELECT certificate_id, tenant_id, run_id, due_on, digest, issued_at FROM certificates
          WHERE tenant_id = ? ORDER BY issued_at, certificate_id`,
        [parseId('TenantId', tenantId, 'tenantId')],
      );
      return rows.map(toSummary);
    },
    certificate: async (certificateId) => readCertificate(evidence, certificateId),
  };
}

async function readCertificate(
  evidence: SqlPool,
  certificateId: string,
): Promise<StoredCertificate | null> {
  if (!OPAQUE_ID.test(certificateId)) {
    throw new LetheError(
      'INVALID_INPUT',
      'certificateId must be an id as `certificate list` shows',
      {
        field: 'certificateId',
      },
    );
  }
  const row = await textRow(
    evidence,
    `SELECT certificate_id, tenant_id, run_id, due_on, digest, issued_at, body FROM certificates
      WHERE certificate_id = ?`,
    [certificateId],
  );
  return row === null ? null : { ...toSummary(row), body: required(row, 'body') };
}

const toSummary = (row: TextRow): CertificateSummary => ({
  certificateId: required(row, 'certificate_id'),
  tenantId: required(row, 'tenant_id'),
  runId: required(row, 'run_id'),
  dueOn: required(row, 'due_on'),
  digest: required(row, 'digest'),
  issuedAt: toInstant(required(row, 'issued_at')),
});
