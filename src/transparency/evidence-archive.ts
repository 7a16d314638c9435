import type { LedgerEntry } from '../domain/evidence';
import { isLetheError } from '../domain/errors';
import { checkCertificateFile } from './certificate-file';
import { invalid } from './failures';
import { parseHashes } from './inclusion-file';
import { checkCertifiedOrder } from './check-certified-order';
import { logVerifiers, type KeyList } from './key-list';
import { leafHash } from './merkle';
import { verifyConsistency, verifyInclusion } from './proofs';
import { openTreeHead, type TreeHead } from './tree-head';

/**
 * The archive that a regulator gets: one tenant's certificates and ledger entries, each with the proof that
 * it is in the tree that the log signed. Names of its files, and the check of all of it without a server.
 */

/** Names in the archive. */
export const ARCHIVE_NAMES = Object.freeze({
  readme: 'README.en.md',
  readmeInChinese: 'README.zh.md',
  keys: 'keys.json',
  signers: 'signers.json',
  entries: 'entries.ndjson',
  consistency: 'consistency.ndjson',
  checkpoint: (size: number): string => `checkpoints/${String(size).padStart(16, '0')}.txt`,
  certificate: (certificateId: string): string => `certificates/${certificateId}.json`,
  /** The same certificate for reading, in a language. */
  paper: (certificateId: string, language: string): string =>
    `papers/${certificateId}.${language}.pdf`,
  publicKey: (keyId: string): string => `keys/${keyId}.pem`,
});

/** A line of the list of entries. */
export interface ArchivedEntry {
  readonly index: number;
  /** Text of the entry as it was hashed. */
  readonly entry: string;
  readonly leafHash: string;
  readonly proof: readonly string[];
}

/** A line that connects an older checkpoint to the newest one. */
export interface ArchivedConsistency {
  readonly from: number;
  readonly to: number;
  readonly proof: readonly string[];
}

/** What was found about an archive. */
export interface ArchiveReport {
  readonly outcome: 'ok' | 'failed';
  readonly tenantId: string | null;
  readonly origin: string | null;
  /** Entries that the newest checkpoint covers, of all tenants. */
  readonly size: number;
  readonly checkpoints: number;
  readonly entries: number;
  readonly certificates: number;
  readonly problems: readonly Problem[];
}

type Files = ReadonlyMap<string, string>;

/**
 * Checks every part of an archive against the given public keys, not against those inside it. It proves
 * that what is there is genuine and belongs together, and that no certificate which its entries name is
 * missing; it cannot prove that no entry was left out.
 */
export function checkArchive(files: Files, keys: KeyList): ArchiveReport {
  const problems: Problem[] = [];
  const attempt = attemptInto(problems);
  const heads = headsOf(files, keys, attempt);
  const newest = heads.at(-1) ?? null;
  const entries = linesOf(files, ARCHIVE_NAMES.entries).flatMap(
    (line) => attempt(ARCHIVE_NAMES.entries, () => openEntry(line, newest)) ?? [],
  );
  const certificates = certificatesOf(files, keys, { heads, attempt });
  problems.push(
    ...unconnected(files, heads, attempt),
    ...disagreements(entries, certificates),
    ...strangers(files),
  );
  return {
    outcome: problems.length === 0 ? 'ok' : 'failed',
    tenantId: entries[0]?.tenantId ?? null,
    ...describeHead(newest),
    checkpoints: heads.length,
    entries: entries.length,
    certificates: certificates.length,
    problems,
  };
}

const describeHead = (head: TreeHead | null): Pick<ArchiveReport, 'origin' | 'size'> =>
  head === null ? { origin: null, size: 0 } : { origin: head.origin, size: head.size };

/** What is wrong about a file of an archive. */
export interface Problem {
  readonly file: string;
  readonly message: string;
}

/** Runs a check; a failure becomes a problem of the file, so that all of them are reported at once. */
type Attempt = <T>(file: string, work: () => T) => T | null;

const attemptInto =
  (problems: Problem[]): Attempt =>
  (file, work) => {
    try {
      return work();
    } catch (error) {
      if (!isLetheError(error)) throw error;
      problems.push({ file, message: error.message });
      return null;
    }
  };

/** Checkpoints that nothing connects to the newest one. */
function unconnected(
  files: Files,
  heads: readonly TreeHead[],
  attempt: Attempt,
): readonly Problem[] {
  const newest = heads.at(-1);
  if (newest === undefined) return [{ file: 'checkpoints', message: 'no checkpoint counts' }];
  const connected = new Set([headName(newest)]);
  for (const line of linesOf(files, ARCHIVE_NAMES.consistency)) {
    const older = attempt(ARCHIVE_NAMES.consistency, () => connect(line, heads));
    if (older !== null) connected.add(headName(older));
  }
  return heads
    .filter((head) => !connected.has(headName(head)))
    .map(({ size }) => ({
      file: ARCHIVE_NAMES.checkpoint(size),
      message: 'is not shown to be the beginning of the newest checkpoint',
    }));
}

const headName = ({ size, root }: TreeHead): string => `${size} ${root.toString('base64')}`;

const namesIn = (files: Files, folder: string): readonly string[] =>
  [...files.keys()].filter((name) => name.startsWith(`${folder}/`)).sort();

