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

const SCOPE = `/system.slice/docker-${CONTAINER_ID}.scope`;
const PASSWD: Files = { 'etc/passwd': 'root:x:0:0:Root:/nowhere:/bin/bash\nwww:x:33:33::/w:/x\n' };

afterAll(removeFolders);

describe('resource monitoring', () => {
  it('holds processors, memory, file systems, disks, cards and the usage of the moment [DC-1]', () => {
    const report = collectLive(
      {
        'sys/block/sda/size': '2048\n',
        'sys/block/sda/queue/rotational': '0\n',
        'sys/block/sda/device/model': 'EXAMPLE SSD \n',
        'sys/block/loop0/size': '8\n',
        'sys/class/net/eth0/address': '02:00:00:00:00:01\n',
        'sys/class/net/eth0/mtu': '1500\n',
        'sys/class/net/eth0/device/vendor': 'x',
        'sys/class/net/veth1/address': '02:00:00:00:00:02\n',
      },
      {},
    );
    const items = ofKind(report, 'resource-monitoring');
    expect(items).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ item: 'processor', model: 'Example CPU', logicalProcessors: 2 }),
        expect.objectContaining({
          item: 'memory',
          totalBytes: 8_192_000,
          swapTotalBytes: 1_024_000,
        }),
        expect.objectContaining({ item: 'disk', name: 'sda', sizeBytes: 1_048_576 }),
        expect.objectContaining({ item: 'network-interface', name: 'eth0', mtuBytes: 1500 }),
        expect.objectContaining({
          item: 'usage',
          load1Hundredths: 50,
          load15Hundredths: 200,
          uptimeSeconds: 1000,
        }),
        expect.objectContaining({ item: 'filesystem', mountPoint: '/', filesystem: 'ext4' }),
      ]),
    );
    expect(items.map((item) => ('name' in item ? item.name : item.item))).not.toContain('loop0');
    expect(items.map((item) => ('name' in item ? item.name : item.item))).not.toContain('veth1');
    expect(unreadOf(report, 'resource-monitoring')).toEqual([]);
  });

  it('asks no other machine for the size of what is mounted from it', () => {
    const there = collectLive({ 'mnt x/file': '' }, {});
    const remote = ofKind(there, 'resource-monitoring').find(
      (item) => item.item === 'filesystem' && item.filesystem === 'nfs4',
    );
    expect(remote).toMatchObject({ mountPoint: '/mnt x', readOnly: true, totalBytes: null });
  });

  it('is said to be unread when the machine does not run', () => {
    expect(unreadOf(collectFiles({}), 'resource-monitoring')).toEqual(['not-live /proc']);
  });
});

describe('processes', () => {
  const report = collectLive(PASSWD, {
    ...processFiles(7, {
      name: 'mysqld',
      exe: '/usr/sbin/mysqld',
      uid: 33,
      args: ['/usr/sbin/mysqld', '--password=hunter2', '-phunter3'],
      ticks: 12_345,
    }),
    ...processFiles(8, { name: 'evil) R 1 (x', args: ['sshd: hunter4@pts/0'] }),
    ...processFiles(9, { name: 'kworker/0:1', kernelThread: true, parent: 2 }),
    ...processFiles(10, { name: 'app', exe: '/app/run (deleted)', uid: 33, cgroup: SCOPE }),
  });
  const processes = ofKind(report, 'process');

  it('have their executable, user, start and command line, without what is secret in it [SD-1]', () => {
    expect(processes.find(({ pid }) => pid === 7)).toEqual({
      kind: 'process',
      pid: 7,
      parentPid: 1,
      name: 'mysqld',
      program: 'mysqld',
      exe: '/usr/sbin/mysqld',
      exeDeleted: false,
      uid: 33,
      user: 'www',
      argumentCount: 2,
      commandLine:
        '/usr/sbin/mysqld --password=[redacted:named-secret] -p[redacted:password-option]',
      kernelThread: false,
      startedAfterBootSeconds: 123,
      containerId: null,
    });
    expect(JSON.stringify(report)).not.toContain('hunter');
    expect(report.redactions.textsWithSecrets).toBe(1);
  });

  it('keep their place when a name holds parentheses, and a title is cut at its first space', () => {
    expect(processes.find(({ pid }) => pid === 8)).toMatchObject({
      name: 'evil) R 1 (x',
      program: 'sshd',
      commandLine: 'sshd:',
      parentPid: 1,
    });
  });

  it('are told from threads of the kernel', () => {
    expect(processes.filter(({ kernelThread }) => kernelThread).map(({ pid }) => pid)).toEqual([9]);
  });

  it('carry their container, and no name of the host for a user id of the container', () => {
    expect(processes.find(({ pid }) => pid === 10)).toMatchObject({
      exe: '/app/run',
      exeDeleted: true,
      containerId: CONTAINER_ID,
      uid: 33,
      user: null,
    });
  });

  it('do not include the one that reads', () => {
    const self = collectLive({}, { ...processFiles(11, { name: 'node' }), self: { link: '11' } });
    expect(ofKind(self, 'process')).toEqual([]);
  });

  it.each([
    ['docker', `/docker/${CONTAINER_ID}`],
    ['a scope', `/system.slice/docker-${CONTAINER_ID}.scope`],
    ['containerd', `/kubepods.slice/pod1/cri-containerd-${CONTAINER_ID}.scope`],
    ['CRI-O', `/kubepods.slice/crio-${CONTAINER_ID}.scope/inner`],
    ['containerd beside systemd', `/system.slice/pod1.slice:cri-containerd:${CONTAINER_ID}`],
    ['Podman', `/machine.slice/libpod-${CONTAINER_ID}.scope/container`],
  ])('are attributed to a container by the control group of %s', (_, cgroup) => {
    const live = collectLive({}, processFiles(5, { name: 'x', cgroup }));
    expect(ofKind(live, 'process')[0]?.containerId).toBe(CONTAINER_ID);
  });

  it('are not attributed to what only looks like a container', () => {
    const cgroup = `/user.slice/${CONTAINER_ID}0/x${CONTAINER_ID}`;
    expect(
      ofKind(collectLive({}, processFiles(5, { name: 'x', cgroup })), 'process'),
    ).toMatchObject([{ containerId: null }]);
  });
});

