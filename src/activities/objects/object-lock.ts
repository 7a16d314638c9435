import { LetheError } from '../../domain/errors';
import { asking } from './failures';
import { isHeld, setLegalHold, type ObjectVersion } from './legal-hold';
import type { ObjectStore } from './object-address';

/** How a version is locked: until somebody clears the hold, or until an instant that nobody can move back. */
export type ObjectLock =
  { readonly mode: 'legal-hold' } | { readonly mode: 'compliance'; readonly retainUntil: string };

/** The client's own types name neither the argument nor the answer as they are. */
interface RetentionClient {
  putObjectRetention(bucket: string, name: string, retention: object): Promise<void>;
  getObjectRetention(bucket: string, name: string, options: object): Promise<unknown>;
}

const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,3})?Z$/;

/**
 * Refuses a lock that the server could read as none.
 *
 * @throws LetheError UNSAFE_STATEMENT.
 */
export function assertLock(lock: ObjectLock): void {
  const mode: unknown = (lock as { mode?: unknown } | null)?.mode;
  if (mode === 'legal-hold') return;
  const until: unknown = (lock as { retainUntil?: unknown }).retainUntil;
  const valid =
    mode === 'compliance' &&
    typeof until === 'string' &&
    INSTANT.test(until) &&
    !Number.isNaN(Date.parse(until));
  if (valid) return;
  throw new LetheError(
    'UNSAFE_STATEMENT',
    'lock must be a legal hold or a retention until a UTC instant; nothing was sent',
    { field: 'lock' },
  );
}

/**
 * Locks one version and reads the lock back. A server that takes the request and does not lock has
 * failed: only the answer to the reading counts.
 *
 * @idempotency locking again changes nothing; only the reading counts.
 * @throws LetheError VERIFICATION_FAILED when the lock is not there afterwards.
 */
export async function lockVersion(
  store: ObjectStore,
  version: ObjectVersion,
  lock: ObjectLock,
): Promise<void> {
  assertLock(lock);
  if (lock.mode === 'legal-hold') {
    await asking('write', () => setLegalHold(store.client, version, 'ON'));
  } else {
    await asking('write', () =>
      retention(store).putObjectRetention(version.bucket, version.name, {
        mode: 'COMPLIANCE',
        // The client sends whole seconds; a fraction rounded down would end the lock too early.
        retainUntilDate: wholeSecond(lock.retainUntil),
        versionId: version.versionId,
      }),
    );
  }
  if (await isLocked(store, version, lock)) return;
  throw new LetheError('VERIFICATION_FAILED', 'the object store did not lock the version');
}

/** True when the version carries at least this lock, as the server itself says. */
export async function isLocked(
  store: ObjectStore,
  version: ObjectVersion,
  lock: ObjectLock,
): Promise<boolean> {
  if (lock.mode === 'legal-hold') return asking('read', () => isHeld(store.client, version));
  const until = await retainedUntil(store, version);
  return until !== undefined && Date.parse(until) >= Date.parse(lock.retainUntil);
}

/** Instant until which nobody can delete the version, or undefined when no COMPLIANCE retention is on it. */
export async function retainedUntil(
  store: ObjectStore,
  version: ObjectVersion,
): Promise<string | undefined> {
  const answer = (await asking('read', () =>
    retention(store).getObjectRetention(version.bucket, version.name, {
      versionId: version.versionId,
    }),
  )) as { mode?: unknown; retainUntilDate?: unknown } | null | undefined;
  const until = answer?.retainUntilDate;
  if (answer?.mode !== 'COMPLIANCE' || typeof until !== 'string') return undefined;
  return Number.isNaN(Date.parse(until)) ? undefined : until;
}

const retention = (store: ObjectStore): RetentionClient =>
  store.client as unknown as RetentionClient;

const wholeSecond = (instant: string): string =>
  new Date(Math.ceil(Date.parse(instant) / 1000) * 1000).toISOString().replace('.000Z', 'Z');
