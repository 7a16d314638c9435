import { isIP } from 'node:net';
import { LetheError } from '../../domain/errors';
import { classifyAddress, isForbiddenName } from '../outbound/addresses';
import {
  authorityOf,
  hostOf,
  type NameLookup,
  type ResolvedAddress,
} from '../outbound/pinned-request';

/** What the operator allows for receivers; the default allows public addresses over TLS only. */
export interface DestinationPolicy {
  /** Exact `host:port` that may be spoken to without TLS. */
  readonly allowHttp: readonly string[];
  /** Exact `host:port` whose addresses may be private or loopback; metadata addresses stay forbidden. */
  readonly allowPrivate: readonly string[];
  /** PEM authorities that are trusted instead of the system's. */
  readonly authorities?: string;
}

const HOST = /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/;
const URL_LENGTH_MAX = 1024;

/**
 * Reads a receiver's URL and checks everything that can be known without looking its name up.
 *
 * @throws LetheError INVALID_INPUT naming `url` and the remedy, never the URL.
 */
export function parseDestination(text: string, policy: DestinationPolicy): URL {
  if (text.length > URL_LENGTH_MAX || !URL.canParse(text)) throw refused('must be a URL');
  const url = new URL(text);
  const isClear = url.protocol === 'http:' && policy.allowHttp.includes(authorityOf(url));
  if (url.protocol !== 'https:' && !isClear) {
    throw refused('must use https; the operator allows http per receiver');
  }
  if ([url.username, url.password, url.search, url.hash].some((part) => part !== '')) {
    throw refused('must not carry a login, a query or a fragment; secrets are kept in their file');
  }
  assertHost(hostOf(url), authorityOf(url), policy);
  return url;
}

function assertHost(host: string, authority: string, policy: DestinationPolicy): void {
  if (isIP(host) !== 0) {
    assertAddress(host, authority, policy);
  } else if (!HOST.test(host)) {
    throw refused('must name a host in plain letters, digits, dots and hyphens');
  } else if (isForbiddenName(host) && !policy.allowPrivate.includes(authority)) {
    throw refused('must not name this machine or a metadata service');
  }
}

/**
 * Looks a receiver's host up once and returns the addresses that the connection is pinned to. One address
 * that must not be reached refuses all of them: a name that points at both is misdirection.
 *
 * @throws LetheError INVALID_INPUT; whatever the lookup throws.
 */
export async function resolveDestination(
  url: URL,
  policy: DestinationPolicy,
  lookup: NameLookup,
): Promise<readonly ResolvedAddress[]> {
  const host = hostOf(url);
  const literal = isIP(host);
  if (literal !== 0) return [{ address: host, family: literal }];
  const answers = await lookup(host);
  for (const { address } of answers) assertAddress(address, authorityOf(url), policy);
  return answers.map(({ address }) => ({ address, family: isIP(address) }));
}

function assertAddress(address: string, authority: string, policy: DestinationPolicy): void {
  const kind = classifyAddress(address);
  if (kind === 'public') return;
  if (kind === 'private' && policy.allowPrivate.includes(authority)) return;
  throw refused('leads to an address that must not be reached; the operator lists private ones');
}

const refused = (what: string): LetheError =>
  new LetheError('INVALID_INPUT', `url ${what}`, { field: 'url' });
