import type { FoundContainer } from './found-container';
import { asObject, listField, objectField, parseObject, textField, type Scope } from '../scope';
import { libpodStorages, type Places } from './places';

const LIST_MAX = 64 * 1024 * 1024;
const CONTAINERS_MAX = 5_000;

/**
 * Containers of Podman and CRI-O: both keep one list in the storage they share, and the configuration
 * of each container beside it while it runs.
 */
export function readLibpod(scope: Scope): readonly FoundContainer[] {
  return libpodStorages(scope).flatMap((places) =>
    DRIVERS.flatMap((driver) =>
      LISTS.flatMap((list) => readList(scope, { places, kind: `${driver}-containers` }, list)),
    ),
  );
}

const DRIVERS = ['overlay', 'overlay2', 'vfs', 'btrfs', 'zfs'];
/** The second one has those that are removed when they end. */
const LISTS = ['containers.json', 'volatile-containers.json'];

interface Store {
  readonly places: Places;
  /** Folder of the containers below them. */
  readonly kind: string;
}

function readList(scope: Scope, store: Store, name: string): readonly FoundContainer[] {
  const file = `${store.places.data}/${store.kind}/${name}`;
  const text = scope.text(file, LIST_MAX);
  if (text === undefined) return [];
  const list = parseObject(`{"containers":${text.trim() || '[]'}}`);
  if (list === undefined) scope.trouble('malformed', file);
  const entries = listField(list, 'containers');
  if (entries.length > CONTAINERS_MAX) scope.trouble('too-many', file);
  return entries.slice(0, CONTAINERS_MAX).flatMap((entry) => {
    const containerId = textField(entry, 'id') ?? '';
    if (!/^[0-9a-f]{64}$/.test(containerId)) {
      scope.trouble('malformed', file);
      return [];
    }
    return [containerOf(scope, { ...store, containerId }, asObject(entry))];
  });
}

interface Place extends Store {
  readonly containerId: string;
}

function containerOf(
  scope: Scope,
  place: Place,
  entry: Record<string, unknown> | undefined,
): FoundContainer {
  // The storage keeps what its user wants remembered as a text that is JSON again.
  const metadata = parseObject(textField(entry, 'metadata') ?? '');
  const runtime = configurationOf(scope, place);
  const annotations = objectField(runtime, 'annotations');
  const pod = textField(metadata, 'pod-name') ?? annotation(annotations, 'io.kubernetes.pod.name');
  const names = listField(entry, 'names').filter((name) => typeof name === 'string');
  return {
    containerId: place.containerId,
    runtime: isCrio(metadata, annotations) ? 'cri-o' : 'podman',
    name:
      annotation(annotations, 'io.kubernetes.container.name') ??
      textField(metadata, 'name') ??
      names[0],
    image:
      textField(metadata, 'image-name') ?? annotation(annotations, 'io.kubernetes.cri-o.ImageName'),
    imageId: textField(metadata, 'image-id') ?? textField(entry, 'image'),
    createdAt: textField(entry, 'created'),
    sandbox: annotation(annotations, 'io.kubernetes.cri-o.ContainerType') === 'sandbox',
    podName: pod,
    podNamespace: annotation(annotations, 'io.kubernetes.pod.namespace'),
    environment: environmentOf(runtime),
  };
}

const isCrio = (
  metadata: Record<string, unknown> | undefined,
  annotations: Record<string, unknown> | undefined,
): boolean =>
  textField(metadata, 'pod-id') !== undefined ||
  annotation(annotations, 'io.kubernetes.cri-o.ContainerType') !== undefined;

function configurationOf(
  scope: Scope,
  { containerId, kind, places }: Place,
): Record<string, unknown> | undefined {
  const userdata = `${kind}/${containerId}/userdata/config.json`;
  return scope.json(`${places.running}/${userdata}`) ?? scope.json(`${places.data}/${userdata}`);
}

const annotation = (
  annotations: Record<string, unknown> | undefined,
  name: string,
): string | undefined => textField(annotations, name);

/** Environment of a container by the specification that all runtimes share. */
export const environmentOf = (runtime: Record<string, unknown> | undefined): readonly string[] =>
  listField(objectField(runtime, 'process'), 'env').filter((text) => typeof text === 'string');