describe('ports', () => {
  const HEAD = '  sl  local_address rem_address   st\n';
  const row = (local: string, state: string, ...[inode, remote]: [number, string?]): string =>
    `   0: ${local} ${remote ?? `${local.replace(/[^:]/g, '0').slice(0, -5)}:0000`} ${state} ` +
    `00000000:00000000 00:00000000 00000000   33        0 ${inode} 1 0 100 0 0 10 0\n`;
  const SIX = '00000000000000000000000001000000';
  const report = collectLive(
    {},
    {
      'net/tcp':
        HEAD +
        row('0100007F:1F90', '0A', 111) +
        row('00000000:0050', '0A', 112) +
        row('0100007F:9999', '01', 113, '0100007F:1F90') +
        row('00000000:8888', '07', 117),
      'net/tcp6': HEAD + row(`${SIX}:01BB`, '0A', 114),
      'net/udp':
        HEAD + row('00000000:0035', '07', 115) + row('0A00000A:8000', '07', 116, '08080808:0035'),
      ...processFiles(20, { name: 'nginx', exe: '/usr/sbin/nginx', sockets: [112, 114] }),
      ...processFiles(21, { name: 'nginx', exe: '/usr/sbin/nginx', sockets: [112] }),
      ...processFiles(22, { name: 'app', sockets: [111], cgroup: SCOPE }),
    },
  );

  it('are those that listen, each with the process that holds it [DC-1]', () => {
    const ports = ofKind(report, 'port').map(
      ({ protocol, address, port, pid, program }) =>
        `${protocol} ${address} ${port} ${String(pid)} ${String(program)}`,
    );
    expect(ports.sort()).toEqual([
      'tcp 0.0.0.0 80 20 nginx',
      'tcp 127.0.0.1 8080 22 app',
      'tcp6 ::1 443 20 nginx',
      'udp 0.0.0.0 53 null null',
    ]);
  });

  it('belong to the container of their process', () => {
    expect(ofKind(report, 'port').find(({ port }) => port === 8080)?.containerId).toBe(
      CONTAINER_ID,
    );
  });

  it('are read in the network of every container', () => {
    const live = collectLive(
      {},
      {
        'self/ns/net': { link: 'net:[1]' },
        ...processFiles(30, { name: 'redis-server', sockets: [9], cgroup: SCOPE }),
        '30/ns/net': { link: 'net:[2]' },
        '30/net/tcp': HEAD + row('00000000:18EB', '0A', 9),
      },
    );
    expect(ofKind(live, 'port')).toMatchObject([
      { port: 6379, program: 'redis-server', containerId: CONTAINER_ID },
    ]);
  });

  it('are said to be unread when the machine does not run', () => {
    expect(unreadOf(collectFiles({}), 'port')).toEqual(['not-live /proc']);
    expect(unreadOf(collectFiles({}), 'process')).toEqual(['not-live /proc']);
  });
});

