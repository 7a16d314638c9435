import { actor } from '../../contracts/field-checks';
import { cohortKeyRef } from '../../contracts/keys';
import { readRun } from '../disposition/run-rows';
import { recordTakingOut } from '../evidence/taken-out';
import { assertArchived, type DrillOrder, type DrillPorts } from './drill';
import { readCohortKey } from './read-copy';

/** Whose key is handed out, and who asks for it. */
export interface KeyOrder extends Pick<DrillOrder, 'tenantId' | 'runId' | 'dueOn' | 'requestedBy'> {
  /** Names this act in the evidence; lower-case letters and digits. */
  readonly handOutId: string;
}

/** Where a key goes. */
export interface KeyPlace {
  /** @throws LetheError INVALID_INPUT when something is there already. */
  put(keyRef: string, dataKey: Buffer): void;
  /** Removes what was put. */
  clear(): void;
}

/**
 * Hands the data key of one archived due day out, for a reader that is not this program.
 *
 * Effect: one ledger entry, then the key in the place; the certificate of the due day names the entry.
 * @idempotency every act has an id and an entry of its own.
 * @throws LetheError KEY_DESTROYED also when the key ended meanwhile, and nothing is left in the place then;
 *   INVALID_INPUT.
 * @source AB-3, ST-1
 */
export async function handOutKey(
  ports: Pick<DrillPorts, 'control' | 'keys' | 'ledger'>,
  { handOutId, requestedBy, ...order }: KeyOrder,
  place: KeyPlace,
): Promise<string> {
  actor(requestedBy, 'requestedBy');
  await assertArchived(ports, order);
  const run = await readRun(ports.control, order.tenantId, order.runId);
  const keyRef = cohortKeyRef(order.runId, order.dueOn);
  const dataKey = await readCohortKey(ports, run, order.dueOn);
  const act = { actId: handOutId, what: 'key', takenBy: requestedBy } as const;
  await recordTakingOut(ports.ledger, { ...order, ...act });
  place.put(keyRef, dataKey);
  try {
    // What was destroyed meanwhile must not live on in a file.
    await readCohortKey(ports, run, order.dueOn);
  } catch (error) {
    place.clear();
    throw error;
  }
  return keyRef;
}
