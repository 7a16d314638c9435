import type { Command, CommandBodies, StagedBody } from '../../contracts/commands';
import type { Sql } from '../../contracts/sql';
import { createStagingReader, invalid, parseStaged } from './staged-bodies';
import { required, textRow } from './sql-text';

/**
 * What the tenant staged for a command, read inside the accepting transaction.
 *
 * @throws LetheError INVALID_INPUT when nothing of that tenant waits there or it is not what the command
 * names; no part of the body is in the message.
 */
export async function readStaged(
  { sql, tenantId }: { readonly sql: Sql; readonly tenantId: string },
  body: StagedBody,
): Promise<unknown> {
  const bytes = await createStagingReader(sql).read(tenantId, body.stagingId);
  if (bytes === null) {
    throw invalid('body.stagingId', 'names nothing that is staged; stage the body again');
  }
  return parseStaged(bytes, body);
}

/**
 * Erases what control has taken over, in the same transaction; also the copy that a repetition staged.
 * Only the tenant's own: a command that names somebody else's body must not remove it.
 */
export async function eraseTaken(
  sql: Sql,
  { tenantId, command }: { readonly tenantId: string; readonly command: Command },
): Promise<void> {
  const body = takenBody(command);
  if (body === null) return;
  const row = await textRow(
    sql,
    'SELECT staging_id FROM staging WHERE staging_id = ? AND tenant_id = ? AND digest = ?',
    [body.stagingId, tenantId, body.digest],
  );
  if (row !== null) await sql.execute('CALL erase_staging(?)', [required(row, 'staging_id')]);
}

/** The staged body that is stored by now; a report still waits for its scan. */
function takenBody({ kind, body }: Command): StagedBody | null {
  if (kind === 'grantSharing') return body as CommandBodies['grantSharing'];
  if (kind === 'changeConfiguration') return body as CommandBodies['changeConfiguration'];
  if (kind !== 'requestScan') return null;
  const order = body as CommandBodies['requestScan'];
  return order.source === 'registry' ? order : null;
}
