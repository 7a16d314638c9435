import {
  imageManifestSchema,
  indexSchema,
  type Descriptor,
} from '../../contracts/schemas/registry';
import { refusedAnswer } from './failures';
import { parseAnswer } from './parse-answer';

const INDEX_TYPES = Object.freeze([
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
]);
const IMAGE_TYPES = Object.freeze([
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
]);

/** All four types, always: a registry answers 404 for an index that was not asked for by its type. */
export const MANIFEST_ACCEPT = [...INDEX_TYPES, ...IMAGE_TYPES].join(', ');

/** Type of an OCI index, which is also the form of a list of referrers. */
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';

interface Known {
  readonly digest: string;
  readonly mediaType: string;
  /** Bytes of the document itself. */
  readonly sizeBytes: number;
}

/** A manifest of one image or of some other artifact. */
export interface ImageManifest extends Known {
  readonly kind: 'image';
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

/** A list of manifests, usually one per platform. */
export interface IndexManifest extends Known {
  readonly kind: 'index';
  /** Null where an entry is malformed. */
  readonly manifests: readonly (Descriptor | null)[];
}

/** What a reference leads to. */
export type RegistryManifest = ImageManifest | IndexManifest;

/**
 * Reads a manifest by the type that its header names. The type inside the document must be the same:
 * bytes that are an image to one reader and an index to another would hide what they hold.
 *
 * @throws LetheError STORE_REFUSED with field `mediaType` for a type the engine does not read.
 */
export function parseManifest(
  bytes: Buffer,
  contentType: string | undefined,
  digest: string,
): RegistryManifest {
  const mediaType = (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const known = { digest, mediaType, sizeBytes: bytes.length };
  if (INDEX_TYPES.includes(mediaType)) {
    const index = parseAnswer(indexSchema, bytes, 'index');
    assertSameType(index.mediaType, mediaType);
    return { ...known, kind: 'index', manifests: index.manifests };
  }
  if (!IMAGE_TYPES.includes(mediaType)) {
    throw refusedAnswer('mediaType', 'sent a manifest of a type that is not supported');
  }
  const image = parseAnswer(imageManifestSchema, bytes, 'manifest');
  assertSameType(image.mediaType, mediaType);
  return { ...known, kind: 'image', config: image.config, layers: image.layers };
}

function assertSameType(inside: string | undefined, outside: string): void {
  if (inside !== undefined && inside !== outside) {
    throw refusedAnswer('mediaType', 'calls a manifest something else than the manifest does');
  }
}

const IMAGE_CONFIGS = new Set([
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
]);
const IMAGE_LAYER = /^application\/vnd\.(oci\.image\.layer|docker\.image\.rootfs)\./;

/**
 * True when a manifest can be run as an image. Judged by what it holds: an annotation or a platform
 * called unknown, by which attestations are usually told apart, could hide an image.
 */
export const isRunnable = ({ config, layers }: ImageManifest): boolean =>
  IMAGE_CONFIGS.has(config.mediaType) &&
  (layers.length === 0 || layers.some(({ mediaType }) => IMAGE_LAYER.test(mediaType)));
