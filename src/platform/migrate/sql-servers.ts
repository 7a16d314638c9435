import { required, type Config } from '../config';
import { addressOf, sqlEndpoint } from '../connections';
import type { MysqlServer } from './migrate-mysql';
import { DATABASES, type DatabaseName } from './sql-files';

/** One SQL server of an environment and the databases that live on it. */
export interface SqlServer extends MysqlServer {
  readonly databases: readonly DatabaseName[];
}

const PASSWORD_OF: Readonly<Record<DatabaseName, string>> = {
  control: 'LETHE_MYSQL_ADMIN_PASSWORD',
  keys: 'LETHE_KEYS_MYSQL_URL',
  assets: 'LETHE_MYSQL_ADMIN_PASSWORD',
  configuration: 'LETHE_MYSQL_ADMIN_PASSWORD',
  evidence: 'LETHE_EVIDENCE_MYSQL_URL',
};

/**
 * The SQL servers of an environment with their administrators: one, or up to three when keys and evidence
 * have their own.
 *
 * @throws LetheError CONFIGURATION_INVALID naming the variable of an address or password that is missing.
 */
export function sqlServers(config: Config): readonly SqlServer[] {
  const servers = new Map<string, SqlServer>();
  for (const database of DATABASES) {
    const endpoint = sqlEndpoint(config, database);
    const key = `${endpoint.host}:${endpoint.port}`;
    const known = servers.get(key);
    servers.set(key, {
      ...addressOf(endpoint),
      adminUser: endpoint.adminUser,
      adminPassword: required(endpoint.adminPassword, PASSWORD_OF[database]),
      databases: [...(known?.databases ?? []), database],
    });
  }
  return [...servers.values()];
}
