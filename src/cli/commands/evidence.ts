import { Option, type Command } from 'commander';
import { auditLedger, type AuditReport } from '../../activities/evidence/audit';
import { collectEvidence } from '../../activities/evidence/regulator-archive';
import { checkCertificateFile } from '../../transparency/certificate-file';
import { checkCertifiedOrder } from '../../transparency/check-certified-order';
import { isLetheError, LetheError } from '../../domain/errors';
import { parseId } from '../../domain/identifiers';
import { readmeInChinese, readmeInEnglish } from '../../transparency/archive-readme';
import {
  ARCHIVE_NAMES,
  checkArchive,
  type ArchiveReport,
} from '../../transparency/evidence-archive';
import { packTar, textsOf, unpackTar } from '../../transparency/tar';
import { logVerifiers, type KeyList } from '../../transparency/key-list';
import { openTreeHead, type TreeHead } from '../../transparency/tree-head';
import { checkPapers, papersOf } from '../archive-papers';
import { readBytes, writeNew } from '../files';
import { addCommand, type Cli, type CommonOptions } from '../cli';
import { readText } from '../option-values';
import { facts, table, type Answer } from '../output';
import type { Session } from '../session';

interface VerifyOptions extends CommonOptions {
  readonly archive?: string;
  readonly keys?: string;
  readonly seen?: string;
  readonly save?: string;
}

interface ExportOptions extends CommonOptions {
  readonly tenant: string;
  readonly out: string;
  readonly keys?: string;
}

/** `lethe evidence verify|export`: that nobody tampered with the ledger, for us and for a regulator. */
export function addEvidence(lethe: Command, cli: Cli): void {
  const evidence = lethe
    .command('evidence')
    .description('the ledger of what was done, and its proof');
  addCommand(
    evidence,
    'verify',
    'the whole ledger against everything exported, or an archive offline',
  )
    .option('--archive <file>', 'an archive of `evidence export`; needs no server')
    .option('--keys <file>', 'list of public keys; default: LETHE_PUBLIC_KEYS_FILE')
    .addOption(
      new Option(
        '--seen <file>',
        'a checkpoint that you saved before: the ledger must go on from it',
      ).conflicts('archive'),
    )
    .addOption(
      new Option(
        '--save <file>',
        'keep the newest checkpoint for the next time; never overwritten',
      ).conflicts('archive'),
    )
    .action(
      cli.action<VerifyOptions>(async (options, session) => {
        const { seen } = options;
        const text = seen === undefined ? undefined : readText(cli.io, seen, 'seen');
        return verify(options, session, text);
      }),
    );
  addCommand(evidence, 'export', "one tenant's evidence with its proofs, for a regulator")
    .requiredOption('--tenant <id>', 'tenant, tn_…')
    .requiredOption('--out <file>', 'archive to be made, a .tar; never overwritten')
    .option('--keys <file>', 'list of public keys; default: LETHE_PUBLIC_KEYS_FILE')
    .action(cli.action<ExportOptions>(exportArchive));
}

async function verify(
  { archive, keys, save }: VerifyOptions,
  session: Session,
  seen: string | undefined,
): Promise<Answer> {
  const list = session.publicKeys(keys);
  if (archive !== undefined)
    return shownArchive(await checkPacked(readBytes(archive, 'archive'), list));
  const seenBefore = seen === undefined ? undefined : savedHead(seen, list);
  const report = await auditLedger({
    ...session.audit(list),
    ...(seenBefore !== undefined && { seenBefore }),
  });
  const answer = shownAudit(report);
  // What was found to be wrong is nothing to begin from the next time.
  if (save !== undefined && report.outcome === 'ok') {
    if (report.latest === null) {
      throw new LetheError('NOT_PERMITTED', 'nothing was exported yet that could be saved', {
        field: 'save',
      });
    }
    writeNew(save, Buffer.from(report.latest.note));
  }
  return answer;
}

/** A checkpoint as `--save`, an archive or any other tool wrote it. */
function savedHead(text: string, keys: KeyList): TreeHead {
  try {
    return openTreeHead(text, logVerifiers(keys));
  } catch (error) {
    if (!isLetheError(error)) throw error;
    throw new LetheError(error.code, `seen: ${error.message}`, { field: 'seen' });
  }
}

