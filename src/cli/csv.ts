/** Lines as a spreadsheet reads them, with their heading. @source RFC 4180 */
export const csvOf = <Field extends string>(
  fields: readonly Field[],
  rows: readonly Readonly<Partial<Record<Field, unknown>>>[],
): string =>
  [fields, ...rows.map((row) => fields.map((field) => row[field] ?? ''))]
    .map((line) => `${line.map((cell) => csvCell(String(cell))).join(',')}\r\n`)
    .join('');

/** What a spreadsheet would take for a formula is none; quotes where the text has some or a comma. */
function csvCell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
