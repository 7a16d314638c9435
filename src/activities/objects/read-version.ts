import { LetheError } from '../../domain/errors';
import { asking, translateObjectFailure } from './failures';
import { safeVersion, unsafe, type ObjectStore, type VersionAddress } from './object-address';

/** Longest object that is read when the caller names no limit, in bytes. */
const BYTES_MAX = 5 * 1024 * 1024 * 1024;

/**
 * Streams exactly one version; a name alone would give whatever was written last. Leaving the loop early
 * ends the request. Reading, so safe to repeat.
 *
 * @param bytesMax - refuse to yield more than this, in bytes.
 * @throws LetheError UNSAFE_STATEMENT, STORE_REFUSED (no such version), ARCHIVE_INVALID (longer than the
 *   limit), STORE_UNAVAILABLE or ACCESS_DENIED.
 */
export async function* readVersion(
  store: ObjectStore,
  address: VersionAddress,
  bytesMax: number = BYTES_MAX,
): AsyncGenerator<Buffer> {
  const { bucket, name, versionId } = safeVersion(store, address);
  if (!Number.isSafeInteger(bytesMax) || bytesMax < 0) throw unsafe('bytesMax', 'must be a size');
  const body = await asking('read', () => store.client.getObject(bucket, name, { versionId }));
  let bytes = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > bytesMax) {
        throw new LetheError('ARCHIVE_INVALID', `the object is longer than ${bytesMax} bytes`);
      }
      yield chunk;
    }
  } catch (error) {
    throw translateObjectFailure(error, 'read');
  } finally {
    body.destroy();
  }
}
