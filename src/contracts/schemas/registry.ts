import { z } from 'zod';

/**
 * What a registry answers, as far as the engine reads it. Unknown fields are left out, because the
 * formats are extensible; known ones are checked, because the registry belongs to somebody else.
 */

/** Digests the engine can compute itself; another algorithm would be a claim nobody checks. */
export const digestSchema = z
  .string()
  .regex(/^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/, 'is not a SHA-256 or SHA-512 digest');

/** Malformed entries of one list that fail by themselves; a list of more of them is none. */
export const MALFORMED_MAX = 100;

const mediaType = z.string().regex(/^[\w!#$&^.+-]{1,127}\/[\w!#$&^.+-]{1,127}$/);
const bytes = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

/** Layers of one image; the usual builders stop at 127. */
export const LAYERS_MAX = 512;
/**
 * Entries of one index. Published images have a few dozen; what is attached to an image is listed in the
 * same form and grows with every signature.
 */
const INDEX_ENTRIES_MAX = 4096;
/** Steps of one construction history. */
export const HISTORY_MAX = 1024;

/** How names are compared by what runs images: without regard to case, in every alphabet. */
const folded = (name: string): string => name.toUpperCase().toLowerCase();

function isPlainlyNamed(value: unknown, names: readonly string[]): boolean {
  if (typeof value !== 'object' || value === null) return true;
  const known = new Set(names.map(folded));
  return Object.keys(value).every((key) => names.includes(key) || !known.has(folded(key)));
}

/**
 * An object with known fields. What runs images takes `Layers` for `layers` and lets the last one count:
 * a document that has such a name could show a scan another image than the one that is run.
 */
const plainObject = <Shape extends z.core.$ZodLooseShape>(
  shape: Shape,
): z.ZodPipe<z.ZodUnknown, z.ZodObject<Shape>> => {
  const names = Object.keys(shape);
  return z
    .unknown()
    .refine((value) => isPlainlyNamed(value, names))
    .pipe(z.object(shape));
};

/** A pointer from one document to another. */
const descriptorSchema = plainObject({
  mediaType,
  digest: digestSchema,
  size: bytes,
  artifactType: mediaType.optional(),
});

/** A list whose malformed entries are null, so that each of them fails by itself. */
const listOf = <Item extends z.ZodType>(
  ...[item, max]: [item: Item, max: number]
): z.ZodType<(z.infer<Item> | null)[]> =>
  z
    .array(item.nullable().catch(null))
    .max(max)
    .refine((items) => items.filter((one) => one === null).length <= MALFORMED_MAX);

/** An image manifest of OCI or of Docker's second schema. */
export const imageManifestSchema = plainObject({
  schemaVersion: z.literal(2),
  mediaType: mediaType.optional(),
  config: descriptorSchema,
  layers: z.array(descriptorSchema).max(LAYERS_MAX),
  /** An index has them; one document must not be read as both. */
  manifests: z.undefined().optional(),
});

/** An index of OCI or a manifest list of Docker. */
export const indexSchema = plainObject({
  schemaVersion: z.literal(2),
  mediaType: mediaType.optional(),
  /** Null where an entry is malformed. */
  manifests: listOf(descriptorSchema, INDEX_ENTRIES_MAX),
  layers: z.undefined().optional(),
  config: z.undefined().optional(),
});

const word = z.string().max(64);
const text = z.string();
const named = z.record(z.string(), z.unknown());

const historyStep = plainObject({
  created: text.max(64).nullish(),
  created_by: text.nullish(),
  empty_layer: z.boolean().nullish(),
});

/** The configuration of an image; builders write null where they mean nothing. */
export const imageConfigSchema = plainObject({
  architecture: word.nullish(),
  os: word.nullish(),
  variant: word.nullish(),
  created: text.max(64).nullish(),
  config: plainObject({
    User: text.nullish(),
    ExposedPorts: named.nullish(),
    Env: z.array(text).nullish(),
    Entrypoint: z.union([z.array(text), text]).nullish(),
    Cmd: z.union([z.array(text), text]).nullish(),
    Labels: named.nullish(),
  }).nullish(),
  /** Digests of the unpacked layers, lowest first. */
  rootfs: plainObject({ diff_ids: z.array(digestSchema).max(LAYERS_MAX) }).nullish(),
  /** Null where a step is malformed. */
  history: listOf(historyStep, HISTORY_MAX).nullish(),
});

/** Name of a repository as the distribution specification allows it. */
export const repositoryNameSchema = z
  .string()
  .max(255)
  .regex(
    /^[a-z0-9]+((\.|_|__|-{1,32})[a-z0-9]+){0,127}(\/[a-z0-9]+((\.|_|__|-{1,32})[a-z0-9]+){0,127}){0,63}$/,
  );

/** A tag as the distribution specification allows it. */
export const tagSchema = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/);

/** One page of the catalog; its names are checked one by one. */
export const catalogSchema = z.object({ repositories: z.array(z.unknown()).nullable() });

/** One page of tags, checked one by one; null after the last tag was deleted. */
export const tagListSchema = z.object({ tags: z.array(z.unknown()).nullable() });

const bearer = z.string().regex(/^[\x21-\x7e]{1,16384}$/);

/** The answer of a token service; either name of the token is in use. */
export const tokenSchema = z.union([
  z.object({ token: bearer }),
  z.object({ access_token: bearer }).transform(({ access_token }) => ({ token: access_token })),
]);

/** A pointer from one document to another. */
export type Descriptor = z.infer<typeof descriptorSchema>;

/** One step of a history. */
export type ConfigStep = z.infer<typeof historyStep>;

/** The configuration of an image, as far as it is read. */
export type ImageConfig = z.infer<typeof imageConfigSchema>;
