import type { SqlPool } from '../../contracts/sql';
import type { LinkWriter } from '../../contracts/stores';
import { derivedId } from '../control/command-context';
import { required, textRows, toSqlTime } from '../control/sql-text';
import { unlessTaken } from '../taken';

/**
 * Id of a link. It stands for all that the row says, its beginning too: a link that was archived and one
 * that was made anew meanwhile are two rows, and both can come back. Belonging to all services is a fact
 * of its own, so that it is not lost on an asset that was linked by name before.
 */
export const linkIdOf = (link: {
  readonly tenantId: string;
  readonly assetId: string;
  readonly service: string;
  readonly belongsToAll: boolean;
  /** As the column has it: UTC, microseconds. */
  readonly linkedAt: string;
}): string =>
  derivedId(
    'ln',
    ...[link.tenantId, link.assetId, link.service, link.linkedAt],
    ...(link.belongsToAll ? ['all'] : []),
  );

/**
 * Writes links with the collector's login: insert only. What is linked stays linked since then, so linking
 * twice changes nothing. @source HS-1
 */
export function createLinkWriter(assets: SqlPool): LinkWriter {
  const insert = async (row: {
    readonly tenantId: string;
    readonly assetId: string;
    readonly service: string;
    readonly linkedAt: string;
    readonly belongsToAll: boolean;
  }): Promise<void> => {
    const linkedAt = toSqlTime(row.linkedAt);
    const belongsToAll = row.belongsToAll ? 1 : 0;
    await unlessTaken(() =>
      assets.execute(
        `INSERT INTO asset_links (tenant_id, asset_id, version_id, service, belongs_to_all, linked_at)
       SELECT ?, ?, ?, ?, ?, ? FROM DUAL WHERE NOT EXISTS (
         SELECT 1 FROM asset_links
          WHERE tenant_id = ? AND asset_id = ? AND service = ? AND belongs_to_all = ?)`,
        [
          ...[row.tenantId, row.assetId, linkIdOf({ ...row, linkedAt })],
          ...[row.service, belongsToAll, linkedAt],
          ...[row.tenantId, row.assetId, row.service, belongsToAll],
        ],
      ),
    );
  };
  return {
    link: async ({ services, ...order }) => {
      for (const service of services) await insert({ ...order, service, belongsToAll: false });
    },
    linkUnbound: async ({ tenantId, service, linkedAt }) => {
      const unbound = await textRows(
        assets,
        `SELECT DISTINCT asset_id FROM asset_links WHERE tenant_id = ? AND belongs_to_all = 1`,
        [tenantId],
      );
      for (const row of unbound) {
        await insert({
          tenantId,
          assetId: required(row, 'asset_id'),
          service,
          linkedAt,
          belongsToAll: true,
        });
      }
    },
  };
}
