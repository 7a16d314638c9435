import type { Sql } from '../../contracts/sql';
import { required, textRows } from './sql-text';

/** In force from the beginning, without a row. */
const FIRST_VERSION = 1;

/** The newest version of the policy in force; new tenants are promised this one. */
export async function readPolicyInForce(sql: Sql): Promise<number> {
  return (await readPoliciesSince(sql, FIRST_VERSION)).at(-1) ?? FIRST_VERSION;
}

/**
 * Versions of the policy that have been in force since `promised` was, the oldest first. Versions only go
 * up, so no clock decides which one a tenant was promised.
 */
export async function readPoliciesSince(sql: Sql, promised: number): Promise<readonly number[]> {
  const rows = await textRows(
    sql,
    'SELECT version FROM policy_activations WHERE version > ? ORDER BY version',
    [promised],
  );
  return [promised, ...rows.map((row) => Number(required(row, 'version')))];
}
