import { LetheError } from '../../domain/errors';
import type { LedgerEntry } from '../../domain/evidence';
import { evidenceKeptUntil } from '../../domain/evidence-retention';
import type { Sql, SqlPool } from '../../contracts/sql';
import {
  ARCHIVE_NAMES,
  type ArchivedConsistency,
  type ArchivedEntry,
} from '../../transparency/evidence-archive';
import type { CertificateFile } from '../../transparency/certificate-file';
import { inclusionText } from '../../transparency/inclusion-file';
import type { KeyList } from '../../transparency/key-list';
import { leafHash, type Hash } from '../../transparency/merkle';
import { required, textRow, textRows } from '../control/sql-text';
import { readSigned } from './certificates';
import { parseEntry } from './read-ledger';
import { openCheckpoint, type OpenedCheckpoint } from './signed-checkpoint';
import { canonicalText } from './text';
import { createProver } from './tree-store';

/** What one tenant's evidence consists of, ready to be packed. */
export interface CollectedEvidence {
  readonly files: ReadonlyMap<string, string>;
  readonly entries: number;
  readonly certificates: number;
  readonly checkpoint: { readonly origin: string; readonly size: number; readonly at: string };
  /** Entries that no checkpoint covers yet; they are not in the files. */
  readonly pending: number;
  /** Day until which the ledger keeps what it has of the tenant, at the least. */
  readonly keptUntil: string;
}

/**
 * Collects a tenant's certificates and ledger entries with their proofs, against the newest checkpoint.
 * The same ledger and checkpoint give the same files. Any login that may select evidence. Reading, so safe
 * to repeat.
 *
 * @throws LetheError UNKNOWN_TENANT when the ledger has nothing of it; VERIFICATION_FAILED when nothing was
 *   exported yet; DIGEST_MISMATCH when the database is not what was signed.
 */
export async function collectEvidence(
  evidence: SqlPool,
  keys: KeyList,
  tenantId: string,
): Promise<CollectedEvidence> {
  const newest = await readCovering(evidence, keys, { order: 'DESC', from: 0 });
  if (newest === null) {
    throw new LetheError(
      'VERIFICATION_FAILED',
      'no checkpoint was exported yet; nothing is proven',
    );
  }
  const { size } = newest.head;
  const prover = createProver(evidence, newest.head);
  const files = new Map<string, string>([[ARCHIVE_NAMES.keys, keys.text]]);
  for (const { keyId, key } of keys.keys) {
    files.set(
      ARCHIVE_NAMES.publicKey(keyId),
      key.export({ format: 'pem', type: 'spki' }).toString(),
    );
  }
  const heads = new Map([[size, newest]]);
  const lines: string[] = [];
  let newestAt = newest.checkpoint.at;
  const texts = await readTenant(evidence, tenantId);
  const covered = texts.filter(({ sequence }) => sequence <= size);
  for (const { sequence, text } of covered) {
    lines.push(canonicalText(lineOf(sequence, text, await prover.inclusion(sequence, text))));
    const entry = parseEntry(text);
    if (entry !== null) newestAt = entry.at;
    if (entry?.kind !== 'certificate-issued') continue;
    const { certificateId, file, covering } = await readCertificateFile(evidence, keys, entry);
    heads.set(covering.head.size, covering);
    files.set(ARCHIVE_NAMES.certificate(certificateId), `${canonicalText(file)}\n`);
  }
  if (texts.length === 0) {
    throw new LetheError('UNKNOWN_TENANT', 'the ledger has nothing of the tenant', {
      field: 'tenant',
    });
  }
  files.set(ARCHIVE_NAMES.entries, linesText(lines));
  const connections: string[] = [];
  for (const [older, { head, checkpoint }] of [...heads].sort(([a], [b]) => a - b)) {
    files.set(ARCHIVE_NAMES.checkpoint(older), checkpoint.note);
    if (older === size) continue;
    const proof = (await prover.consistency(head)).map(base64);
    const line: ArchivedConsistency = { from: older, to: size, proof };
    connections.push(canonicalText(line));
  }
  files.set(ARCHIVE_NAMES.consistency, linesText(connections));
  return {
    files,
    entries: covered.length,
    certificates: [...files.keys()].filter((name) => name.startsWith('certificates/')).length,
    checkpoint: { origin: newest.head.origin, size, at: newest.checkpoint.at },
    pending: texts.length - covered.length,
    keptUntil: evidenceKeptUntil(newestAt),
  };
}

