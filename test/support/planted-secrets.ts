import { createHash } from 'node:crypto';
import {
  isCardNumber,
  isChineseIdentityNumber,
  isHongKongIdentityNumber,
  isIban,
  isSingaporeIdentityNumber,
  isTaiwanIdentityNumber,
} from '../../src/sensitive-values/checksums';

/** A sensitive value made for a test, and the text that it comes in. */
export interface Planted {
  /** Detector that names it. */
  readonly detector: string;
  /** As it stands in a file, a variable or a command line. */
  readonly text: string;
  /** What must be found nowhere. */
  readonly value: string;
}

const DIGITS = '0123456789';
const HEX = `${DIGITS}abcdef`;
const UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const LOWER = UPPER.toLowerCase();
const ALPHANUMERIC = UPPER + LOWER + DIGITS;
const BASE64 = `${ALPHANUMERIC}+/`;

/** Characters drawn from an alphabet, the same for the same seed and another for every call. */
type Draw = (length: number, alphabet?: string) => string;

function drawer(seed: string): Draw {
  let calls = 0;
  return (length, alphabet = ALPHANUMERIC) => {
    let text = '';
    for (calls += 1; text.length < length; calls += 1) {
      const bytes = createHash('sha512').update(`${seed} ${calls}`).digest();
      text += [...bytes].map((byte) => alphabet[byte % alphabet.length]).join('');
    }
    return text.slice(0, length);
  };
}

/** Draws until the check digits are right. */
function valid(draw: () => string, isValid: (text: string) => boolean): string {
  for (;;) {
    const text = draw();
    if (isValid(text)) return text;
  }
}

/** A made value of every kind, different for every seed. */
export function plantedSecrets(seed: string): readonly Planted[] {
  const draw = drawer(seed);
  return [
    ...clouds(draw),
    ...forges(draw),
    ...services(draw),
    ...moreServices(draw),
    ...platforms(draw),
    ...keys(draw),
    ...hashes(draw),
    ...credentials(draw),
    ...headers(draw),
    ...named(draw),
    ...people(draw),
  ];
}

/** The value is the whole text. */
const bare = (detector: string, value: string): Planted => ({ detector, text: value, value });

/** The value stands in a text, where `@@` is. */
const within = (detector: string, text: string, value: string): Planted => ({
  detector,
  text: text.replace('@@', () => value),
  value,
});

// Every marker is put together here, so that no scanner takes this file for a leak.
const clouds = (draw: Draw): readonly Planted[] => [
  bare('tencent-secret-id', `AKID${draw(32)}`),
  bare('aws-access-key-id', `AKIA${draw(16, `${UPPER}234567`)}`),
  within('aws-secret-access-key', 'aws_secret_access_key=@@', draw(40)),
  bare(
    'aws-marketplace-key',
    `amzn.mws.${draw(8, HEX)}-${draw(4, HEX)}-${draw(4, HEX)}-${draw(4, HEX)}-${draw(12, HEX)}`,
  ),
  bare('alibaba-access-key-id', `LTAI${draw(20)}`),
  bare('google-api-key', `AIza${draw(35)}`),
  bare('google-oauth-token', `ya29.${draw(60)}`),
  bare('google-client-secret', `GOCSPX-${draw(28)}`),
  within('google-service-account-key', '{"private_key_id": "@@"}', draw(40, HEX)),
  within('azure-storage-key', 'AccountName=shop;AccountKey=@@', `${draw(86, BASE64)}==`),
  within(
    'azure-shared-access-key',
    'Endpoint=sb://shop/;SharedAccessKey=@@',
    `${draw(43, BASE64)}=`,
  ),
  within('azure-shared-access-signature', 'https://shop.blob/x?sv=2024&sig=@@', draw(44)),
  bare('azure-client-secret', `${draw(3)}8Q~${draw(34)}`),
  bare('digitalocean-token', `dop_v1_${draw(64, HEX)}`),
  bare('cloudflare-origin-key', `v1.0-${draw(24, HEX)}-${draw(146, HEX)}`),
  bare('heroku-key', `HRKU-${draw(60)}`),
];

const forges = (draw: Draw): readonly Planted[] => [
  bare('github-token', `ghp_${draw(36)}`),
  bare('github-token', `github_pat_${draw(82)}`),
  bare('gitlab-token', `glpat-${draw(20)}`),
  bare('bitbucket-token', `ATBB${draw(32)}`),
  bare('npm-token', `npm_${draw(36)}`),
  bare('pypi-token', `pypi-AgEIcHlwaS5vcmc${draw(60)}`),
  bare('rubygems-token', `rubygems_${draw(48, HEX)}`),
  bare('docker-hub-token', `dckr_pat_${draw(27)}`),
  bare('crates-token', `cio${draw(32)}`),
  bare('nuget-key', `oy2${draw(43, LOWER + DIGITS)}`),
  bare('hugging-face-token', `hf_${draw(34)}`),
  bare('artifactory-key', `AKCp${draw(69)}`),
];

