import { Remedy } from './steps.mjs';

/** Offsets of the ports from the base; tests take free ports instead. */
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

/** Where the ports start unless LETHE_PORT_BASE says otherwise; away from the servers' usual ports. */
export const PORT_BASE = 17_200;

/** Name of the variable that moves one port, e.g. LETHE_PORT_TEMPORAL_UI. */
export const portVariable = (name) =>
  `LETHE_PORT_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;

/** The ports of a stack that people use, from the defaults and the environment. */
export function fixedPorts(env = process.env) {
  const base = portOf(env, 'LETHE_PORT_BASE', PORT_BASE);
  const ports = Object.fromEntries(
    Object.entries(PORT_OFFSETS).map(([name, offset]) => [
      name,
      portOf(env, portVariable(name), base + offset),
    ]),
  );
  const seen = new Map();
  for (const [name, port] of Object.entries(ports)) {
    const other = seen.get(port);
    if (other !== undefined) {
      throw new Remedy(`port ${port} is given to ${other} and ${name}; set ${portVariable(name)}`);
    }
    seen.set(port, name);
  }
  return ports;
}

function portOf(env, variable, fallback) {
  const text = env[variable];
  if (text === undefined || text === '') return checked(fallback, 'LETHE_PORT_BASE');
  if (!/^\d{1,5}$/.test(text)) throw new Remedy(`${variable} must be a port number`);
  return checked(Number(text), variable);
}

function checked(port, variable) {
  if (port >= 1024 && port <= 65_535) return port;
  throw new Remedy(`${variable} leads to port ${port}; it must lie between 1024 and 65535`);
}

/** Names of the servers in the order in which they start. */
export const SERVERS = Object.freeze(['postgres', 'mysql', 'temporal', 's3', 'registry', 'mongo']);

/** Debian packages that carry what no other registry does. */
export const DEBIAN_PACKAGES = Object.freeze([
  'mariadb-server-core',
  'mariadb-client-core',
  'mariadb-client',
  'docker-registry',
]);
