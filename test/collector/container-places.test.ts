import { collectFiles, CONTAINER_ID, ofKind, removeFolders, unreadOf, type Files } from './machine';
import { jar } from './zip-files';

afterAll(removeFolders);

const DOCKER = JSON.stringify({ Name: '/web', Config: { Image: 'nginx:1.27' }, State: {} });

const namesOf = (files: Files): readonly (string | null)[] =>
  collectFiles(files).containers.map(({ name }) => name);

const jarsOf = (files: Files): readonly string[] =>
  ofKind(collectFiles(files), 'jar-package').map(({ path }) => path);

describe('containers', () => {
  it.each(['home/dev/.local/share/docker', 'var/snap/docker/common/var-lib-docker'])(
    'of Docker are found in %s [DC-1]',
    (root) => {
      expect(namesOf({ [`${root}/containers/${CONTAINER_ID}/config.v2.json`]: DOCKER })).toEqual([
        'web',
      ]);
    },
  );

  it('of Podman are found that are removed when they end, and where its storage was moved to [DC-1]', () => {
    const list = JSON.stringify([{ id: CONTAINER_ID, names: ['gone-soon'] }]);
    expect(
      namesOf({
        'etc/containers/storage.conf':
          '[storage]\n# graphroot = "/no"\ngraphroot = "/data/containers/"\n',
        'data/containers/overlay-containers/volatile-containers.json': list,
      }),
    ).toEqual(['gone-soon']);
  });

  it('of containerd are found where its state was moved to, and listed when their id is none [DC-1]', () => {
    const state = 'data/run/io.containerd.runtime.v2.task/default';
    const report = collectFiles({
      'etc/containerd/config.toml': 'state = "/data/run"\n[plugins]\n  state = "/no"\n',
      [`${state}/${CONTAINER_ID}/config.json`]: '{}',
      [`${state}/by-hand/config.json`]: '{}',
    });
    expect(report.containers).toMatchObject([{ containerId: CONTAINER_ID }]);
    expect(unreadOf(report, 'container')).toEqual([`unsupported /${state}/by-hand`]);
  });
});

describe('archives in layers of containers', () => {
  const archive = jar('Implementation-Version: 1.0\n');

  it('are left to the containers where the data of Docker was moved or linked to [DC-1]', () => {
    expect(
      jarsOf({
        'etc/docker/daemon.json': '{"data-root":"/data/"}',
        'data/overlay2/l1/diff/app.jar': archive,
        'data/own.jar': archive,
      }),
    ).toEqual(['/data/own.jar']);
    expect(
      jarsOf({
        'var/lib/docker': { link: '/disk2/docker' },
        'disk2/docker/overlay2/l1/diff/app.jar': archive,
        'disk2/own.jar': archive,
      }),
    ).toEqual(['/disk2/own.jar']);
  });

  it('are not what a person calls so by a link', () => {
    expect(
      jarsOf({
        'home/eve/.local/share/docker': { link: '/opt' },
        'home/eve/.local/share/containers/storage': { link: '/opt' },
        'opt/overlay2/own.jar': archive,
      }),
    ).toEqual(['/opt/overlay2/own.jar']);
  });
});
