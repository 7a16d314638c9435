import { secret, type Detector } from './detector';

/** A reference to a variable is no password, but nobody can tell it from one that begins alike. */
const isReference = (userinfo: string): boolean => /^[^:]*:\$/.test(userinfo);

/** Names and passwords in the places where protocols and programs put them. */
export const CREDENTIALS: readonly Detector[] = [
  secret(
    'password-in-url',
    'critical',
    ['://'],
    /(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{1,40}:\/\/([^\s:/@"'<>]{0,128}:[^\s/"'<>]{1,512})@/dgi,
    { isCertain: (userinfo) => !isReference(userinfo) && /:[^:]{3,}$/.test(userinfo) },
  ),
  secret(
    'database-url',
    'critical',
    ['://'],
    /(?<![a-z0-9+.-])(?:postgres(?:ql)?|mysql|mariadb|mongodb(?:\+srv)?|rediss?|amqps?|mssql|sqlserver|clickhouse|oracle|ldaps?|smtps?|s?ftp|nats|kafka|jdbc:[a-z]{2,16}):\/\/([^\s:/@"'<>]{0,128}:(?:[^\s/"'<>]|\/(?!\/))+)@/dgi,
    { isCertain: (userinfo) => !isReference(userinfo) && !userinfo.includes('/') },
  ),
  secret(
    'userinfo-in-url',
    'high',
    ['://'],
    /(?<![a-z0-9+.-])(?:https?|wss?|git\+https?|s?ftp):\/\/([^\s:/@"'<>]{1,512})@/dgi,
    { isCertain: () => false },
  ),
  secret(
    'oracle-connect-string',
    'critical',
    ['@'],
    /(?<![\w/.-])[A-Za-z]\w{0,29}\/([^\s/@"']{1,128})@(?:\/\/[\w.-]|[\w.-]{1,253}:\d{2,5}[/:])/dg,
    { least: 10, isCertain: () => false },
  ),
  secret(
    'authorization-header',
    'high',
    ['authorization'],
    /(?<![\w])(?:proxy-)?authorization\\?["']?\s{0,4}[:=]\s{0,4}\\?["']?([^\s"'\r\n][^"'\r\n]*)/dgi,
  ),
  secret('bearer-token', 'high', ['bearer'], /(?<![\w-])bearer\s{1,4}([A-Za-z0-9._~+/=-]{8,})/dgi),
  secret(
    'cookie-header',
    'high',
    ['cookie'],
    /(?<![\w])(?:set-)?cookie\\?["']?\s{0,4}:\s{0,4}\\?["']?([^\s"'\r\n][^"'\r\n]*)/dgi,
    { isCertain: () => false },
  ),
  secret(
    'docker-auth',
    'critical',
    ['auth'],
    /(?<=[{,\s]\\?")(?:auth|identitytoken|registrytoken)\\?"\s{0,4}:\s{0,4}\\?"([\w+/=.-]{4,})/dg,
  ),
  secret(
    'kubeconfig-credential',
    'critical',
    ['-key-data'],
    /(?<![\w-])client-key-data\\?["']?\s{0,4}[:=]\s{0,4}\\?["']?([A-Za-z0-9+/=]{16,})/dg,
  ),
  secret(
    'kubernetes-bootstrap-token',
    'high',
    ['token'],
    /(?<=token[\s"':=]{1,4})[a-z0-9]{6}\.[a-z0-9]{16}(?![a-z0-9])/dg,
  ),
  secret(
    'netrc-password',
    'critical',
    ['login'],
    /(?<!\w)login\s{1,8}\S{1,256}\s{1,8}(?:account\s{1,8}\S{1,256}\s{1,8})?password\s{1,8}(\S+)/dg,
  ),
  secret(
    'pgpass-line',
    'critical',
    [':'],
    /(?<![\w.*:-])(?:[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}|localhost|\*):(?:\d{3,5}|\*):[\w*.-]{1,63}:[\w*.-]{1,63}:([^\s:]{1,256})/dg,
    { least: 13, isCertain: () => false },
  ),
];
