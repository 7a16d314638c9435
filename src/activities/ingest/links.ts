import { LetheError } from '../../domain/errors';
import type { SqlPool } from '../../contracts/sql';
import { required, textRows } from '../control/sql-text';
import { servicesInUse, type IngestFacts } from './facts';
import type { PreparedAsset } from './prepare';
import { chunksOf, ID_LIST } from './rows';

/** Steps from an asset to the one it is linked like; longer chains are a mistake. */
const SAME_AS_MAX = 8;

/** What an asset is linked to once the observation is stored. */
export interface Binding {
  readonly services: readonly string[];
  /** It belongs to no service in particular: linked to whatever the tenant has. @source HS-1 */
  readonly belongsToAll: boolean;
}

/** An asset's binding, or why it has none. */
export type Resolved = Binding | LetheError;

/**
 * Finds what every asset of an observation is linked to: what was linked before plus what the observation
 * says. An asset without any link is refused, and so is what is linked like it. @source HS-1
 */
export async function resolveLinks(
  assets: SqlPool,
  tenantId: string,
  { observed, facts }: { readonly observed: readonly PreparedAsset[]; readonly facts: IngestFacts },
): Promise<ReadonlyMap<string, Resolved>> {
  const before = await readBindings(
    assets,
    tenantId,
    observed.map(({ assetId }) => assetId),
  );
  const byId = new Map(observed.map((asset) => [asset.assetId, asset]));
  const resolved = new Map<string, Resolved>();
  for (const asset of observed) {
    const own = before.get(asset.assetId) ?? UNLINKED;
    const leader = leaderOf(asset, byId);
    if (leader === undefined) resolved.set(asset.assetId, withoutLink());
    else if (leader === asset) resolved.set(asset.assetId, bind(asset, own, facts));
    else {
      const model = bind(leader, before.get(leader.assetId) ?? UNLINKED, facts);
      resolved.set(asset.assetId, model instanceof LetheError ? model : union(own, model));
    }
  }
  return resolved;
}

const UNLINKED: Binding = { services: [], belongsToAll: false };

/** Follows `same-as` to an asset that says itself what it is linked to; a circle leads nowhere. */
function leaderOf(
  asset: PreparedAsset,
  byId: ReadonlyMap<string, PreparedAsset>,
): PreparedAsset | undefined {
  let at: PreparedAsset | undefined = asset;
  for (let step = 0; step < SAME_AS_MAX && at?.links.to === 'same-as'; step += 1) {
    at = byId.get(at.links.assetId);
  }
  return at?.links.to === 'same-as' ? undefined : at;
}

function bind(asset: PreparedAsset, before: Binding, facts: IngestFacts): Resolved {
  const { links } = asset;
  if (links.to === 'services') {
    const known = new Set(facts.uses.map((use) => use.service));
    return links.services.every((service) => known.has(service))
      ? union(before, { services: links.services, belongsToAll: false })
      : new LetheError('SERVICE_NOT_ACTIVE', 'links names a service that was never in use', {
          field: 'links.services',
        });
  }
  const belongsToAll = links.to === 'all' || before.belongsToAll;
  const services = belongsToAll ? servicesInUse(facts.uses) : [];
  const all = union(before, { services, belongsToAll });
  return all.services.length === 0 ? withoutLink() : all;
}

const union = (a: Binding, b: Binding): Binding => ({
  services: [...new Set([...a.services, ...b.services])].sort(),
  belongsToAll: a.belongsToAll || b.belongsToAll,
});

async function readBindings(
  assets: SqlPool,
  tenantId: string,
  assetIds: readonly string[],
): Promise<ReadonlyMap<string, Binding>> {
  const bindings = new Map<string, Binding>();
  for (const ids of chunksOf(assetIds)) {
    const rows = await textRows(
      assets,
      `SELECT l.asset_id, l.service, l.belongs_to_all FROM ${ID_LIST} j
         JOIN asset_links l ON l.tenant_id = ? AND l.asset_id = CAST(j.id AS BINARY)`,
      [JSON.stringify(ids), tenantId],
    );
    for (const row of rows) {
      const assetId = required(row, 'asset_id');
      const link = {
        services: [required(row, 'service')],
        belongsToAll: required(row, 'belongs_to_all') === '1',
      };
      bindings.set(assetId, union(bindings.get(assetId) ?? UNLINKED, link));
    }
  }
  return bindings;
}

const withoutLink = (): LetheError =>
  new LetheError(
    'ASSET_WITHOUT_LINK',
    'an asset is linked to no Hosting Service in use; link it first',
    { field: 'links' },
  );
