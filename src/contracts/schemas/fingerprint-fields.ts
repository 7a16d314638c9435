import { z } from 'zod';

/** Bounds of every text and list in a host report; the collector cuts to them, the schemas insist. */
export const BOUNDS = Object.freeze({
  /** Characters of a name, a version or a schedule. */
  name: 256,
  /** Characters of a path. */
  path: 1024,
  /** Characters of a command line. */
  command: 2048,
  /** Items of a list inside one record. */
  list: 64,
  /** Records of one kind. */
  recordsOfKind: 50_000,
  /** Records of all kinds together. */
  records: 200_000,
  containers: 5_000,
  clusters: 100,
  /** Bytes of a whole report as canonical JSON; staging takes a little more. */
  reportBytes: 40 * 1024 * 1024,
});

/**
 * What nobody can see on a screen and a terminal may obey: controls, formatting (text direction, zero
 * width), line and paragraph separators, and halves of surrogate pairs.
 */
export const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

const visible = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .refine((text) => !INVISIBLE.test(text), { message: 'must not hold invisible characters' });

/** A name, a version, a schedule. */
export const name = visible(BOUNDS.name);

/** A path inside the root that was read. */
export const path = visible(BOUNDS.path);

/** A command line after redaction; what is longer was cut. */
export const commandLine = visible(BOUNDS.command);

/** Items inside one record. */
export const list = <Item extends z.ZodType>(item: Item): z.ZodArray<Item> =>
  z.array(item).max(BOUNDS.list);

/** A count or a size in bytes. */
export const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

/** A user, group or process id of the kernel. */
export const kernelId = z.number().int().min(0).max(4_294_967_295);

export const port = z.number().int().min(0).max(65_535);

/** A civil date. */
export const date = z.string().regex(/^\d{4}-\d{2}-\d{2}$/);

/** A container's own id, as its runtime made it; a hash of its name where the runtime has names only. */
export const containerId = z.string().regex(/^[0-9a-f]{64}$/);

/** SHA-256 in hexadecimal. */
export const sha256Hex = z.string().regex(/^[0-9a-f]{64}$/);