const services = (draw: Draw): readonly Planted[] => [
  bare('slack-token', `xoxb-${draw(12, DIGITS)}-${draw(24)}`),
  within(
    'chat-webhook',
    'https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=@@',
    `${draw(8, HEX)}-${draw(27, HEX)}`,
  ),
  within(
    'chat-webhook',
    'https://hooks.slack.com/services/@@',
    `T${draw(8)}/B${draw(8)}/${draw(24)}`,
  ),
  bare('stripe-key', `sk_live_${draw(24)}`),
  bare('twilio-key', `SK${draw(32, HEX)}`),
  bare('sendgrid-key', `SG.${draw(22)}.${draw(43)}`),
  bare('mailgun-key', `key-${draw(32, HEX)}`),
  bare('mailchimp-key', `${draw(32, HEX)}-us7`),
  bare('anthropic-key', `sk-ant-api03-${draw(93)}`),
  bare('openai-key', `sk-proj-${draw(48)}`),
  bare('telegram-token', `${draw(10, '123456789')}:AA${draw(33)}`),
  bare('discord-token', `M${draw(23)}.${draw(6)}.${draw(27)}`),
  bare('shopify-token', `shpat_${draw(32, HEX)}`),
  bare('square-token', `sq0atp-${draw(22)}`),
];

const moreServices = (draw: Draw): readonly Planted[] => [
  bare('grafana-token', `glsa_${draw(32)}_${draw(8, HEX)}`),
  bare('new-relic-key', `NRAK-${draw(27, UPPER + DIGITS)}`),
  bare('databricks-token', `dapi${draw(32, HEX)}`),
  bare('vault-token', `hvs.${draw(24)}`),
  bare('terraform-token', `${draw(14)}.atlasv1.${draw(64)}`),
  bare('atlassian-token', `ATATT3${draw(80)}`),
  bare('linear-key', `lin_api_${draw(40)}`),
  bare('postman-key', `PMAK-${draw(24, HEX)}-${draw(34, HEX)}`),
  bare('sentry-token', `sntrys_${draw(64)}`),
  bare('doppler-token', `dp.pt.${draw(43)}`),
  bare('pulumi-token', `pul-${draw(40, HEX)}`),
  bare('figma-token', `figd_${draw(40)}`),
  bare('notion-token', `ntn_${draw(44)}`),
  bare('dynatrace-token', `dt0c01.${draw(24, UPPER)}.${draw(64, UPPER + DIGITS)}`),
];

const platforms = (draw: Draw): readonly Planted[] => [
  bare('model-key', `sk-${draw(32, HEX)}`),
  bare('model-key', `sk-or-v1-${draw(64, HEX)}`),
  bare('model-key', `xai-${draw(80)}`),
  bare('model-key', `gsk_${draw(52)}`),
  bare('model-key', `r8_${draw(37)}`),
  bare('supabase-key', `sbp_${draw(40, HEX)}`),
  bare('planetscale-token', `pscale_tkn_${draw(43)}`),
  bare('fly-token', `fm2_${draw(100)}`),
  bare('netlify-token', `nfp_${draw(40)}`),
  bare('tailscale-key', `tskey-auth-k${draw(7)}CNTRL-${draw(32)}`),
  bare('buildkite-token', `bkua_${draw(40, HEX)}`),
  bare('circleci-token', `CCIPAT_${draw(22)}_${draw(40, HEX)}`),
  bare('sonar-token', `squ_${draw(40, HEX)}`),
  bare('contentful-token', `CFPAT-${draw(43)}`),
  bare('prefect-key', `pnu_${draw(36)}`),
  bare('easypost-key', `EZAK${draw(54)}`),
  bare('airtable-token', `pat${draw(14)}.${draw(64, HEX)}`),
  bare('shippo-token', `shippo_live_${draw(40, HEX)}`),
  bare('mapbox-token', `sk.eyJ${draw(40)}.${draw(22)}`),
  bare('one-password-token', `ops_eyJ${draw(140)}`),
  bare('azure-platform-key', `${draw(52)}JQQJ99${draw(26)}`),
  bare('tencent-secret-id', `AKID${draw(40)}-${draw(20)}_${draw(3)}`),
  bare('alibaba-access-key-id', `STS.N${draw(24)}`),
  within('piped-password', 'echo root:@@ | chpasswd', draw(12)),
  within('piped-password', 'echo @@ | docker login -u shop --password-stdin r.example', draw(12)),
  within('secure-string', "ConvertTo-SecureString '@@' -AsPlainText", draw(12)),
];

const keys = (draw: Draw): readonly Planted[] => [
  within(
    'private-key',
    ['-----BEGIN RSA', 'PRIVATE KEY-----@@-----END RSA', 'PRIVATE KEY-----'].join(' '),
    draw(64, BASE64),
  ),
  within(
    'putty-private-key',
    'PuTTY-User-Key-File-3: ssh-ed25519 Private-Lines: 1 @@',
    draw(48, BASE64),
  ),
  bare('age-secret-key', `AGE-SECRET-KEY-1${draw(58, 'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L')}`),
  within('wireguard-key', 'PrivateKey = @@', `${draw(43, BASE64)}=`),
  within('json-web-key', '{"kty":"OKP","d":"@@"}', draw(43)),
  bare('json-web-token', `eyJ${draw(20)}.eyJ${draw(40)}.${draw(43)}`),
];

