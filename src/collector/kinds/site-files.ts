import { expandGlob } from '../files/glob';
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
  /** Text of a file; undefined when there were too many already. */
  text(path: string, depth: number): string | undefined;
}

/** Starts reading the configuration of one server. */
export function createIncludes(machine: Machine, scope: Scope): Includes {
  let read = 0;
  return {
    files: (pattern, base) => {
      const absolute = pattern.startsWith('/') ? pattern : `${base}/${pattern}`;
      const trouble: Scope['trouble'] = (reason, place) => {
        scope.trouble(reason, place);
      };
      return expandGlob(machine.files, absolute, { max: FILES_MAX, trouble }).filter((path) => {
        const stat = machine.files.stat(path);
        return stat.ok && !stat.value.isDirectory();
      });
    },
    text: (path, depth) => {
      read += 1;
      if (read <= FILES_MAX && depth <= DEPTH_MAX) return scope.text(path);
      scope.trouble('too-many', path);
      return undefined;
    },
  };
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

/**
 * Configuration files of a server: those in the usual places, and those that a running one was given
 * as the word after `option`.
 */
export function configurationFiles(
  { live }: Machine,
  program: RegExp,
  { usual, option }: { readonly usual: readonly string[]; readonly option: RegExp },
): readonly string[] {
  const isServer = ({ program: name, containerId }: ProcessEntry): boolean =>
    program.test(name) && containerId === null;
  const given = (live?.processes.processes ?? [])
    .filter(isServer)
    .map(({ args }) => args[args.findIndex((word) => option.test(word)) + 1] ?? '')
    .filter((path) => path.startsWith('/'));
  return [...new Set([...usual, ...given])];
}
