import { sha256 } from '../text';
import type { FoundContainer } from './found-container';
import { machineContainer, type RegisteredMachine } from './machined';

/** A container that a control group names. */
export type GroupContainer = Pick<FoundContainer, 'containerId' | 'runtime' | 'name'>;

/** `docker/<id>`, `docker-<id>.scope`, `cri-containerd-<id>.scope`, `crio-<id>.scope`, `libpod-<id>.scope`,
 * `kubepods/…/<id>`, and, where runtime and system disagree on who keeps the groups,
 * `kubepods-….slice:cri-containerd:<id>`. */
const OF_RUNTIMES =
  /[/:](?:docker-|cri-containerd-|crio-|libpod-|containerd-)?([0-9a-f]{64})(?:\.scope)?(?=\/|$)/g;

/** `lxc.payload.NAME`, before LXC 4 `lxc.payload/NAME` and `lxc/NAME`; what watches it is the host's. */
const OF_LXC = /\/lxc(?:\.payload[./]|\/)([^/]{1,255})(?=\/|$)/g;

/** A unit of systemd that holds a machine; beside its payload there may be what watches it. */
const OF_MACHINES =
  /\/(?:machine\.slice\/machine-([^/]{1,512})\.scope|systemd-nspawn@([^/]{1,512})\.service)(?=\/|$)/g;

/** People who run containers for themselves have a slice of their own. */
const OF_PERSON = /^\/user\.slice\/user-([1-9]\d{0,9})\.slice\//;

/**
 * Container of a process by its control groups, whatever made it; the innermost one where containers stand
 * inside of each other. Virtual machines and what watches a container belong to the host.
 */
export function containerOfGroups(
  cgroups: string,
  machines: readonly RegisteredMachine[],
): GroupContainer | null {
  const found = cgroups.split('\n').flatMap((line) => {
    const path = /^\d+:[^:]*:(\/.*)$/.exec(line)?.[1];
    return path === undefined ? [] : (innermost(path, machines) ?? []);
  });
  return found.at(-1) ?? null;
}

interface Place {
  readonly at: number;
  readonly container: GroupContainer | null;
}

function innermost(path: string, machines: readonly RegisteredMachine[]): GroupContainer | null {
  const places: readonly Place[] = [
    ...[...path.matchAll(OF_RUNTIMES)].map(({ 1: containerId = '', index }) => ({
      at: index,
      container: { containerId, runtime: 'unknown' as const },
    })),
    ...[...path.matchAll(OF_LXC)].map(({ 1: name = '', index }) => ({
      at: index,
      container: lxcContainer(name, OF_PERSON.exec(path)?.[1] ?? null),
    })),
    ...machinesIn(path, machines),
  ];
  return (
    [...places].sort((a, b) => a.at - b.at).findLast(({ container }) => container)?.container ??
    null
  );
}

/** Those that are registered under the name of their unit, whatever it is; else those that are called so. */
function machinesIn(path: string, machines: readonly RegisteredMachine[]): readonly Place[] {
  const registered = machines.flatMap((machine) => {
    const at = `${path}/`.indexOf(`/${machine.unit}/`);
    return at < 0 ? [] : [{ at, end: at + machine.unit.length + 1, machine }];
  });
  const called = [...path.matchAll(OF_MACHINES)].flatMap(
    ({ 0: text, 1: scope, 2: service, index }) => {
      const end = index + text.length;
      if (registered.some((known) => known.end === end)) return [];
      return [{ at: index, end, machine: machineCalled(unescaped(scope ?? service ?? '')) }];
    },
  );
  return [...registered, ...called]
    .filter(({ end }) => !/^\/supervisor(?:\/|$)/.test(path.slice(end)))
    .map(({ at, machine }) => ({ at, container: machineContainer(machine) }));
}

/** Nothing but the name is known. Libvirt calls its machines `qemu-3-shop` and `lxc-4711-shop`. */
const machineCalled = (name: string): RegisteredMachine => ({
  name,
  unit: '',
  isContainer: !/^qemu-\d/.test(name),
  service: /^lxc-\d/.test(name) ? 'libvirt-lxc' : 'systemd-nspawn',
});

/** `\x2d` stands for a hyphen in the name of a unit. */
const unescaped = (text: string): string =>
  text.replace(/\\x([0-9a-f]{2})/g, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );

/** LXC has names only; of two people's containers of one name each has an id of its own. */
export const lxcContainer = (name: string, userId: string | null): GroupContainer => ({
  containerId: sha256(`lxc ${userId ?? ''} ${name}`),
  runtime: 'lxc',
  name,
});
