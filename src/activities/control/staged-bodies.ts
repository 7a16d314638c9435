import { createHash } from 'node:crypto';
import { LetheError } from '../../domain/errors';
import type { StagedBody } from '../../contracts/commands';
import type { Sql } from '../../contracts/sql';

/** Reads what the console staged; nothing is taken out here: acceptance erases it. */
export interface StagingReader {
  /** The bytes, or null when no configuration of that tenant is staged under the id. */
  read(tenantId: string, stagingId: string): Promise<Buffer | null>;
}

/** Longest body, in bytes; a document of the store must stay below 16 MiB with its envelope. */
const BODY_BYTES_MAX = 8 * 1024 * 1024;

/** Staged bodies on the control database, read with the login of whoever accepts them. */
export function createStagingReader(control: Pick<Sql, 'query'>): StagingReader {
  return {
    read: async (tenantId, stagingId) => {
      const rows = await control.query('SELECT staged_configuration(?, ?) AS body', [
        tenantId,
        stagingId,
      ]);
      const body = rows[0]?.['body'];
      return Buffer.isBuffer(body) ? body : null;
    },
  };
}

/**
 * Checks staged bytes against the digest that the command carries and reads their JSON.
 *
 * @throws LetheError INVALID_INPUT naming the field; no part of the body is in the message.
 */
export function parseStaged(bytes: Buffer, body: StagedBody): unknown {
  if (createHash('sha256').update(bytes).digest('hex') !== body.digest) {
    throw invalid('body.digest', 'is not the digest of what was staged; stage it again');
  }
  if (bytes.length > BODY_BYTES_MAX) {
    throw invalid('body.stagingId', `names a body longer than ${BODY_BYTES_MAX} bytes`);
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    // The parser's own message quotes the text.
    throw invalid('body', 'is not JSON in UTF-8');
  }
}

/** A refusal that names the field and the remedy. */
export const invalid = (field: string, remedy: string): LetheError =>
  new LetheError('INVALID_INPUT', `${field} ${remedy}; nothing was changed`, { field });
