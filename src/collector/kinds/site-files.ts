import { posix } from 'node:path';
import { expandGlob } from '../files/glob';
import type { Root } from '../files/root';
import type { Machine } from '../machine';
import type { ProcessEntry } from '../live/processes';
import type { Scope } from '../scope';
import { listText, nameText, pathOrNull, pathText } from '../text';
import type { FingerprintOf } from '../../contracts/schemas/fingerprints';

/** Files that one server's configuration may include, and how deep. */
const FILES_MAX = 2000;
const DEPTH_MAX = 8;

/** Reads included files, each a bounded number of times, so that files that include each other end. */
export interface Includes {
  /** Paths that a pattern means, below `base` when it is relative. */
  files(pattern: string, base: string): readonly string[];
  /** The same, and for a directory among them every file in and below it. */
  filesBelow(pattern: string, base: string): readonly string[];
  /** Text of a file; undefined when there were too many already. */
  text(path: string, depth: number): string | undefined;
}

/** Starts reading the configuration of one server. */
export function createIncludes(machine: Machine, scope: Scope): Includes {
  let read = 0;
  let looked = 0;
  const { files } = machine;
  const meant = (pattern: string, base: string): readonly string[] => {
    const absolute = pattern.startsWith('/') ? pattern : `${base}/${pattern}`;
    const trouble: Scope['trouble'] = (reason, place) => {
      scope.trouble(reason, place);
    };
    return expandGlob(files, absolute, { max: FILES_MAX, trouble });
  };
  const below = (path: string, depth: number): readonly string[] => {
    looked += 1;
    if (looked > FILES_MAX || depth > DEPTH_MAX) {
      scope.trouble('too-many', path);
      return [];
    }
    const target = files.statTarget(path);
    if (!target.ok || !target.value.isDirectory()) return isThere(files, path) ? [path] : [];
    return scope.list(path).flatMap(({ name }) => below(`${path}/${name}`, depth + 1));
  };
  return {
    files: (pattern, base) => meant(pattern, base).filter((path) => isThere(files, path)),
    filesBelow: (pattern, base) => meant(pattern, base).flatMap((path) => below(path, 0)),
    text: (path, depth) => {
      read += 1;
      if (read <= FILES_MAX && depth <= DEPTH_MAX) return scope.text(path);
      scope.trouble('too-many', path);
      return undefined;
    },
  };
}

/** A link to nothing is there: reading it says what is wrong. */
function isThere(files: Root, path: string): boolean {
  const stat = files.stat(path);
  return stat.ok && !stat.value.isDirectory();
}

/** A site before its texts are made fit. */
export interface RawSite {
  readonly server: FingerprintOf<'web-site'>['server'];
  readonly serverNames: readonly string[];
  readonly listens: readonly string[];
  readonly documentRoot: string | null;
  readonly tls: boolean;
  readonly proxied: boolean;
  readonly configurationFile: string;
}

/** Adds a site. */
export function addSite({ findings }: Machine, site: RawSite): void {
  findings.add({
    kind: 'web-site',
    server: site.server,
    serverNames: listText(site.serverNames, nameText),
    listens: listText(site.listens, nameText),
    documentRoot: pathOrNull(site.documentRoot),
    tls: site.tls,
    proxied: site.proxied,
    configurationFile: pathText(site.configurationFile),
  });
}

/** How a server is told where its configuration is. */
export interface ConfiguredServer {
  readonly program: RegExp;
  /** Where it usually is. */
  readonly usual: readonly string[];
  /** Options that name the file. */
  readonly fileOptions: readonly string[];
  /** Option that names the directory relative paths begin at; null when that is where it was started. */
  readonly baseOption: string | null;
  /** The file below such a directory when no other is named. */
  readonly standard: string;
}

/** Configuration files of a server: those in the usual places, and those that running ones were given. */
export function configurationFiles(
  { live }: Machine,
  scope: Scope,
  server: ConfiguredServer,
): readonly string[] {
  const given =
    live === null
      ? []
      : live.processes.processes.flatMap((entry) =>
          server.program.test(entry.program) && entry.containerId === null
            ? givenFile(live.proc, scope, { entry, server })
            : [],
        );
  return [...new Set([...server.usual, ...given])];
}

function givenFile(
  proc: Root,
  scope: Scope,
  {
    entry: { pid, args },
    server,
  }: { readonly entry: ProcessEntry; readonly server: ConfiguredServer },
): readonly string[] {
  const words = wordsOfCommand(args);
  const file = valueOfOption(words, server.fileOptions);
  const base = baseOf(proc, { pid, words, server });
  if (file === null) {
    return base === null ? [] : [posix.join(base, server.standard)];
  }
  if (file.startsWith('/')) return [file];
  if (base !== null) return [posix.join(base, file)];
  // Where such a path begins was decided when the server was built.
  scope.trouble('unsupported', file);
  return [];
}

/** Directory that relative paths of a server begin at; null when nobody said. */
function baseOf(
  proc: Root,
  {
    pid,
    words,
    server,
  }: Pick<ProcessEntry, 'pid'> & {
    readonly words: readonly string[];
    readonly server: ConfiguredServer;
  },
): string | null {
  const said = server.baseOption === null ? '.' : valueOfOption(words, [server.baseOption]);
  if (said === null || said.startsWith('/')) return said;
  const started = proc.link(`/${pid}/cwd`);
  return started.ok ? posix.join(started.value, said) : null;
}

/** nginx writes one text over its arguments, `nginx: master process nginx -c FILE`. */
const wordsOfCommand = (args: readonly string[]): readonly string[] =>
  args.length === 1 ? (args[0] ?? '').split(/\s+/) : args;

/** What follows an option as the next word, behind `=`, or at once; null without the option. */
function valueOfOption(words: readonly string[], options: readonly string[]): string | null {
  for (const [at, word] of words.entries()) {
    if (at === 0) continue;
    if (options.includes(word)) return words[at + 1] ?? null;
    const option = options.find(
      (name) => word.startsWith(`${name}=`) || word.startsWith(`${name}/`),
    );
    if (option !== undefined) return word.slice(option.length).replace(/^=/, '');
  }
  return null;
}
