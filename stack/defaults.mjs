/** Ports of the stack named `dev`, relative to a base, and the names that everything agrees on. */
export const PORT_BASE = Number(process.env.LETHE_PORT_BASE ?? 17200);

/** Offsets from the base; tests take free ports instead. */
export const PORT_OFFSETS = Object.freeze({
  temporal: 33,
  temporalUi: 34,
  mysql: 6,
  mongo: 17,
  postgres: 32,
  s3: 90,
  s3Master: 91,
  s3Volume: 92,
  s3Filer: 93,
  s3MasterGrpc: 94,
  s3VolumeGrpc: 95,
  s3FilerGrpc: 96,
  s3Grpc: 97,
  registry: 50,
});

/** Names of the servers in the order in which they start. */
export const SERVERS = Object.freeze(['postgres', 'mysql', 'temporal', 's3', 'registry', 'mongo']);

/** Debian packages that carry what no other registry does. */
export const DEBIAN_PACKAGES = Object.freeze([
  'mariadb-server-core',
  'mariadb-client-core',
  'mariadb-client',
  'postgresql-15',
  'docker-registry',
]);
