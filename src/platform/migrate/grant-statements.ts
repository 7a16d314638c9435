import { ROLE_GRANTS, SIMULATOR_GRANTS, type RoleGrants, type SqlRole } from './grants';

/** Routines that answer with a value; all others are procedures. */
const FUNCTIONS = new Set([
  'lethe_now',
  'staged_report',
  'staged_configuration',
  'stale_staged',
  'order_for_request',
]);

/** Where the grants are for. */
export interface GrantTarget {
  /** Database prefix of the environment. */
  readonly prefix: string;
  /** Databases on the server at hand. */
  readonly databases: readonly string[];
}

/**
 * The GRANT statements of a role on one server; none when it has nothing to do there.
 *
 * @param account - quoted account, e.g. `'lethe_control'@'%'`.
 */
export function grantStatements(
  role: SqlRole,
  account: string,
  { prefix, databases }: GrantTarget,
): readonly string[] {
  const grants: RoleGrants = role === 'simulator' ? SIMULATOR_GRANTS : ROLE_GRANTS[role];
  const here = (objects: readonly string[] = []): readonly (readonly [string, string])[] =>
    objects
      .map((object) => object.split('.') as [string, string])
      .filter(([database]) => databases.includes(database));
  const tables = (verb: string, objects?: readonly string[]): string[] =>
    here(objects).map(([database, table]) => {
      const name = `${prefix}_${database}`;
      // In a grant on a whole database an underscore is a wildcard unless escaped.
      return table === '*'
        ? `GRANT ${verb} ON \`${name.replaceAll('_', '\\_')}\`.* TO ${account}`
        : `GRANT ${verb} ON \`${name}\`.\`${table}\` TO ${account}`;
    });
  const routines = here(grants.execute).map(([database, routine]) => {
    const sort = FUNCTIONS.has(routine) ? 'FUNCTION' : 'PROCEDURE';
    return `GRANT EXECUTE ON ${sort} \`${prefix}_${database}\`.\`${routine}\` TO ${account}`;
  });
  return [
    ...tables('SELECT', grants.select),
    ...tables('INSERT', grants.insert),
    ...tables('UPDATE', grants.update),
    ...routines,
  ];
}
