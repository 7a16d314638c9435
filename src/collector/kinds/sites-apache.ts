import { parseApache, type ApacheDirective } from '../formats/apache';
import type { Machine } from '../machine';
import type { Scope } from '../scope';
import {
  addSite,
  configurationFiles,
  createIncludes,
  type ConfiguredServer,
  type Includes,
} from './site-files';

const SERVER: ConfiguredServer = {
  program: /^(apache2|httpd)$/,
  usual: [
    '/etc/apache2/apache2.conf',
    '/etc/httpd/conf/httpd.conf',
    '/etc/apache2/httpd.conf',
    '/usr/local/apache2/conf/httpd.conf',
  ],
  fileOptions: ['-f'],
  baseOption: '-d',
  standard: 'conf/httpd.conf',
};

/** Sections whose content counts whatever their condition: which one holds is known to the server only. */
const CONDITIONS = new Set([
  'ifmodule',
  'ifdefine',
  'ifversion',
  'if',
  'else',
  'elseif',
  'ifdirective',
]);

interface Reader {
  readonly includes: Includes;
  /** What relative paths begin with. */
  base: string;
  /** Names that the configuration defines for itself. */
  readonly defines: Map<string, string>;
  /** Sections that are put in wherever they are used, with words in the place of their parameters. */
  readonly macros: Map<string, ApacheDirective>;
  /** Directives that macros may still put in: one that uses others many times could make millions. */
  filled: number;
  readonly notUsed: (file: string) => void;
}

/** A directive and the file it stands in. */
interface Placed {
  readonly directive: ApacheDirective;
  readonly file: string;
}

/** Virtual hosts of Apache, and its main server when it has no virtual host. */
export function collectApacheSites(machine: Machine, scope: Scope): void {
  for (const file of configurationFiles(machine, scope, SERVER)) {
    const base = file.replace(/(\/conf)?\/[^/]*$/, '');
    const reader: Reader = {
      ...{ includes: createIncludes(machine, scope), base },
      ...{ defines: new Map(), macros: new Map() },
      filled: FILLED_MAX,
      notUsed: (place) => {
        scope.trouble('unsupported', place);
      },
    };
    const all = [...directivesIn(reader, file, 0)];
    const hosts = all.filter(({ directive }) => directive.name === 'virtualhost');
    for (const host of hosts) addSite(machine, siteOf(reader, host, all));
    if (hosts.length === 0 && all.length > 0) addMainServer(machine, reader, all);
  }
}

function* directivesIn(reader: Reader, file: string, depth: number): Generator<Placed> {
  const text = reader.includes.text(file, depth);
  if (text !== undefined) yield* placedIn(reader, parseApache(text), { file, depth });
}

function* placedIn(
  reader: Reader,
  directives: readonly ApacheDirective[],
  place: { readonly file: string; readonly depth: number },
): Generator<Placed> {
  for (const directive of directives) {
    const { name, words, section } = directive;
    noteSetting(reader, directive);
    if (CONDITIONS.has(name)) yield* placedIn(reader, section, place);
    else if (name === 'macro') reader.macros.set((words[0] ?? '').toLowerCase(), directive);
    else if (name === 'use') yield* usedIn(reader, words, place);
    else if (!INCLUDES.has(name)) yield { directive, file: place.file };
    else {
      for (const file of reader.includes.filesBelow(expand(reader, words[0] ?? ''), reader.base)) {
        yield* directivesIn(reader, file, place.depth + 1);
      }
    }
  }
}

/** Macros in macros, directives of all of them, and characters of a word: more than people write. */
const MACROS_DEEP = 8;
const FILLED_MAX = 100_000;
const WORD_MAX = 1024;

