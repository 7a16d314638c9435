import { secret, type Detector } from './detector';

/** Private keys, and tokens that carry what they allow in themselves. */
export const KEY_MATERIAL: readonly Detector[] = [
  secret(
    'private-key',
    'critical',
    ['private key'],
    /-----BEGIN (?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:[^-]|-(?!----))*(?:-----END [A-Z0-9 ]{0,60}-----)?/dg,
  ),
  secret(
    'putty-private-key',
    'critical',
    ['private-lines:'],
    /Private-Lines:\s{0,4}\d{1,5}\s+([A-Za-z0-9+/=\s]{16,}(?:Private-MAC:\s{0,4}[0-9a-f]+)?)/dg,
  ),
  secret(
    'age-secret-key',
    'critical',
    ['age-secret-key-1'],
    /(?<![A-Za-z0-9])AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{40,64}/dgi,
  ),
  secret(
    'wireguard-key',
    'critical',
    ['privatekey', 'presharedkey'],
    /(?<!\w)(?:PrivateKey|PresharedKey)\s{0,4}=\s{0,4}([A-Za-z0-9+/]{42,43}=)/dgi,
  ),
  secret(
    'json-web-key',
    'critical',
    ['kty'],
    /(?<=[{,\s]\\?")(?:d|k|p|q|dp|dq|qi)\\?"\s{0,4}:\s{0,4}\\?"([\w-]{22,})/dg,
  ),
  secret(
    'json-web-token',
    'high',
    ['eyj'],
    /(?<![\w.-])eyJ[\w-]{10,}\.[\w-]{13,}\.[\w-]*(?:\.[\w-]+){0,2}/dg,
    { isCertain: (token) => /\.eyJ/.test(token) },
  ),
];
