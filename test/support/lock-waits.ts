import type { Sql } from '../../src/contracts/sql';

/**
 * Whether somebody waits for a row that another transaction holds. The server's list of transactions is not
 * asked: it is renewed only when nobody has read it for a tenth of a second, so who polls it never sees it change.
 */
export async function someoneWaits(root: Sql): Promise<boolean> {
  const [row] = await root.query("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'");
  return Number(row?.['Value']) > 0;
}
