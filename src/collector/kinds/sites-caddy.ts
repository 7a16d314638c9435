import { dirname } from 'node:path';
import { parseCaddyfile, type CaddySite } from '../formats/caddyfile';
import type { Machine } from '../machine';
import type { Scope } from '../scope';
import { addSite, configurationFiles, createIncludes, type Includes } from './site-files';

const PASSES_ON = new Set(['reverse_proxy', 'php_fastcgi']);

/** Sites of Caddyfiles. */
export function collectCaddySites(machine: Machine, scope: Scope): void {
  const files = configurationFiles(machine, /^caddy$/, {
    usual: ['/etc/caddy/Caddyfile'],
    option: /^--?config$/,
  });
  for (const file of files)
    collectFile(machine, createIncludes(machine, scope), { file, depth: 0 });
}

function collectFile(
  machine: Machine,
  includes: Includes,
  { file, depth }: { readonly file: string; readonly depth: number },
): void {
  const text = includes.text(file, depth);
  if (text === undefined) return;
  for (const site of parseCaddyfile(text)) addSite(machine, siteOf(site, file));
  for (const [, pattern = ''] of text.matchAll(/^import\s+(\S+)\s*$/gm)) {
    for (const included of includes.files(pattern, dirname(file))) {
      collectFile(machine, includes, { file: included, depth: depth + 1 });
    }
  }
}

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
    /^(?:(https?):\/\/)?([^/:]*|\[[^\]]*\])(?::([0-9{}$A-Za-z_-]+))?(?:\/.*)?$/.exec(address) ?? [];
  const plain = scheme === 'http' || port === '80' || (host === '' && scheme === undefined);
  return { host, port: port ?? (plain ? '80' : '443'), tls: !plain };
}
