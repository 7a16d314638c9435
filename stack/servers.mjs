import { createHash } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { answersHttp } from './processes.mjs';
import { folder, run } from './steps.mjs';

/**
 * How each server is prepared, started, probed and stopped. `context` holds the stack's folder, its
 * ports, its secrets and the paths of the programs. Measured on Debian 12; every flag has its reason in
 * docs/stack.md.
 */
export const SERVER_DEFINITIONS = {
  postgres: {
    prepare: preparePostgres,
    command: ({ ports, programs, postgresData }) => [
      ...asPostgres(),
      `${programs.postgresBin}/postgres`,
      '-D',
      postgresData,
      '-p',
      String(ports.postgres),
      '-h',
      '127.0.0.1',
      '-k',
      '',
      '-c',
      'max_connections=200',
      '-c',
      'fsync=on',
    ],
    ready: ({ ports, programs }) =>
      succeeds(`${programs.postgresBin}/pg_isready`, [
        '-q',
        '-h',
        '127.0.0.1',
        '-p',
        String(ports.postgres),
      ]),
    // SIGTERM would wait for ever for the document server's connections.
    stop: ['SIGINT', 15_000],
    seconds: 30,
  },
  mysql: {
    prepare: prepareMysql,
    command: ({ dir, ports }) => [
      'mariadbd',
      '--no-defaults',
      ...(process.getuid?.() === 0 ? ['--user=root'] : []),
      `--datadir=${join(dir, 'mysql')}`,
      `--socket=${socketOf(dir)}`,
      `--port=${ports.mysql}`,
      '--bind-address=127.0.0.1',
      '--character-set-server=utf8mb4',
      '--collation-server=utf8mb4_bin',
      '--default-time-zone=+00:00',
      '--skip-name-resolve',
      '--secure-timestamp=YES',
      '--max-connections=400',
      '--max-allowed-packet=64M',
    ],
    ready: ({ dir, secrets }) =>
      succeeds('mariadb-admin', [
        '--no-defaults',
        '-uroot',
        `-p${secrets.mysql}`,
        `--socket=${socketOf(dir)}`,
        'ping',
      ]),
    stop: ['SIGTERM', 15_000],
    seconds: 60,
  },
  temporal: {
    command: ({ dir, ports, programs }) => [
      programs.temporal,
      'server',
      'start-dev',
      '--ip',
      '127.0.0.1',
      '--port',
      String(ports.temporal),
      '--ui-port',
      String(ports.temporalUi),
      '--db-filename',
      join(dir, 'temporal.db'),
      '--namespace',
      'default',
      '--log-level',
      'warn',
      '--dynamic-config-value',
      'frontend.WorkflowTimeSkippingEnabled=true',
      '--dynamic-config-value',
      'matching.enableFairness=true',
    ],
    ready: ({ ports, programs }) =>
      succeeds(programs.temporal, [
        'operator',
        'namespace',
        'describe',
        '-n',
        'default',
        '--address',
        `127.0.0.1:${ports.temporal}`,
      ]),
    stop: ['SIGTERM', 15_000],
    seconds: 60,
  },
  s3: {
    prepare: prepareS3,
    command: ({ dir, ports, programs }) => [
      programs.weed,
      `-logdir=${folder(dir, 'logs')}`,
      'server',
      `-dir=${folder(dir, 's3')}`,
      '-ip=127.0.0.1',
      '-ip.bind=127.0.0.1',
      '-filer',
      '-s3',
      `-s3.port=${ports.s3}`,
      `-s3.config=${join(dir, 's3.json')}`,
      '-s3.port.iceberg=0',
      '-s3.port.lance=0',
      `-s3.port.grpc=${ports.s3Grpc}`,
      `-master.port=${ports.s3Master}`,
      `-master.port.grpc=${ports.s3MasterGrpc}`,
      `-volume.port=${ports.s3Volume}`,
      `-volume.port.grpc=${ports.s3VolumeGrpc}`,
      `-filer.port=${ports.s3Filer}`,
      `-filer.port.grpc=${ports.s3FilerGrpc}`,
      '-master.volumeSizeLimitMB=64',
      '-volume.max=0',
      '-s3.autoCreateBucket=false',
      '-master.telemetry=false',
      '-master.electionTimeout=1s',
      '-master.heartbeatInterval=100ms',
      `-s3.localSocket=${socketPath(dir, 's3')}`,
      `-filer.localSocket=${socketPath(dir, 'fl')}`,
    ],
    ready: async ({ ports }) =>
      (await answersHttp(`http://127.0.0.1:${ports.s3}/healthz`)) &&
      answersHttp(`http://127.0.0.1:${ports.s3Master}/cluster/status`),
    // A drain takes 25 s; what was acknowledged is on disk, so killing is safe.
    stop: ['SIGKILL', 5_000],
    seconds: 60,
  },
  registry: {
    prepare: prepareRegistry,
    command: ({ dir }) => ['docker-registry', 'serve', join(dir, 'registry.yml')],
    ready: ({ ports }) => answersHttp(`http://127.0.0.1:${ports.registry}/v2/`),
    stop: ['SIGTERM', 5_000],
    seconds: 15,
  },
  mongo: {
    command: ({ ports, programs }) => [
      programs.mongo,
      '-listen',
      `127.0.0.1:${ports.mongo}`,
      '-postgres',
      `postgres://postgres@127.0.0.1:${ports.postgres}/postgres`,
    ],
    ready: ({ ports }) => accepts(ports.mongo),
    stop: ['SIGTERM', 5_000],
    seconds: 15,
  },
};

