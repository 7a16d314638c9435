import { LetheError } from '../../../domain/errors';
import { covers } from '../../../domain/repository-scope';
import type { RepositoryScan, StagedBody } from '../../../contracts/commands';
import { parseRepositoryScan, parseSharingGrant } from '../../../contracts/schemas/sharing';
import { insertRow, ownId, type EffectContext, type EffectResult } from '../command-context';
import { required, textRows, toSqlTime } from '../sql-text';
import { readStaged } from '../staged-content';
import { activeServices } from '../tenant-facts';

/**
 * The customer authorizes sharing of image repository basics.
 *
 * @throws LetheError INVALID_INSTANT when the end is not in the future.
 * @source SH-1
 */
export async function grantSharing(context: EffectContext<'grantSharing'>): Promise<EffectResult> {
  const { authorizationId } = context.command.body;
  const staged = await readStaged(context, context.command.body);
  const { registry, repositories, validUntil } = parseSharingGrant(staged, 'unnamed');
  if (Date.parse(validUntil) <= Date.parse(context.now)) {
    throw new LetheError('INVALID_INSTANT', 'validUntil must lie in the future', {
      field: 'validUntil',
    });
  }
  await assertNewAuthorization(context, authorizationId);
  await insertRow(context.sql, 'authorizations', {
    tenant_id: context.tenantId,
    authorization_id: authorizationId,
    registry,
    repositories: JSON.stringify(repositories),
    granted_by: context.command.requestedBy,
    granted_at: toSqlTime(context.now),
    valid_until: toSqlTime(validUntil),
  });
  return { authorizationId };
}

/** One name is one authorization for ever, so that its revocation cannot be undone by granting again. */
async function assertNewAuthorization(
  { sql, tenantId }: EffectContext<'grantSharing'>,
  authorizationId: string,
): Promise<void> {
  const known = await textRows(
    sql,
    'SELECT authorization_id FROM authorizations WHERE tenant_id = ? AND authorization_id = ?',
    [tenantId, authorizationId],
  );
  if (known.length === 0) return;
  throw new LetheError(
    'NOT_PERMITTED',
    'authorizationId was given to another authorization; choose a new one',
    { field: 'authorizationId' },
  );
}

/**
 * The authorization ends; a running scan stops at its next look.
 *
 * @throws LetheError AUTHORIZATION_REQUIRED when none stands under the id.
 * @source SH-1
 */
export async function revokeSharing(
  context: EffectContext<'revokeSharing'>,
): Promise<EffectResult> {
  const { authorizationId } = context.command.body;
  const inserted = await context.sql.execute(
    `INSERT INTO authorization_revocations (tenant_id, authorization_id, revoked_at)
     SELECT a.tenant_id, a.authorization_id, ? FROM authorizations a
       LEFT JOIN authorization_revocations r
         ON r.tenant_id = a.tenant_id AND r.authorization_id = a.authorization_id
      WHERE a.tenant_id = ? AND a.authorization_id = ? AND r.authorization_id IS NULL`,
    [toSqlTime(context.now), context.tenantId, authorizationId],
  );
  if (inserted.affectedRows !== 1) {
    throw new LetheError(
      'AUTHORIZATION_REQUIRED',
      'authorizationId names no standing authorization; `lethe authorizations` lists them',
      {
        field: 'authorizationId',
      },
    );
  }
  return { authorizationId };
}

/** Orders a scan; what it may read is checked now and again while it reads. @source DC-1, DC-2, SH-1 */
export async function requestScan(context: EffectContext<'requestScan'>): Promise<EffectResult> {
  const { body } = context.command;
  const order =
    body.source === 'registry'
      ? { source: body.source, ...(await sharedRepository(context, body)) }
      : body;
  const scanId = ownId('sc', context);
  await insertRow(context.sql, 'scan_orders', {
    tenant_id: context.tenantId,
    scan_id: scanId,
    source: order.source,
    parameters: JSON.stringify(order),
    ordered_at: toSqlTime(context.now),
  });
  return { scanId };
}

/** What is to be read, when the customer shares it and its services are in use. @source SH-1 */
async function sharedRepository(
  context: EffectContext<'requestScan'>,
  body: StagedBody,
): Promise<RepositoryScan> {
  const scan = parseRepositoryScan(await readStaged(context, body), 'unnamed');
  await assertAuthorized(context, scan);
  const active = activeServices(context.facts);
  if (scan.services?.some((service) => !active.includes(service))) {
    throw new LetheError('SERVICE_NOT_ACTIVE', 'services names a service that is not in use', {
      field: 'services',
    });
  }
  return scan;
}

async function assertAuthorized(
  context: EffectContext<'requestScan'>,
  { registry, repository }: RepositoryScan,
): Promise<void> {
  const host = registry.replace(/^https?:\/\//, '');
  const rows = await textRows(
    context.sql,
    `SELECT a.repositories FROM authorizations a
       LEFT JOIN authorization_revocations r
         ON r.tenant_id = a.tenant_id AND r.authorization_id = a.authorization_id
      WHERE a.tenant_id = ? AND a.registry = ? AND a.valid_until > ? AND r.authorization_id IS NULL`,
    [context.tenantId, host, toSqlTime(context.now)],
  );
  const allowed = rows.flatMap((row) => JSON.parse(required(row, 'repositories')) as string[]);
  if (!allowed.some((scope) => covers(scope, repository))) {
    throw new LetheError(
      'AUTHORIZATION_REQUIRED',
      'repository is covered by no valid authorization',
      {
        field: 'repository',
      },
    );
  }
}
