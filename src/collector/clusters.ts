import type { ClusterBasics } from '../contracts/schemas/host-report';
import { parseYaml, yamlAt, yamlList, yamlText, type YamlValue } from './formats/yaml-subset';
import { filesFor, packageVersion, type Machine } from './machine';
import { peopleWith } from './people';
import type { Scope } from './scope';
import { byText, listText, nameOrNull, nameText, pathText, sha256 } from './text';

/** A file that tells how to reach a cluster, and what it says about this host. */
interface Source {
  readonly file: string;
  readonly distribution: ClusterBasics['distribution'];
  readonly member: boolean;
}

const kubernetes = (file: string): Source => ({ file, distribution: 'kubernetes', member: true });

/** Files that only nodes have. */
const NODE_FILES: readonly Source[] = [
  kubernetes('/etc/kubernetes/admin.conf'),
  kubernetes('/etc/kubernetes/super-admin.conf'),
  kubernetes('/etc/kubernetes/kubelet.conf'),
  kubernetes('/etc/kubernetes/kubelet-kubeconfig'),
  kubernetes('/etc/kubernetes/controller-manager.conf'),
  kubernetes('/etc/kubernetes/scheduler.conf'),
  kubernetes('/var/lib/kubelet/kubeconfig'),
  { file: '/etc/rancher/k3s/k3s.yaml', distribution: 'k3s', member: true },
  { file: '/var/lib/rancher/k3s/agent/kubelet.kubeconfig', distribution: 'k3s', member: true },
  { file: '/etc/rancher/rke2/rke2.yaml', distribution: 'rke2', member: true },
];

const MANIFESTS = '/etc/kubernetes/manifests';
const NODES_MAX = 64;

type Node = ClusterBasics['nodes'][number];

/** What one file says about one cluster. Tokens, keys and certificates are looked past. */
interface Sighting extends Source {
  readonly clusterKey: string;
  readonly name: string | null;
  readonly server: string | null;
  readonly nodeName: string | null;
}

/** Clusters that files on this host tell of. @source DC-1 */
export function readClusters(machine: Machine): readonly ClusterBasics[] {
  const scope = filesFor(machine, 'cluster');
  const personal = peopleWith(scope, '.kube').map(({ home }): Source => ({
    ...kubernetes(`${home}/.kube/config`),
    member: false,
  }));
  const sightings = [...NODE_FILES, ...personal].flatMap((source) => sightingsIn(scope, source));
  const byKey = new Map<string, Sighting[]>();
  for (const sighting of sightings) {
    byKey.set(sighting.clusterKey, [...(byKey.get(sighting.clusterKey) ?? []), sighting]);
  }
  return [...byKey.values()]
    .map((same) => clusterOf(machine, scope, same))
    .sort((a, b) => byText(a.clusterKey, b.clusterKey));
}

function sightingsIn(scope: Scope, source: Source): readonly Sighting[] {
  const text = scope.text(source.file);
  if (text === undefined) return [];
  const document = parseYaml(text);
  const clusters = yamlList(yamlAt(document, 'clusters'));
  if (clusters.length === 0) scope.trouble('malformed', source.file);
  const nodeName = nodeNameIn(document);
  return clusters.flatMap((entry) => {
    const cluster = yamlAt(entry, 'cluster');
    const server = serverOf(yamlText(yamlAt(cluster, 'server')));
    const authority =
      yamlText(yamlAt(cluster, 'certificate-authority-data')) ?? authorityFile(scope, cluster);
    // Nothing tells it from another one: two such clusters would be taken for the same.
    if (server === null && authority === undefined) {
      scope.trouble('malformed', source.file);
      return [];
    }
    return {
      ...source,
      clusterKey: sha256(authority === undefined ? `server:${server ?? ''}` : `ca:${authority}`),
      name: nameOrNull(yamlText(yamlAt(entry, 'name'))),
      server,
      nodeName,
    };
  });
}

/** The same certificate, whether it stands in the file or beside it. */
function authorityFile(scope: Scope, cluster: YamlValue | undefined): string | undefined {
  const file = yamlText(yamlAt(cluster, 'certificate-authority'));
  if (file?.startsWith('/') !== true) return undefined;
  return scope.bytes(file, 1024 * 1024)?.toString('base64');
}

/** Host and port of an address; what stands before an `@` or after the port is dropped. */
function serverOf(address: string | undefined): string | null {
  const parts = /^https?:\/\/(?:[^/@]*@)?([^/?#]+)/.exec(address ?? '');
  return nameOrNull(parts?.[1]);
}

/** A node's own file names its user `system:node:<name>`. */
function nodeNameIn(document: YamlValue): string | null {
  const users = [
    ...yamlList(yamlAt(document, 'users')).map((user) => yamlText(yamlAt(user, 'name'))),
    ...yamlList(yamlAt(document, 'contexts')).map((context) =>
      yamlText(yamlAt(context, 'context', 'user')),
    ),
  ];
  const own = users.find((user) => user?.startsWith('system:node:') === true);
  return nameOrNull(own?.slice('system:node:'.length));
}

function clusterOf(machine: Machine, scope: Scope, same: readonly Sighting[]): ClusterBasics {
  const member = same.some((sighting) => sighting.member);
  const best = same.find((sighting) => sighting.member) ?? same[0];
  const names = same.flatMap(({ nodeName }) => (nodeName === null ? [] : [nodeName]));
  const manifest = member ? serverManifest(scope) : undefined;
  return {
    ...namesOf(best),
    version: member ? versionOf(machine, manifest) : null,
    member,
    nodes: nodesOf(scope, names, manifest !== undefined),
    files: listText(
      same.map(({ file }) => file),
      pathText,
    ),
  };
}

const namesOf = (
  sighting: Sighting | undefined,
): Pick<ClusterBasics, 'clusterKey' | 'name' | 'distribution' | 'server'> => ({
  clusterKey: sighting?.clusterKey ?? sha256(''),
  name: sighting?.name ?? null,
  distribution: sighting?.distribution ?? 'kubernetes',
  server: sighting?.server ?? null,
});

const serverManifest = (scope: Scope): string | undefined =>
  scope.text(`${MANIFESTS}/kube-apiserver.yaml`);

/** The server's image is named after its version; without it the packages of the node tell. */
function versionOf(machine: Machine, manifest: string | undefined): string | null {
  const image = /image:\s*\S*kube-apiserver:v?([0-9][0-9A-Za-z.+-]{0,63})/.exec(
    manifest ?? '',
  )?.[1];
  return nameOrNull(image ?? packageVersion(machine, /^(kubelet|k3s|rke2|kubernetes-node)$/));
}

/** This node, and those that the store of the control plane names as its members. */
function nodesOf(scope: Scope, own: readonly string[], controlPlane: boolean): Node[] {
  const nodes = new Map<string, Node['role']>();
  for (const name of own) nodes.set(name, controlPlane ? 'control-plane' : 'node');
  const etcd = controlPlane ? scope.text(`${MANIFESTS}/etcd.yaml`) : undefined;
  const members = /--initial-cluster=(\S+)/.exec(etcd ?? '')?.[1] ?? '';
  for (const [, name = ''] of members.matchAll(/(?:^|,)([A-Za-z0-9.-]{1,253})=/g)) {
    nodes.set(name, 'control-plane');
  }
  return [...nodes]
    .map(([name, role]) => ({ name: nameText(name), role }))
    .sort((a, b) => byText(a.name, b.name))
    .slice(0, NODES_MAX);
}
