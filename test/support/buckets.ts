import type { Client } from 'minio';
import { emptyBucket } from './list-versions';

/** Empties and removes the buckets of an environment, locks and all, as the administrator. */
export async function removeBuckets(admin: Client, environment: string): Promise<void> {
  for (const role of ['archive', 'backup', 'evidence', 'inbox']) {
    const bucket = `${environment}-${role}`;
    await emptyBucket(admin, bucket);
    await admin.removeBucket(bucket);
  }
}
