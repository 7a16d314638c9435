import { createHash } from 'node:crypto';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { folder, run } from './steps.mjs';

export const isRoot = () => process.getuid?.() === 0;
const digestOf = (dir) => createHash('sha256').update(dir).digest('hex');

/** Socket paths are limited to 107 characters, checkouts are not. */
export const socketPath = (dir, name) => `/tmp/lethe-${digestOf(dir).slice(0, 10)}-${name}.sock`;

/** PostgreSQL refuses to run as root, and its own user cannot look into every checkout. */
export const postgresFolder = (dir) =>
  isRoot() ? `/var/tmp/lethe-postgres-${digestOf(dir).slice(0, 16)}` : join(dir, 'postgres');

/** Prefix of a command that runs as PostgreSQL's own user. */
export const asPostgres = () =>
  isRoot() ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--init-groups'] : [];

/** What servers leave outside the stack's folder when they are killed. */
export function removeSockets({ dir, ports }) {
  for (const name of ['my', 's3', 'fl']) rmSync(socketPath(dir, name), { force: true });
  const grpc = [ports.s3Grpc, ports.s3MasterGrpc, ports.s3VolumeGrpc, ports.s3FilerGrpc];
  for (const file of readdirSync('/tmp')) {
    const port = Number(/^seaweedfs-[a-z0-9]+-grpc-(\d+)\.sock$/.exec(file)?.[1]);
    if (grpc.includes(port)) rmSync(join('/tmp', file), { force: true });
  }
}

/** Makes the data folder of PostgreSQL; it is complete only with the marker, else it is made again. */
export function preparePostgres({ dir, programs }) {
  const data = postgresFolder(dir);
  const marker = join(dir, 'postgres.prepared');
  // Nothing of this stack's runs by now; after a kill the file still names the dead process, and a
  // process that nobody has waited for yet would count as alive.
  rmSync(join(data, 'postmaster.pid'), { force: true });
  if (existsSync(marker) && existsSync(join(data, 'PG_VERSION'))) return;
  rmSync(data, { recursive: true, force: true });
  folder(data);
  if (isRoot()) run('chown', ['postgres:postgres', data]);
  const [command, ...args] = [
    ...asPostgres(),
    `${programs.postgresBin}/initdb`,
    '--auth=trust',
    '--username=postgres',
    '--encoding=UTF8',
    '--locale=C',
    `--pgdata=${data}`,
  ];
  run(command, args, { cwd: '/' });
  writeFileSync(marker, '');
}

/**
 * Where the SQL server keeps temporary tables. A server that starts empties its folder: in one that all share,
 * it would take away those of the others.
 */
export const mysqlScratch = (dir) => join(dir, 'mysql-scratch');

/** Makes the data folder of the SQL server, with a password for root and no anonymous account. */
export function prepareMysql({ dir, secrets }) {
  const data = join(dir, 'mysql');
  folder(mysqlScratch(dir));
  if (existsSync(join(data, '.prepared'))) return;
  rmSync(data, { recursive: true, force: true });
  folder(data);
  const user = isRoot() ? ['--user=root'] : [];
  const places = [`--datadir=${data}`, `--tmpdir=${mysqlScratch(dir)}`];
  const common = ['--no-defaults', ...places, ...user];
  run('mariadb-install-db', [
    ...common,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
  ]);
  // The password is set, and anonymous users are dropped, before the server ever listens.
  run('mariadbd', ['--no-defaults', '--bootstrap', ...places, ...user], {
    input: [
      'FLUSH PRIVILEGES;',
      "DELETE FROM mysql.global_priv WHERE User = '';",
      "DELETE FROM mysql.global_priv WHERE User = 'root' AND Host <> 'localhost';",
      'FLUSH PRIVILEGES;',
      `ALTER USER 'root'@'localhost' IDENTIFIED BY '${secrets.mysql}';`,
      `CREATE USER 'root'@'127.0.0.1' IDENTIFIED BY '${secrets.mysql}';`,
      "GRANT ALL PRIVILEGES ON *.* TO 'root'@'127.0.0.1' WITH GRANT OPTION;",
      '',
    ].join('\n'),
  });
  writeFileSync(join(data, '.prepared'), '');
}

/** Writes the object store's one static account; narrow ones are made at run time. */
export function prepareS3({ dir, secrets }) {
  const admin = {
    name: 'admin',
    credentials: [{ accessKey: secrets.s3AccessKey, secretKey: secrets.s3SecretKey }],
    actions: ['Admin', 'Read', 'Write', 'List', 'Tagging'],
  };
  writeFileSync(join(dir, 's3.json'), JSON.stringify({ identities: [admin] }), { mode: 0o600 });
}

/** Writes the image registry's configuration. */
export function prepareRegistry({ dir, ports, secrets }) {
  const configuration = {
    version: '0.1',
    log: { level: 'warn', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: folder(dir, 'registry') }, delete: { enabled: true } },
    http: { addr: `127.0.0.1:${ports.registry}`, secret: secrets.registry },
  };
  // JSON is YAML; so no path and no secret needs quoting of its own.
  writeFileSync(join(dir, 'registry.yml'), JSON.stringify(configuration), { mode: 0o600 });
}
