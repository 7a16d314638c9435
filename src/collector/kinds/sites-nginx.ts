import { dirname } from 'node:path';
import { parseNginx, type Directive } from '../formats/nginx';
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
  program: /^(nginx|openresty|tengine)$/,
  usual: [
    '/etc/nginx/nginx.conf',
    '/usr/local/nginx/conf/nginx.conf',
    '/usr/local/openresty/nginx/conf/nginx.conf',
    '/usr/local/tengine/conf/nginx.conf',
  ],
  fileOptions: ['-c'],
  baseOption: '-p',
  standard: 'conf/nginx.conf',
};

const PASSES_ON = new Set(['proxy_pass', 'fastcgi_pass', 'uwsgi_pass', 'scgi_pass', 'grpc_pass']);

/** A block of one site and the file it stands in. */
interface Found {
  readonly site: Directive;
  readonly file: string;
  readonly outerRoot: string | null;
}

/** Sites of nginx and of what is built from it. */
export function collectNginxSites(machine: Machine, scope: Scope): void {
  for (const file of configurationFiles(machine, scope, SERVER)) {
    const includes = createIncludes(machine, scope);
    const reader = { includes, base: dirname(file) };
    for (const found of sitesIn(reader, { file, depth: 0, outerRoot: null })) {
      addSite(machine, siteOf(reader, found));
    }
  }
}

interface Reader {
  readonly includes: Includes;
  readonly base: string;
}

interface Place {
  readonly file: string;
  readonly depth: number;
  readonly outerRoot: string | null;
}

function* sitesIn(reader: Reader, place: Place): Generator<Found> {
  const text = reader.includes.text(place.file, place.depth);
  if (text !== undefined) yield* sitesAmong(reader, parseNginx(text), place);
}

function* sitesAmong(
  reader: Reader,
  directives: readonly Directive[],
  place: Place,
): Generator<Found> {
  const outerRoot = wordOf(directives, 'root') ?? place.outerRoot;
  for (const directive of directives) {
    const { name, words, block } = directive;
    if (name === 'http') yield* sitesAmong(reader, block, { ...place, outerRoot });
    else if (name === 'server' && block.length > 0) {
      yield { site: directive, file: place.file, outerRoot };
    } else if (name === 'include') {
      for (const file of reader.includes.files(words[0] ?? '', reader.base)) {
        yield* sitesIn(reader, { file, depth: place.depth + 1, outerRoot });
      }
    }
  }
}

function siteOf(reader: Reader, { site, file, outerRoot }: Found): Parameters<typeof addSite>[1] {
  const inside = withIncludes(reader, site.block, 1);
  const listens = valuesOf(inside, 'listen');
  const isTls = (words: readonly string[]): boolean =>
    words.some((word) => word === 'ssl' || word === 'quic');
  return {
    server: 'nginx',
    serverNames: valuesOf(inside, 'server_name').flat(),
    // Without a port of its own a site answers on the usual one.
    listens: listens.length === 0 ? ['80'] : listens.map(([address = '']) => address),
    documentRoot: wordOf(inside, 'root') ?? outerRoot,
    tls: listens.some(isTls) || wordOf(inside, 'ssl') === 'on',
    proxied: passesOn(inside),
    configurationFile: file,
  };
}

/** Directives of a site with those of the files it includes. */
function withIncludes(
  reader: Reader,
  directives: readonly Directive[],
  depth: number,
): readonly Directive[] {
  return directives.flatMap((directive) => {
    if (directive.name !== 'include') return [directive];
    return reader.includes.files(directive.words[0] ?? '', reader.base).flatMap((file) => {
      const text = reader.includes.text(file, depth);
      return text === undefined ? [] : withIncludes(reader, parseNginx(text), depth + 1);
    });
  });
}

const valuesOf = (directives: readonly Directive[], wanted: string): (readonly string[])[] =>
  directives.filter(({ name }) => name === wanted).map(({ words }) => words);

const wordOf = (directives: readonly Directive[], wanted: string): string | null =>
  valuesOf(directives, wanted).at(-1)?.[0] ?? null;

const passesOn = (directives: readonly Directive[]): boolean =>
  directives.some(({ name, block }) => PASSES_ON.has(name) || passesOn(block));
