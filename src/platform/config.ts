import { z } from 'zod';
import { isEnvironmentName, isNamespaceOf, isSimulation } from '../domain/environment-names';
import { LetheError } from '../domain/errors';
import { OPAQUE_ID } from '../domain/identifiers';

/** Where an SQL server is and, for the migrator only, who administers it. */
export interface SqlEndpoint {
  readonly host: string;
  readonly port: number;
  readonly adminUser: string;
  /** Absent in processes that only use role logins. */
  readonly adminPassword: string | undefined;
  /** PEM file of the authority; absent means an unencrypted connection, for loopback only. */
  readonly tlsCaFile: string | undefined;
}

/** How object versions are locked: by a legal hold, or by retention where the provider has only that. */
export type LockMode = 'legal-hold' | 'compliance';

/** The configuration of a process, read once in a composition root. Policy numbers are not in it. */
export interface Config {
  readonly environment: string;
  readonly simulation: boolean;
  readonly temporal: {
    readonly address: string;
    readonly namespace: string;
    readonly uiUrl: string;
  };
  readonly mongoUrl: string | undefined;
  readonly mysql: SqlEndpoint | undefined;
  /** The keys have their own server in production; otherwise the same as `mysql`. */
  readonly keysMysql: SqlEndpoint | undefined;
  readonly evidenceMysql: SqlEndpoint | undefined;
  /** Replicas of `mysql`, as `host:port`, that must not fall far behind while rows are moved. */
  readonly mysqlReplicas: readonly string[];
  readonly s3: ObjectStoreEndpoint | undefined;
  readonly hostingUrl: string | undefined;
  readonly registryUrl: string | undefined;
  /** Registries, as `host:port`, that may be spoken to without TLS, or live on private addresses. */
  readonly registriesWithoutTls: readonly string[];
  readonly registriesOnPrivateAddresses: readonly string[];
  /** Token services that live on another host than their registry. */
  readonly registryRealms: readonly { readonly registry: string; readonly realm: string }[];
  /** Folder with the logins of tenants at registries; undefined: every registry is read without one. */
  readonly registryLoginsDirectory: string | undefined;
  /** Secrets of receivers of notices and of the mail server; undefined: nobody can be told. */
  readonly noticeSecretsFile: string | undefined;
  /** Receivers, as `host:port`, that may be spoken to without TLS, or live on private addresses. */
  readonly receiversWithoutTls: readonly string[];
  readonly receiversOnPrivateAddresses: readonly string[];
  /** Folder of OSV records and file of malware digests that scans compare images with. */
  readonly osvDirectory: string | undefined;
  readonly malwareDigestsFile: string | undefined;
  /** Where clamd listens; undefined: files are not scanned by it. */
  readonly clamd: ClamdAddress | undefined;
  /** Whether workers empty the inbox of delivered reports. */
  readonly takesReports: boolean;
  /** Name of the build that a worker runs; children stay on the build that started them. */
  readonly buildId: string | undefined;
  readonly kekFile: string | undefined;
  readonly credentialsFile: string | undefined;
  /** Private keys that sign checkpoints and certificates, and the list of the public ones. */
  readonly logKeyFile: string | undefined;
  readonly certificateKeyFile: string | undefined;
  readonly publicKeysFile: string | undefined;
  /** Opaque id of the person at the command line; never a name or an address. */
  readonly actor: string | undefined;
  /** Longest life of a destroyed key in logs of its server, in hours. */
  readonly keyRemnantHours: number;
  /** Longest life of what is stored in clear in each kind of copy that the engine does not purge, in days. */
  readonly backupMaxAgeDays: number;
  readonly binaryLogMaxAgeDays: number;
  readonly oplogMaxAgeDays: number;
}

/** Where the object store is and, for the migrator only, who administers it. */
export interface ObjectStoreEndpoint {
  readonly endpoint: string;
  readonly region: string;
  readonly pathStyle: boolean;
  readonly lockMode: LockMode;
  readonly adminAccessKey: string | undefined;
  readonly adminSecretKey: string | undefined;
}

/** The promise leaves 18 hours between the key's end and the window's end for logs that may hold it. */
const KEY_REMNANT_HOURS_MAX = 18;
/** Copies in clear must be gone before the shortest promise ends. */
const COPY_AGE_DAYS_MAX = 21;

const text = z.string().max(2048);
const integer = (minimum: number, maximum: number): z.ZodType<number, string> =>
  z
    .string()
    .regex(/^\d{1,6}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(minimum).max(maximum));