function headsOf(files: Files, keys: KeyList, attempt: Attempt): readonly TreeHead[] {
  return namesIn(files, 'checkpoints').flatMap((name) => {
    const head = attempt(name, () => {
      const opened = openTreeHead(files.get(name) ?? '', logVerifiers(keys));
      if (ARCHIVE_NAMES.checkpoint(opened.size) !== name) throw invalid('has another name');
      return opened;
    });
    return head === null ? [] : [head];
  });
}

function connect(line: string, heads: readonly TreeHead[]): TreeHead {
  const { from, to, proof } = parse(line, { from: 'number', to: 'number' }) as ArchivedConsistency;
  const newest = heads.at(-1);
  const older = heads.find(({ size, origin }) => size === from && origin === newest?.origin);
  if (older === undefined || newest?.size !== to) throw invalid('connects no two checkpoints');
  const claim = { from, to, fromRoot: older.root, toRoot: newest.root, proof: parseHashes(proof) };
  if (!verifyConsistency(claim)) throw invalid(`the proof from ${from} to ${to} does not hold`);
  return older;
}

function openEntry(line: string, newest: TreeHead | null): LedgerEntry {
  const shape = { index: 'number', entry: 'string', leafHash: 'string' };
  const { index, entry, leafHash: stated, proof } = parse(line, shape) as ArchivedEntry;
  const leaf = leafHash(entry);
  if (leaf.toString('base64') !== stated) throw invalid(`entry ${index} has another hash`);
  if (newest === null) throw invalid('no checkpoint covers the entries');
  const { size, root } = newest;
  if (!verifyInclusion({ index, size, root, leaf, proof: parseHashes(proof) })) {
    throw invalid(`entry ${index} is not in the signed tree`);
  }
  const opened = parse(entry, { sequence: 'number' }) as LedgerEntry;
  if (opened.sequence !== index + 1) throw invalid(`entry ${index} stands in another place`);
  return opened;
}

function certificatesOf(
  files: Files,
  keys: KeyList,
  { heads, attempt }: { readonly heads: readonly TreeHead[]; readonly attempt: Attempt },
): readonly { readonly subject: string; readonly tenantId: string; readonly file: string }[] {
  return namesIn(files, 'certificates').flatMap((file) => {
    const found = attempt(file, () => {
      const { certificate, log } = checkCertificateFile(files.get(file) ?? '', keys);
      if (ARCHIVE_NAMES.certificate(certificate.certificateId) !== file) {
        throw invalid('has the name of another certificate');
      }
      checkCertifiedOrder(certificate, keys.signers);
      if (log === null) throw invalid('does not say where the ledger has it');
      if (!heads.some(({ size, origin }) => size === log.size && origin === log.origin)) {
        throw invalid('rests on a checkpoint that is not in the archive');
      }
      return certificate;
    });
    if (found === null) return [];
    return [{ file, subject: `${found.runId}/${found.dueOn}`, tenantId: found.tenantId }];
  });
}

/** One tenant, and a file for every certificate that the ledger names, and the other way round. */
function disagreements(
  entries: readonly LedgerEntry[],
  certificates: ReturnType<typeof certificatesOf>,
): ArchiveReport['problems'] {
  const tenants = [...entries, ...certificates].map(({ tenantId }) => tenantId);
  const issued = entries.filter(({ kind }) => kind === 'certificate-issued');
  const names = new Set(certificates.map(({ subject }) => subject));
  const recorded = new Set(issued.map(({ subject }) => subject));
  return [
    ...(new Set(tenants).size > 1
      ? [{ file: ARCHIVE_NAMES.entries, message: 'the archive is about several tenants' }]
      : []),
    ...issued
      .filter(({ subject }) => !names.has(subject))
      .map(({ subject }) => ({
        file: 'certificates',
        message: `the certificate of ${subject} is missing or does not count`,
      })),
    ...certificates
      .filter(({ subject }) => !recorded.has(subject))
      .map(({ file }) => ({ file, message: 'no entry of the archive names it' })),
  ];
}

function strangers(files: Files): ArchiveReport['problems'] {
  const known: readonly string[] = Object.values(ARCHIVE_NAMES).filter(
    (name) => typeof name === 'string',
  );
  return [...files.keys()]
    .filter((name) => !known.includes(name) && !/^(checkpoints|certificates|keys)\//.test(name))
    .map((file) => ({ file, message: 'does not belong into the archive' }));
}

const linesOf = (files: Files, name: string): readonly string[] =>
  (files.get(name) ?? '').split('\n').filter((line) => line !== '');

/** A line of JSON whose fields are of the sorts that are asked for; a proof is a list of texts. */
function parse(line: string, sorts: Readonly<Record<string, string>>): unknown {
  let value: Readonly<Record<string, unknown>> | null;
  try {
    value = JSON.parse(line) as typeof value;
  } catch {
    throw invalid('a line is not JSON');
  }
  const { proof = [] } = value ?? {};
  const proper =
    Object.entries(sorts).every(([field, sort]) => typeof value?.[field] === sort) &&
    Array.isArray(proof) &&
    proof.every((hash) => typeof hash === 'string');
  if (!proper) throw invalid('a line lacks a field or has one of another sort');
  return { ...value, proof };
}
