import { dirname } from 'node:path';
import { caddyLines, parseCaddyfile, type CaddySite } from '../formats/caddyfile';
import type { Machine } from '../machine';
import type { Scope } from '../scope';
import {
  addSite,
  configurationFiles,
  createIncludes,
  type ConfiguredServer,
  type Includes,
} from './site-files';

const PASSES_ON = new Set(['reverse_proxy', 'php_fastcgi']);

const SERVER: ConfiguredServer = {
  program: /^caddy$/,
  usual: ['/etc/caddy/Caddyfile'],
  fileOptions: ['--config', '-config', '-c', '-conf'],
  baseOption: null,
  standard: 'Caddyfile',
};

/** Sites of Caddyfiles. */
export function collectCaddySites(machine: Machine, scope: Scope): void {
  for (const file of configurationFiles(machine, scope, SERVER)) {
    const notUsed: Reader['notUsed'] = (place) => {
      scope.trouble('unsupported', place);
    };
    const includes = createIncludes(machine, scope);
    const reader = { includes, snippets: new Map(), filled: FILLED_MAX, notUsed };
    collectFile(machine, reader, { file, depth: 0 });
  }
}

/** Lines that imports may put in, and imports in imports: more than people write. */
const FILLED_MAX = 100_000;
const IMPORTS_DEEP = 8;

interface Reader {
  readonly includes: Includes;
  /** What is put in by name, from all files so far. */
  readonly snippets: Map<string, CaddySite['lines']>;
  /** Lines that imports may still put in: some that import others many times could make millions. */
  filled: number;
  readonly notUsed: (file: string) => void;
}

interface Place {
  readonly file: string;
  readonly depth: number;
}

function collectFile(machine: Machine, reader: Reader, { file, depth }: Place): void {
  const text = reader.includes.text(file, depth);
  if (text === undefined) return;
  const { sites, snippets, imports } = parseCaddyfile(text);
  for (const [name, lines] of snippets) reader.snippets.set(name, lines);
  // What is imported first may hold snippets of the sites.
  for (const [, name = ''] of imports) {
    // A snippet of whole sites.
    if (reader.snippets.has(name)) reader.notUsed(file);
    for (const included of reader.includes.files(name, dirname(file))) {
      collectFile(machine, reader, { file: included, depth: depth + 1 });
    }
  }
  for (const { addresses, lines } of sites) {
    const all = withImports(reader, lines, { file, depth });
    addSite(machine, siteOf({ addresses, lines: all }, file));
  }
}

/** Lines of a site with those of the snippets, routes and files that it takes. */
function withImports(reader: Reader, lines: CaddySite['lines'], place: Place): CaddySite['lines'] {
  return lines.flatMap((words) => {
    const [directive, name = '', ...given] = words;
    if (directive !== 'import' && directive !== 'invoke') return [words];
    if (place.depth > IMPORTS_DEEP || reader.filled < 0) {
      reader.notUsed(place.file);
      return [];
    }
    const snippet = reader.snippets.get(directive === 'invoke' ? `&${name}` : name);
    const taken =
      snippet ??
      reader.includes.files(name, dirname(place.file)).flatMap((file) => {
        const text = reader.includes.text(file, place.depth + 1);
        return text === undefined ? [] : caddyLines(text);
      });
    reader.filled -= taken.length;
    const filled = taken.map((line) => line.map((word) => filledIn(word, given)));
    return withImports(reader, filled, { ...place, depth: place.depth + 1 });
  });
}

/** Characters of a word with what was given in the place of its marks. */
const WORD_MAX = 1024;

const filledIn = (word: string, given: readonly string[]): string =>
  word
    .replace(/\{args(?:\.(\d{1,3})|\[(\d{1,3})\])\}/g, (all, dotted?: string, indexed?: string) =>
      (given[Number(dotted ?? indexed)] ?? all).slice(0, WORD_MAX),
    )
    .slice(0, 8 * WORD_MAX);

function siteOf({ addresses, lines }: CaddySite, file: string): Parameters<typeof addSite>[1] {
  const parts = addresses.map(addressOf);
  // `root * /srv` since version 2, `root /srv` before.
  const root = lines.find(([directive]) => directive === 'root')?.at(-1);
  return {
    server: 'caddy',
    serverNames: parts.map(({ host }) => host),
    listens: parts.map(({ port }) => port),
    documentRoot: root?.startsWith('/') === true ? root : null,
    tls: parts.some(({ tls }) => tls),
    proxied: lines.some(([directive = '']) => PASSES_ON.has(directive)),
    configurationFile: file,
  };
}

/** A site without a scheme and a port gets a certificate by itself and answers on 443. */
function addressOf(address: string): { host: string; port: string; tls: boolean } {
  const [, scheme, host = '', port] =
    /^(?:(https?):\/\/)?(\[[^\]]*\]|(?:\{[^}]*\}|[^/:{])*)(?::([0-9A-Za-z_-]+|\{[^}]*\}))?(?:\/.*)?$/.exec(
      address,
    ) ?? [];
  const plain = scheme === 'http' || port === '80' || (host === '' && scheme === undefined);
  return { host, port: port ?? (plain ? '80' : '443'), tls: !plain };
}
