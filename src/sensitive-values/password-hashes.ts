import { secret, type Detector } from './detector';

/** Hashes of passwords: whoever has one can try passwords out. */
export const PASSWORD_HASHES: readonly Detector[] = [
  secret(
    'unix-password-hash',
    'high',
    ['$'],
    /(?<![\w$])\$(?:1|2[abxy]?|5|6|7|y|gy|apr1|md5|sha1|A)\$[./A-Za-z0-9$=,+-]{13,}/dg,
    { least: 16 },
  ),
  secret(
    'argon2-hash',
    'high',
    ['$argon2', '$scrypt', '$pbkdf2', '$p$', '$h$'],
    /(?<![\w$])\$(?:argon2(?:id|i|d)|scrypt|pbkdf2(?:-sha\d{1,3})?|P|H)\$[./A-Za-z0-9$=,+-]{16,}/dg,
  ),
  secret(
    'framework-password-hash',
    'high',
    ['pbkdf2', 'bcrypt', 'argon2'],
    /(?<![\w$])(?:pbkdf2[_:]sha\d{1,3}|bcrypt_sha256|bcrypt|argon2)[$:][./A-Za-z0-9$:=,+-]{24,}/dg,
  ),
  secret(
    'directory-password-hash',
    'high',
    ['{s', '{md5', '{crypt', '{pbkdf2', '{argon2'],
    /\{(?:SSHA|SHA|SMD5|MD5|CRYPT|SSHA256|SSHA384|SSHA512|SHA256|SHA512|PBKDF2[\w-]{0,16}|ARGON2)\}([A-Za-z0-9+/=$.,-]{10,})/dgi,
  ),
  secret('mysql-password-hash', 'high', ['*'], /(?<![\w*])\*[0-9A-F]{40}(?!\w)/dg, { least: 41 }),
  secret(
    'postgres-password-hash',
    'high',
    ['scram-sha-256$', 'md5'],
    /(?<!\w)(?:SCRAM-SHA-256\$\d{1,7}:[A-Za-z0-9+/=]{8,}\$[A-Za-z0-9+/=]{16,}:[A-Za-z0-9+/=]{16,}|md5[0-9a-f]{32}(?!\w))/dg,
    { isCertain: (hash) => hash.startsWith('S') },
  ),
  secret(
    'digest-password-hash',
    'high',
    [':'],
    /(?<![\w.-])[\w.-]{1,64}:[\w.@-]{1,64}:([0-9a-f]{32})(?!\w)/dg,
    { least: 36, isCertain: () => false },
  ),
  secret(
    'windows-password-hash',
    'high',
    [':'],
    /(?<![0-9a-fA-F])[0-9a-fA-F]{32}:([0-9a-fA-F]{32})(?![0-9a-fA-F])/dg,
    { least: 65, isCertain: () => false },
  ),
];
