import { RISKS_MAX } from '../../contracts/schemas/image-contents';
import { INDEXES_MAX, NAMES_MAX, type ImageBody } from '../../contracts/schemas/images';
import { tagSchema, type ImageConfig } from '../../contracts/schemas/registry';
import { builtAt, describeStep } from './construction-history';
import {
  findMisconfiguration,
  findSensitiveInformation,
  onlyLatest,
  sensitiveAt,
  type Risk,
} from './image-risks';
import type { KeyedHash } from './keyed-hash';
import type { ImageManifest } from './manifests';
import { findSecrets, harmlessValue, holdsSecret } from '../../sensitive-values';

/** An image as its own documents describe it; which tags lead to it is known only at the end. */
export interface DescribedImage {
  readonly body: Omit<ImageBody, 'version' | 'tags' | 'tagCount' | 'indexDigests'>;
  readonly risks: readonly Risk[];
}

/** Turns the documents of an image into what is kept of it; the documents themselves are dropped. */
export function describeImage(
  image: {
    readonly repository: string;
    readonly manifest: ImageManifest;
    readonly config: ImageConfig;
  },
  hash: KeyedHash,
): DescribedImage {
  const { manifest, config } = image;
  const settings = config.config ?? {};
  const environment = safeNames((settings.Env ?? []).map((entry) => entry.split('=', 1)[0] ?? ''));
  const labels = safeNames(Object.keys(settings.Labels ?? {}));
  const ports = Object.keys(settings.ExposedPorts ?? {}).filter((port) => PORT.test(port));
  const exposedPorts = sorted(ports).slice(0, NAMES_MAX);
  const user = userOf(settings.User);
  const risks = [
    ...findMisconfiguration(config, { user, exposedPorts }),
    ...findSensitiveInformation(config, hash),
  ];
  return {
    body: {
      name: image.repository,
      imageId: manifest.config.digest,
      digest: manifest.digest,
      platform: platformOf(config),
      sizeBytes: sizeOf(manifest),
      layers: manifest.layers.map(({ digest, size, mediaType }) => ({
        digest,
        sizeBytes: size,
        mediaType,
      })),
      created: builtAt(config.created),
      history: (config.history ?? []).map((step) => describeStep(step, hash)),
      exposedPorts,
      hasEntrypoint: [settings.Entrypoint ?? []].flat().length > 0,
      user,
      environmentNames: environment.names,
      environment: harmlessVariables(settings.Env ?? [], new Set(environment.names)),
      labelNames: labels.names,
      omittedNames: environment.omitted + labels.omitted,
      omittedRisks: Math.max(0, risks.length - RISKS_MAX),
    },
    risks: risks.slice(0, RISKS_MAX),
  };
}

/** Adds what was found in the layers, within the bound of one image. */
export function withLayerRisks(
  { body, risks }: DescribedImage,
  layers: { readonly risks: readonly Risk[]; readonly omittedRisks: number },
): DescribedImage {
  const all = [...risks, ...layers.risks];
  return {
    body: {
      ...body,
      omittedRisks: body.omittedRisks + layers.omittedRisks + Math.max(0, all.length - RISKS_MAX),
    },
    risks: all.slice(0, RISKS_MAX),
  };
}

/** Adds what leads to the image. Tags that hold a secret are counted and reported, not kept. */
export function completeImage(
  { body, risks }: DescribedImage,
  path: { readonly tags: ReadonlySet<string>; readonly indexDigests: ReadonlySet<string> },
  hash: KeyedHash,
): { readonly body: ImageBody; readonly risks: readonly Risk[] } {
  const all = sorted(path.tags);
  const tags = all.filter((tag) => tagSchema.safeParse(tag).success && !holdsSecret(tag));
  return {
    body: {
      ...body,
      version: versionOf(tags),
      tags: tags.slice(0, NAMES_MAX),
      tagCount: all.length,
      indexDigests: sorted(path.indexDigests).slice(0, INDEXES_MAX),
    },
    risks: [...risks, ...onlyLatest(all), ...sensitiveAt('tags', findSecrets(all.join(' ')), hash)],
  };
}

/** The longest tag says most (1.25.3 before 1.25 before 1); `latest` says nothing. */
function versionOf(tags: readonly string[]): string | null {
  const telling = tags.filter((tag) => tag !== 'latest');
  const candidates = telling.length > 0 ? telling : tags;
  return candidates.reduce<string | null>(
    (best, tag) => (best === null || tag.length >= best.length ? tag : best),
    null,
  );
}

const PORT = /^\d{1,5}(-\d{1,5})?(\/(tcp|udp|sctp))?$/;
const NAME = /^[A-Za-z_][\w./-]{0,254}$/;
const ACCOUNT = /^([\w.-]{1,64}(:[\w.-]{1,64})?)?$/;
const PLATFORM_WORD = /^[\w.-]{1,64}$/;

/** Sorted by code units: the same on every machine. */
const sorted = (items: Iterable<string>): string[] =>
  [...new Set(items)].sort((a, b) => (a < b ? -1 : 1));

function safeNames(raw: readonly string[]): {
  readonly names: string[];
  readonly omitted: number;
} {
  const distinct = sorted(raw);
  const names = distinct
    .filter((name) => NAME.test(name) && !holdsSecret(name))
    .slice(0, NAMES_MAX);
  return { names, omitted: distinct.length - names.length };
}

function harmlessVariables(
  entries: readonly string[],
  kept: ReadonlySet<string>,
): ImageBody['environment'] {
  const values = new Map(
    entries.map((entry) => {
      const [name = ''] = entry.split('=', 1);
      return [name, harmlessValue(name, entry.slice(name.length + 1))] as const;
    }),
  );
  return sorted(kept).flatMap((name) => {
    const value = values.get(name) ?? null;
    return value === null ? [] : [{ name, value }];
  });
}

function userOf(user: string | null | undefined): string | null {
  const text = user ?? '';
  return ACCOUNT.test(text) && !holdsSecret(text) ? text : null;
}

function platformOf({ os, architecture, variant }: ImageConfig): string {
  const words = [os, architecture].map((word) =>
    PLATFORM_WORD.test(word ?? '') ? (word ?? '') : 'unknown',
  );
  return [...words, ...(PLATFORM_WORD.test(variant ?? '') ? [variant ?? ''] : [])].join('/');
}

/** Announced sizes are the registry's word; their sum stays a number that can be counted to. */
function sizeOf({ config, layers }: ImageManifest): number {
  const total = layers.reduce((sum, { size }) => sum + size, config.size);
  return Math.min(total, Number.MAX_SAFE_INTEGER);
}
