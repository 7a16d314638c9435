import {
  collectFiles,
  collectLive,
  CONTAINER_ID,
  ofKind,
  processFiles,
  removeFolders,
  unreadOf,
  type Files,
} from './machine';

afterAll(removeFolders);

const inside = (cgroup: string): Files => processFiles(5, { name: 'x', cgroup });

/** Name of the container that a process in a control group is attributed to; null for the host. */
function containerOf(cgroup: string, files: Files = {}): string | null {
  const report = collectLive(files, inside(cgroup));
  const containerId = ofKind(report, 'process')[0]?.containerId ?? null;
  if (containerId === null) return null;
  return report.containers.find((container) => container.containerId === containerId)?.name ?? '?';
}

const REGISTERED = 'NAME=shop\nSERVICE=systemd-nspawn\nREALTIME=1767225600000000\n';

describe('processes', () => {
  it.each([
    ['LXC', '/lxc.payload.web/init.scope'],
    ['an older LXC', '/lxc.payload/web/system.slice/nginx.service'],
    ['LXC on groups of version 1', '/lxc/web'],
    ['systemd-nspawn', '/machine.slice/machine-web.scope/payload/init.scope'],
    ['a service of systemd-nspawn', '/machine.slice/systemd-nspawn@web.service/payload'],
    ['LXC by libvirt', String.raw`/machine.slice/machine-lxc\x2d4711\x2dweb.scope/system.slice`],
  ])('belong to the container that the control group of %s names [DC-1]', (_, cgroup) => {
    expect(containerOf(cgroup)).toBe('web');
  });

  it.each([
    ['watches a container of LXC', '/lxc.monitor.web'],
    [
      'watches a container of systemd-nspawn',
      '/machine.slice/systemd-nspawn@web.service/supervisor',
    ],
    [
      'is a virtual machine',
      String.raw`/machine.slice/machine-qemu\x2d1\x2dshop.scope/libvirt/emulator`,
    ],
    ['only looks like a container', '/user.slice/xlxc.payload.web/my-systemd-nspawn@web.service'],
    ['is in the slice of machines', '/machine.slice/other.scope'],
  ])('belong to the host when what holds them %s', (_, cgroup) => {
    expect(containerOf(cgroup)).toBeNull();
  });

  it('in a unit of any name belong to the container that is registered with it, and not to a virtual machine', () => {
    const registered = (kind: string): Files => ({
      'run/systemd/machines/shop': `${REGISTERED}SCOPE=my-shop.service\nCLASS=${kind}\n`,
      'run/systemd/machines/unit:my-shop.service': { link: 'shop' },
    });
    const cgroup = '/system.slice/my-shop.service/payload/init.scope';
    expect(containerOf(cgroup, registered('container'))).toBe('shop');
    expect(containerOf(cgroup, registered('vm'))).toBeNull();
    expect(containerOf(cgroup)).toBeNull();
  });

  it('of a container inside of another one belong to the inner one', () => {
    const report = collectLive(
      {},
      inside(`/lxc.payload.web/system.slice/docker-${CONTAINER_ID}.scope`),
    );
    expect(ofKind(report, 'process')).toMatchObject([{ containerId: CONTAINER_ID }]);
  });

  it('of two people keep their containers of one name apart', () => {
    const report = collectLive(
      {
        'etc/passwd': 'eve:x:1000:1000::/data/eve:/bin/sh\n',
        'data/eve/.local/share/lxc/web/config': 'lxc.idmap = u 0 100000 65536\n',
        'var/lib/lxc/web/config': 'lxc.net.0.type = veth\n',
      },
      inside('/user.slice/user-1000.slice/session-1.scope/lxc.payload.web/init.scope'),
    );
    expect(report.containers.map(({ privileged, state }) => [privileged, state]).sort()).toEqual([
      [false, 'running'],
      [true, 'stopped'],
    ]);
  });

  it('are all of the machine that is looked at where that is a container itself', () => {
    const here = `/docker/${CONTAINER_ID}`;
    const report = collectLive(
      {},
      {
        ...processFiles(1, { name: 'init', cgroup: here }),
        ...processFiles(5, { name: 'x', cgroup: `${here}/inner` }),
        ...processFiles(6, { name: 'y', cgroup: '/lxc/web' }),
      },
    );
    expect(
      ofKind(report, 'process').map(({ name, containerId }) => [name, containerId === null]),
    ).toEqual([
      ['init', true],
      ['x', true],
      ['y', false],
    ]);
  });
});

