import type { z } from 'zod';
import { parseStrictJson } from '../../contracts/strict-json';
import { isLetheError } from '../../domain/errors';
import { refusedAnswer } from './failures';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads bytes of a registry as JSON of a known shape.
 *
 * @throws LetheError STORE_REFUSED; neither the bytes nor the parser's words enter the message.
 */
export function parseAnswer<T>(schema: z.ZodType<T>, bytes: Buffer, what: string): T {
  const parsed = schema.safeParse(json(bytes, what));
  if (parsed.success) return parsed.data;
  throw refusedAnswer('answer', `sent a malformed ${what}`);
}

/** A field that is stated twice is one thing to this parser and another to what runs the image. */
function json(bytes: Buffer, what: string): unknown {
  try {
    return parseStrictJson(utf8.decode(bytes));
  } catch (error) {
    const why = isLetheError(error) ? 'states a field twice' : 'is not JSON';
    throw refusedAnswer('answer', `sent a ${what} that ${why}`);
  }
}
