import type { z } from 'zod';
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

function json(bytes: Buffer, what: string): unknown {
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch {
    throw refusedAnswer('answer', `sent a ${what} that is not JSON`);
  }
}
