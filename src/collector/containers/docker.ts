import type { FoundContainer } from './found-container';
import { dockerRoots } from './places';
import { listField, objectField, textField, type Scope } from '../scope';

const CONFIGURATION_MAX = 8 * 1024 * 1024;
const CONTAINERS_MAX = 5_000;

/** Containers of Docker, from one folder for each below its data root. */
export function readDocker(scope: Scope): readonly FoundContainer[] {
  return dockerRoots(scope).flatMap((root) => readRoot(scope, `${root}/containers`));
}

function readRoot(scope: Scope, folder: string): readonly FoundContainer[] {
  const names = scope.list(folder).filter(({ name }) => /^[0-9a-f]{64}$/.test(name));
  if (names.length > CONTAINERS_MAX) scope.trouble('too-many', folder);
  return names.slice(0, CONTAINERS_MAX).flatMap(({ name }) => {
    const file = `${folder}/${name}/config.v2.json`;
    if (scope.isMissing(file)) scope.trouble('missing', file);
    const container = scope.json(file, CONFIGURATION_MAX);
    const host = scope.json(`${folder}/${name}/hostconfig.json`, CONFIGURATION_MAX);
    return container === undefined ? [] : [containerOf(name, container, host)];
  });
}

function containerOf(
  containerId: string,
  container: Record<string, unknown>,
  host: Record<string, unknown> | undefined,
): FoundContainer {
  const configuration = objectField(container, 'Config');
  const labels = objectField(configuration, 'Labels');
  const state = objectField(container, 'State');
  const environment = listField(configuration, 'Env').filter((text) => typeof text === 'string');
  return {
    containerId,
    runtime: 'docker',
    name: textField(container, 'Name')?.replace(/^\//, ''),
    state: stateOf(state),
    image: textField(configuration, 'Image'),
    imageId: textField(container, 'Image'),
    createdAt: textField(container, 'Created'),
    startedAt: textField(state, 'StartedAt'),
    privileged: host === undefined ? undefined : host['Privileged'] === true,
    hostNetwork: host === undefined ? undefined : host['NetworkMode'] === 'host',
    sandbox: textField(labels, 'io.kubernetes.docker.type') === 'podsandbox',
    podName: textField(labels, 'io.kubernetes.pod.name'),
    podNamespace: textField(labels, 'io.kubernetes.pod.namespace'),
    environment,
  };
}

/** The flags of the more special states are set beside the one of running. */
const FLAGS = [
  ['Dead', 'dead'],
  ['Restarting', 'restarting'],
  ['Paused', 'paused'],
  ['Running', 'running'],
] as const;

function stateOf(state: Record<string, unknown> | undefined): FoundContainer['state'] {
  if (state === undefined) return 'unknown';
  const flag = FLAGS.find(([name]) => state[name] === true);
  if (flag !== undefined) return flag[1];
  return (textField(state, 'StartedAt') ?? '0001').startsWith('0001') ? 'created' : 'stopped';
}
