import type { Command } from 'commander';
import { readRemains } from '../../activities/evidence/read-remains';
import { parseId } from '../../domain/identifiers';
import { composeInterim, isNothingLeft } from '../../domain/interim-statement';
import { interimDocument, interimPaper } from '../../papers/interim-paper';
import { WORDS } from '../../papers/words';
import { addCommand, type Cli, type CommonOptions } from '../cli';
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

interface Options extends CommonOptions, PaperOptions {
  readonly tenant: string;
}

/** `lethe certificate interim`: what remains, where and why. It is no certificate and says so. */
export function addInterim(certificate: Command, cli: Cli): void {
  withPaperOptions(
    addCommand(
      certificate,
      'interim',
      'what remains of a tenant, where and why; NOT a certificate',
    ).requiredOption('--tenant <id>', 'tenant, tn_…'),
  ).action(cli.action<Options>(state));
}

async function state(options: Options, session: Session): Promise<Answer> {
  assertPaperOptions(options);
  const tenantId = parseId('TenantId', options.tenant, 'tenant');
  const { stores } = session;
  const control = stores.sql('reader', 'control');
  const statement = composeInterim(
    await readRemains({ control, evidence: session.evidence }, tenantId),
  );
  const languages = languagesOf(options);
  if (options.pdf && options.out !== undefined) {
    return answerFile(options.out, await interimDocument(statement, languages));
  }
  if (options.html) {
    const papers = languages.map((language) => interimPaper(statement, language));
    return answerPage(papers, options, statement);
  }
  const say = WORDS.en.interim;
  const rows = statement.remaining.flatMap(({ recordClass, cohort, reasons, places }) =>
    places.map(({ location, records, state: found }) => [
      cohort?.dueOn ?? null,
      recordClass,
      location,
      records,
      found,
      reasons.map(({ reason }) => reason).join(', '),
    ]),
  );
  const head = facts([
    ['tenant', statement.tenantId],
    ['as of', statement.asOf],
    ['stage', statement.stage],
    ['in use', statement.inUse.join(', ')],
    ['certificates', statement.certificates],
    ['holds', statement.holds.map(({ holdId }) => holdId).join(', ')],
  ]);
  const found =
    rows.length === 0
      ? ''
      : `\n${table(['due on', 'record class', 'location', 'records', 'state', 'why'], rows)}`;
  const nothing = isNothingLeft(statement) ? `\n${say.nothing}\n` : '';
  return { data: statement, text: `${say.notCertificate}\n\n${head}${found}${nothing}` };
}
