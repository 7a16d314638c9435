import type { Command } from 'commander';
import { proveCertificate } from '../../activities/evidence/regulator-archive';
import type { StoredCertificate } from '../../contracts/control-reader';
import { LetheError } from '../../domain/errors';
import { parseId } from '../../domain/identifiers';
import {
  checkCertificateFile,
  type CertificateFile,
  type CheckedCertificate,
} from '../../transparency/certificate-file';
import { certificatePage } from '../certificate-page';
import { addCommand, type Cli, type CommonOptions } from '../cli';
import type { CliIo } from '../io';
import { facts, table, type Answer } from '../output';
import type { Session } from '../session';

interface ShowOptions extends CommonOptions {
  readonly certificate?: string;
  readonly tenant?: string;
  readonly signed: boolean;
  readonly html: boolean;
  readonly keys?: string;
}

interface VerifyOptions extends CommonOptions {
  readonly file: string;
  readonly keys: string;
}

/** `lethe certificate list|show|verify`: what proves that data is gone. */
export function addCertificate(lethe: Command, cli: Cli): void {
  const certificate = lethe.command('certificate').description('certificates of destruction');
  addCommand(certificate, 'list', 'certificates of a tenant')
    .requiredOption('--tenant <id>', 'tenant, tn_…')
    .action(
      cli.action<CommonOptions & { readonly tenant: string }>(async (options, session) => {
        const tenantId = parseId('TenantId', options.tenant, 'tenant');
        const found = await session.reader.certificatesOf(tenantId);
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
  addCommand(certificate, 'show', 'one certificate, or all of a tenant, as they were issued')
    .option('--certificate <id>', 'certificate')
    .option('--tenant <id>', 'tenant, tn_…')
    .option('--signed', 'the signed file with its proof, for others to verify', false)
    .option('--html', 'a page for printing, in English and Chinese', false)
    .option('--keys <file>', 'list of public keys; default: LETHE_PUBLIC_KEYS_FILE')
    .action(cli.action<ShowOptions>(show));
  const verify = cli.action<VerifyOptions>((options, session) =>
    Promise.resolve(verifyFile(cli.io, options, session)),
  );
  addCommand(certificate, 'verify', 'proves a signed file offline; needs no server')
    .argument('<file>', 'signed file, or - for standard input')
    .requiredOption('--keys <file>', 'list of public keys, from another source than the file')
    .action((file: string, options: Omit<VerifyOptions, 'file'>) => verify({ ...options, file }));
}

async function show(options: ShowOptions, session: Session): Promise<Answer> {
  const found = await findShown(options, session);
  if (options.signed || options.html) return showSigned(options, found, session);
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
  const found = await session.reader.certificatesOf(tenantId);
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
  const lines = files.map((file) => `${JSON.stringify(file)}\n`).join('');
  return { data, text: options.html ? certificatePage(checked) : lines };
}

function verifyFile(io: CliIo, { file, keys }: VerifyOptions, session: Session): Answer {
  const list = session.publicKeys(keys);
  let text: string;
  try {
    text = io.read(file);
  } catch (cause) {
    throw new LetheError('INVALID_INPUT', 'file must name a readable file, or -', {
      field: 'file',
      cause,
    });
  }
  const { certificate, keyId, log } = checkCertificateFile(text, list);
  return {
    data: { outcome: 'ok', keyId, log, certificate },
    text: facts([
      ['signature', `ok, by ${keyId}`],
      ['ledger', log === null ? 'the file does not say' : `ok, entry ${log.index + 1}`],
      ['checkpoint', log === null ? null : `ok, ${log.origin} over ${log.size} entries`],
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

/** The body as it is when it is no JSON: it is evidence and not ours to refuse here. */
function indented(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}
