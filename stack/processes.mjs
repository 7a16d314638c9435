import { spawn } from 'node:child_process';
import { openSync, readFileSync, readdirSync, closeSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { Failure } from './steps.mjs';

/** Environment variable by which a server is found again when nobody wrote its number down. */
const MARK = 'LETHE_STACK_SERVER';

/** Starts a server in a process group of its own; survives the command that started it. */
export async function startProcess(command, args, { log, mark, cwd }) {
  const output = openSync(log, 'a', 0o600);
  const child = spawn(command, args, {
    detached: true,
    stdio: ['ignore', output, output],
    env: { ...process.env, [MARK]: mark },
    cwd,
  });
  closeSync(output);
  child.unref();
  await new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  return { pid: child.pid, startedAt: startOf(child.pid) };
}

/**
 * The running process that carries the mark: a server that was started but not written down, or what is
 * left of one. Its own children inherit the mark, so the topmost one counts.
 */
export function findProcess(mark) {
  const wanted = `${MARK}=${mark}`;
  const parents = new Map();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (!readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(wanted)) continue;
      parents.set(pid, fieldsOf(pid)[1]);
    } catch {
      // It ended, or belongs to somebody else.
    }
  }
  for (const [pid, parent] of parents) {
    const entry = { pid: Number(pid), startedAt: startOf(pid) };
    if (!parents.has(parent) && isRunning(entry)) return entry;
  }
  return null;
}

function fieldsOf(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** Start time of a process from the kernel, so that a recycled number is never signalled. */
export function startOf(pid) {
  try {
    const fields = fieldsOf(pid);
    return fields[0] === 'Z' ? null : fields[19];
  } catch {
    return null;
  }
}

/** True while this very process runs. */
export const isRunning = (entry) =>
  Number.isSafeInteger(entry?.pid) &&
  typeof entry.startedAt === 'string' &&
  startOf(entry.pid) === entry.startedAt;

/** Signals a process and waits until it is gone; kills it when the time is over. */
export async function stopProcess(entry, signal, milliseconds = 10_000) {
  const send = (name) => {
    if (isRunning(entry)) process.kill(entry.pid, name);
  };
  send(signal);
  const until = Date.now() + milliseconds;
  while (isRunning(entry)) {
    if (Date.now() > until) send('SIGKILL');
    await pause(50);
  }
}

/** Waits until `probe` holds; fails when the process ends or the time is over. */
export async function untilReady(entry, probe, { seconds, log }) {
  const until = Date.now() + seconds * 1000;
  for (;;) {
    if (!isRunning(entry)) throw new Failure(failure('the server ended', log));
    if (await probe()) return;
    if (Date.now() > until) throw new Failure(failure(`not ready after ${seconds} s`, log));
    await pause(100);
  }
}

function failure(what, log) {
  let tail = '(no log)';
  try {
    tail = readFileSync(log, 'utf8').trim().split('\n').slice(-12).join('\n');
  } catch {
    // The server did not even open its log.
  }
  return `${what}; log: ${log}\n${tail}`;
}

/** Listens on a port of the loopback interface (0: any) and returns the listener, or null. */
const listen = (port) =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });

/** True when nobody listens on the port. */
export async function isFree(port) {
  const server = await listen(port);
  if (server === null) return false;
  await new Promise((resolve) => server.close(resolve));
  return true;
}

/** `count` ports that are free now, all held open until the last is found. */
export async function freePorts(count) {
  const servers = await Promise.all(Array.from({ length: count }, () => listen(0)));
  if (servers.includes(null)) throw new Error('no free port on 127.0.0.1');
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
