// Reads a PDF with somebody else's reader and prints what it found; a process of its own, because that
// reader is a module that the test runner cannot load.
import { readFileSync } from 'node:fs';
import { getDocument } from 'pdfjs-dist/legacy/build/pdf.mjs';

const data = new Uint8Array(readFileSync(process.argv[2]));
const document = await getDocument({ data, verbosity: 0, useSystemFonts: false }).promise;
const pages = [];
const roles = new Set();
const collect = (node) => {
  if (node.role !== undefined) roles.add(node.role);
  for (const child of node.children ?? []) collect(child);
};
for (let number = 1; number <= document.numPages; number += 1) {
  const page = await document.getPage(number);
  const { items } = await page.getTextContent();
  pages.push(items.map(({ str }) => str).join(''));
  collect((await page.getStructTree()) ?? {});
}
const { info } = await document.getMetadata();
const attachments = Object.values((await document.getAttachments()) ?? {}).map(
  ({ filename, content }) => ({ name: filename, text: Buffer.from(content).toString('utf8') }),
);
const marked = (await document.getMarkInfo())?.Marked ?? false;
process.stdout.write(
  JSON.stringify({
    pages,
    roles: [...roles],
    title: info.Title,
    language: info.Language,
    marked,
    attachments,
  }),
);
