/** A site of a Caddyfile: its addresses and the lines inside, each as its words. */
export interface CaddySite {
  readonly addresses: readonly string[];
  readonly lines: readonly (readonly string[])[];
}

/** What a Caddyfile holds. */
export interface Caddyfile {
  readonly sites: readonly CaddySite[];
  /** Lines that are put in by name: `name` for a snippet, `&name` for a route. */
  readonly snippets: ReadonlyMap<string, CaddySite['lines']>;
  /** Words of the imports that stand outside of every site. */
  readonly imports: CaddySite['lines'];
}

const LINES_MAX = 100_000;

/**
 * Reads a Caddyfile. The first block without an address is for the whole server, and a block whose name
 * stands in parentheses is a snippet or a route: neither is a site.
 */
export function parseCaddyfile(text: string): Caddyfile {
  const lines = caddyLines(text);
  const only = siteWithoutBraces(lines);
  if (only !== null) return { sites: [only], snippets: new Map(), imports: [] };
  const found = {
    sites: [] as CaddySite[],
    snippets: new Map<string, CaddySite['lines']>(),
    imports: [] as (readonly string[])[],
  };
  const reading: Reading = { depth: 0, addresses: [], lines: [] };
  for (const words of lines) {
    if (!isComplete(reading, words)) continue;
    addBlock(found, reading);
    reading.addresses = [];
    reading.lines = [];
  }
  return found;
}

/** Lines as their words, without comments. */
export const caddyLines = (text: string): CaddySite['lines'] =>
  text
    .split(/\r?\n/, LINES_MAX)
    .map(wordsOf)
    .filter(({ length }) => length > 0);

/** The block that is being read. */
interface Reading {
  depth: number;
  addresses: string[];
  lines: (readonly string[])[];
}

const withoutBraces = (words: readonly string[]): readonly string[] =>
  words.filter((word) => word !== '{' && word !== '}');

/** Takes one line; true when the block that it belongs to ends with it. */
function isComplete(reading: Reading, words: readonly string[]): boolean {
  const last = words.at(-1) ?? '';
  const closes = words.length === 1 && last === '}';
  if (reading.depth === 0) reading.addresses.push(...withoutBraces(words));
  else if (!closes) reading.lines.push(withoutBraces(words));
  if (last === '{') reading.depth += 1;
  if (closes) reading.depth = Math.max(0, reading.depth - 1);
  // Addresses may go on in the next line after a comma.
  return reading.depth === 0 && (closes || !last.endsWith(','));
}

/** A file with one site may leave out its braces: the first line is the address then. */
function siteWithoutBraces(lines: readonly (readonly string[])[]): CaddySite | null {
  const [first = [], ...rest] = lines;
  const last = first.at(-1) ?? '';
  if (last === '' || last === '{' || last.endsWith(',') || first[0] === 'import') return null;
  return { addresses: addressesIn(first), lines: rest.map(withoutBraces) };
}

const addressesIn = (words: readonly string[]): readonly string[] =>
  words.flatMap((word) => word.split(',')).filter((word) => word !== '');

const NAMED = /^(&?)\((.*)\)$/;

function addBlock(
  found: {
    readonly sites: CaddySite[];
    readonly snippets: Map<string, CaddySite['lines']>;
    readonly imports: (readonly string[])[];
  },
  { addresses, lines }: Reading,
): void {
  const named = addressesIn(addresses);
  const [first] = named;
  const [, route = '', name] = NAMED.exec(first ?? '') ?? [];
  if (name !== undefined) found.snippets.set(`${route}${name}`, lines);
  else if (first === 'import') found.imports.push(addresses);
  else if (first !== undefined) found.sites.push({ addresses: named, lines });
}

const wordsOf = (line: string): readonly string[] =>
  [...line.slice(0, 8192).matchAll(/"([^"]*)"|`([^`]*)`|(#.*)|(\S+)/g)]
    .filter(([, , , comment]) => comment === undefined)
    .map(([, double, tick, , bare]) => double ?? tick ?? bare ?? '');
