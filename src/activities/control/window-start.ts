import type { DerivedWindow } from '../../contracts/windows';
import type { RequestFact } from './tenant-facts';

/** When destruction may start, and what it waits for. */
export interface WindowStart {
  /** Null while nothing but a request without an approved order asks for it. */
  readonly deleteNotBefore: string | null;
  readonly endedNotBefore: string | null;
  /** What the requests ask for, approved or not. */
  readonly requestedNotBefore: string | null;
  readonly waitsForOrder: boolean;
}

/** The window of a cohort, and how it would be with some of its requests only. */
export interface WindowDerivation {
  /** By the facts as they are now. */
  readonly derived: DerivedWindow;
  /** The same, where what was promised before stands. */
  readonly kept: DerivedWindow;
  /** With the requests of which `counts` is true; withdrawn ones keep their effect. */
  readonly deriveFor: (counts: (request: RequestFact) => boolean) => DerivedWindow;
  /** A standing request covers the cohort. */
  readonly isAsked: boolean;
}

/**
 * A request moves the end of a promise when it is received; destruction it starts only under an approved
 * order. What the end of use alone allows needs none, and is not delayed by one that is missing.
 *
 * @source CC-2, DR-1
 */
export function startOf({ derived, kept, deriveFor, isAsked }: WindowDerivation): WindowStart {
  const requestedNotBefore = kept.deleteNotBefore;
  if (!isAsked) {
    return {
      deleteNotBefore: requestedNotBefore,
      endedNotBefore: requestedNotBefore,
      requestedNotBefore,
      waitsForOrder: false,
    };
  }
  const allowed = deriveFor(
    ({ withdrawnAt, orderId }) => withdrawnAt !== null || orderId !== null,
  ).deleteNotBefore;
  const waitsForOrder = derived.deleteNotBefore !== null && allowed !== derived.deleteNotBefore;
  return {
    deleteNotBefore: waitsForOrder ? allowed : requestedNotBefore,
    endedNotBefore: deriveFor(({ withdrawnAt }) => withdrawnAt !== null).deleteNotBefore,
    requestedNotBefore,
    waitsForOrder,
  };
}
