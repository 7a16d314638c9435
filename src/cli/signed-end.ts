import type { Command } from 'commander';
import { signedDecision, type Decision } from '../contracts/decisions';
import { LetheError } from '../domain/errors';
import { readCompact } from '../domain/signed-document';
import type { Cli } from './cli';
import { readText } from './option-values';

/** Options of an end that may be dated back. */
export interface EndOptions {
  readonly endedAt?: string;
  readonly approvedBy?: string;
  readonly signed?: string;
  readonly approval?: string;
}

/** What of an end's body is about its instant and who answers for it. */
interface EndBody {
  readonly endedAt?: string;
  readonly approvedBy?: string;
  readonly documents?: readonly string[];
}

/** Adds the options of an end in the past. */
export const withEnd = (command: Command): Command =>
  command
    .option('--ended-at <instant>', 'when it ended, RFC 3339 with offset; default: now')
    .option('--approved-by <id>', 'second person, for an end in the past')
    .option('--signed <file>', 'what you signed with sign-end, where decisions are signed')
    .option('--approval <file>', 'what the second person signed with sign-end --approve');

/**
 * The end as it is sent. Who approves it is whose signature it has, unless somebody is named.
 *
 * @throws LetheError INVALID_INPUT naming the option, or what is wrong with the shape of a document.
 */
export function endBody({ io }: Pick<Cli, 'io'>, options: EndOptions): EndBody {
  const { endedAt } = options;
  const [signed, approval] = (['signed', 'approval'] as const).map((option) => {
    const file = options[option];
    if (file === undefined) return undefined;
    const document = readText(io, file, option).trim();
    signedDecision(document, option);
    return document;
  });
  const documents = [signed, approval].filter((document) => document !== undefined);
  if (documents.length === 1) {
    const field = signed === undefined ? 'signed' : 'approval';
    throw new LetheError('INVALID_INPUT', `${field} is missing; both people sign`, { field });
  }
  const approvedBy = options.approvedBy ?? personOf(approval);
  return {
    ...(endedAt !== undefined && { endedAt }),
    ...(approvedBy !== undefined && { approvedBy }),
    ...(documents.length > 0 && { documents }),
  };
}

const personOf = (document: string | undefined): string | undefined =>
  document === undefined
    ? undefined
    : (readCompact(document, 'approval').payload as unknown as Decision).person;
