import { secret, type Detector } from './detector';

/** Keys of clouds. */
export const CLOUD_KEYS: readonly Detector[] = [
  secret(
    'tencent-secret-id',
    'critical',
    ['akid'],
    // Temporary ones are longer and of more characters.
    /(?<![A-Za-z0-9])AKID[\w-]{32,124}(?![\w-])/dg,
  ),
  secret(
    'aws-access-key-id',
    'critical',
    ['akia', 'asia', 'abia', 'acca'],
    /(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}(?![A-Za-z0-9])/dg,
  ),
  secret(
    'aws-secret-access-key',
    'critical',
    ['secret'],
    /(?<![A-Za-z0-9])(?:aws[_.-]?)?secret[_.-]?access[_.-]?key[\\"']{0,2}\s{0,4}[=:]\s{0,4}[\\"']{0,2}([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])/dgi,
  ),
  secret(
    'aws-marketplace-key',
    'critical',
    ['amzn.mws.'],
    /(?<!\w)amzn\.mws\.[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/dg,
  ),
  secret(
    'alibaba-access-key-id',
    'critical',
    ['ltai', 'sts.n'],
    /(?<![A-Za-z0-9])(?:LTAI[A-Za-z0-9]{12,26}|STS\.N[A-Za-z0-9]{20,40})(?![A-Za-z0-9])/dg,
  ),
  secret('google-api-key', 'high', ['aiza'], /(?<![\w-])AIza[\w-]{35}(?![\w-])/dg),
  secret('google-oauth-token', 'high', ['ya29.'], /(?<![\w-])ya29\.[\w-]{20,}/dg),
  secret('google-client-secret', 'critical', ['gocspx-'], /(?<![\w-])GOCSPX-[\w-]{28}(?![\w-])/dg),
  secret(
    'google-service-account-key',
    'critical',
    ['private_key_id'],
    /private_key_id\\?"\s{0,4}:\s{0,4}\\?"([0-9a-f]{40})/dg,
  ),
  secret('azure-storage-key', 'critical', ['accountkey='], /AccountKey=([A-Za-z0-9+/]{86}==)/dgi),
  secret(
    'azure-shared-access-key',
    'critical',
    ['sharedaccesskey='],
    /SharedAccessKey=([A-Za-z0-9+/]{43}=)/dgi,
  ),
  secret(
    'azure-shared-access-signature',
    'high',
    ['sig='],
    /(?<=[?&;])sig=([A-Za-z0-9%+/=]{32,})/dgi,
  ),
  secret(
    'azure-client-secret',
    'critical',
    ['q~'],
    /(?<![\w.~-])[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,34}(?![\w.~-])/dg,
    { least: 37 },
  ),
  secret('digitalocean-token', 'critical', ['_v1_'], /(?<!\w)do[opr]_v1_[a-f0-9]{64}(?!\w)/dg),
  secret(
    'cloudflare-origin-key',
    'critical',
    ['v1.0-'],
    /(?<![\w.-])v1\.0-[a-f0-9]{24}-[a-f0-9]{146}/dg,
  ),
  secret('heroku-key', 'critical', ['hrku-'], /(?<![\w-])HRKU-[\w-]{36,64}/dg),
];
