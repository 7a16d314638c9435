import { LANGUAGE_TAGS, type Paper, type Section } from './paper';

const STYLE = `:root{color-scheme:light}
body{font:11pt/1.55 "Noto Serif","Noto Serif CJK SC","Source Han Serif SC",serif;max-width:48rem;margin:2rem auto;padding:0 1rem;color:#000;background:#fff}
h1{font-size:18pt;margin:0 0 .4em}h2{font-size:12.5pt;margin:1.2em 0 .3em;break-after:avoid}
table{border-collapse:collapse;width:100%}
th,td{border:1px solid #767676;padding:.2em .5em;text-align:left;vertical-align:top;overflow-wrap:anywhere}
th{font-weight:600;background:#f2f2f2}tbody th{width:32%}thead{display:table-header-group}tr{break-inside:avoid}
[role=note]{border:3px double #000;padding:.5em .8em;font-weight:700}
article+article{margin-top:4rem}footer{margin-top:1.5em;border-top:1px solid #767676;padding-top:.5em;font-size:9.5pt}
@page{size:A4;margin:18mm}
@media print{body{margin:0;padding:0;max-width:none;font-size:10pt}article+article{break-before:page;margin-top:0}th{background:none}}`;

const escape = (text: string): string =>
  text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

/**
 * Papers as one page that prints, reads aloud and needs nothing from anywhere: no script, no image, no
 * font. Every text is escaped.
 */
export function printPage(papers: readonly Paper[]): string {
  const [first] = papers;
  if (first === undefined) throw new RangeError('a page needs a paper');
  const titles = [...new Set(papers.map(({ title }) => title))].join(' · ');
  return [
    '<!doctype html>',
    `<html lang="${LANGUAGE_TAGS[first.language]}"><head><meta charset="utf-8">`,
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${escape(`${titles} ${first.reference}`)}</title><style>${STYLE}</style></head><body><main>`,
    ...papers.map(article),
    '</main></body></html>',
    '',
  ].join('\n');
}

function article(paper: Paper, number: number): string {
  const heading = `h${number}`;
  return [
    `<article lang="${LANGUAGE_TAGS[paper.language]}" aria-labelledby="${heading}">`,
    `<h1 id="${heading}">${escape(paper.title)}</h1>`,
    ...paper.warnings.map((warning) => `<p role="note">${escape(warning)}</p>`),
    `<p>${escape(paper.statement)}</p>`,
    ...paper.sections.map((section, at) => sectionOf(section, `${heading}-${at}`)),
    `<footer><p>${escape(paper.notice)}</p><p>${escape(paper.reference)}</p></footer></article>`,
  ].join('\n');
}

function sectionOf({ heading, note, head, rows }: Section, id: string): string {
  const cells = (row: readonly string[]): string =>
    row
      .map((text, at) =>
        at === 0 ? `<th scope="row">${escape(text)}</th>` : `<td>${escape(text)}</td>`,
      )
      .join('');
  const titles = head?.map((text) => `<th scope="col">${escape(text)}</th>`).join('');
  return [
    `<section aria-labelledby="${id}"><h2 id="${id}">${escape(heading)}</h2>`,
    note === undefined ? '' : `<p>${escape(note)}</p>`,
    `<table aria-labelledby="${id}">`,
    titles === undefined ? '' : `<thead><tr>${titles}</tr></thead>`,
    `<tbody>${rows.map((row) => `<tr>${cells(row)}</tr>`).join('\n')}</tbody></table></section>`,
  ].join('\n');
}
