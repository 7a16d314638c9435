import type { FoundContainer } from './found-container';
import { listField, objectField, textField, type Scope } from '../scope';
import { environmentOf } from './libpod';
import { containerdPlaces } from './places';

/** State of the running tasks; containers that do not run are kept in a database and not seen. */
const TASKS = 'io.containerd.runtime.v2.task';

const CONTAINERS_MAX = 5_000;
const CONFIGURATION_MAX = 8 * 1024 * 1024;
const PREFIX = 'io.kubernetes.cri.';

/** Containers that run under containerd, by itself or for a cluster. */
export function readContainerd(scope: Scope): readonly FoundContainer[] {
  return containerdPlaces(scope).flatMap(({ running }) => {
    const state = `${running}/${TASKS}`;
    return scope.list(state).flatMap(({ name: namespace }) => {
      const folder = `${state}/${namespace}`;
      const all = scope.list(folder);
      const names = all.filter(({ name }) => CONTAINER.test(name));
      // Whoever starts one by hand may call it anything.
      for (const { name } of all) {
        if (!CONTAINER.test(name)) scope.trouble('unsupported', `${folder}/${name}`);
      }
      if (names.length > CONTAINERS_MAX) scope.trouble('too-many', folder);
      return names.slice(0, CONTAINERS_MAX).flatMap(({ name }) => {
        const file = `${folder}/${name}/config.json`;
        if (scope.isMissing(file)) scope.trouble('missing', file);
        const runtime = scope.json(file, CONFIGURATION_MAX);
        return runtime === undefined ? [] : [containerOf(name, namespace, runtime)];
      });
    });
  });
}

const CONTAINER = /^[0-9a-f]{64}$/;

function containerOf(
  containerId: string,
  namespace: string,
  runtime: Record<string, unknown>,
): FoundContainer {
  const annotations = objectField(runtime, 'annotations');
  const said = (name: string): string | undefined => textField(annotations, `${PREFIX}${name}`);
  return {
    containerId,
    runtime: namespace === 'moby' ? 'docker' : 'containerd',
    name: said('container-name'),
    state: 'running',
    image: said('image-name'),
    privileged: hasAllCapabilities(runtime),
    hostNetwork: !hasOwnNetwork(runtime),
    sandbox: said('container-type') === 'sandbox',
    podName: said('sandbox-name'),
    podNamespace: said('sandbox-namespace'),
    environment: environmentOf(runtime),
  };
}

function hasAllCapabilities(runtime: Record<string, unknown>): boolean {
  const capabilities = objectField(objectField(runtime, 'process'), 'capabilities');
  return listField(capabilities, 'bounding').includes('CAP_SYS_ADMIN');
}

function hasOwnNetwork(runtime: Record<string, unknown>): boolean {
  const namespaces = listField(objectField(runtime, 'linux'), 'namespaces');
  return namespaces.some((namespace) => textField(namespace, 'type') === 'network');
}
