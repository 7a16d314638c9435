import type { ContainerBasics } from '../contracts/schemas/host-report';
import { parseInstant } from '../domain/instants';
import type { FoundContainer } from './containers/found-container';
import { readContainerd } from './containers/containerd';
import { readDocker } from './containers/docker';
import { readLibpod } from './containers/libpod';
import { readLxc } from './containers/lxc';
import { readMachines } from './containers/machined';
import { filesFor, type Machine } from './machine';
import { byText, nameOrNull } from './text';

/** Containers and the names of their configured environment variables. */
export interface Containers {
  readonly containers: readonly ContainerBasics[];
  readonly environment: ReadonlyMap<string, readonly string[]>;
}

/**
 * Containers from the state that runtimes keep on disk, and those that only their processes tell of.
 * @source DC-1
 */
export function readContainers(machine: Machine): Containers {
  const scope = filesFor(machine, 'container');
  const found = new Map<string, FoundContainer>();
  // Docker runs its containers through containerd: what comes first knows more about them.
  const all = [
    ...readDocker(scope),
    ...readLibpod(scope),
    ...readContainerd(scope),
    ...readLxc(scope),
    ...readMachines(scope),
    ...seenByProcesses(machine),
  ];
  for (const container of all) {
    if (!found.has(container.containerId)) found.set(container.containerId, container);
  }
  const running = new Set(seenByProcesses(machine).map(({ containerId }) => containerId));
  const sorted = [...found.values()].sort((a, b) => byText(a.containerId, b.containerId));
  return {
    containers: sorted.map((container) => basicsOf(machine, container, running)),
    environment: new Map(
      sorted.map(({ containerId, environment = [] }) => [containerId, environment]),
    ),
  };
}

const seenByProcesses = ({ live }: Machine): readonly FoundContainer[] =>
  (live?.processes.processes ?? []).flatMap(({ container }) =>
    container === null ? [] : [{ ...container, state: 'running' } as const],
  );

function basicsOf(
  machine: Machine,
  container: FoundContainer,
  running: ReadonlySet<string>,
): ContainerBasics {
  const { containerId, runtime } = container;
  return {
    containerId,
    runtime,
    name: nameOrNull(container.name),
    state: container.state ?? stateByProcesses(machine, running.has(containerId)),
    image: nameOrNull(container.image),
    imageId: nameOrNull(container.imageId),
    createdAt: instantOrNull(container.createdAt),
    startedAt: instantOrNull(container.startedAt),
    privileged: container.privileged ?? null,
    hostNetwork: container.hostNetwork ?? null,
    sandbox: container.sandbox ?? false,
    podName: nameOrNull(container.podName),
    podNamespace: nameOrNull(container.podNamespace),
  };
}

/** Where the runtime does not say, its processes do, if all of them could be seen. */
function stateByProcesses({ live }: Machine, runs: boolean): ContainerBasics['state'] {
  if (runs) return 'running';
  return live === null || live.processes.trouble !== null ? 'unknown' : 'stopped';
}

/** Runtimes write year 1 for "never". */
function instantOrNull(text: string | undefined): string | null {
  try {
    parseInstant(text, 'instant');
    return text ?? null;
  } catch {
    return null;
  }
}
