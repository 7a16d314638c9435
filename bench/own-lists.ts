import type { HostReport } from '../src/contracts/schemas/host-report';
import type { Fingerprint, FingerprintOf } from '../src/contracts/schemas/fingerprints';
import type { Facts, Things } from './compare';

type Kind = Fingerprint['kind'];

function things<K extends Kind>(
  report: HostReport,
  kind: K,
  ...[keyOf, factsOf = () => ({})]: [
    keyOf: (record: FingerprintOf<K>) => string | null,
    factsOf?: (record: FingerprintOf<K>) => Facts,
  ]
): Things {
  const found = new Map<string, Facts>();
  for (const record of report.fingerprints) {
    if (record.kind !== kind) continue;
    const key = keyOf(record as FingerprintOf<K>);
    if (key !== null) found.set(key, factsOf(record as FingerprintOf<K>));
  }
  return found;
}

/** Names of python packages are equal whatever their case and dashes. */
export const pythonName = (name: string): string => name.toLowerCase().replace(/[-_.]+/g, '-');

/** Packages of a language by name and version, with every place that the report names. */
const languagePackages = (report: HostReport, manager: 'npm' | 'pypi'): Things =>
  things(
    report,
    'software-application',
    (record) => {
      if (record.manager !== manager) return null;
      const name = manager === 'pypi' ? pythonName(record.name) : record.name;
      return `${manager} ${name} ${record.version}`;
    },
    (record) => ({ paths: 'paths' in record ? record.paths.join('\n') : '' }),
  );

/** Threads of the kernel rename themselves with what they are doing. */
export const processKey = (pid: number, name: string, ofKernel: boolean): string =>
  `${pid} ${ofKernel ? '(kernel)' : name}`;

/** Lists of the product's report under the keys that peers can tell too. */
export const OWN = {
  users: (report: HostReport): Things =>
    things(report, 'account', (record) =>
      record.item === 'user'
        ? [record.name, record.uid, record.gid, record.home ?? '', record.shell ?? ''].join(':')
        : null,
    ),
  groups: (report: HostReport): Things =>
    things(report, 'account', (record) =>
      record.item === 'group' ? `${record.name}:${record.gid}` : null,
    ),
  ports: (report: HostReport): Things =>
    things(
      report,
      'port',
      ({ protocol, address, port }) => `${protocol} ${address} ${port}`,
      ({ containerId }) => ({ container: containerId ?? '' }),
    ),
  processes: (report: HostReport): Things =>
    things(report, 'process', ({ pid, name, kernelThread }) => processKey(pid, name, kernelThread)),
  debs: (report: HostReport): Things =>
    things(report, 'software-application', (record) =>
      record.manager === 'dpkg'
        ? `${record.name} ${record.version} ${record.architecture ?? ''}`
        : null,
    ),
  python: (report: HostReport): Things => languagePackages(report, 'pypi'),
  npm: (report: HostReport): Things => languagePackages(report, 'npm'),
  crontab: (report: HostReport): Things =>
    things(report, 'scheduled-task', ({ scheduler, file, schedule, user, command }) =>
      scheduler === 'cron'
        ? [file, schedule, ...(file.startsWith('/etc/') ? [user] : []), command].join(' ')
        : null,
    ),
  startScripts: (report: HostReport): Things =>
    things(report, 'startup-service', ({ manager, name }) => (manager === 'sysv' ? name : null)),
  units: (report: HostReport): Things =>
    things(
      report,
      'startup-service',
      ({ manager, name }) => (manager === 'systemd' ? name : null),
      ({ state }) => ({ state }),
    ),
  modules: (report: HostReport): Things => things(report, 'kernel-module', ({ name }) => name),
  environment: (report: HostReport): Things =>
    things(report, 'environment-variable', ({ name, sources }) =>
      sources.includes('process') ? name : null,
    ),
} as const;

/** A kind whose things both sides can name. */
export type ListedKind = keyof typeof OWN;
