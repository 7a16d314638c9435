import { LetheError } from '../domain/errors';
import type { CliIo } from './io';

/** What is to be confirmed. */
export interface Confirmation {
  /** Id that has to be typed. */
  readonly id: string;
  /** What follows from it, as a sentence without a full stop. */
  readonly consequence: string;
  /** What `--confirm` said. */
  readonly given: string | undefined;
  /** No question is asked of programs. */
  readonly json: boolean;
}

/**
 * The id that is typed for what reaches some tenants: the tenant's when it reaches one alone, so that
 * whoever decides has named whose data it is about; the thing's own otherwise.
 */
export function idToType(own: string, tenantIds: readonly string[]): string {
  const [only, ...others] = new Set(tenantIds);
  return only !== undefined && others.length === 0 ? only : own;
}

/**
 * Lets a dangerous command pass only when its id was typed a second time: with `--confirm`, or at the
 * terminal.
 *
 * @throws LetheError CONFIRMATION_REQUIRED when it was not, or when it was another id.
 */
export async function confirm(io: CliIo, order: Confirmation): Promise<void> {
  const asked = order.given === undefined && io.ask !== undefined && !order.json;
  const typed = asked
    ? (await io.ask(`${order.consequence}.\nType ${order.id} to go on: `)).trim()
    : order.given;
  if (typed === order.id) return;
  throw new LetheError(
    'CONFIRMATION_REQUIRED',
    `${order.consequence}; nothing was done: give --confirm ${order.id}`,
    { field: 'confirm' },
  );
}
