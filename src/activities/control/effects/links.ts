import { LetheError } from '../../../domain/errors';
import type { HostingService } from '../../../domain/record-class';
import { insertRow, type EffectContext } from '../command-context';
import { toSqlTime } from '../sql-text';
import { activeServices } from '../tenant-facts';

/**
 * Records since when an asset is linked to services; the links themselves are archived with it, and a
 * later one continues its use. @source AB-2, HS-1
 *
 * @throws LetheError SERVICE_NOT_ACTIVE for a service that is not in use.
 */
export async function recordUses(
  context: EffectContext<'linkAsset'>,
  { assetId, services }: { readonly assetId: string; readonly services: readonly HostingService[] },
): Promise<void> {
  const active = activeServices(context.facts);
  const unused = services.find((service) => !active.includes(service));
  if (unused !== undefined) {
    throw new LetheError(
      'SERVICE_NOT_ACTIVE',
      `services names ${unused}, which is not in use; attach it first`,
      { field: 'services' },
    );
  }
  for (const service of new Set(services)) {
    await insertRow(context.sql, 'asset_uses', {
      tenant_id: context.tenantId,
      asset_id: assetId,
      service,
      linked_at: toSqlTime(context.now),
      recorded_at: toSqlTime(context.now),
    });
  }
}