const hashes = (draw: Draw): readonly Planted[] => [
  within('unix-password-hash', 'root:@@:19700:0:', `$6$${draw(8)}$${draw(86)}`),
  within('unix-password-hash', 'shop:@@', `$apr1$${draw(8)}$${draw(22)}`),
  bare('argon2-hash', `$argon2id$v=19$m=65536,t=3,p=4$${draw(22)}$${draw(43)}`),
  bare('framework-password-hash', `pbkdf2_sha256$600000$${draw(22)}$${draw(43)}=`),
  within('directory-password-hash', 'userPassword {SSHA}@@', draw(38)),
  bare('mysql-password-hash', `*${draw(40, `${DIGITS}ABCDEF`)}`),
  bare('postgres-password-hash', `SCRAM-SHA-256$4096:${draw(22)}==$${draw(43)}=:${draw(43)}=`),
  within('digest-password-hash', 'shop:staff:@@', draw(32, HEX)),
  within('windows-password-hash', `1000,${draw(32, HEX)}:@@`, draw(32, HEX)),
];

const credentials = (draw: Draw): readonly Planted[] => [
  within('password-in-url', 'https://shop:@@@registry.example/v2', draw(14)),
  within('database-url', 'postgres://shop:@@@db.example/shop', `${draw(8)}/${draw(8)}`),
  within('userinfo-in-url', 'https://@@@git.example/shop.git', draw(20)),
  within('oracle-connect-string', 'sqlplus scott/@@@//db.example/xe', draw(12)),
  within('docker-auth', '{"auths":{"r.example":{"auth":"@@"}}}', draw(32)),
  within('kubeconfig-credential', 'client-key-data: @@', draw(120)),
  within(
    'kubernetes-bootstrap-token',
    'kubeadm join --token @@',
    `${draw(6, LOWER)}.${draw(16, LOWER + DIGITS)}`,
  ),
  within('netrc-password', 'machine git.example login shop password @@', draw(12)),
  within('pgpass-line', 'db.example:5432:shop:app:@@', draw(12)),
  within('password-option', 'mysql -u shop -p@@ shop', draw(12)),
  within('password-option', 'curl -s -u @@ https://api.example/', `shop:${draw(12)}`),
  within('password-option', 'redis-cli -h cache -a @@ ping', draw(14)),
  within('password-option', 'sshpass -p @@ ssh shop', draw(12)),
];

const headers = (draw: Draw): readonly Planted[] => [
  within('authorization-header', 'Authorization: Basic @@', draw(28)),
  within('bearer-token', 'curl -H Bearer @@', draw(32)),
  within('cookie-header', 'Cookie: sid=@@', draw(24)),
];

const named = (draw: Draw): readonly Planted[] => [
  within('named-secret', 'DB_PASSWORD=@@', draw(12)),
  within('named-secret', 'backup --password @@ /srv', draw(10)),
  within('named-secret', '{"apiToken": "@@"}', draw(16)),
  within('named-secret', "export SMTP_PASS='@@'", draw(10)),
  within('named-secret', 'https://api.example/?a=1&client_secret=@@', draw(18)),
  within('high-entropy-value', 'SHOP_SIGNING_SALT=@@', `${draw(30)}7x`),
];

const people = (draw: Draw): readonly Planted[] => [
  bare('email-address', `${draw(10, LOWER)}.${draw(8, LOWER)}@mail.example`),
  bare(
    'chinese-identity-number',
    valid(
      () =>
        `11010519${draw(2, '6789')}0${draw(1, '123456789')}1${draw(4, DIGITS)}${draw(1, DIGITS)}`,
      isChineseIdentityNumber,
    ),
  ),
  bare(
    'payment-card',
    valid(() => `62${draw(14, DIGITS)}`, isCardNumber),
  ),
  bare('chinese-mobile-number', `13${draw(9, DIGITS)}`),
  bare('phone-number', `+44${draw(10, '123456789')}`),
  bare(
    'iban',
    valid(() => `DE${draw(20, DIGITS)}`, isIban),
  ),
  bare(
    'us-social-security-number',
    `${draw(3, '12345')}-${draw(2, '123456789')}-${draw(4, '123456789')}`,
  ),
  bare(
    'hong-kong-identity-number',
    valid(
      () => `${draw(1, UPPER)}${draw(6, DIGITS)}(${draw(1, `${DIGITS}A`)})`,
      isHongKongIdentityNumber,
    ),
  ),
  bare(
    'taiwan-identity-number',
    valid(() => `A1${draw(8, DIGITS)}`, isTaiwanIdentityNumber),
  ),
  bare(
    'singapore-identity-number',
    valid(() => `S${draw(7, DIGITS)}${draw(1, UPPER)}`, isSingaporeIdentityNumber),
  ),
];
