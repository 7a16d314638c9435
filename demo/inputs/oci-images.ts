import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';

/** Bytes with their type, as a registry stores them. */
export interface OciDocument {
  readonly mediaType: string;
  readonly digest: string;
  readonly bytes: Buffer;
}

/** A manifest with everything it points to; what it points to is pushed first. */
export interface OciArtifact extends OciDocument {
  readonly blobs: readonly OciDocument[];
  readonly children: readonly OciArtifact[];
}

/** Files of one layer by name. */
export type LayerFiles = Readonly<Record<string, string>>;

/** What an image is built from; everything has a harmless default. */
export interface ImageRecipe {
  readonly format?: 'oci' | 'docker';
  readonly layers?: readonly LayerFiles[];
  readonly architecture?: string;
  readonly variant?: string;
  readonly os?: string;
  readonly created?: string;
  readonly user?: string;
  readonly env?: readonly string[];
  readonly exposedPorts?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly entrypoint?: readonly string[] | null;
  readonly cmd?: readonly string[] | null;
  /** Texts of the steps; those of `layers` come last, one COPY each, unless they are given here. */
  readonly history?: readonly { readonly createdBy: string; readonly emptyLayer?: boolean }[];
}

const TYPES = Object.freeze({
  oci: {
    index: 'application/vnd.oci.image.index.v1+json',
    manifest: 'application/vnd.oci.image.manifest.v1+json',
    config: 'application/vnd.oci.image.config.v1+json',
    layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  },
  docker: {
    index: 'application/vnd.docker.distribution.manifest.list.v2+json',
    manifest: 'application/vnd.docker.distribution.manifest.v2+json',
    config: 'application/vnd.docker.container.image.v1+json',
    layer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  },
});

const sha256 = (bytes: Buffer): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

const documentOf = (mediaType: string, bytes: Buffer): OciDocument => ({
  mediaType,
  digest: sha256(bytes),
  bytes,
});

const jsonOf = (mediaType: string, value: unknown): OciDocument =>
  documentOf(mediaType, Buffer.from(JSON.stringify(value)));

const pointerTo = ({ mediaType, digest, bytes }: OciDocument): object => ({
  mediaType,
  digest,
  size: bytes.length,
});

/** Builds an image in memory; the same recipe gives the same bytes on every machine. */
export function buildImage(recipe: ImageRecipe = {}): OciArtifact {
  const types = TYPES[recipe.format ?? 'oci'];
  const archives = (recipe.layers ?? [{ 'etc/motd': 'hello\n' }]).map(tarOf);
  const layers = archives.map((tar) => documentOf(types.layer, gzipSync(tar, { level: 9 })));
  const config = jsonOf(types.config, configOf(recipe, archives));
  const manifest = jsonOf(types.manifest, {
    schemaVersion: 2,
    mediaType: types.manifest,
    config: pointerTo(config),
    layers: layers.map(pointerTo),
  });
  return { ...manifest, blobs: [config, ...layers], children: [] };
}

const DEFAULTS = Object.freeze({
  created: '2026-01-15T08:00:00Z',
  architecture: 'amd64',
  os: 'linux',
  user: '',
  env: ['PATH=/usr/bin'],
  exposedPorts: [],
  entrypoint: null,
  cmd: ['/bin/true'],
});

function configOf(recipe: ImageRecipe, archives: readonly Buffer[]): object {
  const full = { ...DEFAULTS, ...recipe };
  const copies = archives.map(() => ({ createdBy: 'COPY . / # buildkit', emptyLayer: false }));
  return {
    created: full.created,
    architecture: full.architecture,
    ...(full.variant !== undefined && { variant: full.variant }),
    os: full.os,
    config: {
      User: full.user,
      Env: full.env,
      ExposedPorts: Object.fromEntries(full.exposedPorts.map((port) => [port, {}])),
      Labels: full.labels ?? null,
      Entrypoint: full.entrypoint,
      Cmd: full.cmd,
    },
    rootfs: { type: 'layers', diff_ids: archives.map(sha256) },
    history: (full.history ?? copies).map(({ createdBy, emptyLayer }) => ({
      created: full.created,
      created_by: createdBy,
      ...(emptyLayer === true && { empty_layer: true }),
    })),
  };
}

/** Builds an index over images of several platforms. */
export function buildIndex(
  images: readonly { readonly image: OciArtifact; readonly platform: string }[],
  format: 'oci' | 'docker' = 'oci',
): OciArtifact {
  const types = TYPES[format];
  const index = jsonOf(types.index, {
    schemaVersion: 2,
    mediaType: types.index,
    manifests: images.map(({ image, platform }) => {
      const [os, architecture, variant] = platform.split('/');
      return {
        ...pointerTo(image),
        platform: { os, architecture, ...(variant !== undefined && { variant }) },
      };
    }),
  });
  return { ...index, blobs: [], children: images.map(({ image }) => image) };
}

