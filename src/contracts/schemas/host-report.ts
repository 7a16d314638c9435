import { z } from 'zod';
import { parseInstant } from '../../domain/instants';
import { isId } from '../../domain/identifiers';
import { FINGERPRINT_KINDS } from '../observations';
import { BOUNDS, containerId, count, list, name, path, sha256Hex } from './fingerprint-fields';
import { fingerprintSchema, fingerprintSchemaOfVersion1 } from './fingerprints';

/** What a report can fail to read: any kind of fingerprint, and the assets themselves. */
export const REPORTED_KINDS = Object.freeze([
  ...FINGERPRINT_KINDS,
  'host',
  'container',
  'cluster',
] as const);

/** Why something could not be read. */
const UNREAD_REASONS = Object.freeze([
  'denied',
  'missing',
  'not-regular',
  'too-large',
  'too-many',
  'malformed',
  'unresolvable',
  'unsupported',
  'not-live',
  'not-searched',
] as const);

const nameOrNull = name.nullable();
const on = z.boolean();

const instant = z.string().max(64).refine(isInstant, {
  message: 'must be an RFC 3339 instant with an offset, like 2026-03-01T15:00:00Z',
});

function isInstant(text: string): boolean {
  try {
    parseInstant(text, '');
    return true;
  } catch {
    return false;
  }
}

/** Basics of the host. */
const hostBasics = z.strictObject({
  hostname: nameOrNull,
  osId: nameOrNull,
  osName: nameOrNull,
  osVersion: nameOrNull,
  kernel: nameOrNull,
  architecture: nameOrNull,
  /** Hash of the machine id, which itself is confidential. */
  machineKey: sha256Hex.nullable(),
  bootId: nameOrNull,
  bootedAt: instant.nullable(),
  timeZone: nameOrNull,
  vendor: nameOrNull,
  product: nameOrNull,
  addresses: list(name),
});

/** Basics of a container, from its runtime's own state. */
const container = z.strictObject({
  containerId,
  name: nameOrNull,
  runtime: z.enum(['docker', 'podman', 'containerd', 'cri-o', 'lxc', 'systemd-nspawn', 'unknown']),
  state: z.enum(['created', 'running', 'paused', 'restarting', 'stopped', 'dead', 'unknown']),
  /** Image as the container names it, e.g. `nginx:1.27`. */
  image: nameOrNull,
  imageId: nameOrNull,
  createdAt: instant.nullable(),
  startedAt: instant.nullable(),
  privileged: on.nullable(),
  hostNetwork: on.nullable(),
  /** Holds a pod together and runs nothing of its own. */
  sandbox: on,
  podName: nameOrNull,
  podNamespace: nameOrNull,
});

/** Basics of a cluster as this host knows it. */
const cluster = z.strictObject({
  /** Hash of the certificate authority, or of the address where there is none: the same on every node. */
  clusterKey: sha256Hex,
  name: nameOrNull,
  distribution: z.enum(['kubernetes', 'k3s', 'rke2']),
  version: nameOrNull,
  /** Address of the programming interface, without credentials. */
  server: nameOrNull,
  /** The host is a node of it, rather than only able to reach it. */
  member: on,
  /** Nodes that files on this host name; others may exist. */
  nodes: list(z.strictObject({ name, role: z.enum(['control-plane', 'node', 'unknown']) })),
  files: list(path),
});

const unread = z.strictObject({
  kind: z.enum(REPORTED_KINDS),
  reason: z.enum(UNREAD_REASONS),
  /** Places it happened at, and the first of them. */
  count,
  places: z.array(path).max(8),
});

/** What was seen and deliberately left out. @source SD-1 */
const redactions = z.strictObject({
  /** Values of variables that are not harmless by rule. */
  environmentValues: count,
  /** Arguments that were dropped; since version 2 command lines are redacted instead. */
  processArguments: count,
  taskArguments: count,
  /** Texts in which something looked like a secret and was replaced. */
  textsWithSecrets: count,
});

/**
 * What the collector says about one host at one moment. Everything in it is bounded; nothing in it is
 * meant to be a secret, and whoever takes it in redacts it again. @source DC-1, SD-1
 */
export const hostReportSchema = z.strictObject({
  reportVersion: z.literal(2),
  assetId: z.string().refine((id) => isId('AssetId', id), {
    message: 'must be as_ followed by 16 to 40 lower-case letters or digits',
  }),
  collectedAt: instant,
  collector: z.strictObject({ name, version: name }),
  /** A machine that runs, or the files of one. */
  scope: z.enum(['live', 'files']),
  host: hostBasics,
  fingerprints: z.array(fingerprintSchema).max(BOUNDS.records),
  containers: z.array(container).max(BOUNDS.containers),
  clusters: z.array(cluster).max(BOUNDS.clusters),
  unread: z.array(unread).max(REPORTED_KINDS.length * UNREAD_REASONS.length),
  redactions,
  /** SHA-256 of the canonical JSON of everything above. */
  digest: sha256Hex,
});

/** A report of version 1, which older collectors make. */
const hostReportSchemaOfVersion1 = hostReportSchema.extend({
  reportVersion: z.literal(1),
  fingerprints: z.array(fingerprintSchemaOfVersion1).max(BOUNDS.records),
});

/** A report as it may be delivered. */
export const deliveredReportSchema = z.discriminatedUnion('reportVersion', [
  hostReportSchemaOfVersion1,
  hostReportSchema,
]);

/** A report as it may be delivered. */
export type DeliveredReport = z.output<typeof deliveredReportSchema>;

/** A whole report. */
export type HostReport = z.output<typeof hostReportSchema>;
export type HostBasics = HostReport['host'];
export type ContainerBasics = HostReport['containers'][number];
export type ClusterBasics = HostReport['clusters'][number];
export type Unread = HostReport['unread'][number];
export type UnreadReason = Unread['reason'];
export type ReportedKind = Unread['kind'];
export type Redactions = HostReport['redactions'];

/** Schemas of the assets beside the host, for checking them one at a time. */
export const ASSET_SCHEMAS = Object.freeze({ container, cluster, host: hostBasics });
