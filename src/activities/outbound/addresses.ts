import { BlockList, isIP } from 'node:net';

/**
 * What an address is for a scan: `public` may be reached; `private` only where the operator lists the
 * registry; `forbidden` never, because nothing but metadata services and misdirection lives there.
 */
export type AddressClass = 'public' | 'private' | 'forbidden';

const subnets = (family: 'ipv4' | 'ipv6', ...cidrs: readonly string[]): BlockList => {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [network = '', prefix = ''] = cidr.split('/');
    list.addSubnet(network, Number(prefix), family);
  }
  return list;
};

const PRIVATE_4 = subnets(
  'ipv4',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
);

/** Metadata services, also the two that sit inside wider ranges, and what is no host at all. */
const FORBIDDEN_4 = subnets(
  'ipv4',
  '0.0.0.0/8',
  '100.100.100.200/32',
  '168.63.129.16/32',
  '169.254.0.0/16',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
);

const PRIVATE_6 = subnets('ipv6', '::1/128', 'fc00::/7');
const GLOBAL_6 = subnets('ipv6', '2000::/3');

/** Inside the ranges above, but metadata, or tunnels that carry any IPv4 address. */
const FORBIDDEN_6 = subnets(
  'ipv6',
  'fd00:c1::/32',
  'fd00:ec2::/32',
  'fd20:ce::/32',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
);

/**
 * Classifies an IP address in text form. IPv4 addresses in IPv6 clothes (mapped, compatible, NAT64) are
 * forbidden whole: no registry needs them and every one of them is a way around a list.
 */
export function classifyAddress(address: string): AddressClass {
  const family = isIP(address);
  if (family === 4) {
    if (FORBIDDEN_4.check(address, 'ipv4')) return 'forbidden';
    return PRIVATE_4.check(address, 'ipv4') ? 'private' : 'public';
  }
  if (family !== 6 || address.includes('%') || FORBIDDEN_6.check(address, 'ipv6')) {
    return 'forbidden';
  }
  if (PRIVATE_6.check(address, 'ipv6')) return 'private';
  return GLOBAL_6.check(address, 'ipv6') ? 'public' : 'forbidden';
}

/** Names that only ever mean the machine itself or a cloud's metadata service. */
const FORBIDDEN_NAMES: readonly RegExp[] = [
  /^(.+\.)?localhost$/,
  /^(.+\.)?metadata$/,
  /^metadata\./,
  /^instance-data(\.|$)/,
  /\.internal$/,
  /\.local$/,
  /\.localdomain$/,
];

/** True for a name that is refused before it is looked up, unless the operator lists the registry. */
export const isForbiddenName = (hostname: string): boolean =>
  FORBIDDEN_NAMES.some((pattern) => pattern.test(hostname));

/** True for a literal loopback address; a name is none, whatever it resolves to. */
export const isLoopbackLiteral = (hostname: string): boolean =>
  hostname === '::1' || (isIP(hostname) === 4 && hostname.startsWith('127.'));
