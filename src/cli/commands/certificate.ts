import type { Command } from 'commander';
import { proveCertificate } from '../../activities/evidence/regulator-archive';
import type { StoredCertificate } from '../../contracts/control-reader';
import { LetheError } from '../../domain/errors';
import { parseId } from '../../domain/identifiers';
import type { Signer } from '../../domain/signers';
import {
  checkCertificateFile,
  type CertificateFile,
  type CheckedCertificate,
} from '../../transparency/certificate-file';
import { certificateDocument, printedLanguages } from '../../papers/certificate-document';
import { certificatePaper } from '../../papers/certificate-paper';
import type { Language } from '../../papers/paper';
import {
  checkCertifiedOrder,
  type CheckedSignature,
} from '../../transparency/check-certified-order';
import { attachmentIn, isPdf } from '../../transparency/pdf-attachment';
import { parseSignerList } from '../../transparency/signer-list';
import { addCommand, type Cli, type CommonOptions } from '../cli';
import { readBytes } from '../files';
import type { CliIo } from '../io';
import { ofKnownTenant } from '../known-tenant';
import { readText } from '../option-values';
import { facts, table, type Answer } from '../output';
import {
  answerFile,
  answerPage,
  assertPaperOptions,
  languagesOf,
  withPaperOptions,
  type PaperOptions,
} from '../papers';
import type { Session } from '../session';
import { addInterim } from './certificate-interim';

interface ShowOptions extends CommonOptions, PaperOptions {
  readonly certificate?: string;
  readonly tenant?: string;
  readonly signed: boolean;
  readonly keys?: string;
}

interface VerifyOptions extends CommonOptions {
  readonly file: string;
  readonly keys: string;
  readonly signers?: string;
}

/** `lethe certificate list|show|interim|verify`: what proves that data is gone, and what is not. */
export function addCertificate(lethe: Command, cli: Cli): void {
  const certificate = lethe.command('certificate').description('certificates of destruction');
  addCommand(certificate, 'list', 'certificates of a tenant')
    .requiredOption('--tenant <id>', 'tenant, tn_…')
    .action(
      cli.action<CommonOptions & { readonly tenant: string }>(async (options, session) => {
        const tenantId = parseId('TenantId', options.tenant, 'tenant');
        const known = await session.reader.certificatesOf(tenantId);
        const found = await ofKnownTenant(session, tenantId, known);
        const rows = found.map((one) => [one.certificateId, one.dueOn, one.runId, one.issuedAt]);
        return {
          data: found,
          text:
            rows.length === 0
              ? 'no certificates\n'
              : table(['certificate', 'due on', 'run', 'issued'], rows),
        };
      }),
    );
  withPaperOptions(
    addCommand(certificate, 'show', 'one certificate, or all of a tenant, as they were issued')
      .option('--certificate <id>', 'certificate')
      .option('--tenant <id>', 'tenant, tn_…')
      .option('--signed', 'the signed file with its proof, for others to verify', false),
  )
    .option('--keys <file>', 'list of public keys; default: LETHE_PUBLIC_KEYS_FILE')
    .action(cli.action<ShowOptions>(show));
  addInterim(certificate, cli);
  const verify = cli.action<VerifyOptions>((options, session) =>
    verifyFile(cli.io, options, session),
  );
  addCommand(certificate, 'verify', 'proves a signed file or a PDF of one offline; needs no server')
    .argument('<file>', 'signed file or PDF, or - for a signed file on standard input')
    .requiredOption('--keys <file>', 'list of public keys, from another source than the file')
    .option(
      '--signers <file>',
      'what signer list --json printed; default: signers of the list of keys',
    )
    .action((file: string, options: Omit<VerifyOptions, 'file'>) => verify({ ...options, file }));
}

async function show(options: ShowOptions, session: Session): Promise<Answer> {
  assertPaperOptions(options);
  if (options.pdf && options.certificate === undefined) {
    throw new LetheError(
      'INVALID_INPUT',
      'certificate is needed with --pdf: one file is attached',
      {
        field: 'certificate',
      },
    );
  }
  const found = await findShown(options, session);
  if (options.signed || options.html || options.pdf) return showSigned(options, found, session);
  const text = found.map(({ body, ...summary }) => {
    const head = facts([
      ['certificate', summary.certificateId],
      ['tenant', summary.tenantId],
      ['run', summary.runId],
      ['due on', summary.dueOn],
      ['issued', summary.issuedAt],
      ['SHA-256', summary.digest],
    ]);
    return `${head}\n${indented(body)}\n`;
  });
  const [one] = found;
  return { data: options.certificate === undefined ? found : one, text: text.join('\n') };
}

async function findShown(
  { certificate, tenant }: ShowOptions,
  session: Session,
): Promise<readonly StoredCertificate[]> {
  if ((certificate === undefined) === (tenant === undefined)) {
    throw new LetheError(
      'INVALID_INPUT',
      '--certificate is needed, or --tenant; give one of them',
      {
        field: 'certificate',
      },
    );
  }
  const ids = certificate === undefined ? await idsOf(tenant ?? '', session) : [certificate];
  const found: StoredCertificate[] = [];
  for (const id of ids) {
    const stored = await session.reader.certificate(id);
    if (stored === null) {
      throw new LetheError('INVALID_INPUT', 'certificate names none', { field: 'certificate' });
    }
    found.push(stored);
  }
  return found;
}

