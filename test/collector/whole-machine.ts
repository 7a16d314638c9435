import { CONTAINER_ID, processFiles, type Files } from './machine';
import { jar, pom } from './zip-files';

/** Files of a machine on which each of the 15 kinds has something, a container and a cluster too. */
export const WHOLE_FILES: Files = {
  'etc/passwd': 'root:x:0:0:r:/root:/bin/bash\nwww:x:33:33::/srv:/usr/sbin/nologin\n',
  'etc/group': 'root:x:0:\nwww:x:33:\n',
  'etc/shadow': 'root:!:19700::::::\nwww:*:19700::::::\n',
  'etc/machine-id': '0123456789abcdef0123456789abcdef\n',
  'etc/hostname': 'shop-1\n',
  'etc/crontab': '17 * * * * root /usr/bin/backup --password=hunter2\n',
  'etc/nginx/nginx.conf': 'http { server { listen 80; server_name shop.example; root /srv/w; } }',
  'etc/systemd/system/app.service': '[Service]\nExecStart=/opt/run\n[Install]\nWantedBy=x.target\n',
  'etc/kubernetes/kubelet.conf':
    'clusters:\n- cluster:\n    server: https://10.0.0.1:6443\n  name: shop\nusers:\n- name: system:node:n1\n',
  'srv/w/wp-includes/version.php': "$wp_version = '6.4.2';",
  'opt/spring-webmvc-6.1.4.jar': jar('x: y\n', [pom('org.spring', 'spring-webmvc', '6.1.4')]),
  'var/lib/dpkg/status': 'Package: nginx\nStatus: install ok installed\nVersion: 1.22\n',
  [`var/lib/docker/containers/${CONTAINER_ID}/config.v2.json`]: JSON.stringify({
    Name: '/cache',
    State: { Running: true },
    Config: { Image: 'redis:7', Env: ['REDIS_PASSWORD=hunter2'] },
  }),
  'sys/block/sda/size': '2048\n',
};

const HEAD = 'head\n';
const row = (port: string, inode: number): string =>
  `   0: 00000000:${port} 00000000:0000 0A 0:0 0:0 0 0 0 ${inode} 1 0\n`;

/** What the kernel shows of it; process ids and ticks may differ from one moment to the next. */
export const wholeProc = (firstPid: number): Files => ({
  ...processFiles(firstPid, {
    name: 'nginx',
    exe: '/usr/sbin/nginx',
    args: ['nginx', '-g', 'hunter2'],
    sockets: [80],
    environment: ['TOKEN=hunter2'],
    ticks: 4000,
  }),
  ...processFiles(firstPid + 1, { name: 'nginx', exe: '/usr/sbin/nginx', ticks: 9000 }),
  ...processFiles(firstPid + 2, {
    name: 'redis-server',
    exe: '/usr/bin/redis-server',
    sockets: [81],
    environment: ['REDIS_PASSWORD=hunter2'],
    cgroup: `/docker/${CONTAINER_ID}`,
  }),
  ...processFiles(firstPid + 3, { name: 'kworker/0:1', kernelThread: true }),
  'net/tcp': HEAD + row('0050', 80) + row('18EB', 81),
});