const url = (...protocols: readonly string[]): z.ZodType<string, string> =>
  text.refine(
    (value) => {
      const scheme = value.split('://', 1)[0] ?? '';
      return protocols.includes(scheme) && URL.canParse(value) && !/%(?![0-9a-f]{2})/i.test(value);
    },
    `must be a URL with ${protocols.join(' or ')}`,
  );

/** A comma-separated list of `host:port`. */
const hostPorts = text
  .regex(/^[^\s/,:]+:\d{1,5}(,[^\s/,:]+:\d{1,5})*$/, 'must be host:port, separated by commas')
  .optional()
  .transform((value) => value?.split(',') ?? []);

const PAIRS = 'must be registry=token service, both host:port, separated by commas';

const realmOf = (pair: string): { readonly registry: string; readonly realm: string } => {
  const [registry = '', realm = ''] = pair.split('=');
  return { registry, realm };
};

const ENVIRONMENT = z.object({
  LETHE_ENVIRONMENT: z
    .string()
    .refine(
      isEnvironmentName,
      'must be 1 to 19 of a-z, 0-9 and -, start with a letter, not end in -',
    )
    .default('lethe'),
  LETHE_TEMPORAL_ADDRESS: text
    .regex(/^[^\s/]+:\d{1,5}$/, 'must be host:port')
    .default('127.0.0.1:7233'),
  LETHE_TEMPORAL_NAMESPACE: text.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{1,63}$/).optional(),
  LETHE_TEMPORAL_UI: url('http', 'https').default('http://127.0.0.1:8233'),
  LETHE_MONGO_URL: text.regex(/^mongodb(\+srv)?:\/\/\S+$/, 'must be a mongodb:// URL').optional(),
  LETHE_MYSQL_URL: url('mysql').optional(),
  LETHE_MYSQL_HOST: text.regex(/^[^\s/]+$/).optional(),
  LETHE_MYSQL_PORT: integer(1, 65535).default(3306),
  LETHE_MYSQL_ADMIN_USER: text.default('root'),
  LETHE_MYSQL_ADMIN_PASSWORD: text.optional(),
  LETHE_MYSQL_CA_FILE: text.optional(),
  LETHE_KEYS_MYSQL_URL: url('mysql').optional(),
  LETHE_EVIDENCE_MYSQL_URL: url('mysql').optional(),
  LETHE_S3_ENDPOINT: url('http', 'https').optional(),
  LETHE_S3_REGION: text.regex(/^[a-z0-9-]{1,64}$/).default('us-east-1'),
  LETHE_S3_PATH_STYLE: z.enum(['true', 'false'], 'must be true or false').default('true'),
  LETHE_S3_LOCK_MODE: z
    .enum(['legal-hold', 'compliance'], 'must be legal-hold or compliance')
    .default('legal-hold'),
  LETHE_S3_ADMIN_ACCESS_KEY: text.optional(),
  LETHE_S3_ADMIN_SECRET_KEY: text.optional(),
  LETHE_HOSTING_URL: url('http', 'https').optional(),
  LETHE_REGISTRY_URL: url('http', 'https').optional(),
  LETHE_MYSQL_REPLICAS: hostPorts,
  LETHE_REGISTRY_ALLOW_HTTP: hostPorts,
  LETHE_REGISTRY_ALLOW_PRIVATE: hostPorts,
  LETHE_REGISTRY_REALMS: text
    .regex(
      /^[^\s/,:=]+:\d{1,5}=[^\s/,:=]+:\d{1,5}(,[^\s/,:=]+:\d{1,5}=[^\s/,:=]+:\d{1,5})*$/,
      PAIRS,
    )
    .optional()
    .transform((value) => value?.split(',').map(realmOf) ?? []),
  LETHE_REGISTRY_LOGINS_DIRECTORY: text.optional(),
  LETHE_NOTICE_SECRETS_FILE: text.optional(),
  LETHE_NOTICE_ALLOW_HTTP: hostPorts,
  LETHE_NOTICE_ALLOW_PRIVATE: hostPorts,
  LETHE_OSV_DIRECTORY: text.optional(),
  LETHE_MALWARE_DIGESTS: text.optional(),
  LETHE_CLAMD: text
    .regex(/^(\/\S{1,100}|[^\s/:]+:\d{1,5})$/, 'must be the path of a socket, or host:port')
    .transform(clamdAt)
    .optional(),
  LETHE_INBOX: z.enum(['on', 'off'], 'must be on or off').default('off'),
  LETHE_BUILD_ID: text.regex(/^[0-9A-Za-z._-]{1,64}$/).optional(),
  LETHE_KEK_FILE: text.optional(),
  LETHE_CREDENTIALS_FILE: text.optional(),
  LETHE_LOG_KEY_FILE: text.optional(),
  LETHE_CERTIFICATE_KEY_FILE: text.optional(),
  LETHE_PUBLIC_KEYS_FILE: text.optional(),
  LETHE_ACTOR: text.regex(OPAQUE_ID, 'must be an opaque id of 1 to 64 characters').optional(),
  LETHE_KEY_REMNANT_HOURS: integer(0, KEY_REMNANT_HOURS_MAX).default(0),
  LETHE_BACKUP_MAX_AGE_DAYS: integer(0, COPY_AGE_DAYS_MAX).default(7),
  LETHE_BINLOG_MAX_AGE_DAYS: integer(0, COPY_AGE_DAYS_MAX).default(7),
  LETHE_OPLOG_MAX_AGE_DAYS: integer(0, COPY_AGE_DAYS_MAX).default(7),
});

