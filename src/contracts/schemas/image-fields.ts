import { z } from 'zod';

/** Fields that several bodies of image repositories have. @source DC-2 */

/** A number of things. */
export const count = z.number().int().min(0).max(1_000_000);
/** Bytes. */
export const size = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
/** Keyed hash of something that must not be stored itself. */
export const keyedHash = z.string().regex(/^[0-9a-f]{64}$/);
/** Operating system, architecture and variant, e.g. `linux/arm64/v8`. */
export const platform = z.string().regex(/^[\w.-]{1,64}\/[\w.-]{1,64}(\/[\w.-]{1,64})?$/);
