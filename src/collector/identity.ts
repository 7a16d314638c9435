import type { FingerprintKind } from '../contracts/observations';
import type { Fingerprint, FingerprintOf } from '../contracts/schemas/fingerprints';
import { sha256 } from './text';

type Identify<Kind extends FingerprintKind> = (record: FingerprintOf<Kind>) => readonly Part[];
type Part = string | number | null;

const server = ({
  exe,
  containerId,
  evidence,
}: {
  exe: string | null;
  containerId: string | null;
  evidence: readonly string[];
}): readonly Part[] => [exe ?? evidence[0] ?? null, containerId];

/**
 * What makes two sightings the same thing, for each kind. What may change while the thing stays the
 * same (a version, a state, a process id) is not part of it.
 */
const IDENTITIES: { readonly [Kind in FingerprintKind]: Identify<Kind> } = {
  'resource-monitoring': (record) => {
    if (record.item === 'filesystem') return [record.item, record.mountPoint];
    if (record.item === 'disk' || record.item === 'network-interface') {
      return [record.item, record.name];
    }
    return [record.item];
  },
  account: ({ item, name }) => [item, name],
  port: ({ protocol, address, port, containerId }) => [protocol, address, port, containerId],
  'software-application': (record) => [
    record.manager,
    record.name,
    'architecture' in record ? record.architecture : null,
    // Several versions of a kernel package or of a library stand beside each other.
    ['rpm', 'npm', 'pypi'].includes(record.manager) ? record.version : null,
  ],
  process: ({ program, exe, uid, containerId }) => [program, exe, uid, containerId],
  database: (record) => [record.engine, ...server(record)],
  'web-application': ({ name, path }) => [name, path],
  'web-service': (record) => [record.service, ...server(record)],
  'web-framework': ({ name, path }) => [name, path],
  'web-site': ({ server, configurationFile, serverNames, listens }) => [
    server,
    configurationFile,
    serverNames.join(' '),
    listens.join(' '),
  ],
  'jar-package': ({ path, within, name, group }) => [path, within, group, name],
  // Everyone may have units of the same name; those of all people have no user.
  'startup-service': ({ manager, name, user }) =>
    manager === 'systemd-user' ? [manager, name, user] : [manager, name],
  'scheduled-task': ({ scheduler, file, name, schedule, user, programs, command }) => [
    scheduler,
    file,
    name,
    schedule,
    user,
    programs.join(' '),
    // Two lines of a table may differ in their arguments only; older reports do not tell them.
    ...(scheduler === 'cron' && command !== null ? [command] : []),
  ],
  'environment-variable': ({ name, containerId }) => [name, containerId],
  'kernel-module': ({ name, kernel }) => [name, kernel],
};

/**
 * Identity of a record among those of its kind on one asset, e.g. `tcp|0.0.0.0|22|`. Parts are
 * escaped, so that two different things never share one.
 */
export function identityOf(record: Fingerprint): string {
  const identify = IDENTITIES[record.kind] as (record: Fingerprint) => readonly Part[];
  return joined(identify(record));
}

/** Identity inside a report, where each process is one of its own. */
export function identityInReport(record: Fingerprint): string {
  return record.kind === 'process'
    ? joined([record.program, String(record.pid).padStart(10, '0')])
    : identityOf(record);
}

/** True when a sensitive value was in an identity: what told it apart from others may be gone. */
export const isRedacted = (identity: string): boolean => identity.includes('[redacted:');

/** Lists of names make some identities long; what is cut off stays in the hash. */
const LENGTH_MAX = 4096;

function joined(parts: readonly Part[]): string {
  const text = parts.map((part) => String(part ?? '').replace(/[\\|]/g, '\\$&')).join('|');
  return text.length <= LENGTH_MAX ? text : `${text.slice(0, 1024)}~${sha256(text)}`;
}
