import { createHash, randomBytes } from 'node:crypto';
import canonicalize from 'canonicalize';
import { LetheError } from '../../domain/errors';
import { parseId } from '../../domain/identifiers';
import type { SqlPool } from '../../contracts/sql';
import type { StagingWriter } from '../../contracts/stores';

/** Longest canonical text of a configuration body or of a hold's ground, in bytes. */
export const CONFIGURATION_BYTES_MAX = 16 * 1024 * 1024;
/** Longest canonical text of a host report, in bytes; a statement must stay below the server's 64 MiB. */
export const REPORT_BYTES_MAX = 48 * 1024 * 1024;

/** Random bytes of a staging id: 128 bits, so that two bodies never meet under one id. */
const ID_BYTES = 16;

/**
 * Puts bodies into staging with a login that can insert and nothing else: what was staged cannot be read
 * back, listed or removed here. Whoever accepts the body erases it; what nobody accepts is erased after
 * 24 hours.
 *
 * @idempotency staging again makes a second copy under another id; the one that no command names expires.
 * @throws LetheError INVALID_INPUT when the body is no JSON value or longer than `bytesMax`.
 * @source ST-2
 */
export function createStagingWriter(
  stager: SqlPool,
  options: { readonly bytesMax: number } = { bytesMax: CONFIGURATION_BYTES_MAX },
): StagingWriter {
  return {
    stage: async (tenantId, body) => {
      const owner = parseId('TenantId', tenantId, 'tenantId');
      const bytes = canonicalBytes(body);
      if (bytes.length > options.bytesMax) {
        throw invalid(`body must not be longer than ${options.bytesMax} bytes`);
      }
      const stagingId = `st_${randomBytes(ID_BYTES).toString('hex')}`;
      const digest = createHash('sha256').update(bytes).digest('hex');
      await stager.execute(
        `INSERT INTO staging (staging_id, tenant_id, digest, body, staged_at)
         VALUES (?, ?, ?, ?, lethe_now())`,
        [stagingId, owner, digest, bytes],
      );
      return { stagingId, digest };
    },
  };
}

/** UTF-8 bytes of the canonical JSON text (RFC 8785): the same value always has the same digest. */
function canonicalBytes(body: unknown): Buffer {
  let text: string | undefined;
  try {
    text = canonicalize(body);
  } catch (cause) {
    throw invalid('body must be a JSON value: finite numbers, no cycles', cause);
  }
  if (text === undefined) throw invalid('body is missing');
  return Buffer.from(text, 'utf8');
}

const invalid = (message: string, cause?: unknown): LetheError =>
  new LetheError('INVALID_INPUT', message, { field: 'body', cause });
