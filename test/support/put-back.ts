import type { SqlRow, SqlValue } from '../../src/contracts/sql';
import type { EngineHarness } from './engine';

const DAY_MS = 86_400_000;
/** Tables of live asset records. */
const TABLES = ['assets', 'asset_links', 'scans', 'image_risks'] as const;
type Table = (typeof TABLES)[number];

/** Moves the clocks by so many days from now, or by parts of one. */
export const daysLater = async (engine: EngineHarness, days: number): Promise<void> =>
  engine.setClock(new Date(Date.parse(await engine.now()) + days * DAY_MS).toISOString());

/** Whose rows a backup holds. */
type Owner = { readonly tenantId: string } | { readonly assetId: string };

/** A backup of links as they are now; the answer puts them back over what is live and says how many there are. */
export const backedUpLinks = (
  engine: EngineHarness,
  owner: Owner,
): Promise<() => Promise<number>> => backedUpRows(engine, 'asset_links', owner);

/** A backup of everything that is live of a tenant; the answer puts it back into both stores. */
export async function backedUpTenant(
  engine: EngineHarness,
  tenantId: string,
): Promise<() => Promise<void>> {
  const restores = await Promise.all(
    TABLES.map((table) => backedUpRows(engine, table, { tenantId })),
  );
  const fingerprints = engine.mongo
    .db(`${engine.environment.prefix}_assets`)
    .collection('fingerprints');
  const documents = await fingerprints.find({ tenantId }).toArray();
  return async () => {
    for (const restore of restores) await restore();
    await fingerprints.insertMany(documents);
  };
}

async function backedUpRows(
  engine: EngineHarness,
  table: Table,
  owner: Owner,
): Promise<() => Promise<number>> {
  const root = engine.root('assets');
  const [column, id] =
    'tenantId' in owner ? ['tenant_id', owner.tenantId] : ['asset_id', owner.assetId];
  const rows = await root.query(`SELECT * FROM ${table} WHERE ${column} = ?`, [id]);
  return async () => {
    for (const row of rows) await insert(row);
    return rows.length;
  };

  function insert(row: SqlRow): Promise<unknown> {
    const columns = Object.keys(row);
    const places = columns.map(() => '?').join(', ');
    return root.execute(
      `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${places})`,
      Object.values(row) as readonly SqlValue[],
    );
  }
}