/** Where clamd listens: a path, or a host and a port. */
export type ClamdAddress =
  { readonly path: string } | { readonly host: string; readonly port: number };

function clamdAt(value: string): ClamdAddress {
  if (value.startsWith('/')) return { path: value };
  const [host = '', port = ''] = value.split(':');
  return { host, port: Number(port) };
}

type Variables = z.infer<typeof ENVIRONMENT>;

/**
 * Reads the configuration from environment variables. An empty variable counts as absent, because
 * that is how a shell script unsets one.
 *
 * @throws LetheError CONFIGURATION_INVALID naming every variable that is wrong, never its value;
 * ENVIRONMENT_MISMATCH for the namespace of another environment.
 */
export function loadConfig(
  env: Readonly<Record<string, string | undefined>> = process.env,
): Config {
  const present = Object.fromEntries(
    Object.keys(ENVIRONMENT.shape)
      .filter((name) => env[name] !== undefined && env[name] !== '')
      .map((name) => [name, env[name]]),
  );
  const parsed = ENVIRONMENT.safeParse(present);
  if (!parsed.success) throw invalid(parsed.error.issues);
  assertOwnNamespace(parsed.data);
  return assemble(parsed.data);
}

/** A command for one environment must never be carried out by the worker of another one. */
function assertOwnNamespace(variables: Variables): void {
  const { LETHE_ENVIRONMENT: environment, LETHE_TEMPORAL_NAMESPACE: namespace } = variables;
  if (namespace === undefined || isNamespaceOf(environment, namespace)) return;
  throw new LetheError(
    'ENVIRONMENT_MISMATCH',
    'LETHE_TEMPORAL_NAMESPACE must be the name in LETHE_ENVIRONMENT, or that name, a dot and an account; leave it out otherwise',
    { field: 'LETHE_TEMPORAL_NAMESPACE' },
  );
}

function invalid(issues: readonly z.core.$ZodIssue[]): LetheError {
  const lines = issues.map((issue) => `${String(issue.path[0])}: ${issue.message}`);
  return new LetheError('CONFIGURATION_INVALID', lines.join('; '), {
    field: String(issues[0]?.path[0]),
  });
}

