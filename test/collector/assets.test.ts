import {
  collectFiles,
  collectLive,
  CONTAINER_ID,
  ofKind,
  processFiles,
  removeFolders,
  unreadOf,
} from './machine';

afterAll(removeFolders);

const OTHER_ID = 'decade'.padEnd(64, '1');

describe('containers', () => {
  const docker = (state: object): object => ({
    ID: CONTAINER_ID,
    Name: '/web',
    Image: 'sha256:aa',
    Created: '2026-01-02T03:04:05.123456789Z',
    State: state,
    Config: {
      Image: 'nginx:1.27',
      Env: ['API_TOKEN=hunter2', 'PATH=/bin'],
      Cmd: ['hunter3'],
      Labels: {
        'io.kubernetes.pod.name': 'web-1',
        'io.kubernetes.pod.namespace': 'shop',
        x: 'hunter4',
      },
    },
  });
  const folder = `var/lib/docker/containers/${CONTAINER_ID}`;

  it('of Docker have image, state and pod, and no command, label or value [DC-1] [SD-1]', () => {
    const report = collectFiles({
      [`${folder}/config.v2.json`]: JSON.stringify(
        docker({ Running: true, Paused: true, StartedAt: '2026-01-03T00:00:00Z' }),
      ),
      [`${folder}/hostconfig.json`]: '{"Privileged":true,"NetworkMode":"host"}',
    });
    expect(report.containers).toEqual([
      {
        containerId: CONTAINER_ID,
        name: 'web',
        runtime: 'docker',
        state: 'paused',
        image: 'nginx:1.27',
        imageId: 'sha256:aa',
        createdAt: '2026-01-02T03:04:05.123456789Z',
        startedAt: '2026-01-03T00:00:00Z',
        privileged: true,
        hostNetwork: true,
        sandbox: false,
        podName: 'web-1',
        podNamespace: 'shop',
      },
    ]);
    expect(JSON.stringify(report)).not.toContain('hunter');
    expect(
      ofKind(report, 'environment-variable').map(({ name, containerId, sources }) => [
        name,
        containerId,
        sources,
      ]),
    ).toEqual([
      ['API_TOKEN', CONTAINER_ID, ['container-configuration']],
      ['PATH', CONTAINER_ID, ['container-configuration']],
    ]);
  });

  it.each([
    [{ Dead: true }, 'dead'],
    [{ Running: true, Restarting: true }, 'restarting'],
    [{ Running: true }, 'running'],
    [{ StartedAt: '2026-01-03T00:00:00Z' }, 'stopped'],
    [{ StartedAt: '0001-01-01T00:00:00Z' }, 'created'],
  ])('of Docker in state %j are %s', (state, expected) => {
    const report = collectFiles({ [`${folder}/config.v2.json`]: JSON.stringify(docker(state)) });
    expect(report.containers[0]?.state).toBe(expected);
    expect(report.containers[0]?.privileged).toBeNull();
  });

  it('of Docker are found where its data was moved to', () => {
    const report = collectFiles({
      'etc/docker/daemon.json': '{"data-root":"/data/docker"}',
      [`data/docker/containers/${CONTAINER_ID}/config.v2.json`]: JSON.stringify(docker({})),
    });
    expect(report.containers).toHaveLength(1);
  });

  it('of Podman and CRI-O are read from the storage they share', () => {
    const list = [
      {
        id: CONTAINER_ID,
        names: ['podman-web'],
        image: 'bb',
        created: '2026-01-02T03:04:05Z',
        metadata: JSON.stringify({ 'image-name': 'docker.io/library/redis:7', name: 'cache' }),
      },
      {
        id: OTHER_ID,
        metadata: JSON.stringify({ 'pod-name': 'api-1', 'pod-id': 'x', 'image-name': 'api:2' }),
      },
      { id: 'no id' },
    ];
    const report = collectFiles({
      'var/lib/containers/storage/overlay-containers/containers.json': JSON.stringify(list),
      [`run/containers/storage/overlay-containers/${OTHER_ID}/userdata/config.json`]:
        JSON.stringify({
          annotations: {
            'io.kubernetes.cri-o.ContainerType': 'sandbox',
            'io.kubernetes.pod.namespace': 'shop',
          },
          process: { env: ['A_KEY=hunter2'] },
        }),
    });
    expect(report.containers).toMatchObject([
      { name: 'cache', runtime: 'podman', image: 'docker.io/library/redis:7', state: 'unknown' },
      { runtime: 'cri-o', podName: 'api-1', podNamespace: 'shop', sandbox: true },
    ]);
    expect(JSON.stringify(report)).not.toContain('hunter');
  });

  it('of containerd are read from the state of the running ones', () => {
    const report = collectFiles({
      [`run/containerd/io.containerd.runtime.v2.task/k8s.io/${CONTAINER_ID}/config.json`]:
        JSON.stringify({
          annotations: {
            'io.kubernetes.cri.container-name': 'api',
            'io.kubernetes.cri.image-name': 'registry.example/api:3',
            'io.kubernetes.cri.sandbox-name': 'api-7',
            'io.kubernetes.cri.sandbox-namespace': 'shop',
          },
          linux: { namespaces: [{ type: 'network' }, { type: 'pid' }] },
          process: { args: ['hunter2'], capabilities: { bounding: ['CAP_SYS_ADMIN'] } },
        }),
    });
    expect(report.containers).toMatchObject([
      {
        runtime: 'containerd',
        name: 'api',
        state: 'running',
        image: 'registry.example/api:3',
        podName: 'api-7',
        privileged: true,
        hostNetwork: false,
      },
    ]);
  });

  it('that no runtime tells of are known by their processes', () => {
    const report = collectLive({}, processFiles(5, { name: 'x', cgroup: `/docker/${OTHER_ID}` }));
    expect(report.containers).toMatchObject([
      { containerId: OTHER_ID, runtime: 'unknown', state: 'running', image: null },
    ]);
  });

  it('whose state is damaged are said to be unread and hide no other', () => {
    const report = collectFiles({
      [`${folder}/config.v2.json`]: '{',
      [`var/lib/docker/containers/${OTHER_ID}/config.v2.json`]: JSON.stringify(docker({})),
    });
    expect(report.containers.map(({ containerId }) => containerId)).toEqual([OTHER_ID]);
    expect(unreadOf(report, 'container')).toEqual([`malformed /${folder}/config.v2.json`]);
  });
});

