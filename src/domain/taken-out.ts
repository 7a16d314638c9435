import { assertShape, instantOf } from './certificate-fields';
import { OPAQUE_ID } from './identifiers';

/** Kind of the ledger entry that is written before somebody takes a due day's key or records out. */
export const TAKEN_OUT = 'taken-out';

/** What people can take out of the archive; what became of it afterwards is not known to the engine. */
export type Takeable = 'key' | 'records';

/** One act of taking out, as the ledger has it. */
export interface TakenOut {
  readonly what: Takeable;
  /** Instant of the entry; what was taken out came after it. */
  readonly at: string;
  readonly takenBy: string;
}

/**
 * What a certificate says of them; nothing when there are none.
 *
 * @throws LetheError INVALID_INPUT or INVALID_INSTANT naming the field.
 * @source AB-3, ST-1
 */
export function certifyTakenOut(acts: readonly TakenOut[] | undefined): {
  readonly takenOut?: readonly TakenOut[];
} {
  if (acts === undefined || acts.length === 0) return {};
  const takenOut = acts.map(({ what, at, takenBy }) => {
    assertShape((what as string) === 'key' || (what as string) === 'records', 'takenOut.what');
    assertShape(OPAQUE_ID.test(takenBy), 'takenOut.takenBy');
    return { what, at: instantOf(at, 'takenOut.at'), takenBy };
  });
  return { takenOut };
}
