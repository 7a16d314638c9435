import { invalid } from './failures';

/**
 * The file inside a PDF of ours. It lies there as it is, in one object of its own, so that it can be taken
 * out without a library and with `grep` as well.
 */

const BEGINNING = '%PDF-';
/** A paper is a few hundred kilobytes; more is something else. */
const BYTES_MAX = 32 * 1024 * 1024;
/** An object that carries bytes: its dictionary, then the word `stream`. */
const OBJECT = /\n\d+ 0 obj\n<<\n((?:(?!endobj)[\s\S]){0,4096}?)\n>>\nstream\n/g;

/** Whether a file is a PDF, by its first bytes. */
export const isPdf = (bytes: Buffer): boolean =>
  bytes.subarray(0, BEGINNING.length).toString('latin1') === BEGINNING;

/**
 * Takes the attached text out of a PDF of ours.
 *
 * @throws LetheError EVIDENCE_INVALID when there is none, or more than one, or another program saved the
 *   document anew.
 */
export function attachmentIn(pdf: Buffer): string {
  if (pdf.length > BYTES_MAX) throw invalid('the document is too large to be a paper of ours');
  const text = pdf.toString('latin1');
  const found = [...text.matchAll(OBJECT)].filter(([, head = '']) =>
    head.includes('/Type /EmbeddedFile'),
  );
  const [one] = found;
  if (one === undefined || found.length > 1 || countOf(text, '/EmbeddedFile\n') > 1) {
    throw invalid('the document has no attachment of ours, or more than one');
  }
  const [whole, head = ''] = one;
  const [, length] = /\n\/Length (\d{1,9})(?:\n|$)/.exec(head) ?? [];
  const from = one.index + whole.length;
  const to = from + Number(length);
  const proper =
    length !== undefined &&
    !head.includes('/Filter') &&
    text.slice(to, to + 12).startsWith('\nendstream');
  if (!proper) {
    throw invalid(
      'another program saved the document: save the attachment with a PDF reader and verify that',
    );
  }
  return pdf.subarray(from, to).toString('utf8');
}

const countOf = (text: string, part: string): number => text.split(part).length - 1;