/** What a macro puts in; one that is not known, that uses itself, or that grows without end is noted. */
function* usedIn(
  reader: Reader,
  [name = '', ...given]: readonly string[],
  place: { readonly file: string; readonly depth: number },
): Generator<Placed> {
  const macro = reader.macros.get(name.toLowerCase());
  reader.filled -= macro === undefined ? 0 : sizeOf(macro.section);
  if (macro === undefined || place.depth > MACROS_DEEP || reader.filled < 0) {
    reader.notUsed(place.file);
    return;
  }
  const parameters = macro.words
    .slice(1)
    .map((word, at) => [word, (given[at] ?? '').slice(0, WORD_MAX)] as const)
    .filter(([word]) => word !== '')
    // A longer parameter may begin with a shorter one.
    .sort(([a], [b]) => b.length - a.length);
  const section = macro.section.map((directive) => filledIn(directive, parameters));
  yield* placedIn(reader, section, { file: place.file, depth: place.depth + 1 });
}

const sizeOf = (section: readonly ApacheDirective[]): number =>
  section.reduce((size, directive) => size + 1 + sizeOf(directive.section), 0);

const filledIn = (
  { name, words, section }: ApacheDirective,
  parameters: readonly (readonly [string, string])[],
): ApacheDirective => ({
  name,
  words: words.map((word) =>
    parameters.reduce(
      (text, [from, to]) => text.slice(0, WORD_MAX).replaceAll(from, () => to),
      word,
    ),
  ),
  section: section.map((directive) => filledIn(directive, parameters)),
});

const INCLUDES = new Set(['include', 'includeoptional']);

/** Settings that change how the rest of the configuration is read. */
function noteSetting(
  reader: Reader,
  { name, words: [first = '', second = ''] }: ApacheDirective,
): void {
  if (name === 'define') reader.defines.set(first, second);
  else if (name === 'serverroot' && first.startsWith('/')) reader.base = first;
}

function siteOf(
  reader: Reader,
  { directive, file }: Placed,
  all: readonly Placed[],
): Parameters<typeof addSite>[1] {
  const inside = [...placedIn(reader, directive.section, { file, depth: 1 })].map(
    (placed) => placed.directive,
  );
  return {
    ...describe(reader, inside),
    documentRoot:
      valueOf(reader, inside, 'documentroot') ??
      valueOf(
        reader,
        all.map((placed) => placed.directive),
        'documentroot',
      ),
    listens: directive.words.map((word) => expand(reader, word)),
    configurationFile: file,
  };
}

function addMainServer(machine: Machine, reader: Reader, all: readonly Placed[]): void {
  const inside = all.map(({ directive }) => directive);
  const documentRoot = valueOf(reader, inside, 'documentroot');
  const listens = inside.filter(({ name }) => name === 'listen').map(({ words }) => words[0] ?? '');
  if (documentRoot === null || listens.length === 0) return;
  const configurationFile = all[0]?.file ?? '';
  addSite(machine, { ...describe(reader, inside), documentRoot, listens, configurationFile });
}

function describe(
  reader: Reader,
  inside: readonly ApacheDirective[],
): Pick<Parameters<typeof addSite>[1], 'server' | 'serverNames' | 'tls' | 'proxied'> {
  const isNaming = ({ name }: ApacheDirective): boolean =>
    name === 'servername' || name === 'serveralias';
  return {
    server: 'apache',
    serverNames: inside
      .filter(isNaming)
      .flatMap(({ words }) => words.map((word) => expand(reader, word))),
    tls: valueOf(reader, inside, 'sslengine')?.toLowerCase() === 'on',
    proxied: passesOn(inside),
  };
}

const passesOn = (directives: readonly ApacheDirective[]): boolean =>
  directives.some(
    ({ name, section }) => name === 'proxypass' || name === 'proxypassmatch' || passesOn(section),
  );

function valueOf(
  reader: Reader,
  directives: readonly ApacheDirective[],
  wanted: string,
): string | null {
  const word = directives.filter(({ name }) => name === wanted).at(-1)?.words[0];
  return word === undefined ? null : expand(reader, word);
}

/** Replaces `${NAME}` by what the configuration defined; a name of the environment stays as it is. */
const expand = ({ defines }: Reader, text: string): string =>
  text.replace(/\$\{([A-Za-z0-9_]{1,64})\}/g, (all, name: string) => defines.get(name) ?? all);
