import { Option, type Command } from 'commander';
import { LetheError } from '../domain/errors';
import { printPage } from '../papers/page';
import { LANGUAGES, type Language, type Paper } from '../papers/paper';
import { writeNew } from './files';
import { facts, type Answer } from './output';

/** How a paper is wanted; without any of it the command answers as it always does. */
export interface PaperOptions {
  readonly html: boolean;
  readonly pdf: boolean;
  readonly lang?: Language;
  readonly out?: string;
}

/** The options of commands that print papers. */
export const withPaperOptions = (command: Command): Command =>
  command
    .option('--html', 'a page for printing', false)
    .option('--pdf', 'a PDF, into the file that --out names', false)
    .addOption(new Option('--lang <language>', 'default: each language').choices(LANGUAGES))
    .option('--out <file>', 'file to be made; never overwritten');

/** The chosen language, or each of them in turn. */
export const languagesOf = ({ lang }: PaperOptions): readonly Language[] =>
  lang === undefined ? LANGUAGES : [lang];

/** Refuses a mixture that could only be answered with less than was asked for. */
export function assertPaperOptions({ html, pdf, lang, out }: PaperOptions): void {
  const printed = html || pdf;
  const mistakes: readonly (readonly [boolean, string, string])[] = [
    [html && pdf, 'pdf', 'goes without --html'],
    [pdf && out === undefined, 'out', 'is needed with --pdf: a PDF is no text'],
    [!printed && out !== undefined, 'out', 'needs --html or --pdf'],
    [!printed && lang !== undefined, 'lang', 'needs --html or --pdf'],
  ];
  const mistake = mistakes.find(([made]) => made);
  if (mistake === undefined) return;
  const [, field, why] = mistake;
  throw new LetheError('INVALID_INPUT', `${field} ${why}`, { field });
}

/** Answers with a page on standard output, or with the file that was made of it. */
export function answerPage(papers: readonly Paper[], { out }: PaperOptions, data: unknown): Answer {
  const text = printPage(papers);
  return out === undefined ? { data, text } : answerFile(out, Buffer.from(text, 'utf8'));
}

/** Makes the file and says so. */
export function answerFile(out: string, bytes: Buffer): Answer {
  writeNew(out, bytes);
  return {
    data: { file: out, bytes: bytes.length },
    text: facts([
      ['file', out],
      ['bytes', bytes.length],
    ]),
  };
}