/** Texts first, then the papers, which only say again what the texts say. */
async function checkPacked(packed: Buffer, keys: KeyList): Promise<ArchiveReport> {
  const files = unpackTar(packed);
  const texts = textsOf(files);
  const report = checkArchive(texts, keys);
  const problems = [...report.problems, ...(await checkPapers(files, texts, keys))];
  return { ...report, outcome: problems.length === 0 ? 'ok' : 'failed', problems };
}

function shownAudit(report: AuditReport): Answer {
  const rows = report.findings.map(({ kind, sequence, message }) => [sequence, kind, message]);
  const head = facts([
    ['outcome', report.outcome],
    ['entries', report.entries],
    ['root', report.root],
    ['checkpoints', report.checkpoints],
    ['newest checkpoint', report.latest && `${report.latest.sequence} at ${report.latest.at}`],
  ]);
  const found = rows.length === 0 ? '' : `\n${table(['entry', 'finding', 'what it means'], rows)}`;
  return { data: report, text: `${head}${found}`, exitCode: report.outcome === 'ok' ? 0 : 1 };
}

function shownArchive(report: ArchiveReport): Answer {
  const rows = report.problems.map(({ file, message }) => [file, message]);
  const head = facts([
    ['outcome', report.outcome],
    ['tenant', report.tenantId],
    ['ledger', report.origin],
    ['newest checkpoint', report.size],
    ['entries', report.entries],
    ['certificates', report.certificates],
  ]);
  const found = rows.length === 0 ? '' : `\n${table(['file', 'problem'], rows)}`;
  return { data: report, text: `${head}${found}`, exitCode: report.outcome === 'ok' ? 0 : 1 };
}

/** Keys of the people who signed what the certificates carry; no file when nobody ordered anything. */
async function signersOf(
  files: ReadonlyMap<string, string>,
  keys: KeyList,
  session: Session,
): Promise<ReadonlyMap<string, string>> {
  const used = new Set<string>();
  for (const [name, file] of files) {
    if (!name.startsWith('certificates/')) continue;
    const { certificate } = checkCertificateFile(file, keys);
    for (const { kid } of checkCertifiedOrder(certificate, undefined) ?? []) used.add(kid);
  }
  if (used.size === 0) return new Map();
  const signers = (await session.reader.signers())
    .filter(({ kid }) => used.has(kid))
    .map(({ kid, publicKey, role, personId, validFrom, validUntil, revokedAt }) => ({
      ...{ kid, publicKey, role, personId, validFrom, validUntil, revokedAt },
    }))
    .sort((a, b) => a.kid.localeCompare(b.kid));
  return new Map([
    [ARCHIVE_NAMES.signers, `${JSON.stringify({ version: 1, signers }, null, 2)}\n`],
  ]);
}

async function exportArchive(options: ExportOptions, session: Session): Promise<Answer> {
  const tenantId = parseId('TenantId', options.tenant, 'tenant');
  const keys = session.publicKeys(options.keys);
  const { files, ...summary } = await collectEvidence(session.evidence, keys, tenantId);
  const { entries, certificates, checkpoint, keptUntil } = summary;
  const told = { tenantId, entries, certificates, keptUntil, ...checkpoint };
  const packed = packTar(
    new Map<string, string | Buffer>([
      ...files,
      ...(await papersOf(files, keys)),
      ...(await signersOf(files, keys, session)),
      [ARCHIVE_NAMES.readme, readmeInEnglish(told)],
      [ARCHIVE_NAMES.readmeInChinese, readmeInChinese(told)],
    ]),
  );
  // Nobody gets an archive that would not pass.
  const { outcome } = await checkPacked(packed, keys);
  if (outcome !== 'ok') {
    throw new LetheError('DIGEST_MISMATCH', 'the evidence does not verify; no archive was made');
  }
  writeNew(options.out, packed);
  return {
    data: { file: options.out, tenantId, bytes: packed.length, ...summary },
    text: facts([
      ['archive', options.out],
      ['bytes', packed.length],
      ['entries', entries],
      ['certificates', certificates],
      ['checkpoint', `${checkpoint.size} at ${checkpoint.at}`],
      ['not yet in a checkpoint', summary.pending],
      ['kept at least until', keptUntil],
    ]),
  };
}