describe('containers', () => {
  it('of LXC are read from their configuration, also where that was moved to [DC-1] [SD-1]', () => {
    const files = {
      'etc/lxc/lxc.conf': 'lxc.lxcpath = /data/lxc/\n',
      'data/lxc/web/config':
        '# lxc.net.0.type = veth\nlxc.include = /usr/share/lxc/config/common.conf\n' +
        'lxc.net.0.type = none\nlxc.environment = SHOP_TOKEN=hunter2\n',
      'data/lxc/.cache/x': '',
      'data/lxc/lxc-monitord.log': '',
    };
    const report = collectFiles(files);
    expect(report.containers).toMatchObject([
      { name: 'web', runtime: 'lxc', state: 'unknown', privileged: true, hostNetwork: true },
    ]);
    expect(ofKind(report, 'environment-variable')).toMatchObject([
      { name: 'SHOP_TOKEN', value: null, containerId: report.containers[0]?.containerId },
    ]);
    expect(JSON.stringify(report)).not.toContain('hunter');
    expect(collectLive(files, {}).containers).toMatchObject([{ state: 'stopped' }]);
    expect(collectLive(files, inside('/lxc.payload.web')).containers).toMatchObject([
      { name: 'web', state: 'running', hostNetwork: true },
    ]);
  });

  it('of LXD and Incus are known by their names', () => {
    const report = collectLive(
      { 'var/lib/incus/containers/shop_db': { link: '/var/lib/incus/storage-pools/d/shop_db' } },
      inside('/lxc.payload.shop_db/init.scope'),
    );
    expect(report.containers).toMatchObject([
      { name: 'shop_db', runtime: 'lxc', state: 'running' },
    ]);
  });

  it('of systemd-nspawn are those that run and the images of others [DC-1] [SD-1]', () => {
    const report = collectLive(
      {
        'run/systemd/machines/shop': `${REGISTERED}SCOPE=machine-shop.scope\nCLASS=container\n`,
        'var/lib/machines/shop/etc/os-release': 'ID=debian\n',
        'var/lib/machines/db.raw': 'x',
        'var/lib/machines/.#lock': '',
        'etc/systemd/nspawn/shop.nspawn':
          '[Exec]\nEnvironment=SHOP_TOKEN=hunter2\n[Network]\nVirtualEthernet=yes\n',
      },
      {},
    );
    expect(
      report.containers
        .map(({ name, runtime, state, startedAt, hostNetwork }) => [
          name,
          runtime,
          state,
          startedAt,
          hostNetwork,
        ])
        .sort(),
    ).toEqual([
      ['db', 'systemd-nspawn', 'stopped', null, null],
      ['shop', 'systemd-nspawn', 'running', '2026-01-01T00:00:00.000Z', false],
    ]);
    expect(ofKind(report, 'environment-variable')).toMatchObject([
      { name: 'SHOP_TOKEN', value: null },
    ]);
    expect(JSON.stringify(report)).not.toContain('hunter');
  });

  it('whose state is damaged are listed and hide no other', () => {
    const report = collectLive(
      {
        'run/systemd/machines/pipe/x': '',
        'run/systemd/machines/bare': '\0\nSCOPE=a/b\nREALTIME=99999999999999999999\n',
        'var/lib/lxc/one/config': { link: '/outside' },
        'var/lib/lxc/two/config': { link: 'config' },
        'var/lib/lxc/three/config': '\u202e\nlxc.net.0.type\n=\n',
      },
      {},
    );
    expect(report.containers.map(({ name }) => name).sort()).toEqual(['one', 'three', 'two']);
    expect(unreadOf(report, 'container')).toEqual([
      'unresolvable /var/lib/lxc/one/config /var/lib/lxc/two/config',
    ]);
  });
});
