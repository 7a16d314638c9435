import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { SERVERS } from './defaults.mjs';
import { dockerDown, dockerServices, dockerUp } from './docker.mjs';
import { installServers } from './install.mjs';
import { withLock } from './lock.mjs';
import { assignPorts, claimPorts, writePorts } from './ports.mjs';
import { postgresFolder, removeSockets } from './prepare.mjs';
import {
  findProcess,
  isRunning,
  startOf,
  startProcess,
  stopProcess,
  untilReady,
} from './processes.mjs';
import { SERVER_DEFINITIONS } from './servers.mjs';
import {
  readStack,
  requireStack,
  saveStack,
  secretsOf,
  stackFolder,
  stackNames,
} from './state.mjs';
import { ROOT, Remedy, folder, step } from './steps.mjs';

const PORT_CHOICES = ['fixed', 'free'];

/**
 * Starts what is not running and returns the stack. Safe to repeat and to interrupt: a server that was
 * started but not written down is found by its mark. `owner` is a process after whose end the stack is
 * taken down and removed.
 */
export async function up(name, { ports, owner, docker = false } = {}) {
  const dir = stackFolder(name);
  if (ports !== undefined && !PORT_CHOICES.includes(ports)) {
    throw new Remedy('--ports is fixed or free');
  }
  return withLock(`stack-${name}`, async () => {
    const known = readStack(name);
    const stack = known ?? {
      name,
      dir: folder(dir),
      kind: docker ? 'docker' : 'processes',
      owner: owner === undefined ? null : { pid: owner, startedAt: startOf(owner) },
      servers: {},
    };
    if (docker !== (stack.kind === 'docker')) {
      throw new Remedy(
        `stack ${name} runs as ${stack.kind}; run: ./dev stack down --purge --name ${name}`,
      );
    }
    stack.choice = ports ?? known?.choice ?? 'fixed';
    const mayMove = !keepsPorts(stack);
    if (mayMove) await assignPorts(stack);
    else writePorts(stack);
    if (docker) return dockerUp(stack, secretsOf(dir));
    stack.programs = await withLock('install', installServers);
    saveStack(stack);
    if (stack.owner !== null) await watchOwner(stack);
    for (const server of SERVERS) await startServer(stack, server, { mayMove });
    return stack;
  });
}

/** The watcher cleans up after an owner that was killed; a finished stack ends the watcher. */
async function watchOwner(stack) {
  const mark = markOf(stack, 'watcher');
  if (findProcess(mark) !== null) return;
  const log = join(folder(stack.dir, 'logs'), 'watcher.log');
  const script = join(ROOT, 'stack', 'watch-owner.mjs');
  await startProcess(process.execPath, [script, stack.name], { log, mark, cwd: '/' });
}

/** Ports stay as they are while anything runs; fixed ones follow the environment afterwards. */
const keepsPorts = (stack) =>
  stack.ports !== undefined &&
  (stack.kind === 'docker' || SERVERS.some((server) => entryOf(stack, server) !== null));

const markOf = (stack, server) => `${stack.dir}#${server}`;

/** The running process of a server, on record or not, or null. */
function entryOf(stack, server) {
  const recorded = stack.servers[server];
  return isRunning(recorded) ? recorded : findProcess(markOf(stack, server));
}

async function startServer(stack, server, { mayMove = false } = {}) {
  const definition = SERVER_DEFINITIONS[server];
  const { dir, programs } = stack;
  const context = { dir, ports: stack.ports, programs, secrets: secretsOf(dir) };
  const log = join(folder(dir, 'logs'), `${server}.log`);
  const running = entryOf(stack, server);
  const record = (entry) => {
    stack.servers[server] = { ...entry, log };
    saveStack(stack);
  };
  if (running !== null) {
    record(running);
    if (await definition.ready(context)) return;
  }
  await step(`starting ${server}`, async () => {
    if (running === null) {
      await claimPorts(stack, definition.uses, mayMove);
      await definition.prepare?.(context);
      const [command, ...args] = definition.command(context);
      record(await startProcess(command, args, { log, mark: markOf(stack, server), cwd: '/' }));
    }
    await untilReady(stack.servers[server], () => definition.ready(context), {
      seconds: definition.seconds,
      log,
    });
  });
}

/** Starts one named server again on its ports and data, if it is not running. */
export async function restart(name, server) {
  await withLock(`stack-${name}`, () => startServer(stackWith(name, server), server));
}

/** Ends one named server at once, as a power cut would, and waits until nothing of it is left. */
export async function kill(name, server) {
  await stopServer(stackWith(name, server), server, ['SIGKILL', 10_000]);
}

function stackWith(name, server) {
  if (!SERVERS.includes(server)) throw new Remedy(`--server is one of ${SERVERS.join(', ')}`);
  const stack = requireStack(name);
  if (stack.kind === 'docker') throw new Remedy(`stack ${name} runs in Docker; use docker compose`);
  return stack;
}

async function stopServer(stack, server, [signal, milliseconds]) {
  // Children of a killed PostgreSQL live a moment longer and would refuse the next start.
  for (let entry = entryOf(stack, server); entry !== null; entry = entryOf(stack, server)) {
    await stopProcess(entry, signal, milliseconds);
  }
}

/** Stops a stack in the reverse order; with `purge` its data goes too. */
export async function down(name, { purge = false } = {}) {
  const dir = stackFolder(name);
  await withLock(`stack-${name}`, async () => {
    const stack = readStack(name);
    if (stack?.kind === 'docker') await dockerDown(stack, { purge });
    else if (stack !== null) await stopAll(stack, purge);
    if (!purge) return;
    rmSync(postgresFolder(dir), { recursive: true, force: true });
    rmSync(dir, { recursive: true, force: true });
  });
}

async function stopAll(stack, purge) {
  for (const server of [...SERVERS].reverse()) {
    if (entryOf(stack, server) === null) continue;
    const stop = purge ? ['SIGKILL', 5_000] : SERVER_DEFINITIONS[server].stop;
    await step(`stopping ${server}`, () => stopServer(stack, server, stop));
  }
  removeSockets(stack);
  stack.servers = {};
  saveStack(stack);
}

/** State of every server, for people and for scripts. */
export function status(name) {
  const stack = readStack(name);
  const services = stack?.kind === 'docker' ? dockerServices(stack) : null;
  // Docker runs a real MongoDB, which needs no PostgreSQL behind it.
  const servers = SERVERS.filter((server) => services === null || server !== 'postgres');
  return servers.map((server) => {
    const entry = stack === null || services !== null ? null : entryOf(stack, server);
    return {
      server,
      running: services === null ? entry !== null : services.includes(server),
      pid: entry?.pid ?? null,
      port: stack?.ports[server] ?? null,
      log: stack?.servers[server]?.log ?? null,
    };
  });
}

/** Takes down and removes stacks whose owner is gone, e.g. after an interrupted test run. */
export async function reap() {
  for (const name of stackNames()) {
    const owner = readStack(name)?.owner ?? null;
    if (owner !== null && !isRunning(owner)) await down(name, { purge: true });
  }
}
