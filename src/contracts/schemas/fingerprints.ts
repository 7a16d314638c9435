import { z } from 'zod';
import type { FingerprintKind } from '../observations';
import {
  commandLine,
  containerId,
  count,
  date,
  kernelId,
  list,
  name,
  path,
  port,
} from './fingerprint-fields';

/**
 * One strict shape for each of the 15 kinds of fingerprints. Null means "not known", never "none". A
 * password hash or a key has no field here. A command line is there as it is after redaction, the value
 * of a variable only when it is harmless by rule. @source DC-1, SD-1
 */
const on = z.boolean();
const nameOrNull = name.nullable();
const pathOrNull = path.nullable();
const countOrNull = count.nullable();
const commandOrNull = commandLine.nullable();

/** Container that the thing runs in; null for the host itself. */
const inContainer = containerId.nullable();

/** How something was recognised; the same thing can be recognised in several ways. */
const evidence = z
  .array(z.enum(['process', 'package', 'configuration']))
  .min(1)
  .max(3);

const resource = <Item extends string, Shape extends z.ZodRawShape>(item: Item, shape: Shape) =>
  z.strictObject({
    kind: z.literal('resource-monitoring'),
    item: z.literal(item),
    ...shape,
  });

const resourceMonitoring = z.discriminatedUnion('item', [
  resource('processor', { model: nameOrNull, logicalProcessors: count }),
  resource('memory', { totalBytes: count, swapTotalBytes: count }),
  resource('filesystem', {
    mountPoint: path,
    device: path,
    filesystem: name,
    readOnly: on,
    totalBytes: countOrNull,
  }),
  resource('disk', { name, model: nameOrNull, sizeBytes: count, rotational: on.nullable() }),
  resource('network-interface', { name, address: nameOrNull, mtuBytes: countOrNull }),
  /** What changes from one moment to the next; loads are hundredths. */
  resource('usage', {
    load1Hundredths: count,
    load5Hundredths: count,
    load15Hundredths: count,
    memoryAvailableBytes: count,
    swapFreeBytes: count,
    uptimeSeconds: count,
    filesystems: list(z.strictObject({ mountPoint: path, totalBytes: count, freeBytes: count })),
  }),
]);

const account = z.discriminatedUnion('item', [
  z.strictObject({
    kind: z.literal('account'),
    item: z.literal('user'),
    name,
    uid: kernelId,
    gid: kernelId,
    groups: list(name),
    home: pathOrNull,
    shell: pathOrNull,
    /** By password or by key, through the account's own shell. */
    loginPossible: z.enum(['yes', 'no', 'unknown']),
    passwordState: z.enum(['set', 'empty', 'locked', 'unknown']),
    passwordChangedOn: date.nullable(),
    expiresOn: date.nullable(),
    /** Has user id 0 or is in a group that usually may become root. */
    administrator: on,
    authorizedKeys: countOrNull,
  }),
  z.strictObject({
    kind: z.literal('account'),
    item: z.literal('group'),
    name,
    gid: kernelId,
    members: list(name),
  }),
]);

const listeningPort = z.strictObject({
  kind: z.literal('port'),
  protocol: z.enum(['tcp', 'tcp6', 'udp', 'udp6']),
  address: name,
  port,
  uid: kernelId,
  pid: kernelId.nullable(),
  program: nameOrNull,
  exe: pathOrNull,
  containerId: inContainer,
});

const softwareApplication = z.discriminatedUnion('manager', [
  z.strictObject({
    kind: z.literal('software-application'),
    manager: z.enum(['dpkg', 'apk', 'rpm']),
    name,
    version: name,
    architecture: nameOrNull,
    source: nameOrNull,
  }),
  z.strictObject({
    kind: z.literal('software-application'),
    manager: z.enum(['npm', 'pypi']),
    name,
    version: name,
    /** Places where this version is installed, and the first of them in order. */
    copies: count,
    paths: list(path),
  }),
]);

const runningProcess = z.strictObject({
  kind: z.literal('process'),
  pid: kernelId,
  parentPid: kernelId,
  /** The kernel's short name. */
  name,
  /** Last part of the executable's path, or of the first word of the command line. */
  program: name,
  exe: pathOrNull,
  /** The executable was removed or replaced while it ran. */
  exeDeleted: on,
  uid: kernelId,
  user: nameOrNull,
  argumentCount: count,
  /** Redacted; null for a thread of the kernel, and where the report is older than version 2. */
  commandLine: commandOrNull,
  kernelThread: on,
  startedAfterBootSeconds: count,
  containerId: inContainer,
});

/** What a database and a web service have in common. */
const server = {
  version: nameOrNull,
  running: on.nullable(),
  evidence,
  exe: pathOrNull,
  ports: list(port),
  configurationFiles: list(path),
  containerId: inContainer,
};

const database = z.strictObject({ kind: z.literal('database'), engine: name, ...server });

const webService = z.strictObject({ kind: z.literal('web-service'), service: name, ...server });

const webApplication = z.strictObject({
  kind: z.literal('web-application'),
  name,
  version: nameOrNull,
  path: pathOrNull,
  evidence: z.enum(['files', 'package', 'archive']),
});

