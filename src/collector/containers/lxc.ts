import type { Scope } from '../scope';
import { peopleWith } from '../people';
import { lxcContainer } from './control-group';
import type { FoundContainer } from './found-container';

const DEFAULT_FOLDER = '/var/lib/lxc';
/** Where LXD and Incus have a name for each of theirs; what they know of it is in a database. */
const MANAGED = [
  '/var/snap/lxd/common/lxd/containers',
  '/var/lib/lxd/containers',
  '/var/lib/incus/containers',
];

const CONTAINERS_MAX = 5_000;
const CONFIGURATION_MAX = 1024 * 1024;

/** Containers of LXC, of root and of people who run it for themselves, and of what is built on it. */
export function readLxc(scope: Scope): readonly FoundContainer[] {
  const folders = [
    { folder: folderOfRoot(scope), userId: null },
    ...peopleWith(scope, '.local/share/lxc').map(({ home, userId }) => ({
      folder: `${home}/.local/share/lxc`,
      // Root's are the machine's; of whom only the home is known, nobody runs as that.
      userId: userId === '0' ? null : (userId ?? home),
    })),
  ];
  return [
    ...folders.flatMap(({ folder, userId }) =>
      namesIn(scope, folder).flatMap((name) => {
        const file = `${folder}/${name}/config`;
        // Beside them lie caches, snapshots and rules.
        if (scope.isMissing(file)) return [];
        return [{ ...lxcContainer(name, userId), ...settingsIn(scope, file) }];
      }),
    ),
    ...MANAGED.flatMap((folder) => namesIn(scope, folder).map((name) => lxcContainer(name, null))),
  ];
}

function namesIn(scope: Scope, folder: string): readonly string[] {
  const names = scope
    .list(folder)
    .filter(({ type }) => type === 'directory' || type === 'link')
    .map(({ name }) => name);
  if (names.length > CONTAINERS_MAX) scope.trouble('too-many', folder);
  return names.slice(0, CONTAINERS_MAX);
}

/** Every setting is one line; a later one of the same name adds to the earlier ones. */
const SETTING = /^\s*([\w.]{1,64})\s*=\s*(.*?)\s*$/;

function settingsOf(scope: Scope, file: string): readonly (readonly [string, string])[] {
  return scope.lines(file, CONFIGURATION_MAX).flatMap((line) => {
    const [, key = '', value = ''] = SETTING.exec(line) ?? [];
    return key === '' ? [] : [[key, value] as const];
  });
}

function folderOfRoot(scope: Scope): string {
  const set = settingsOf(scope, '/etc/lxc/lxc.conf').filter(([key]) => key === 'lxc.lxcpath');
  const folder = set.at(-1)?.[1] ?? '';
  return folder.startsWith('/') ? folder.replace(/(?<=.)\/+$/, '') : DEFAULT_FOLDER;
}

/** What the package brings says nothing about users and networks. */
const SHIPPED = /^\/usr\/share\/lxc\/config\//;

function settingsIn(
  scope: Scope,
  file: string,
): Pick<FoundContainer, 'environment' | 'hostNetwork' | 'privileged'> {
  const settings = settingsOf(scope, file);
  const valuesOf = (key: RegExp): readonly string[] =>
    settings.filter(([name]) => key.test(name)).map(([, value]) => value);
  const networks = valuesOf(/^lxc\.net(?:work|\.\d{1,5})\.type$/);
  const maps = valuesOf(/^lxc\.(?:idmap|id_map)$/);
  const isWhole = valuesOf(/^lxc\.include$/).every((path) => SHIPPED.test(path));
  return {
    environment: valuesOf(/^lxc\.environment$/),
    // Users of the container are users of the host where none of them is mapped to another.
    privileged: maps.length > 0 ? false : isWhole ? true : undefined,
    hostNetwork: networks.length > 0 ? networks.includes('none') : undefined,
  };
}
