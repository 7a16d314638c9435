import { posix } from 'node:path';
import type { Root } from '../files/root';
import { peopleWith } from '../people';
import { textField, type Scope } from '../scope';

/** Where a runtime keeps its containers, and where it keeps what it needs only while they run. */
export interface Places {
  readonly data: string;
  readonly running: string;
}

/** Data of Docker: where its settings say, of the snap, and of people who run it for themselves. */
export function dockerRoots(scope: Scope): readonly string[] {
  const daemon = scope.json('/etc/docker/daemon.json');
  const root = textField(daemon, 'data-root') ?? textField(daemon, 'graph');
  return [
    root?.startsWith('/') === true ? root : '/var/lib/docker',
    '/var/snap/docker/common/var-lib-docker',
    ...peopleWith(scope, '.local/share/docker').map(({ home }) => `${home}/.local/share/docker`),
  ];
}

/** Storage that Podman and CRI-O share, and those of people who run Podman for themselves. */
export function libpodStorages(scope: Scope): readonly Places[] {
  const settings = scope.text('/etc/containers/storage.conf') ?? '';
  const running = pathSetting(settings, 'runroot') ?? '/run/containers/storage';
  return [
    pathSetting(settings, 'graphroot') ?? '/var/lib/containers/storage',
    ...peopleWith(scope, '.local/share/containers').map(
      ({ home }) => `${home}/.local/share/containers/storage`,
    ),
  ].map((data) => ({ data, running }));
}

/** Folders of containerd, by itself and inside of what brings its own. */
export function containerdPlaces(scope: Scope): readonly Places[] {
  // What stands in a section is a setting of something else.
  const settings = (scope.text('/etc/containerd/config.toml') ?? '').split(/^\s*\[/m, 1)[0] ?? '';
  return [
    {
      data: pathSetting(settings, 'root') ?? '/var/lib/containerd',
      running: pathSetting(settings, 'state') ?? '/run/containerd',
    },
    { data: '/var/lib/rancher', running: '/run/k3s/containerd' },
  ];
}

/** Folders of layers and volumes below the data of a runtime; beside them others may keep theirs. */
const LAYERS = [
  ...['overlay2', 'overlay', 'aufs', 'btrfs', 'devicemapper', 'vfs', 'zfs', 'fuse-overlayfs'],
  ...['rootfs', 'volumes', 'buildkit', 'containerd'],
  ...['overlayfs', 'native', 'btrfs', 'zfs', 'devmapper'].map(
    (name) => `io.containerd.snapshotter.v1.${name}`,
  ),
];

/**
 * Folders with layers of containers, where they are after every link: what is in them belongs to the
 * containers. Those of people are not asked for: a link in a home could hide anything.
 */
export function layerPlaces(files: Root, scope: Scope): readonly string[] {
  const data = [
    ...dockerRoots(scope).slice(0, 1),
    ...libpodStorages(scope)
      .slice(0, 1)
      .map((places) => places.data),
    ...containerdPlaces(scope).map((places) => places.data),
  ];
  return data.flatMap((root) =>
    LAYERS.flatMap((name) => {
      const found = files.resolve(`${root}/${name}`);
      return found.ok ? [posix.join('/', found.value.slice(files.directory.length))] : [];
    }),
  );
}

function pathSetting(settings: string, name: string): string | undefined {
  const set = new RegExp(
    `^[ \\t]{0,64}${name}[ \\t]{0,64}=[ \\t]{0,64}["'](/[^"'\\n]{1,4096})["']`,
    'm',
  );
  return set.exec(settings)?.[1]?.replace(/\/+$/, '');
}