describe('clusters', () => {
  const kubeconfig = (server: string, user: string, extra = ''): string =>
    'apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: QUJDhunter1\n' +
    `    server: ${server}\n  name: shop-cluster\ncontexts:\n- context:\n    cluster: shop-cluster\n` +
    `    user: ${user}\n  name: ctx\ncurrent-context: ctx\nkind: Config\nusers:\n- name: ${user}\n` +
    `  user:\n    token: hunter2\n    client-key-data: hunter3\n${extra}`;

  it('have name, version, address and nodes, and no token, key or certificate [DC-1] [SD-1]', () => {
    const report = collectFiles({
      'etc/kubernetes/admin.conf': kubeconfig('https://u:hunter4@10.0.0.1:6443/path', 'admin'),
      'etc/kubernetes/kubelet.conf': kubeconfig('https://10.0.0.1:6443', 'system:node:master-1'),
      'etc/kubernetes/manifests/kube-apiserver.yaml':
        'spec:\n  containers:\n  - image: registry.k8s.io/kube-apiserver:v1.29.3\n    command: [hunter5]\n',
      'etc/kubernetes/manifests/etcd.yaml':
        '    - --initial-cluster=master-1=https://10.0.0.1:2380,master-2=https://10.0.0.2:2380\n',
    });
    expect(report.clusters).toEqual([
      {
        clusterKey: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
        name: 'shop-cluster',
        distribution: 'kubernetes',
        version: '1.29.3',
        server: '10.0.0.1:6443',
        member: true,
        nodes: [
          { name: 'master-1', role: 'control-plane' },
          { name: 'master-2', role: 'control-plane' },
        ],
        files: ['/etc/kubernetes/admin.conf', '/etc/kubernetes/kubelet.conf'],
      },
    ]);
    expect(JSON.stringify(report)).not.toContain('hunter');
  });

  it('are the same on every node of them, and other ones stay apart', () => {
    const one = collectFiles({
      'etc/kubernetes/kubelet.conf': kubeconfig('https://a', 'system:node:n1'),
    });
    const two = collectFiles({ 'etc/rancher/k3s/k3s.yaml': kubeconfig('https://b', 'x') });
    const three = collectFiles({
      'etc/kubernetes/kubelet.conf': kubeconfig('https://a', 'x').replace('QUJD', 'REVG'),
    });
    expect(one.clusters[0]?.clusterKey).toBe(two.clusters[0]?.clusterKey);
    expect(two.clusters[0]?.distribution).toBe('k3s');
    expect(three.clusters[0]?.clusterKey).not.toBe(one.clusters[0]?.clusterKey);
    expect(one.clusters[0]?.nodes).toEqual([{ name: 'n1', role: 'node' }]);
  });

  it('are no place of this host when somebody only can reach them', () => {
    const report = collectFiles({
      'home/dev/.kube/config': JSON.stringify({
        clusters: [{ name: 'far', cluster: { server: 'https://far.example' } }],
        users: [{ name: 'x', user: { token: 'hunter2' } }],
      }),
    });
    expect(report.clusters).toMatchObject([
      { name: 'far', server: 'far.example', member: false, version: null, nodes: [] },
    ]);
    expect(JSON.stringify(report)).not.toContain('hunter');
  });

  it('are said to be unread in a file that is none', () => {
    const report = collectFiles({ 'etc/kubernetes/admin.conf': 'nothing: here\n' });
    expect(unreadOf(report, 'cluster')).toEqual(['malformed /etc/kubernetes/admin.conf']);
  });
});