async function idsOf(tenant: string, session: Session): Promise<readonly string[]> {
  const tenantId = parseId('TenantId', tenant, 'tenant');
  const known = await session.reader.certificatesOf(tenantId);
  const found = await ofKnownTenant(session, tenantId, known);
  return found.map(({ certificateId }) => certificateId);
}

/** What is shown is what was checked, with the same code as somebody else's copy. */
async function showSigned(
  options: ShowOptions,
  found: readonly StoredCertificate[],
  session: Session,
): Promise<Answer> {
  const keys = session.publicKeys(options.keys);
  const files: CertificateFile[] = [];
  const checked: CheckedCertificate[] = [];
  for (const { certificateId } of found) {
    const proven = await proveCertificate(session.evidence, keys, certificateId);
    if (proven === null) {
      throw new LetheError('DIGEST_MISMATCH', 'the ledger does not name the certificate');
    }
    files.push(proven.file);
    checked.push(checkCertificateFile(JSON.stringify(proven.file), keys));
  }
  const data = options.certificate === undefined ? files : files[0];
  if (options.html) {
    const papers = checked.flatMap((one) =>
      languagesOf(options).map((language) => certificatePaper(one, language)),
    );
    return answerPage(papers, options, data);
  }
  const [file, one] = [files[0], checked[0]];
  if (options.out !== undefined && file !== undefined && one !== undefined) {
    const signed = { ...one, file: lineOf(file) };
    return answerFile(options.out, await certificateDocument(signed, languagesOf(options)));
  }
  return { data, text: files.map(lineOf).join('') };
}

const lineOf = (file: CertificateFile): string => `${JSON.stringify(file)}\n`;

async function verifyFile(
  io: CliIo,
  { file, keys, signers }: VerifyOptions,
  session: Session,
): Promise<Answer> {
  const list = session.publicKeys(keys);
  const bytes = bytesOf(io, file);
  const pdf = isPdf(bytes);
  const text = pdf ? attachmentIn(bytes) : bytes.toString('utf8');
  const checked = checkCertificateFile(text, list);
  const printed = pdf ? await assertPrinted(bytes, { ...checked, file: text }) : null;
  const { certificate, keyId, log } = checked;
  const people = signers === undefined ? list.signers : readSigners(io, signers);
  const order = checkCertifiedOrder(certificate, people);
  return {
    data: { outcome: 'ok', keyId, log, printed, order, certificate },
    text: facts([
      ['signature', `ok, by ${keyId}`],
      ['ledger', log === null ? 'the file does not say' : `ok, entry ${log.index + 1}`],
      ['checkpoint', log === null ? null : `ok, ${log.origin} over ${log.size} entries`],
      ...(printed === null ? [] : [['pages', `ok, as printed: ${printed.join(', ')}`] as const]),
      ...orderLines(order),
      ['certificate', certificate.certificateId],
      ['tenant', certificate.tenantId],
      ['record class', certificate.recordClass],
      ['due on', certificate.dueOn],
      ['destroyed at', certificate.destroyedAt],
      ['late', certificate.late],
      ['clock', certificate.clock],
    ]),
  };
}

/** Each signature by itself; nothing is called checked that was not. */
function orderLines(
  order: readonly CheckedSignature[] | null,
): readonly (readonly [string, string | null])[] {
  if (order === null) return [['order', 'none: it followed from a rule']];
  return order.map(({ document, kid, personId, outcome }) => [
    document,
    outcome === 'ok'
      ? `ok, by ${personId ?? ''} with ${kid}`
      : `not checked: no keys of signers were given; signed with ${kid}`,
  ]);
}

function readSigners(io: CliIo, file: string): readonly Signer[] {
  const found = parseSignerList(readText(io, file, 'signers'));
  if (found !== undefined) return found;
  throw new LetheError('INVALID_INPUT', 'signers must name what signer list --json printed', {
    field: 'signers',
  });
}

function bytesOf(io: CliIo, file: string): Buffer {
  if (file !== '-') return readBytes(file, 'file');
  const bytes = Buffer.from(readText(io, '-', 'file'), 'utf8');
  if (!isPdf(bytes)) return bytes;
  throw new LetheError('INVALID_INPUT', 'file must name the PDF; standard input is read as text', {
    field: 'file',
  });
}

/** The signature covers the attachment; pages that say something else must not pass with it. */
async function assertPrinted(
  bytes: Buffer,
  signed: CheckedCertificate & { readonly file: string },
): Promise<readonly Language[]> {
  const printed = await printedLanguages(bytes, signed);
  if (printed !== null) return printed;
  throw new LetheError(
    'EVIDENCE_INVALID',
    'the pages are not those that this version prints for the attached certificate: save the attachment and verify that',
    { field: 'file' },
  );
}

/** The body as it is when it is no JSON: it is evidence and not ours to refuse here. */
function indented(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}