const base64 = (hash: Hash): string => hash.toString('base64');
const linesText = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');
const lineOf = (sequence: number, entry: string, proof: readonly Hash[]): ArchivedEntry => ({
  index: sequence - 1,
  entry,
  leafHash: base64(leafHash(entry)),
  proof: proof.map(base64),
});

async function readTenant(
  evidence: Sql,
  tenantId: string,
): Promise<readonly { readonly sequence: number; readonly text: string }[]> {
  const rows = await textRows(
    evidence,
    'SELECT sequence, entry FROM entries WHERE tenant_id = ? ORDER BY sequence',
    [tenantId],
  );
  return rows.map((row) => ({
    sequence: Number(required(row, 'sequence')),
    text: required(row, 'entry'),
  }));
}

/** The first or the newest signed checkpoint that covers an entry, or null. */
async function readCovering(
  evidence: Sql,
  keys: KeyList,
  { from, order }: { readonly from: number; readonly order: 'ASC' | 'DESC' },
): Promise<OpenedCheckpoint | null> {
  const row = await textRow(
    evidence,
    `SELECT signed FROM checkpoints
      WHERE sequence >= ? AND signed IS NOT NULL ORDER BY sequence ${order} LIMIT 1`,
    [from],
  );
  return row === null ? null : openCheckpoint(required(row, 'signed'), keys);
}

interface FoundCertificate {
  readonly certificateId: string;
  readonly file: CertificateFile;
  readonly covering: OpenedCheckpoint;
}

async function readCertificateFile(
  evidence: Sql,
  keys: KeyList,
  entry: LedgerEntry,
): Promise<FoundCertificate> {
  const certificateId = String(entry.details['certificateId']);
  const found = await proveCertificate(evidence, keys, certificateId);
  if (found === null || found.covering === null) {
    throw new LetheError('DIGEST_MISMATCH', `the certificate ${certificateId} is not stored`);
  }
  return { certificateId, file: found.file, covering: found.covering };
}

/**
 * A certificate as it is handed out: signed, with its place in the ledger and the proof of it against the
 * first checkpoint that covers it; without them while there is none. Reading, so safe to repeat.
 *
 * @returns null when there is no such certificate.
 * @throws LetheError DIGEST_MISMATCH when it has no signature or the ledger does not lead to the checkpoint.
 */
export async function proveCertificate(
  evidence: Sql,
  keys: KeyList,
  certificateId: string,
): Promise<{ readonly file: CertificateFile; readonly covering: OpenedCheckpoint | null } | null> {
  const row = await textRow(
    evidence,
    `SELECT c.body, e.sequence, e.entry FROM certificates c
       JOIN entries e ON e.kind = 'certificate-issued' AND e.subject = CONCAT(c.run_id, '/', c.due_on)
      WHERE c.certificate_id = ?`,
    [certificateId],
  );
  if (row === null) return null;
  const signed = await readSigned(evidence, certificateId, required(row, 'body'));
  if (signed === null) {
    throw new LetheError('DIGEST_MISMATCH', 'the certificate has no signature');
  }
  const sequence = Number(required(row, 'sequence'));
  const covering = await readCovering(evidence, keys, { from: sequence, order: 'ASC' });
  if (covering === null) return { file: signed, covering };
  const entry = required(row, 'entry');
  const proof = await createProver(evidence, covering.head).inclusion(sequence, entry);
  const { note } = covering.checkpoint;
  const log = { entry, proof: inclusionText({ index: sequence - 1, proof, note }) };
  return { file: { ...signed, header: { log } }, covering };
}
