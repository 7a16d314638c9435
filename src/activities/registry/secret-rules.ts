/** How urgent a finding is. */
export type Severity = 'critical' | 'high' | 'medium' | 'low';

/** A secret as it was found; it lives only until it is hashed. */
export interface FoundSecret {
  readonly ruleId: string;
  readonly severity: Severity;
  readonly secret: string;
}

interface SecretRule {
  readonly id: string;
  readonly severity: Severity;
  /**
   * Global, and linear on hostile text: a match starts only where a word does, and every repetition is
   * bounded or cannot be entered twice.
   */
  readonly pattern: RegExp;
}

/**
 * Forms of secrets that their issuers made to be recognised. A rule that also matches ordinary words is
 * not here: a finding that is usually wrong is not read.
 */
const RULES: readonly SecretRule[] = Object.freeze([
  rule(
    'private-key',
    'critical',
    /-----BEGIN (?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY-----[A-Za-z0-9+/=\\\s]{0,4096}/g,
  ),
  rule('tencent-secret-id', 'critical', /(?<![A-Za-z0-9])AKID[A-Za-z0-9]{32}(?![A-Za-z0-9])/g),
  rule(
    'aws-access-key-id',
    'critical',
    /(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}(?![A-Za-z0-9])/g,
  ),
  rule(
    'alibaba-access-key-id',
    'critical',
    /(?<![A-Za-z0-9])LTAI[A-Za-z0-9]{12,26}(?![A-Za-z0-9])/g,
  ),
  rule('google-api-key', 'high', /(?<![\w-])AIza[\w-]{35}(?![\w-])/g),
  rule(
    'github-token',
    'critical',
    /(?<!\w)(?:gh[opsur]_[A-Za-z0-9]{36,251}|github_pat_\w{82})(?!\w)/g,
  ),
  rule('gitlab-token', 'critical', /(?<![\w-])glpat-[\w-]{20,64}(?![\w-])/g),
  rule('slack-token', 'high', /(?<![\w-])xox[abeoprs]-[\w-]{10,250}/g),
  rule('stripe-key', 'critical', /(?<!\w)[rs]k_live_[A-Za-z0-9]{20,250}/g),
  rule('npm-token', 'critical', /(?<!\w)npm_[A-Za-z0-9]{36}(?!\w)/g),
  rule('pypi-token', 'critical', /(?<![\w-])pypi-AgEIcHlwaS5vcmc[\w-]{50,1000}/g),
  rule(
    'json-web-token',
    'high',
    /(?<![\w.-])eyJ[\w-]{10,2048}\.eyJ[\w-]{10,4096}\.[\w-]{20,1024}/g,
  ),
  rule(
    'password-in-url',
    'critical',
    /(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{1,20}:\/\/[^\s:/@]{0,128}:(?!\$)[^\s:/@]{3,256}@/gi,
  ),
]);

function rule(...[id, severity, pattern]: [string, Severity, RegExp]): SecretRule {
  return Object.freeze({ id, severity, pattern });
}

/** A name and what it stands for. */
export interface Assignment {
  readonly name: string;
  readonly value: string;
}

/** Shorter values are settings. */
const SECRET_LENGTH_MIN = 4;

/** `NAME=value` or `--name=value`; the value ends with its quotation or at the next space. */
const ASSIGNMENT =
  /(?<![\w.-])-{0,2}([A-Za-z_][\w.-]{0,127})=(?:"([^"]{4,512})"|'([^']{4,512})'|([^\s"']{4,512}))/g;
/** `--name value`, as commands are told a password. */
const OPTION =
  /(?<![\w.-])--([A-Za-z][\w.-]{0,127})[ \t](?:"([^"]{4,512})"|'([^']{4,512})'|([^\s"'-][^\s"']{3,511}))/g;

const SECRET_NAME =
  /password|passwd|passphrase|secret|credential|api[_.-]?key|access[_.-]?key|private[_.-]?key|token$/i;
/** Names that point at a secret, count it or say something about it. */
const HARMLESS_NAME = /[_.-](file|path|dir|name|id|url|uri|ttl|length|policy|version)$/i;
/** A reference to a variable, a path, an address, a switch or a number of a setting. */
const HARMLESS_VALUE = /^(\$|\/|\.\/|https?:|file:|(true|false|yes|no|none|null|\d{1,5})$)/i;

/** Matches of one rule that are looked at in one text. */
const MATCHES_MAX = 64;

/** Finds secrets in a text by the form of the secret. */
function byForm(text: string): readonly FoundSecret[] {
  return RULES.flatMap(({ id, severity, pattern }) =>
    take(text.matchAll(pattern)).map(([secret]) => ({ ruleId: id, severity, secret })),
  );
}

/** Finds assignments in running text, whose values end at a quotation mark or a space. */
function assignments(text: string): readonly Assignment[] {
  return [ASSIGNMENT, OPTION].flatMap((pattern) =>
    take(text.matchAll(pattern)).map((match) => ({
      name: match[1] ?? '',
      value: match[2] ?? match[3] ?? match[4] ?? '',
    })),
  );
}

/** Finds secrets that are recognised by the name they are given to. */
function byName({ name, value }: Assignment): readonly FoundSecret[] {
  const named = SECRET_NAME.test(name) && !HARMLESS_NAME.test(name);
  if (!named || value.length < SECRET_LENGTH_MIN || HARMLESS_VALUE.test(value)) return [];
  return [{ ruleId: 'named-secret', severity: 'high', secret: value }];
}

function take<T>(items: Iterable<T>): readonly T[] {
  const taken: T[] = [];
  for (const item of items) {
    if (taken.length >= MATCHES_MAX) break;
    taken.push(item);
  }
  return taken;
}

/**
 * Finds secrets in running text, in time proportional to its length. What it returns must be hashed and
 * forgotten. @source SD-1
 */
export const findSecrets = (text: string): readonly FoundSecret[] => [
  ...byForm(text),
  ...assignments(text).flatMap(byName),
];

/** Finds secrets in one variable or label, whose value may contain spaces. */
export const findSecretsInEntry = ({ name, value }: Assignment): readonly FoundSecret[] => [
  ...byForm(`${name}=${value}`),
  ...byName({ name, value }),
];

/** True when a text that is meant to be stored, like a name, is or holds a secret itself. */
export const holdsSecret = (text: string): boolean => byForm(text).length > 0;
