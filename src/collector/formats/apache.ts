/** A directive of Apache's configuration, or a section with what stands inside. */
export interface ApacheDirective {
  readonly name: string;
  readonly words: readonly string[];
  readonly section: readonly ApacheDirective[];
}

const LINES_MAX = 200_000;
const DEPTH_MAX = 32;

/** Reads a configuration; names are in lower case, as the server does not tell them apart. */
export function parseApache(text: string): readonly ApacheDirective[] {
  const top: ApacheDirective[] = [];
  const levels: ApacheDirective[][] = [top];
  for (const line of linesOf(text)) {
    if (line.startsWith('</')) {
      if (levels.length > 1) levels.pop();
      continue;
    }
    const opens = line.startsWith('<');
    const directive = directiveOf(opens ? line.slice(1).replace(/>\s*$/, '') : line);
    if (levels.length <= DEPTH_MAX) levels.at(-1)?.push(directive);
    if (opens) levels.push(directive.section);
  }
  return top;
}

/** Lines with what goes on in the next one, without comments. */
const linesOf = (text: string): readonly string[] =>
  text
    .replace(/\\\r?\n/g, ' ')
    .split(/\r?\n/, LINES_MAX)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));

function directiveOf(line: string): ApacheDirective & { readonly section: ApacheDirective[] } {
  const [name = '', ...words] = wordsOf(line);
  return { name: name.toLowerCase(), words, section: [] };
}

const wordsOf = (line: string): readonly string[] =>
  [...line.slice(0, 8192).matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, bare]) => double ?? single ?? bare ?? '',
  );
