import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PORT_BASE, PORT_OFFSETS, SERVERS } from './defaults.mjs';
import { installServers } from './install.mjs';
import {
  isRunning,
  freePorts,
  startProcess,
  startOf,
  stopProcess,
  untilReady,
} from './processes.mjs';
import { SERVER_DEFINITIONS, environmentOf } from './servers.mjs';
import { CACHE, Remedy, folder, step } from './steps.mjs';

const NAME = /^[a-z][a-z0-9-]{0,30}$/;

/** Folder of a stack; the name is part of a path, so it is checked. */
export function stackFolder(name) {
  if (!NAME.test(name)) throw new Remedy(`--name must match ${NAME.source}`);
  return join(CACHE, 'stack', name);
}

/** What is known of a stack, or null. */
export function readStack(name) {
  const file = join(stackFolder(name), 'stack.json');
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null;
}

/**
 * Starts what is not running and returns the stack. Safe to repeat and to interrupt: every server is on
 * record before its probe, so that the next `up` or `down` finds it.
 */
export async function up(name, { ports: wanted, owner } = {}) {
  const dir = folder(stackFolder(name));
  const programs = await installServers();
  const known = readStack(name);
  const stack = known ?? {
    name,
    dir,
    ports: wanted === 'free' ? await choosePorts() : defaultPorts(),
    owner: owner === undefined ? null : { pid: owner, startedAt: startOf(owner) },
    servers: {},
  };
  const context = contextOf(stack, programs);
  stack.env = environmentOf(context);
  stack.programs = programs;
  save(stack);
  for (const server of SERVERS) await startServer(stack, context, server);
  return stack;
}

/** Starts one server of a stack on its ports and data, if it is not running. */
export async function startServer(stack, context, server) {
  if (isRunning(stack.servers[server])) return;
  const definition = SERVER_DEFINITIONS[server];
  const log = join(folder(stack.dir, 'logs'), `${server}.log`);
  await step(`starting ${server}`, async () => {
    await definition.prepare?.(context);
    const [command, ...args] = definition.command(context);
    stack.servers[server] = { ...startProcess(command, args, { log, cwd: '/' }), log };
    save(stack);
    await untilReady(stack.servers[server], () => definition.ready(context), {
      seconds: definition.seconds,
      log,
    });
  });
}

/** Restarts one named server; for tests of what happens when a store is away. */
export async function restart(name, server) {
  const stack = requireStack(name);
  await startServer(stack, contextOf(stack, stack.programs), server);
}

/** Ends one named server at once, as a power cut would. */
export async function kill(name, server) {
  await stopProcess(requireStack(name).servers[server], 'SIGKILL');
}

/** Stops a stack in the reverse order; with `purge` its data goes too. */
export async function down(name, { purge = false } = {}) {
  const stack = readStack(name);
  if (stack === null) return;
  for (const server of [...SERVERS].reverse()) {
    const entry = stack.servers[server];
    if (!isRunning(entry)) continue;
    const [signal, milliseconds] = SERVER_DEFINITIONS[server].stop;
    await step(`stopping ${server}`, () =>
      stopProcess(entry, purge && server !== 'postgres' ? 'SIGKILL' : signal, milliseconds),
    );
  }
  if (!purge) {
    stack.servers = {};
    save(stack);
    return;
  }
  rmSync(postgresData(stack), { recursive: true, force: true });
  rmSync(stack.dir, { recursive: true, force: true });
}

/** State of every server, for people and for scripts. */
export function status(name) {
  const stack = readStack(name);
  return SERVERS.map((server) => ({
    server,
    running: isRunning(stack?.servers[server]),
    pid: stack?.servers[server]?.pid ?? null,
    port: stack?.ports[server] ?? null,
    log: stack?.servers[server]?.log ?? null,
  }));
}

/** Stops and removes test stacks whose owner is gone, e.g. after an interrupted test run. */
export async function reap() {
  const root = join(CACHE, 'stack');
  if (!existsSync(root)) return;
  for (const name of readdirSync(root)) {
    if (!NAME.test(name)) continue;
    const owner = readStack(name)?.owner ?? null;
    if (owner !== null && !isRunning(owner)) await down(name, { purge: true });
  }
}

function requireStack(name) {
  const stack = readStack(name);
  if (stack === null)
    throw new Remedy(`there is no stack named ${name}; run: ./dev stack up --name ${name}`);
  return stack;
}

function contextOf(stack, programs) {
  return {
    dir: stack.dir,
    ports: stack.ports,
    programs,
    secrets: secretsOf(stack.dir),
    postgresData: postgresData(stack),
  };
}

/** PostgreSQL refuses to run as root, and its own user cannot look into every checkout. */
function postgresData(stack) {
  if (process.getuid?.() !== 0) return join(stack.dir, 'postgres');
  const key = createHash('sha256').update(stack.dir).digest('hex').slice(0, 16);
  return join('/var/tmp', `lethe-postgres-${key}`);
}

function secretsOf(dir) {
  const file = join(dir, 'secrets.json');
  if (!existsSync(file)) {
    const secret = () => randomBytes(18).toString('hex');
    const secrets = {
      mysql: secret(),
      s3AccessKey: secret(),
      s3SecretKey: secret(),
      registry: secret(),
    };
    writeFileSync(file, JSON.stringify(secrets), { mode: 0o600 });
  }
  return JSON.parse(readFileSync(file, 'utf8'));
}

const defaultPorts = () =>
  Object.fromEntries(
    Object.entries(PORT_OFFSETS).map(([name, offset]) => [
      name,
      Number(process.env[`LETHE_PORT_${name.toUpperCase()}`] ?? PORT_BASE + offset),
    ]),
  );

async function choosePorts() {
  const names = Object.keys(PORT_OFFSETS);
  const ports = await freePorts(names.length);
  return Object.fromEntries(names.map((name, index) => [name, ports[index]]));
}

function save(stack) {
  const file = join(folder(stack.dir), 'stack.json');
  writeFileSync(`${file}.partial`, JSON.stringify(stack, null, 1), { mode: 0o600 });
  renameSync(`${file}.partial`, file);
}
