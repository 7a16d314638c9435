import { valuesOf, parseUnit } from '../formats/unit-file';
import type { Scope } from '../scope';
import { sha256 } from '../text';
import type { FoundContainer } from './found-container';

/** What systemd registers of the machines that run. */
const REGISTER = '/run/systemd/machines';
/** Trees and images of machines that may run. */
const IMAGES = '/var/lib/machines';
const SETTINGS = ['/etc/systemd/nspawn', '/run/systemd/nspawn', IMAGES];

const MACHINES_MAX = 5_000;
const FILE_MAX = 64 * 1024;

/** What the name of a machine may be; lock files and half made trees begin with a dot. */
const NAME = /^(?!\.)[A-Za-z0-9._-]{1,64}$/;

/** A machine that runs, as systemd has it in its register. */
export interface RegisteredMachine {
  readonly name: string;
  /** Unit whose control group holds it. */
  readonly unit: string;
  /** A virtual machine otherwise: its process is one of the host. */
  readonly isContainer: boolean;
  /** What registered it, e.g. `systemd-nspawn` or `libvirt-lxc`. */
  readonly service: string;
  /** RFC 3339 instant. */
  readonly startedAt?: string | undefined;
}

/** Machines that run by systemd's register. */
export function readRegister(scope: Scope): readonly RegisteredMachine[] {
  // A link beside each leads from its unit to it.
  const names = scope.files(REGISTER, (name) => NAME.test(name));
  if (names.length > MACHINES_MAX) scope.trouble('too-many', REGISTER);
  return names.slice(0, MACHINES_MAX).flatMap((name) => {
    const fields = new Map(
      scope.lines(`${REGISTER}/${name}`, FILE_MAX).flatMap((line): [string, string][] => {
        const [, field = '', value = ''] = /^([A-Z_]{1,32})=(.*)$/.exec(line) ?? [];
        return field === '' ? [] : [[field, value]];
      }),
    );
    const unit = (fields.get('SCOPE') ?? fields.get('UNIT') ?? '').replace(/\\\\/g, '\\');
    if (unit === '' || unit.includes('/')) return [];
    return [
      {
        name,
        unit,
        isContainer: fields.get('CLASS') !== 'vm',
        service: fields.get('SERVICE') ?? '',
        startedAt: instantOf(fields.get('REALTIME')),
      },
    ];
  });
}

/** Microseconds since 1970 as systemd writes them. */
function instantOf(microseconds = ''): string | undefined {
  if (!/^[1-9]\d{0,15}$/.test(microseconds)) return undefined;
  const at = new Date(Number(microseconds) / 1000);
  return Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}

/** The container that a machine is; null for a virtual machine. */
export function machineContainer(machine: RegisteredMachine): FoundContainer | null {
  const { isContainer, service, startedAt } = machine;
  if (!isContainer) return null;
  // Libvirt puts a number before the name that is another one after the next start.
  const name = machine.name.replace(/^lxc-\d{1,10}-(?=.)/, '');
  return {
    containerId: sha256(`machine ${name}`),
    runtime: service === 'systemd-nspawn' ? 'systemd-nspawn' : 'unknown',
    name,
    startedAt,
  };
}

/** Containers of systemd-nspawn and of what else registers with systemd: those that run, and images. */
export function readMachines(scope: Scope): readonly FoundContainer[] {
  const running = readRegister(scope).flatMap((machine) => machineContainer(machine) ?? []);
  const images = scope.list(IMAGES).flatMap(({ name, type }) => {
    const image = type === 'file' ? /^(.+)\.raw$/.exec(name)?.[1] : name;
    return image === undefined || type === 'other' || !NAME.test(image) ? [] : [image];
  });
  if (images.length > MACHINES_MAX) scope.trouble('too-many', IMAGES);
  const all = [
    ...running.map((container) => ({ ...container, state: 'running' as const })),
    ...images.slice(0, MACHINES_MAX).flatMap((name) => imageContainer(name) ?? []),
  ];
  return all.map((container) => ({ ...container, ...settingsOf(scope, container.name ?? '') }));
}

const imageContainer = (name: string): FoundContainer | null =>
  machineContainer({ name, unit: '', isContainer: true, service: 'systemd-nspawn' });

/** What the operator set for a container of a name. */
function settingsOf(
  scope: Scope,
  name: string,
): Pick<FoundContainer, 'environment' | 'hostNetwork'> {
  const file = SETTINGS.map((folder) => `${folder}/${name}.nspawn`).find(
    (path) => !scope.isMissing(path),
  );
  if (file === undefined) return {};
  const settings = parseUnit([scope.text(file, FILE_MAX) ?? '']);
  const isPrivate = [...(settings.get('Network') ?? [])].some(
    ([key, values]) => key !== 'Private' || values.at(-1) !== 'no',
  );
  return {
    environment: valuesOf(settings, 'Exec', 'Environment').flatMap((value) => value.split(/\s+/)),
    ...(isPrivate ? { hostNetwork: false } : {}),
  };
}
