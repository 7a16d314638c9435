import { z } from 'zod';
import { LetheError } from '../../domain/errors';
import {
  imageLayerBody,
  imagePackagesBody,
  malwareBody,
  riskBody,
  vulnerabilityBody,
} from './image-contents';
import { count, keyedHash, platform, size } from './image-fields';
import { digestSchema, HISTORY_MAX, LAYERS_MAX, repositoryNameSchema, tagSchema } from './registry';

/**
 * Strict shapes of what is stored of image repositories. The text of a command is there as it is after
 * redaction, the value of a variable only when it is harmless by rule. There is no field for the value of
 * a label, an author or a comment: they may hold names of people, and the agreement does not ask for
 * them. @source DC-2, SD-1
 */

/** Why an image could not be read. */
const IMAGE_FAILURE_REASONS = Object.freeze([
  'missing',
  'digest-mismatch',
  'malformed',
  'too-large',
  'too-slow',
  'unsupported',
  'nested-too-deep',
  'access-denied',
  'unavailable',
  'layer-missing',
  'layer-digest-mismatch',
  'layer-malformed',
  'layer-too-large',
  'layer-too-slow',
  'layer-encrypted',
  'layer-packed-with-bzip2',
  'layer-packed-with-lz4',
  'layer-packed-with-xz',
  'layer-access-denied',
  'layer-unavailable',
] as const);

/**
 * A reason why an image could not be read. Where it begins with `layer`, the image's own documents were
 * read and are stored, and what its layers hold is not known.
 */
export type ImageFailureReason = (typeof IMAGE_FAILURE_REASONS)[number];

/** Words of a Dockerfile; everything else in a history is `UNKNOWN`. */
export const INSTRUCTIONS = Object.freeze([
  'ADD',
  'ARG',
  'CMD',
  'COPY',
  'ENTRYPOINT',
  'ENV',
  'EXPOSE',
  'FROM',
  'HEALTHCHECK',
  'LABEL',
  'MAINTAINER',
  'ONBUILD',
  'RUN',
  'SHELL',
  'STOPSIGNAL',
  'USER',
  'VOLUME',
  'WORKDIR',
  'UNKNOWN',
] as const);

/** Kinds of risks that a scan of a registry finds by itself. */
export const IMAGE_RISK_KINDS = Object.freeze([
  'sensitive-information',
  'misconfiguration',
  'malware',
  'vulnerability',
] as const);

/** A kind of risk that a scan of a registry finds by itself. */
export type ImageRiskKind = (typeof IMAGE_RISK_KINDS)[number];

/** Distinct variables, labels, ports or tags that are kept of one image. */
export const NAMES_MAX = 512;
/** Characters of a step of the history that are kept, after redaction. */
export const STEP_MAX = 1_024;
/** Indexes that are kept of one image. */
export const INDEXES_MAX = 64;
/** When a builder says it made something; the engine draws no conclusion from it. */
export const builtAtSchema = z.iso.datetime({ offset: true }).max(40);
const created = builtAtSchema.nullable();
const mediaType = z.string().max(255);
const name = z.string().min(1).max(256);

const historyStep = z.strictObject({
  instruction: z.enum(INSTRUCTIONS),
  /** Name that an ENV, ARG or LABEL sets; null for the others and where it cannot be told apart safely. */
  name: name.nullable(),
  emptyLayer: z.boolean(),
  created,
  /** What was done, redacted; longer ones are cut. */
  text: z.string().max(STEP_MAX),
  textHash: keyedHash,
});

const imageBody = z.strictObject({
  /** Repository without the registry's address. */
  name: repositoryNameSchema,
  /** The most telling of the tags: the longest that is not `latest`. */
  version: tagSchema.nullable(),
  tags: z.array(tagSchema).max(NAMES_MAX),
  /** All tags, also those left out above because they are too many or look like a secret. */
  tagCount: count,
  /** Digest of the image's configuration. */
  imageId: digestSchema,
  digest: digestSchema,
  /** Indexes that lead to this image. */
  indexDigests: z.array(digestSchema).max(INDEXES_MAX),
  platform,
  /** Bytes of all layers and the configuration, compressed as they are stored. */
  sizeBytes: size,
  layers: z
    .array(z.strictObject({ digest: digestSchema, sizeBytes: size, mediaType }))
    .max(LAYERS_MAX),
  created,
  history: z.array(historyStep).max(HISTORY_MAX),
  exposedPorts: z.array(z.string().max(32)).max(NAMES_MAX),
  hasEntrypoint: z.boolean(),
  /** Empty when none is set; null when it is not a plain account. */
  user: z.string().max(129).nullable(),
  environmentNames: z.array(name).max(NAMES_MAX),
  /** Variables whose value is harmless by rule; of the others only the name is kept, above. */
  environment: z.array(z.strictObject({ name, value: z.string().max(1_024) })).max(NAMES_MAX),
  labelNames: z.array(name).max(NAMES_MAX),
  /** Names that were left out because they are malformed, look like a secret or are too many. */
  omittedNames: count,
  /** Findings beyond the bound of one image. */
  omittedRisks: count,
});

const imageFailureBody = z.strictObject({
  /** The tag or digest that could not be read. */
  reference: z.string().min(1).max(160),
  reason: z.enum(IMAGE_FAILURE_REASONS),
});

const repositoryBasics = z.strictObject({
  /** `host[:port]/repository`. */
  address: z.string().min(3).max(600),
  registry: z.string().min(1).max(320),
  repository: repositoryNameSchema,
  repositoryType: z.enum(['tcr-enterprise', 'tcr-personal', 'harbor', 'docker-hub', 'generic']),
  tags: count,
  images: count,
  /** Manifests that are not images: attestations, signatures, charts. */
  artifacts: count,
  failures: count,
});

const RECORDS = {
  image: imageBody,
  'image-failure': imageFailureBody,
  'sensitive-information': riskBody,
  misconfiguration: riskBody,
  malware: malwareBody,
  vulnerability: vulnerabilityBody,
  'image-packages': imagePackagesBody,
  'image-layer': imageLayerBody,
  'image-repository': repositoryBasics,
} as const;

/** Body of a record of kind `image`. */
export type ImageBody = z.infer<typeof imageBody>;
/** One step of a construction history. */
export type HistoryStep = z.infer<typeof historyStep>;
/** Basics of an asset of kind `image-repository`. */
export type RepositoryBasics = z.infer<typeof repositoryBasics>;
/** Every kind of body that is stored of an image repository, `image-repository` for its basics. */
export type ImageRecordKind = keyof typeof RECORDS;

/**
 * Parses a body that is about to be stored. Strict: what has no field here is refused.
 *
 * @throws LetheError UNKNOWN_KIND, or INVALID_INPUT naming the field; values never enter the message.
 */
export function parseImageRecord<K extends ImageRecordKind>(
  kind: K,
  body: unknown,
): z.infer<(typeof RECORDS)[K]> {
  if (!Object.hasOwn(RECORDS, kind)) {
    throw new LetheError('UNKNOWN_KIND', `kind must be one of ${Object.keys(RECORDS).join(', ')}`, {
      field: 'kind',
    });
  }
  const parsed = RECORDS[kind].safeParse(body);
  if (parsed.success) return parsed.data as z.infer<(typeof RECORDS)[K]>;
  const issue = parsed.error.issues[0];
  const field = ['body', ...(issue?.path ?? [])].map(String).join('.');
  throw new LetheError(
    'INVALID_INPUT',
    `${field} is missing, unknown or malformed (${issue?.code ?? 'invalid'})`,
    { field },
  );
}