const webFramework = z.strictObject({
  kind: z.literal('web-framework'),
  name,
  language: z.enum(['java', 'javascript', 'python', 'php', 'ruby', 'dotnet']),
  version: nameOrNull,
  path,
});

const webSite = z.strictObject({
  kind: z.literal('web-site'),
  server: z.enum(['nginx', 'apache', 'caddy']),
  serverNames: list(name),
  listens: list(name),
  documentRoot: pathOrNull,
  tls: on,
  /** Requests are passed on to another server; which one is not recorded. */
  proxied: on,
  configurationFile: path,
});

const jarPackage = z.strictObject({
  kind: z.literal('jar-package'),
  /** Archive on the file system. */
  path,
  /** Path inside it for an archive in an archive; `!` separates the levels. */
  within: pathOrNull,
  name,
  group: nameOrNull,
  version: nameOrNull,
  mainClass: nameOrNull,
  springBootVersion: nameOrNull,
  sizeBytes: count,
});

const startupService = z.strictObject({
  kind: z.literal('startup-service'),
  /** `systemd-user` is the one that a person has; its services start with the person's session. */
  manager: z.enum(['systemd', 'systemd-user', 'sysv', 'openrc', 'inittab', 'rc-local']),
  name,
  state: z.enum(['enabled', 'disabled', 'static', 'masked']),
  startsAtBoot: on,
  wantedBy: list(name),
  program: pathOrNull,
  /** Whose it is for `systemd-user`; null there for what everyone has. */
  user: nameOrNull,
  file: pathOrNull,
  /** What is started, redacted. */
  command: commandOrNull,
});

const scheduledTask = z.strictObject({
  kind: z.literal('scheduled-task'),
  scheduler: z.enum(['cron', 'cron-directory', 'anacron', 'at', 'systemd-timer']),
  name: nameOrNull,
  schedule: name,
  user: nameOrNull,
  /** First word of every command of the task. */
  programs: list(path),
  /** The whole command, redacted. */
  command: commandOrNull,
  enabled: on,
  file: path,
});

const environmentVariable = z.strictObject({
  kind: z.literal('environment-variable'),
  /** A name that is a secret itself is replaced by its mark. */
  name: z.string().regex(/^(?:[A-Za-z_]|\[redacted:)[\w.:[\]-]{0,255}$/),
  /** The name sounds like a secret. */
  sensitive: on,
  /** Only when it is harmless by rule, and the same wherever the variable was seen. */
  value: commandOrNull,
  /** What became of the value; `unknown` where the report is older than version 2. */
  valueState: z.enum(['kept', 'withheld', 'varies', 'unknown']),
  sources: z
    .array(z.enum(['process', 'file', 'unit', 'container-configuration']))
    .min(1)
    .max(4),
  files: list(path),
  programs: list(name),
  containerId: inContainer,
});

const kernelModule = z.strictObject({
  kind: z.literal('kernel-module'),
  name,
  /** Null when only the files of an unpacked root were read. */
  loaded: on.nullable(),
  sizeBytes: countOrNull,
  usedBy: list(name),
  kernel: nameOrNull,
  file: pathOrNull,
});

/** The schema of each kind; the compiler insists that none is missing. */
export const FINGERPRINT_SCHEMAS = Object.freeze({
  'resource-monitoring': resourceMonitoring,
  account,
  port: listeningPort,
  'software-application': softwareApplication,
  process: runningProcess,
  database,
  'web-application': webApplication,
  'web-service': webService,
  'web-framework': webFramework,
  'web-site': webSite,
  'jar-package': jarPackage,
  'startup-service': startupService,
  'scheduled-task': scheduledTask,
  'environment-variable': environmentVariable,
  'kernel-module': kernelModule,
} as const satisfies Record<FingerprintKind, z.ZodType>);

/** A record of any of the 15 kinds. */
export const fingerprintSchema = z.discriminatedUnion('kind', [
  resourceMonitoring,
  account,
  listeningPort,
  softwareApplication,
  runningProcess,
  database,
  webApplication,
  webService,
  webFramework,
  webSite,
  jarPackage,
  startupService,
  scheduledTask,
  environmentVariable,
  kernelModule,
]);

/** The same in reports of version 1: no command lines, no values. */
export const fingerprintSchemaOfVersion1 = z.discriminatedUnion('kind', [
  resourceMonitoring,
  account,
  listeningPort,
  softwareApplication,
  runningProcess.omit({ commandLine: true }),
  database,
  webApplication,
  webService,
  webFramework,
  webSite,
  jarPackage,
  startupService.omit({ command: true }),
  scheduledTask.omit({ command: true }),
  environmentVariable.omit({ value: true, valueState: true }),
  kernelModule,
]);

/** A record in a report of version 1. */
export type FingerprintOfVersion1 = z.output<typeof fingerprintSchemaOfVersion1>;

/** A record of any of the 15 kinds. */
export type Fingerprint = z.output<typeof fingerprintSchema>;

/** A record of one kind. */
export type FingerprintOf<Kind extends FingerprintKind> = Extract<Fingerprint, { kind: Kind }>;