describe('databases and web services', () => {
  const TCP =
    'head\n   0: 00000000:0CEA 00000000:0000 0A 0:0 0:0 0 0 0 77 1 0\n' +
    '   0: 00000000:1F90 00000000:0000 0A 0:0 0:0 0 0 0 78 1 0\n';
  const report = collectLive(
    {
      'var/lib/dpkg/status':
        'Package: mariadb-server\nStatus: install ok installed\nVersion: 1:10.11\n\n' +
        'Package: redis-server\nStatus: install ok installed\nVersion: 5:7.0\n',
      'etc/mysql/mariadb.cnf': '[client]\npassword=hunter2\n',
      'etc/mongod.conf': 'x',
      'etc/php/8.2/fpm/php-fpm.conf': 'x',
    },
    {
      'net/tcp': TCP,
      ...processFiles(40, { name: 'mariadbd', exe: '/usr/sbin/mariadbd', sockets: [77] }),
      ...processFiles(41, {
        name: 'java',
        exe: '/opt/jdk-17/bin/java',
        args: ['java', '-cp', '/x', '-Xmx1g', 'org.apache.catalina.startup.Bootstrap', 'start'],
        sockets: [78],
      }),
      ...processFiles(42, {
        name: 'postgres',
        exe: '/usr/lib/postgresql/15/bin/postgres',
        cgroup: SCOPE,
      }),
      ...processFiles(43, {
        name: 'gunicorn',
        exe: '/usr/bin/python3.11',
        args: ['/usr/bin/python3.11', '/usr/bin/gunicorn', 'app'],
      }),
    },
  );

  it('are recognised by process, package and configuration together [DC-1]', () => {
    expect(ofKind(report, 'database').find(({ engine }) => engine === 'mariadb')).toEqual({
      kind: 'database',
      engine: 'mariadb',
      version: '1:10.11',
      running: true,
      evidence: ['process', 'package', 'configuration'],
      exe: '/usr/sbin/mariadbd',
      ports: [3306],
      configurationFiles: ['/etc/mysql/mariadb.cnf'],
      containerId: null,
    });
    expect(JSON.stringify(report)).not.toContain('hunter2');
  });

  it('are known when they do not run, and not taken for running ones', () => {
    const stopped = ofKind(report, 'database').filter(({ running }) => running === false);
    expect(stopped.map(({ engine, evidence }) => [engine, evidence])).toEqual([
      ['mongodb', ['configuration']],
      ['redis', ['package']],
    ]);
  });

  it('are recognised inside a Java machine and inside an interpreter', () => {
    const services = ofKind(report, 'web-service');
    expect(services.map(({ service, ports, running }) => [service, ports, running])).toEqual([
      ['gunicorn', [], true],
      ['php-fpm', [], false],
      ['tomcat', [8080], true],
    ]);
  });

  it('of a container have the version of their path, never that of a package of the host', () => {
    expect(ofKind(report, 'database').find(({ engine }) => engine === 'postgresql')).toMatchObject({
      version: '15',
      containerId: CONTAINER_ID,
      evidence: ['process'],
    });
  });
});

describe('kernel modules', () => {
  it('are the loaded ones of a machine that runs [DC-1]', () => {
    expect(ofKind(collectLive({}, {}), 'kernel-module')).toEqual([
      {
        kind: 'kernel-module',
        name: 'nf_tables',
        loaded: true,
        sizeBytes: 311_296,
        usedBy: ['nft_chain_nat', 'nft_compat'],
        kernel: null,
        file: null,
      },
      expect.objectContaining({ name: 'virtio_net', usedBy: [] }),
    ]);
  });

  it('are the installed ones of files', () => {
    const report = collectFiles({
      'lib/modules/6.1.0/modules.dep':
        'kernel/net/xt-mark.ko.xz: kernel/net/x.ko\nkernel/net/x.ko:\n',
    });
    expect(ofKind(report, 'kernel-module')).toMatchObject([
      { name: 'xt_mark', file: '/lib/modules/6.1.0/kernel/net/xt-mark.ko.xz' },
      { name: 'x', loaded: null, kernel: '6.1.0' },
    ]);
    expect(unreadOf(report, 'kernel-module')).toEqual([]);
  });
});

describe('the host itself', () => {
  it('has its names, its kernel and its addresses, and no machine id but a hash of it [DC-1]', () => {
    const id = '0123456789abcdef0123456789abcdef';
    const { host } = collectLive(
      {
        'etc/machine-id': `${id}\n`,
        'etc/os-release': 'ID=debian\nPRETTY_NAME="Debian 12"\nVERSION_ID="12"\n',
        'etc/localtime': { link: '/usr/share/zoneinfo/Asia/Shanghai' },
        'bin/sh': Buffer.from('7f454c460201010000000000000000000300b700', 'hex'),
      },
      {},
    );
    expect(host).toMatchObject({
      hostname: 'shop-1',
      osId: 'debian',
      osName: 'Debian 12',
      osVersion: '12',
      kernel: '6.1.0-example',
      architecture: 'aarch64',
      bootedAt: '2026-01-01T00:00:00Z',
      timeZone: 'Asia/Shanghai',
      addresses: ['10.0.0.7', '2001:db8::7'],
    });
    expect(host.machineKey).toMatch(/^[0-9a-f]{64}$/);
    expect(JSON.stringify(host)).not.toContain(id);
  });
});
