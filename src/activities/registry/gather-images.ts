import { LetheError, isLetheError } from '../../domain/errors';
import type { ImageFailureReason } from '../../contracts/schemas/images';
import type { Descriptor, ImageConfig } from '../../contracts/schemas/registry';
import type { LayerLimits, UnpackingThreads } from '../../image-layers';
import type { VirusScanner } from './clamd';
import { referrersTag, type RegistryClient } from './create-registry-client';
import { describeContent, type Advisories, type DescribedContent } from './describe-content';
import { describeImage, withLayerRisks, type DescribedImage } from './describe-image';
import { refusedAnswer } from './failures';
import type { KeyedHash } from './keyed-hash';
import type { KnownMalware } from './layer-findings';
import type { LayerState } from './layer-state';
import type { ListedNames } from './listing';
import { isRunnable, type ImageManifest, type RegistryManifest } from './manifests';
import {
  LayerReader,
  OwnStoreFailure,
  ReadingPaused,
  SCAN_MILLISECONDS,
  type ReadingProgress,
} from './read-layers';
import type { CallOptions } from './session';
import type { StoredLayers } from './stored-layers';

/** An image and the ways that lead to it. */
export interface GatheredImage {
  readonly described: DescribedImage;
  /** What its layers hold; null when that could not be read, for a reason among the failures. */
  readonly content: DescribedContent | null;
  readonly tags: Set<string>;
  readonly indexDigests: Set<string>;
}

/** Everything that the tags of a repository lead to. */
export interface Gathered {
  /** By digest of the image's manifest. */
  readonly images: ReadonlyMap<string, GatheredImage>;
  /** By tag or digest that could not be read. */
  readonly failures: ReadonlyMap<string, ImageFailureReason>;
  /** Digests of manifests that are no images. */
  readonly artifacts: ReadonlySet<string>;
  /** Every layer that was read or known, with what it changes. */
  readonly layers: Pick<LayerReader, 'layers' | 'holdsAll'>;
}

/** Where to gather and with what. */
export interface GatherOptions {
  readonly client: RegistryClient;
  readonly repository: string;
  readonly hash: KeyedHash;
  readonly call: CallOptions;
  readonly bounds?: GatherBounds;
  readonly contents?: ContentOptions;
}

/** What the layers of images are compared with. */
export interface ContentOptions {
  readonly advisories?: Advisories;
  readonly malware?: KnownMalware;
  readonly viruses?: VirusScanner;
  readonly limits?: Partial<LayerLimits>;
  /** Unpack layers beside the own thread; absent: in it. */
  readonly threads?: UnpackingThreads;
  /** Layers of earlier scans; without it all are read. */
  readonly stored?: StoredLayers;
  /** Told before each layer; may throw to stop the scan. */
  readonly progress?: (progress: ReadingProgress) => void;
  /** Milliseconds for all layers of one attempt. */
  readonly scanMilliseconds?: number;
}

/** What one scan of a repository may cost. */
export interface GatherBounds {
  /** Steps through indexes: a few thousand tags of a few dozen platforms. */
  readonly steps: number;
  /** Steps through the indexes of one tag, which fails by itself when it has more. */
  readonly stepsOfTag: number;
  /** Bytes of manifests and configurations, which bounds what is kept of them. */
  readonly bytes: number;
}

/** How much longer than layers documents are read in one attempt. */
const DOCUMENTS_LONGER_MS = 5 * 60_000;

const BOUNDS: GatherBounds = Object.freeze({
  steps: 100_000,
  stepsOfTag: 10_000,
  bytes: 256 * 1024 * 1024,
});

/** An index in an index is used by nobody but allowed; deeper ones only cost requests. */
const INDEX_DEPTH_MAX = 2;
/** What a package counts for against the bytes. */
const PACKAGE_BYTES = 256;
/** What a finding counts for against the bytes. */
const RISK_BYTES = 1024;
/** So many unreachable documents in a row mean that the registry is down, not that an image is broken. */
const UNAVAILABLE_MAX = 3;

/** Failures of one document; every other failure ends the scan. */
const REASONS: Partial<Record<LetheError['code'], ImageFailureReason>> = {
  DIGEST_MISMATCH: 'digest-mismatch',
  ACCESS_DENIED: 'access-denied',
  STORE_UNAVAILABLE: 'unavailable',
  STORE_REFUSED: 'malformed',
};
const REASONS_BY_FIELD: Readonly<Record<string, ImageFailureReason>> = {
  mediaType: 'unsupported',
  size: 'too-large',
};

/** Why layers could not be read, told apart from the image's own documents. */
const LAYER_REASONS: Readonly<Record<string, ImageFailureReason>> = {
  missing: 'layer-missing',
  'digest-mismatch': 'layer-digest-mismatch',
  malformed: 'layer-malformed',
  'too-large': 'layer-too-large',
  'too-slow': 'layer-too-slow',
  encrypted: 'layer-encrypted',
  'packed-with-bzip2': 'layer-packed-with-bzip2',
  'packed-with-lz4': 'layer-packed-with-lz4',
  'packed-with-xz': 'layer-packed-with-xz',
  'access-denied': 'layer-access-denied',
  unavailable: 'layer-unavailable',
};