/** Builds a statement about an image, as builders attach it to what they built. */
export function buildAttestation(subject: OciArtifact): OciArtifact {
  const statement = jsonOf('application/vnd.in-toto+json', {
    _type: 'https://in-toto.io/Statement/v0.1',
    predicateType: 'https://slsa.dev/provenance/v0.2',
    subject: [{ digest: { sha256: subject.digest.slice('sha256:'.length) } }],
  });
  const config = jsonOf(TYPES.oci.config, { architecture: 'unknown', os: 'unknown' });
  const manifest = jsonOf(TYPES.oci.manifest, {
    schemaVersion: 2,
    mediaType: TYPES.oci.manifest,
    config: pointerTo(config),
    layers: [pointerTo(statement)],
    subject: pointerTo(subject),
  });
  return { ...manifest, blobs: [config, statement], children: [] };
}

/** Tag under which a registry without the referrers endpoint keeps what refers to `subject`. */
export const referrersTag = (subject: OciDocument): string => subject.digest.replace(':', '-');

/** A repository of a registry that takes pushes without a login, as registries for tests do. */
export interface PushTarget {
  /** `http://host:port`. */
  readonly url: string;
  readonly repository: string;
}

/** Pushes an artifact with everything it points to and gives it tags; without tags it stays nameless. */
export async function pushArtifact(
  target: PushTarget,
  artifact: OciArtifact,
  tags: readonly string[],
): Promise<void> {
  for (const child of artifact.children) await pushArtifact(target, child, []);
  for (const blob of artifact.blobs) await pushBlob(target, blob);
  for (const reference of tags.length > 0 ? tags : [artifact.digest]) {
    await send(`${baseOf(target)}/manifests/${reference}`, {
      method: 'PUT',
      headers: { 'content-type': artifact.mediaType },
      body: artifact.bytes,
    });
  }
}

async function pushBlob(target: PushTarget, { digest, bytes }: OciDocument): Promise<void> {
  const started = await send(`${baseOf(target)}/blobs/uploads/`, { method: 'POST' });
  const location = new URL(started.headers.get('location') ?? '', target.url);
  location.searchParams.set('digest', digest);
  await send(location.href, {
    method: 'PUT',
    headers: { 'content-type': 'application/octet-stream' },
    body: bytes,
  });
}

/**
 * Removes artifacts with everything they point to. Manifests go before their children and blobs last; what
 * is gone already stays gone. The registry frees the space when its own collector runs.
 */
export async function removeArtifacts(
  target: PushTarget,
  artifacts: readonly OciArtifact[],
): Promise<void> {
  for (const artifact of artifacts) {
    await remove(`${baseOf(target)}/manifests/${artifact.digest}`);
    await removeArtifacts(target, artifact.children);
  }
  for (const blob of artifacts.flatMap(({ blobs }) => blobs)) {
    await remove(`${baseOf(target)}/blobs/${blob.digest}`);
  }
}

const baseOf = ({ url, repository }: PushTarget): string => `${url}/v2/${repository}`;

async function remove(url: string): Promise<void> {
  const response = await fetch(url, { method: 'DELETE' });
  await response.arrayBuffer();
  if (!response.ok && response.status !== 404) throw new Error(`DELETE gave ${response.status}`);
}

async function send(url: string, request: RequestInit): Promise<Response> {
  const response = await fetch(url, request);
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`${request.method ?? 'GET'} gave ${response.status}`);
  return response;
}

const TAR_BLOCK = 512;

/** A tar archive of plain files with fixed owners and times, so that digests do not wander. */
function tarOf(files: LayerFiles): Buffer {
  const entries = Object.entries(files).flatMap(([name, content]) => {
    const bytes = Buffer.from(content, 'utf8');
    const padding = Buffer.alloc((TAR_BLOCK - (bytes.length % TAR_BLOCK)) % TAR_BLOCK);
    return [tarHeader(name, bytes.length), bytes, padding];
  });
  return Buffer.concat([...entries, Buffer.alloc(2 * TAR_BLOCK)]);
}

function tarHeader(name: string, size: number): Buffer {
  const header = Buffer.alloc(TAR_BLOCK);
  const octal = (value: number, digits: number): string =>
    `${value.toString(8).padStart(digits, '0')}\0`;
  if (Buffer.byteLength(name) > 100) throw new Error('names of files in layers are short');
  header.write(name, 0, 'utf8');
  header.write(octal(0o644, 7), 100, 'latin1');
  header.write(octal(0, 7), 108, 'latin1');
  header.write(octal(0, 7), 116, 'latin1');
  header.write(octal(size, 11), 124, 'latin1');
  header.write(octal(0, 11), 136, 'latin1');
  header.write('        0', 148, 'latin1');
  header.write('ustar\x0000', 257, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}
