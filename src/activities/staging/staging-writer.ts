import { createHash, randomBytes } from 'node:crypto';
import canonicalize from 'canonicalize';
import { LetheError } from '../../domain/errors';
import { parseId } from '../../domain/identifiers';
import type { SqlPool } from '../../contracts/sql';
import type { StagingPurpose, StagingWriter } from '../../contracts/stores';

/** Longest canonical text of a configuration body or of a hold's ground, in bytes. */
const CONFIGURATION_BYTES_MAX = 16 * 1024 * 1024;
/** Longest canonical text of a host report, in bytes; a statement must stay below the server's 64 MiB. */
const REPORT_BYTES_MAX = 48 * 1024 * 1024;

/** Random bytes of a staging id: 128 bits, so that two bodies never meet under one id. */
const ID_BYTES = 16;

const BYTES_MAX: Readonly<Record<StagingPurpose, number>> = {
  configuration: CONFIGURATION_BYTES_MAX,
  'host-report': REPORT_BYTES_MAX,
  'hold-ground': CONFIGURATION_BYTES_MAX,
};

/**
 * Puts bodies into staging with a login that can insert and nothing else: what was staged cannot be read
 * back, listed or removed here. Only who takes bodies of that purpose can read them. Whoever accepts the
 * body erases it; what nobody accepts is erased after 24 hours.
 *
 * @idempotency staging again makes a second copy under another id; the one that no command names expires.
 * @throws LetheError INVALID_INPUT when the body is no JSON value or too long for its purpose.
 * @source ST-2
 */
export function createStagingWriter(stager: SqlPool, purpose: StagingPurpose): StagingWriter {
  const bytesMax = BYTES_MAX[purpose];
  return {
    stage: async (tenantId, body) => {
      const owner = parseId('TenantId', tenantId, 'tenantId');
      const bytes = canonicalBytes(body);
      if (bytes.length > bytesMax) {
        throw invalid(`body must not be longer than ${bytesMax} bytes`);
      }
      const stagingId = `st_${randomBytes(ID_BYTES).toString('hex')}`;
      const digest = createHash('sha256').update(bytes).digest('hex');
      await stager.execute(
        `INSERT INTO staging (staging_id, tenant_id, digest, body, staged_at, purpose)
         VALUES (?, ?, ?, ?, lethe_now(), ?)`,
        [stagingId, owner, digest, bytes, purpose],
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
