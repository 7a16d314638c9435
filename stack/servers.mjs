import { join } from 'node:path';
import {
  asPostgres,
  isRoot,
  mysqlScratch,
  postgresFolder,
  prepareMysql,
  preparePostgres,
  prepareRegistry,
  prepareS3,
  socketPath,
} from './prepare.mjs';
import { answersHttp, answersMongo, storesObjects, succeeds } from './probes.mjs';
import { folder } from './steps.mjs';

const flags = (pairs) => Object.entries(pairs).map(([name, value]) => `-${name}=${value}`);

/**
 * How each server is prepared, started, probed and stopped. `context` holds the stack's folder, its
 * ports, its secrets and the paths of the programs. `uses` names the ports that must be free.
 */
export const SERVER_DEFINITIONS = {
  postgres: {
    uses: ['postgres'],
    prepare: preparePostgres,
    command: ({ dir, ports, programs }) => [
      ...asPostgres(),
      `${programs.postgresBin}/postgres`,
      ...['-D', postgresFolder(dir), '-p', String(ports.postgres)],
      ...['-h', '127.0.0.1', '-k', '', '-c', 'max_connections=200'],
    ],
    ready: ({ ports, programs }) =>
      succeeds(`${programs.postgresBin}/pg_isready`, [
        ...['-q', '-U', 'postgres', '-d', 'postgres'],
        ...['-h', '127.0.0.1', '-p', String(ports.postgres)],
      ]),
    // SIGTERM would wait for ever for the document server's connections.
    stop: ['SIGINT', 15_000],
    seconds: 120,
  },
  mysql: {
    uses: ['mysql'],
    prepare: prepareMysql,
    // No binary log: what is deleted here must not live on in a log of the stack's own making.
    command: ({ dir, ports }) => [
      'mariadbd',
      '--no-defaults',
      ...(isRoot() ? ['--user=root'] : []),
      `--datadir=${join(dir, 'mysql')}`,
      `--tmpdir=${mysqlScratch(dir)}`,
      `--socket=${socketPath(dir, 'my')}`,
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
      succeeds(
        'mariadb-admin',
        ['--no-defaults', '-uroot', `--socket=${socketPath(dir, 'my')}`, 'ping'],
        { MYSQL_PWD: secrets.mysql },
      ),
    stop: ['SIGTERM', 15_000],
    seconds: 240,
  },
  temporal: {
    uses: ['temporal', 'temporalUi'],
    command: ({ dir, ports, programs }) => [
      ...[programs.temporal, 'server', 'start-dev', '--ip', '127.0.0.1'],
      ...['--port', String(ports.temporal), '--ui-port', String(ports.temporalUi)],
      ...['--db-filename', join(dir, 'temporal.db'), '--namespace', 'default'],
      ...['--log-level', 'warn', '--ui-disable-news-fetch'],
      // Simulated time in tests and in the demo; a fair turn for every tenant.
      ...['--dynamic-config-value', 'frontend.WorkflowTimeSkippingEnabled=true'],
      ...['--dynamic-config-value', 'matching.enableFairness=true'],
      // Timers fire when they are due, not up to a second later: simulated years pass in minutes.
      ...['--dynamic-config-value', 'history.timerProcessorMaxTimeShift="20ms"'],
    ],
    ready: ({ ports, programs }) =>
      succeeds(programs.temporal, [
        ...['operator', 'namespace', 'describe', '-n', 'default'],
        ...['--address', `127.0.0.1:${ports.temporal}`],
      ]),
    stop: ['SIGTERM', 15_000],
    seconds: 240,
  },
  s3: {
    uses: [
      ...['s3', 's3Grpc', 's3Master', 's3MasterGrpc'],
      ...['s3Volume', 's3VolumeGrpc', 's3Filer', 's3FilerGrpc'],
    ],
    prepare: prepareS3,
    command: ({ dir, ports, programs }) => [
      programs.weed,
      `-logdir=${folder(dir, 'logs')}`,
      ...['server', '-filer', '-s3'],
      ...flags({
        dir: folder(dir, 's3'),
        ip: '127.0.0.1',
        'ip.bind': '127.0.0.1',
        's3.port': ports.s3,
        's3.port.grpc': ports.s3Grpc,
        'master.port': ports.s3Master,
        'master.port.grpc': ports.s3MasterGrpc,
        'volume.port': ports.s3Volume,
        'volume.port.grpc': ports.s3VolumeGrpc,
        'filer.port': ports.s3Filer,
        'filer.port.grpc': ports.s3FilerGrpc,
        's3.config': join(dir, 's3.json'),
        // Narrow accounts are made at run time, through the account interface on the same port.
        's3.iam.readOnly': false,
        // On by default and not wanted: two more listeners, buckets made by a typing error, telemetry.
        's3.port.iceberg': 0,
        's3.port.lance': 0,
        's3.autoCreateBucket': false,
        'master.telemetry': false,
        // Every bucket takes seven volumes; a fixed maximum would fail the ninth.
        'volume.max': 0,
        'master.volumeSizeLimitMB': 64,
        // Without these a restart on old data takes 12 to 21 s.
        'master.electionTimeout': '1s',
        'master.heartbeatInterval': '100ms',
        's3.localSocket': socketPath(dir, 's3'),
        'filer.localSocket': socketPath(dir, 'fl'),
      }),
    ],
    ready: ({ ports, secrets }) =>
      storesObjects({
        endpoint: `http://127.0.0.1:${ports.s3}`,
        accessKey: secrets.s3AccessKey,
        secretKey: secrets.s3SecretKey,
      }),
    // A drain takes 25 s; what was acknowledged is on disk, so killing is safe.
    stop: ['SIGKILL', 5_000],
    seconds: 240,
  },
  registry: {
    uses: ['registry'],
    prepare: prepareRegistry,
    command: ({ dir }) => ['docker-registry', 'serve', join(dir, 'registry.yml')],
    ready: ({ ports }) => answersHttp(`http://127.0.0.1:${ports.registry}/v2/`),
    stop: ['SIGTERM', 5_000],
    seconds: 60,
  },
  mongo: {
    uses: ['mongo'],
    command: ({ ports, programs }) => [
      ...[programs.mongo, '-listen', `127.0.0.1:${ports.mongo}`, '-postgres'],
      `postgres://postgres@127.0.0.1:${ports.postgres}/postgres`,
    ],
    ready: ({ ports }) => answersMongo(ports.mongo),
    stop: ['SIGTERM', 5_000],
    seconds: 60,
  },
};

/**
 * Addresses and secrets as environment variables. The document server is named LETHE_STACK_MONGO_URL,
 * because LETHE_MONGO_URL in a user's environment means a real MongoDB of their own.
 */
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
