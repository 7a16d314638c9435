import type { Client } from 'minio';
import { setLegalHold } from '../../src/activities/objects/legal-hold';

/** Empties and removes the buckets of an environment, locks and all, as the administrator. */
export async function removeBuckets(admin: Client, environment: string): Promise<void> {
  for (const role of ['archive', 'backup', 'evidence', 'inbox']) {
    const bucket = `${environment}-${role}`;
    const versions = admin.listObjects(bucket, '', true, { IncludeVersion: true });
    for await (const entry of versions as AsyncIterable<{ name: string; versionId: string }>) {
      await setLegalHold(admin, { bucket, ...entry }, 'OFF').catch(() => undefined);
      await admin.removeObject(bucket, entry.name, { versionId: entry.versionId });
    }
    await admin.removeBucket(bucket);
  }
}