/** Addresses and secrets as environment variables; `LETHE_MONGO_URL` of the user's own wins over ours. */
export function environmentOf({ ports, secrets }) {
  return {
    LETHE_TEMPORAL_ADDRESS: `127.0.0.1:${ports.temporal}`,
    LETHE_TEMPORAL_UI: `http://127.0.0.1:${ports.temporalUi}`,
    LETHE_STACK_MONGO_URL: `mongodb://127.0.0.1:${ports.mongo}/`,
    LETHE_MYSQL_HOST: '127.0.0.1',
    LETHE_MYSQL_PORT: String(ports.mysql),
    LETHE_MYSQL_ADMIN_PASSWORD: secrets.mysql,
    LETHE_S3_ENDPOINT: `http://127.0.0.1:${ports.s3}`,
    LETHE_S3_ADMIN_ACCESS_KEY: secrets.s3AccessKey,
    LETHE_S3_ADMIN_SECRET_KEY: secrets.s3SecretKey,
    LETHE_REGISTRY_URL: `http://127.0.0.1:${ports.registry}`,
  };
}

function succeeds(command, args) {
  try {
    run(command, args, { timeout: 5000 });
    return true;
  } catch {
    return false;
  }
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const done = (value) => {
      socket.destroy();
      resolve(value);
    };
    socket.setTimeout(1000, () => done(false));
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
  });
}

/** Socket paths are limited to 107 characters, checkouts are not. */
function socketPath(dir, name) {
  return `/tmp/lethe-${createHash('sha256').update(dir).digest('hex').slice(0, 10)}-${name}.sock`;
}
const socketOf = (dir) => socketPath(dir, 'my');

const asPostgres = () =>
  process.getuid?.() === 0
    ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--init-groups']
    : [];

function preparePostgres({ postgresData, programs }) {
  if (existsSync(join(postgresData, 'PG_VERSION'))) return;
  folder(postgresData);
  if (process.getuid?.() === 0) run('chown', ['postgres:postgres', postgresData]);
  const [command, ...args] = [
    ...asPostgres(),
    `${programs.postgresBin}/initdb`,
    '-A',
    'trust',
    '-U',
    'postgres',
    '-E',
    'UTF8',
    '--locale=C',
    '-D',
    postgresData,
  ];
  run(command, args, { cwd: '/' });
}

function prepareMysql({ dir, secrets }) {
  const data = join(dir, 'mysql');
  if (existsSync(join(data, '.prepared'))) return;
  folder(data);
  run('mariadb-install-db', [
    '--no-defaults',
    `--datadir=${data}`,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
    ...(process.getuid?.() === 0 ? ['--user=root'] : []),
  ]);
  // The password is set, and anonymous users are dropped, before the server ever listens.
  run(
    'mariadbd',
    [
      '--no-defaults',
      '--bootstrap',
      `--datadir=${data}`,
      ...(process.getuid?.() === 0 ? ['--user=root'] : []),
    ],
    {
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
    },
  );
  writeFileSync(join(data, '.prepared'), '');
}

function prepareS3({ dir, secrets }) {
  writeFileSync(
    join(dir, 's3.json'),
    JSON.stringify({
      identities: [
        {
          name: 'admin',
          credentials: [{ accessKey: secrets.s3AccessKey, secretKey: secrets.s3SecretKey }],
          actions: ['Admin', 'Read', 'Write', 'List', 'Tagging'],
        },
      ],
    }),
    { mode: 0o600 },
  );
}

function prepareRegistry({ dir, ports, secrets }) {
  writeFileSync(
    join(dir, 'registry.yml'),
    [
      'version: 0.1',
      'log: {level: warn, accesslog: {disabled: true}}',
      `storage: {filesystem: {rootdirectory: ${JSON.stringify(folder(dir, 'registry'))}}, delete: {enabled: true}}`,
      `http: {addr: '127.0.0.1:${ports.registry}', secret: '${secrets.registry}'}`,
      '',
    ].join('\n'),
    { mode: 0o600 },
  );
}
