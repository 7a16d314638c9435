import type { Client } from 'minio';

/** One version of one object; a name alone would mean whatever is newest. */
export interface ObjectVersion {
  readonly bucket: string;
  readonly name: string;
  readonly versionId: string;
}

/** The client's own types describe callbacks here, but it returns promises. */
interface HoldClient {
  setObjectLegalHold(bucket: string, name: string, options: object): Promise<void>;
  getObjectLegalHold(bucket: string, name: string, options: object): Promise<unknown>;
  getObjectLockConfig(bucket: string): Promise<unknown>;
}

const holdClient = (client: Client): HoldClient => client as unknown as HoldClient;

/**
 * Sets or clears the legal hold of a version.
 *
 * @idempotency setting it again changes nothing.
 * @throws the store's own failure; callers translate it.
 */
export async function setLegalHold(
  client: Client,
  version: ObjectVersion,
  status: 'ON' | 'OFF',
): Promise<void> {
  await holdClient(client).setObjectLegalHold(version.bucket, version.name, {
    versionId: version.versionId,
    status,
  });
}

/** True only when the server says that a version is held; anything else is not a lock. */
export async function isHeld(client: Client, version: ObjectVersion): Promise<boolean> {
  const answer = await holdClient(client).getObjectLegalHold(version.bucket, version.name, {
    versionId: version.versionId,
  });
  return (answer as { Status?: unknown } | null)?.Status === 'ON';
}

/** True when the bucket was made with Object Lock. */
export async function hasObjectLock(client: Client, bucket: string): Promise<boolean> {
  try {
    await holdClient(client).getObjectLockConfig(bucket);
    return true;
  } catch {
    return false;
  }
}
