import { isIP } from 'node:net';
import type { LetheError } from '../../domain/errors';
import { classifyAddress, isForbiddenName, isLoopbackLiteral } from '../outbound/addresses';
import {
  authorityOf,
  hostOf,
  type NameLookup,
  type ResolvedAddress,
} from '../outbound/pinned-request';
import { invalid, refusedAnswer, unavailable } from './failures';

/** What the operator allows for one registry; the default allows public addresses over TLS only. */
export interface RegistryPolicy {
  /** Exact `host:port` that may be spoken to without TLS. */
  readonly allowHttp?: readonly string[];
  /** Exact `host:port` whose addresses may be private or loopback; metadata addresses stay forbidden. */
  readonly allowPrivate?: readonly string[];
  /** Token services that live on another host than their registry, both as `host:port`. */
  readonly realms?: readonly { readonly registry: string; readonly realm: string }[];
  /** PEM authorities that are trusted instead of the system's. */
  readonly authorities?: string;
}

/** Who named an address decides what a refusal says: the command, or the registry. */
export type AddressOrigin = 'command' | 'registry';

/**
 * Narrows a policy to what one registry needs. A public registry must not lead to a private one by a
 * redirect or a token service, however many private ones the operator has listed.
 */
export function narrowPolicy(base: URL, policy: RegistryPolicy): RegistryPolicy {
  const authority = authorityOf(base);
  const isPrivate = policy.allowPrivate?.includes(authority) === true;
  const isClear = policy.allowHttp?.includes(authority) === true;
  return {
    ...policy,
    allowPrivate: isPrivate ? (policy.allowPrivate ?? []) : [],
    allowHttp: isClear ? (policy.allowHttp ?? []) : [],
  };
}

/**
 * Checks everything about a URL that can be known without looking its name up.
 *
 * @throws LetheError INVALID_INPUT when the command named it, STORE_REFUSED when the registry did.
 */
export function assertSafeUrl(url: URL, policy: RegistryPolicy, origin: AddressOrigin): void {
  const authority = authorityOf(url);
  const clear = url.protocol === 'http:' && policy.allowHttp?.includes(authority) === true;
  if (url.protocol !== 'https:' && !clear) {
    throw unsafe(origin, 'must use https; the operator allows http per registry');
  }
  if (url.username !== '' || url.password !== '') {
    throw unsafe(origin, 'must not carry a login; logins are kept per tenant');
  }
  assertHost(hostOf(url), { authority, policy, origin });
}

function assertHost(host: string, rule: AddressRule): void {
  const { authority, policy, origin } = rule;
  if (isIP(host) !== 0) {
    assertAddress(host, rule);
    return;
  }
  // A trailing dot would make the same host look like another one to every list.
  if (!/^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/.test(host)) {
    throw unsafe(origin, 'must name a host in plain letters, digits, dots and hyphens');
  }
  if (isForbiddenName(host) && policy.allowPrivate?.includes(authority) !== true) {
    throw unsafe(origin, 'must not name this machine or a metadata service');
  }
}

/**
 * Looks a host up once and returns the addresses that the connection is pinned to. One forbidden answer
 * refuses all of them: a name that points at both is misdirection, not a registry.
 *
 * @throws LetheError INVALID_INPUT or STORE_REFUSED by origin, STORE_UNAVAILABLE without an answer.
 */
export async function resolvePinned(
  url: URL,
  guard: {
    readonly policy: RegistryPolicy;
    readonly lookup: NameLookup;
    readonly origin: AddressOrigin;
  },
): Promise<readonly ResolvedAddress[]> {
  assertSafeUrl(url, guard.policy, guard.origin);
  const host = hostOf(url);
  const literal = isIP(host);
  if (literal !== 0) return [{ address: host, family: literal }];
  const answers = await guard.lookup(host);
  if (answers.length === 0) throw unavailable('has no address');
  for (const { address } of answers) {
    assertAddress(address, { ...guard, authority: authorityOf(url) });
  }
  return answers.map(({ address }) => ({ address, family: isIP(address) }));
}

interface AddressRule {
  readonly authority: string;
  readonly policy: RegistryPolicy;
  readonly origin: AddressOrigin;
}

function assertAddress(address: string, { authority, policy, origin }: AddressRule): void {
  const kind = classifyAddress(address);
  if (kind === 'public') return;
  if (kind === 'private' && policy.allowPrivate?.includes(authority) === true) return;
  throw unsafe(
    origin,
    'leads to an address that scans must not reach; private registries are listed by the operator',
  );
}

/** True when a login may be sent to the URL: never in clear over a network. */
export const mayCarryLogin = (url: URL): boolean =>
  url.protocol === 'https:' || isLoopbackLiteral(hostOf(url));

/** Docker's own registry and its token service. */
const KNOWN_REALMS = Object.freeze([
  { registry: 'registry-1.docker.io:443', realm: 'auth.docker.io:443' },
]);

/**
 * Checks that a token service belongs to the registry: the challenge that names it is only the
 * registry's word, and the login goes there.
 *
 * @throws LetheError STORE_REFUSED.
 */
export function assertRealm(realm: URL, registry: URL, policy: RegistryPolicy): void {
  const pair = { registry: authorityOf(registry), realm: authorityOf(realm) };
  const same = pair.realm === pair.registry && realm.protocol === registry.protocol;
  const listed = [...KNOWN_REALMS, ...(policy.realms ?? [])].some(
    (known) => known.registry === pair.registry && known.realm === pair.realm,
  );
  if (!same && !listed) {
    throw refusedAnswer('realm', 'names a token service on another host that is not listed for it');
  }
  assertSafeUrl(realm, policy, 'registry');
}

const unsafe = (origin: AddressOrigin, what: string): LetheError =>
  origin === 'command'
    ? invalid('registry', what)
    : refusedAnswer('redirect', `named an address that ${what}`);
