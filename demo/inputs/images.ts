import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  buildImage,
  buildIndex,
  pushArtifact,
  type LayerFiles,
  type OciArtifact,
  type PushTarget,
} from './oci-images';

/** An image that was pushed and pulled back whole. */
export interface PushedImage {
  readonly repository: string;
  readonly tags: readonly string[];
  readonly digest: string;
  readonly artifact: OciArtifact;
}

/**
 * Stands in the environment and in the construction history of an image, as careless builds leave it.
 * It must be reported as a risk and found nowhere in any store.
 */
export const PLANTED_SECRET = 'planted-secret-9f2c41d07b';

/** A layer is text of real packages; bounds keep a push small. */
const FILE_BYTES_MAX = 64 * 1024;
const LAYER_FILES_MAX = 200;
/** Longest name that an entry of the layers' archive format has room for, in bytes. */
const NAME_BYTES_MAX = 100;

/** First part of the names of the demonstration's repositories. */
const NAMESPACE = 'demo';
/** All of them, as they are shared and scanned. */
export const DEMO_REPOSITORIES = `${NAMESPACE}/*`;

/** Where images go: `http://host:port`, and a first part of the repository names, `demo` by default. */
export interface ImagePlace {
  readonly registryUrl: string;
  readonly namespace?: string;
}

/**
 * Builds three images from the files of the second root, pushes them and pulls every byte back.
 *
 * @param tree - the second root.
 * @throws Error when the registry gives back something else than it was given.
 */
export async function pushDemoImages(
  tree: string,
  { registryUrl, namespace = NAMESPACE }: ImagePlace,
): Promise<readonly PushedImage[]> {
  const url = registryUrl.replace(/\/$/, '');
  const pushed: PushedImage[] = [];
  for (const { name, tags, artifact } of recipes(tree)) {
    const target: PushTarget = { url, repository: `${namespace}/${name}` };
    await pushArtifact(target, artifact, tags);
    for (const tag of tags) await pullBack(target, artifact, tag);
    pushed.push({ repository: target.repository, tags, digest: artifact.digest, artifact });
  }
  return pushed;
}

interface Recipe {
  readonly name: string;
  readonly tags: readonly string[];
  readonly artifact: OciArtifact;
}

function recipes(tree: string): readonly Recipe[] {
  // With the package manager's own records, so that a scan finds real packages in the layers.
  const base = layerOf(
    tree,
    'etc/debian_version',
    'usr/lib/os-release',
    'etc/passwd',
    'etc/group',
    'var/lib/dpkg/status',
  );
  const front = buildImage({
    layers: [base, layerOf(tree, 'etc/nginx', 'usr/share/nginx')],
    exposedPorts: ['80/tcp'],
    cmd: ['nginx', '-g', 'daemon off;'],
    labels: { 'org.opencontainers.image.title': 'shop-front' },
  });
  const back = buildImage({
    layers: [base, layerOf(tree, 'usr/lib/python3/dist-packages/django/core')],
    env: ['PATH=/usr/bin', `DATABASE_PASSWORD=${PLANTED_SECRET}`],
    user: 'www-data',
    exposedPorts: ['8000/tcp'],
    history: [
      { createdBy: `ARG API_TOKEN=${PLANTED_SECRET}`, emptyLayer: true },
      { createdBy: 'COPY base / # buildkit' },
      { createdBy: 'COPY django /usr/lib/python3/dist-packages/django # buildkit' },
    ],
  });
  const cache = ['amd64', 'arm64'].map((architecture) => ({
    platform: `linux/${architecture}`,
    image: buildImage({
      format: 'docker',
      architecture,
      layers: [base, layerOf(tree, 'etc/redis', 'etc/default')],
      exposedPorts: ['6379/tcp'],
    }),
  }));
  return [
    { name: 'shop-front', tags: ['1.4.2', 'latest'], artifact: front },
    { name: 'shop-back', tags: ['2.0.0'], artifact: back },
    { name: 'shop-cache', tags: ['7.0'], artifact: buildIndex(cache, 'docker') },
  ];
}

/** Text files of the tree below the given places; what the archive format cannot name is left out. */
function layerOf(tree: string, ...places: readonly string[]): LayerFiles {
  const files: Record<string, string> = {};
  for (const place of places) addFiles(files, tree, place);
  if (Object.keys(files).length === 0) throw new Error(`no text file below ${places.join(', ')}`);
  return files;
}

function addFiles(files: Record<string, string>, tree: string, place: string): void {
  const status = lstatSync(join(tree, place), { throwIfNoEntry: false });
  if (status?.isDirectory() === true) {
    for (const name of readdirSync(join(tree, place)).sort())
      addFiles(files, tree, `${place}/${name}`);
  }
  const fits =
    status?.isFile() === true &&
    status.size <= FILE_BYTES_MAX &&
    Buffer.byteLength(place) <= NAME_BYTES_MAX &&
    Object.keys(files).length < LAYER_FILES_MAX;
  if (!fits) return;
  const bytes = readFileSync(join(tree, place));
  const text = bytes.toString('utf8');
  if (Buffer.from(text).equals(bytes)) files[place] = text;
}

/** Reads an image by its tag with everything it points to, and compares every digest. */
async function pullBack(
  target: PushTarget,
  artifact: OciArtifact,
  reference: string,
): Promise<void> {
  const base = `${target.url}/v2/${target.repository}`;
  await compare(`${base}/manifests/${reference}`, artifact.digest, artifact.mediaType);
  for (const { digest } of artifact.blobs) await compare(`${base}/blobs/${digest}`, digest);
  for (const child of artifact.children) await pullBack(target, child, child.digest);
}

async function compare(url: string, digest: string, accept = '*/*'): Promise<void> {
  const response = await fetch(url, { headers: { accept } });
  const bytes = Buffer.from(await response.arrayBuffer());
  const found = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  if (!response.ok || found !== digest) {
    throw new Error(`the registry gave ${response.status} and other bytes than were pushed`);
  }
}
