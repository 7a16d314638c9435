import type { Connection } from 'mysql2/promise';

/** A tenant whose rows are measured. */
export interface MeasuredTenant {
  readonly tenantId: string;
  readonly rows: number;
  readonly assets: number;
}

/** First scan of the first asset; each asset is scanned ten times, three days apart. */
const FIRST_SCAN = '2030-01-02 03:04:05.678901';
const SCANS = 10;
/** Versions that a record has; each but the last ends with the next, so the rows fall on many due days. */
const VERSIONS = 5;
const NUMBERS = 100_000;

/**
 * Fills the tables with rows of about 420 bytes: text, JSON with digests, instants with microseconds,
 * small numbers. Tenants are interleaved: the rows of an asset of all of them arrive together.
 */
export async function fill(
  admin: Connection,
  tenants: readonly MeasuredTenant[],
  onAsset: (done: number, of: number) => void,
): Promise<void> {
  await admin.query('CREATE TEMPORARY TABLE numbers (n INT PRIMARY KEY)');
  const digits = Array.from({ length: 10 }, (_, digit) => `SELECT ${digit} AS d`).join(
    ' UNION ALL ',
  );
  const places = [1, 10, 100, 1000, 10_000];
  await admin.query(
    `INSERT INTO numbers SELECT ${places.map((place, at) => `p${at}.d * ${place}`).join(' + ')}
       FROM ${places.map((_, at) => `(${digits}) p${at}`).join(' CROSS JOIN ')}`,
  );
  const assets = Math.max(...tenants.map((tenant) => tenant.assets));
  for (let asset = 0; asset < assets; asset += 1) {
    const here = tenants.filter((tenant) => asset < tenant.assets);
    await admin.beginTransaction();
    for (const tenant of here) await fillAsset(admin, tenant, asset);
    await admin.query(rowsOfAsset(here, asset));
    await admin.commit();
    onAsset(asset + 1, assets);
  }
  await admin.query('DROP TEMPORARY TABLE numbers');
  await admin.query('ANALYZE TABLE image_risks, assets, scans, asset_links');
}

/** Rows of an asset: all have as many, but for the rest that the last one takes. */
function rowsOf({ rows, assets }: MeasuredTenant, asset: number): number {
  const each = Math.floor(rows / assets);
  const count = asset === assets - 1 ? rows - each * (assets - 1) : each;
  if (count > NUMBERS) throw new Error(`give more --assets: at most ${NUMBERS} rows each`);
  return count;
}

const assetIdOf = (asset: number): string => `as_${String(asset).padStart(20, '0')}`;

const scannedAt = (asset: number, scan: string): string =>
  `'${FIRST_SCAN}' + INTERVAL ((${scan}) * 3 + ${asset % 3}) DAY + INTERVAL ${asset} SECOND`;

/** One statement for the rows of all tenants: by number first, then by tenant. */
function rowsOfAsset(tenants: readonly MeasuredTenant[], asset: number): string {
  const owners = tenants
    .map((tenant) => `SELECT '${tenant.tenantId}' AS tenant_id, ${rowsOf(tenant, asset)} AS many`)
    .join(' UNION ALL ');
  const record = `CONCAT(${asset}, '/', n.n DIV ${VERSIONS})`;
  const version = `CONCAT(${asset}, '/', n.n)`;
  const scan = `(n.n % ${VERSIONS}) * 2`;
  return `INSERT INTO image_risks (tenant_id, asset_id, version_id, record_id, risk_kind, scan_id,
      observed_at, vanished, content_digest, body)
    SELECT t.tenant_id, '${assetIdOf(asset)}', CONCAT('vr_', LEFT(SHA2(${version}, 256), 26)),
      CONCAT('rc_', LEFT(SHA2(${record}, 256), 26)), 'vulnerability',
      CONCAT('sc_', LPAD(${asset} * ${SCANS} + ${scan}, 20, '0')), ${scannedAt(asset, scan)}, 0,
      SHA2(CONCAT('content', ${version}), 256),
      CONCAT('{"cve":"CVE-2029-', LPAD(n.n, 6, '0'), '","fixed":', IF(n.n % 3 = 0, 'null', '"1.2.3-4+deb12u1"'),
        ',"layer":"sha256:', SHA2(CONCAT('layer', n.n % 97), 256), '","package":"libcrypt-', n.n % 411,
        '","score":', (n.n % 100) / 10, ',"severity":"', ELT(1 + n.n % 4, 'low', 'medium', 'high', 'critical'),
        '","title":"Überlauf in libcrypt-', n.n % 411, '"}')
    FROM numbers n CROSS JOIN (${owners}) t
    WHERE n.n < ${Math.max(...tenants.map((tenant) => rowsOf(tenant, asset)))} AND n.n < t.many
    ORDER BY n.n, t.tenant_id`;
}

/** What the product needs to know of an asset: itself, its link and its scans. */
async function fillAsset(admin: Connection, tenant: MeasuredTenant, asset: number): Promise<void> {
  const { tenantId } = tenant;
  const assetId = assetIdOf(asset);
  await admin.query(
    `INSERT INTO assets SELECT ?, ?, 'vr_own', 'rc_own', 'image-repository', 'sc_own',
       ${scannedAt(asset, '0')}, 0, SHA2('own', 256), '{"name":"registry.example/app"}'`,
    [tenantId, assetId],
  );
  await admin.query(
    `INSERT INTO asset_links SELECT ?, ?, 'vr_link', 'CVM', 0, ${scannedAt(asset, '0')}`,
    [tenantId, assetId],
  );
  await admin.query(
    `INSERT INTO scans SELECT ?, ?, CONCAT('vr_scan', n), CONCAT('sc_', LPAD(${asset} * ${SCANS} + n, 20, '0')),
       'registry', ${scannedAt(asset, 'n')}, ${scannedAt(asset, 'n')}, '["vulnerability"]', 1
     FROM numbers WHERE n < ${SCANS}`,
    [tenantId, assetId],
  );
}
