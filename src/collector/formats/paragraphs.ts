/**
 * Paragraphs of `Field: value` lines, as package databases have them. A continued line belongs to the
 * field before; only the fields that are asked for are kept.
 */
export function* paragraphs(
  text: string,
  fields: ReadonlySet<string>,
): Generator<ReadonlyMap<string, string>> {
  let paragraph = new Map<string, string>();
  for (const line of lines(text)) {
    if (line === '') {
      if (paragraph.size > 0) yield paragraph;
      paragraph = new Map();
      continue;
    }
    const colon = line.indexOf(':');
    if (colon <= 0 || line.startsWith(' ') || line.startsWith('\t')) continue;
    const field = line.slice(0, colon);
    if (fields.has(field) && !paragraph.has(field)) {
      paragraph.set(field, line.slice(colon + 1).trim());
    }
  }
  if (paragraph.size > 0) yield paragraph;
}

/** Lines one after the other, so that a large file is never there twice. */
function* lines(text: string): Generator<string> {
  let from = 0;
  while (from <= text.length) {
    const end = text.indexOf('\n', from);
    const to = end < 0 ? text.length : end;
    yield text.slice(from, to).trimEnd();
    from = to + 1;
  }
}