type Fetched<T> = { readonly value: T } | { readonly reason: ImageFailureReason };

interface Walk extends GatherOptions {
  readonly begun: number;
  readonly bounds: GatherBounds;
  readonly layers: LayerReader;
  readonly manifests: Map<string, RegistryManifest>;
  readonly images: Map<string, GatheredImage>;
  readonly failures: Map<string, ImageFailureReason>;
  readonly artifacts: Set<string>;
  readonly spent: { steps: number; bytes: number; unavailable: number };
}

interface Path {
  /** Null where only the image that it is attached to leads to it. */
  readonly tag: string | null;
  readonly indexes: readonly string[];
  /** Steps that are left; a tag that needs more fails by itself. */
  readonly left: { steps: number };
}

/**
 * Follows every tag to its images and to what is attached to them, each document read once. A document
 * that cannot be read, or an entry of one that is malformed, becomes a failure with a reason and the others
 * are still read.
 *
 * @throws LetheError STORE_UNAVAILABLE when several documents in a row cannot be reached, STORE_REFUSED
 *   when the repository is larger than one scan may read; whatever `authorize` throws.
 */
export async function gatherImages(options: GatherOptions, tags: ListedNames): Promise<Gathered> {
  const walk: Walk = {
    ...options,
    begun: process.uptime(),
    bounds: options.bounds ?? BOUNDS,
    layers: new LayerReader({ ...options, ...options.contents }),
    manifests: new Map(),
    images: new Map(),
    failures: new Map(tags.malformed.map((shown) => [`tag ${shown}`, 'malformed'])),
    artifacts: new Set(),
    spent: { steps: 0, bytes: 0, unavailable: 0 },
  };
  try {
    for (const tag of tags.names) {
      const manifest = await readManifest(walk, tag);
      if (manifest !== null) await visit(walk, manifest, pathFrom(walk, tag));
    }
    for (const digest of [...walk.images.keys()]) await visitReferrers(walk, digest);
  } catch (error) {
    throw error instanceof OwnStoreFailure ? error.failure : error;
  }
  return walk;
}

const pathFrom = ({ bounds }: Walk, tag: string | null): Path => ({
  tag,
  indexes: [],
  left: { steps: bounds.stepsOfTag },
});

async function visit(walk: Walk, manifest: RegistryManifest, path: Path): Promise<void> {
  if ((walk.spent.steps += 1) > walk.bounds.steps) {
    throw refusedAnswer('size', `holds more than ${walk.bounds.steps} manifests in one repository`);
  }
  if ((path.left.steps -= 1) < 0) {
    walk.failures.set(path.tag ?? manifest.digest, 'too-large');
    return;
  }
  if (manifest.kind === 'image') {
    await visitImage(walk, manifest, path);
    return;
  }
  if (path.indexes.length >= INDEX_DEPTH_MAX) {
    walk.failures.set(manifest.digest, 'nested-too-deep');
    return;
  }
  const indexes = [...path.indexes, manifest.digest];
  noteMalformed(walk, `${manifest.digest}#manifests`, manifest.manifests);
  for (const digest of new Set(fit(manifest.manifests).map((entry) => entry.digest))) {
    if (path.left.steps < 0) return;
    const child = walk.manifests.get(digest) ?? (await readManifest(walk, digest));
    if (child !== null) await visit(walk, child, { ...path, indexes });
  }
}

async function visitImage(walk: Walk, manifest: ImageManifest, path: Path): Promise<void> {
  if (!isRunnable(manifest)) {
    walk.artifacts.add(manifest.digest);
    return;
  }
  const image = walk.images.get(manifest.digest) ?? (await readImage(walk, manifest));
  if (image === null) return;
  if (path.tag !== null) image.tags.add(path.tag);
  for (const digest of path.indexes) image.indexDigests.add(digest);
}

/**
 * Follows what is attached to an image: signatures, lists of packages, and whatever else names it as its
 * subject. Most of it has no tag, and something among it may be an image.
 */
async function visitReferrers(walk: Walk, digest: string): Promise<void> {
  const { client, repository, call } = walk;
  const referrers = await attempt(walk, referrersTag(digest), () =>
    client.listReferrers(repository, digest, call),
  );
  noteMalformed(walk, `${referrersTag(digest)}#manifests`, referrers ?? []);
  for (const referrer of fit(referrers ?? [])) {
    const known = walk.manifests.get(referrer.digest);
    const manifest = known ?? (await readManifest(walk, referrer.digest));
    if (manifest !== null) await visit(walk, manifest, pathFrom(walk, null));
  }
}

/** Entries of a list that were well-formed. */
const fit = (entries: readonly (Descriptor | null)[]): readonly Descriptor[] =>
  entries.filter((entry) => entry !== null);

