import { dirname, join } from 'node:path';
import PDFDocument from 'pdfkit';
import { LANGUAGE_TAGS, type Paper, type Section } from './paper';
import { WORDS, filled } from './words';

/** A file that travels inside the document. */
export interface Attachment {
  readonly name: string;
  readonly type: string;
  readonly description: string;
  readonly text: string;
}

/** What a document is made from; nothing else gets into its bytes. */
export interface DocumentOrder {
  readonly papers: readonly Paper[];
  /** The instant that the document states as its own, RFC 3339. */
  readonly at: string;
  readonly attachment: Attachment;
}

/** One font for every language; only the signs that occur are embedded. */
const FONT = join(
  dirname(require.resolve('@expo-google-fonts/noto-sans-sc/package.json')),
  '400Regular/NotoSansSC_400Regular.ttf',
);
const MARGIN = 54;
const FOOT = 30;
const SIZES = Object.freeze({ title: 18, heading: 12, text: 9.5, small: 8 });
const GREY = '#767676';
/** Widths in points; the rest goes to the star. */
const TWO_COLUMNS = [150, '*'];
const FOUR_COLUMNS = ['*', 52, 82, 128];

/**
 * Papers as one PDF: tagged, with its languages and its title, so that it can be read aloud; its text can
 * be copied; the file that counts is attached, uncompressed, so that anybody can take it out. The same
 * order gives the same bytes.
 */
export async function printDocument(order: DocumentOrder): Promise<Buffer> {
  const [first] = order.papers;
  if (first === undefined) throw new RangeError('a document needs a paper');
  const at = new Date(order.at);
  const document = new PDFDocument({
    size: 'A4',
    margins: { top: MARGIN, left: MARGIN, right: MARGIN, bottom: MARGIN + FOOT },
    pdfVersion: '1.7',
    lang: LANGUAGE_TAGS[first.language],
    tagged: true,
    displayTitle: true,
    bufferPages: true,
    // Compressed bytes depend on the machine's zlib; these do not.
    compress: false,
    font: FONT,
    info: {
      Title: `${first.title} ${first.reference}`,
      Producer: 'Lethe',
      Creator: 'Lethe',
      CreationDate: at,
      ModDate: at,
    },
  });
  const bytes = collected(document);
  const ends: Paper[] = [];
  for (const paper of order.papers) {
    if (ends.length > 0) document.addPage();
    drawPaper(document, paper);
    const { start, count } = document.bufferedPageRange();
    while (ends.length < start + count) ends.push(paper);
  }
  drawFeet(document, ends);
  attach(document, order.attachment, at);
  document.end();
  return bytes;
}

type Doc = PDFKit.PDFDocument;

function collected(document: Doc): Promise<Buffer> {
  const chunks: Buffer[] = [];
  return new Promise((resolve, reject) => {
    document.on('data', (chunk: Buffer) => chunks.push(chunk));
    document.on('error', reject);
    document.on('end', () => {
      resolve(Buffer.concat(chunks));
    });
  });
}

/** Stays as it is, byte for byte, in the document: `grep -a` finds it. */
function attach(document: Doc, { name, type, description, text }: Attachment, at: Date): void {
  document.file(Buffer.from(text, 'utf8'), {
    ...{ name, type, description, relationship: 'Source' },
    ...{ creationDate: at, modifiedDate: at },
  });
}

function drawPaper(document: Doc, paper: Paper): void {
  const root = document.struct('Document', { lang: LANGUAGE_TAGS[paper.language] });
  document.addStructure(root);
  const say = (tag: string, text: string, size: number): void => {
    const element = document.struct(tag, {}, () => {
      document.fontSize(size).fillColor('black').text(text, MARGIN, document.y);
    });
    root.add(element);
    element.end();
    document.moveDown(0.4);
  };
  say('H1', paper.title, SIZES.title);
  for (const warning of paper.warnings) drawWarning(document, root, warning);
  say('P', paper.statement, SIZES.text);
  for (const section of paper.sections) {
    keepTogether(document);
    document.moveDown(0.4);
    say('H2', section.heading, SIZES.heading);
    if (section.note !== undefined) say('P', section.note, SIZES.text);
    drawTable(document, root, section);
    document.moveDown(0.4);
  }
  say('P', paper.notice, SIZES.text);
  root.end();
}

/** A heading stays with the beginning of what it is about. */
function keepTogether(document: Doc): void {
  const left = document.page.height - document.page.margins.bottom - document.y;
  if (left < 90) document.addPage();
}

function drawWarning(document: Doc, root: PDFKit.PDFStructureElement, text: string): void {
  const width = document.page.width - 2 * MARGIN;
  const element = document.struct('Note', {}, () => {
    document.fontSize(SIZES.heading);
    const height = document.heightOfString(text, { width: width - 16 }) + 12;
    const { y } = document;
    document.lineWidth(1.5).strokeColor('black').rect(MARGIN, y, width, height).stroke();
    document.fillColor('black').text(text, MARGIN + 8, y + 6, { width: width - 16 });
    document.y = y + height;
  });
  root.add(element);
  element.end();
  document.x = MARGIN;
  document.moveDown(0.5);
}

/** What the library knows and its types do not yet: cells that name rows and columns, in the tree of tags. */
interface TaggedTable extends PDFKit.Mixins.TableOptionsWithData {
  readonly structParent: PDFKit.PDFStructureElement;
}
interface TaggedCell extends PDFKit.Mixins.CellOptions {
  readonly scope?: 'Row' | 'Column';
}

function drawTable(document: Doc, root: PDFKit.PDFStructureElement, section: Section): void {
  document.fontSize(SIZES.small).fillColor('black');
  document.x = MARGIN;
  const { head, rows } = section;
  const table: TaggedTable = {
    structParent: root,
    defaultStyle: { border: 0.5, borderColor: GREY, padding: 3 },
    columnStyles: head === undefined ? TWO_COLUMNS : FOUR_COLUMNS,
    data: [
      ...(head === undefined ? [] : [head.map((text) => headingCell(text, 'Column'))]),
      ...rows.map(([name = '', ...texts]) => [
        headingCell(name, 'Row'),
        ...texts.map((text) => ({ text })),
      ]),
    ],
  };
  document.table(table);
  document.x = MARGIN;
}

const headingCell = (text: string, scope: 'Row' | 'Column'): TaggedCell => ({
  ...{ text, scope },
  type: 'TH',
});

/** Reference and number of every page; not part of what is read aloud. */
function drawFeet(document: Doc, ends: readonly Paper[]): void {
  ends.forEach((paper, at) => {
    document.switchToPage(at);
    const foot = filled(WORDS[paper.language].page, { page: at + 1, pages: ends.length });
    const { bottom } = document.page.margins;
    document.page.margins.bottom = 0;
    document.markContent('Artifact', { type: 'Pagination' });
    document
      .fontSize(SIZES.small)
      .fillColor('black')
      .text(`${paper.reference} · ${foot}`, MARGIN, document.page.height - MARGIN, {
        lineBreak: false,
      });
    document.endMarkedContent();
    document.page.margins.bottom = bottom;
  });
}
