import { secret, type Detector } from './detector';

/** A reference to a variable gives nothing away. */
const isWritten = (value: string): boolean => !value.startsWith('$');

/** Passwords that a line of shell writes to a program. */
export const PIPED_PASSWORDS: readonly Detector[] = [
  secret(
    'piped-password',
    'critical',
    ['passwd', 'password-stdin', 'sudo'],
    /(?<![\w.-])(?:echo|printf)(?:\s{1,4}-[A-Za-z]{1,8}){0,3}\s{1,4}(?:\\?"([^"|]{1,256})"|'([^'|]{1,256})'|([^\s"'|]{1,256}))\s{0,4}\|\s{0,4}(?:sudo\s{1,4}(?!-))?(?:[\w.-]{0,32}\/){0,8}(?:(?:ch)?passwd(?![\w-])|sudo\s{1,4}-[A-Za-z]{0,8}S(?!\w)|[\w.-]{1,32}\s{1,4}login\s[^|;&\n]{0,256}--password-stdin)/dg,
    { isCertain: isWritten },
  ),
  secret(
    'secure-string',
    'critical',
    ['convertto-securestring'],
    /ConvertTo-SecureString\s{1,4}(?:-String\s{1,4})?\\?["']([^"']{1,256})["']/dgi,
    { isCertain: isWritten },
  ),
];