function assemble(variables: Variables): Config {
  const environment = variables.LETHE_ENVIRONMENT;
  const mysql = mysqlEndpoint(variables);
  const own = (value: string | undefined): SqlEndpoint | undefined =>
    value === undefined ? mysql : endpointOf(value, variables.LETHE_MYSQL_CA_FILE);
  return Object.freeze({
    environment,
    simulation: isSimulation(environment),
    temporal: {
      address: variables.LETHE_TEMPORAL_ADDRESS,
      namespace: variables.LETHE_TEMPORAL_NAMESPACE ?? environment,
      uiUrl: variables.LETHE_TEMPORAL_UI,
    },
    mongoUrl: variables.LETHE_MONGO_URL,
    mysql,
    keysMysql: own(variables.LETHE_KEYS_MYSQL_URL),
    evidenceMysql: own(variables.LETHE_EVIDENCE_MYSQL_URL),
    mysqlReplicas: variables.LETHE_MYSQL_REPLICAS,
    s3: objectStore(variables),
    hostingUrl: variables.LETHE_HOSTING_URL,
    registryUrl: variables.LETHE_REGISTRY_URL,
    registriesWithoutTls: variables.LETHE_REGISTRY_ALLOW_HTTP,
    registriesOnPrivateAddresses: variables.LETHE_REGISTRY_ALLOW_PRIVATE,
    registryRealms: variables.LETHE_REGISTRY_REALMS,
    registryLoginsDirectory: variables.LETHE_REGISTRY_LOGINS_DIRECTORY,
    noticeSecretsFile: variables.LETHE_NOTICE_SECRETS_FILE,
    receiversWithoutTls: variables.LETHE_NOTICE_ALLOW_HTTP,
    receiversOnPrivateAddresses: variables.LETHE_NOTICE_ALLOW_PRIVATE,
    osvDirectory: variables.LETHE_OSV_DIRECTORY,
    malwareDigestsFile: variables.LETHE_MALWARE_DIGESTS,
    clamd: variables.LETHE_CLAMD,
    takesReports: variables.LETHE_INBOX === 'on',
    buildId: variables.LETHE_BUILD_ID,
    kekFile: variables.LETHE_KEK_FILE,
    credentialsFile: variables.LETHE_CREDENTIALS_FILE,
    logKeyFile: variables.LETHE_LOG_KEY_FILE,
    certificateKeyFile: variables.LETHE_CERTIFICATE_KEY_FILE,
    publicKeysFile: variables.LETHE_PUBLIC_KEYS_FILE,
    actor: variables.LETHE_ACTOR,
    keyRemnantHours: variables.LETHE_KEY_REMNANT_HOURS,
    backupMaxAgeDays: variables.LETHE_BACKUP_MAX_AGE_DAYS,
    binaryLogMaxAgeDays: variables.LETHE_BINLOG_MAX_AGE_DAYS,
    oplogMaxAgeDays: variables.LETHE_OPLOG_MAX_AGE_DAYS,
  });
}

function mysqlEndpoint(variables: Variables): SqlEndpoint | undefined {
  if (variables.LETHE_MYSQL_URL !== undefined) {
    return endpointOf(variables.LETHE_MYSQL_URL, variables.LETHE_MYSQL_CA_FILE);
  }
  if (variables.LETHE_MYSQL_HOST === undefined) return undefined;
  return {
    host: variables.LETHE_MYSQL_HOST,
    port: variables.LETHE_MYSQL_PORT,
    adminUser: variables.LETHE_MYSQL_ADMIN_USER,
    adminPassword: variables.LETHE_MYSQL_ADMIN_PASSWORD,
    tlsCaFile: variables.LETHE_MYSQL_CA_FILE,
  };
}

/** Only host, port and login of a URL are used: options in it would bypass the connection's own. */
function endpointOf(value: string, tlsCaFile: string | undefined): SqlEndpoint {
  const parsed = new URL(value);
  return {
    host: parsed.hostname,
    port: parsed.port === '' ? 3306 : Number(parsed.port),
    adminUser: decodeURIComponent(parsed.username) || 'root',
    adminPassword: parsed.password === '' ? undefined : decodeURIComponent(parsed.password),
    tlsCaFile,
  };
}

function objectStore(variables: Variables): ObjectStoreEndpoint | undefined {
  if (variables.LETHE_S3_ENDPOINT === undefined) return undefined;
  return {
    endpoint: variables.LETHE_S3_ENDPOINT,
    region: variables.LETHE_S3_REGION,
    pathStyle: variables.LETHE_S3_PATH_STYLE === 'true',
    lockMode: variables.LETHE_S3_LOCK_MODE,
    adminAccessKey: variables.LETHE_S3_ADMIN_ACCESS_KEY,
    adminSecretKey: variables.LETHE_S3_ADMIN_SECRET_KEY,
  };
}

/**
 * Returns a part of the configuration that this process cannot do without.
 *
 * @param variable - environment variable that sets it.
 * @throws LetheError CONFIGURATION_INVALID naming the variable.
 */
export function required<T>(value: T | undefined, variable: string): T {
  if (value !== undefined) return value;
  throw new LetheError('CONFIGURATION_INVALID', `${variable} must be set for this command`, {
    field: variable,
  });
}

const SECRET_FIELD = /password|secret|accesskey/i;

/** The effective configuration as JSON for people, with every password, key and URL login replaced. */
export function describeConfig(config: Config): string {
  const redact = (name: string, value: unknown): unknown => {
    if (typeof value !== 'string') return value;
    if (SECRET_FIELD.test(name)) return '(set)';
    return value
      .replace(/^([a-z+]+:\/\/)[^/?#]*@/i, '$1(redacted)@')
      .replace(/\?.*$/, '?(redacted)');
  };
  return JSON.stringify(config, redact, 2);
}