/** A malformed entry is named by its place, and hides nothing of what stands beside it. */
function noteMalformed(walk: Walk, list: string, entries: readonly unknown[]): void {
  entries.forEach((entry, index) => {
    if (entry === null) walk.failures.set(`${list}[${index}]`, 'malformed');
  });
}

async function readManifest(walk: Walk, reference: string): Promise<RegistryManifest | null> {
  // What failed once fails for every tag that leads to it, without being asked for again.
  if (walk.failures.has(reference)) return null;
  const { client, repository, call } = walk;
  const manifest = await attempt(walk, reference, () =>
    client.getManifest(repository, reference, call),
  );
  if (manifest !== null) {
    spend(walk, manifest.sizeBytes);
    walk.manifests.set(manifest.digest, manifest);
  }
  return manifest;
}

async function readImage(walk: Walk, manifest: ImageManifest): Promise<GatheredImage | null> {
  if (walk.failures.has(manifest.digest)) return null;
  const { client, repository, call, hash } = walk;
  const config = await attempt(walk, manifest.digest, () =>
    client.getConfig(repository, manifest.config, call),
  );
  if (config === null) return null;
  spend(walk, manifest.config.size);
  noteMalformed(walk, `${manifest.digest}#history`, config.history ?? []);
  const state = await readLayersOf(walk, manifest, config);
  const own = describeImage({ repository, manifest, config }, hash);
  const described = state === null ? own : withLayerRisks(own, state);
  const content = state && describeContent(state, hash, walk.contents ?? {});
  spend(walk, described.risks.length * RISK_BYTES + bytesOf(content));
  const image = { described, content, tags: new Set<string>(), indexDigests: new Set<string>() };
  walk.images.set(manifest.digest, image);
  return image;
}

/** Reads the layers of an image; what is wrong with them is noted beside the image and stops nobody. */
async function readLayersOf(
  walk: Walk,
  manifest: ImageManifest,
  config: ImageConfig,
): Promise<LayerState | null> {
  const state = await attempt(walk, manifest.digest, () => walk.layers.read(manifest, config));
  if (state !== null && typeof state !== 'string') return state;
  const reason = state ?? walk.failures.get(manifest.digest) ?? 'missing';
  walk.failures.set(manifest.digest, LAYER_REASONS[reason] ?? 'layer-malformed');
  return null;
}

/** What the body of an image's content costs; it is held until the scan ends. */
const bytesOf = (content: DescribedContent | null): number =>
  content === null
    ? 0
    : content.body.packages.length * PACKAGE_BYTES + content.vulnerabilities.length * RISK_BYTES;

/** Reads one document; a failure of it alone is noted under its reference. */
async function attempt<T>(
  walk: Walk,
  reference: string,
  read: () => Promise<T | null>,
): Promise<T | null> {
  if (isTimeUp(walk)) {
    walk.failures.set(reference, 'too-slow');
    return null;
  }
  const fetched = await fetchOne(read, walk.call.signal);
  if ('value' in fetched && fetched.value !== null) {
    walk.spent.unavailable = 0;
    return fetched.value;
  }
  const reason = 'reason' in fetched ? fetched.reason : 'missing';
  walk.failures.set(reference, reason);
  walk.spent.unavailable = reason === 'unavailable' ? walk.spent.unavailable + 1 : 0;
  if (walk.spent.unavailable >= UNAVAILABLE_MAX) {
    throw new LetheError(
      'STORE_UNAVAILABLE',
      'the registry stopped answering during the scan; try again later',
      { field: 'registry' },
    );
  }
  return null;
}

/**
 * Documents are not remembered between attempts: a registry that is slow with them would keep a scan busy
 * for ever. What the time was too short for is named, unless the next attempt gets further.
 */
function isTimeUp({ begun, contents, layers }: Walk): boolean {
  const within = (contents?.scanMilliseconds ?? SCAN_MILLISECONDS) + DOCUMENTS_LONGER_MS;
  if ((process.uptime() - begun) * 1000 <= within) return false;
  if (layers.hasKept) throw new ReadingPaused();
  return true;
}

async function fetchOne<T>(
  read: () => Promise<T | null>,
  signal: AbortSignal,
): Promise<Fetched<T | null>> {
  try {
    return { value: await read() };
  } catch (error) {
    // Whoever stopped the scan may have a reason that looks like a failure of the registry.
    signal.throwIfAborted();
    const reason = isLetheError(error) ? REASONS[error.code] : undefined;
    if (!isLetheError(error) || reason === undefined) throw error;
    return { reason: REASONS_BY_FIELD[error.field ?? ''] ?? reason };
  }
}

function spend(walk: Walk, bytes: number): void {
  walk.spent.bytes += bytes;
  if (walk.spent.bytes > walk.bounds.bytes) {
    throw refusedAnswer('size', `holds more than ${walk.bounds.bytes} bytes of descriptions`);
  }
}
