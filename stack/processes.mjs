import { spawn } from 'node:child_process';
import { openSync, readFileSync, closeSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** Starts a server in a process group of its own; survives the command that started it. */
export function startProcess(command, args, { log, env, cwd } = {}) {
  const output = openSync(log, 'a');
  const child = spawn(command, args, {
    detached: true,
    stdio: ['ignore', output, output],
    env: { ...process.env, ...env },
    cwd,
  });
  closeSync(output);
  child.unref();
  child.on('error', () => undefined);
  if (child.pid === undefined) throw new Error(`${command} could not be started; see ${log}`);
  return { pid: child.pid, startedAt: startOf(child.pid) };
}

/** Start time of a process from the kernel, so that a recycled number is never signalled. */
export function startOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? null : fields[19];
  } catch {
    return null;
  }
}

/** True while this very process runs. */
export const isRunning = (entry) =>
  entry?.pid !== undefined && entry.startedAt !== null && startOf(entry.pid) === entry.startedAt;

/** Signals a process and waits until it is gone; kills it when the time is over. */
export async function stopProcess(entry, signal, milliseconds = 10_000) {
  if (!isRunning(entry)) return;
  process.kill(entry.pid, signal);
  const until = Date.now() + milliseconds;
  while (isRunning(entry)) {
    if (Date.now() > until) process.kill(entry.pid, 'SIGKILL');
    await pause(50);
  }
}

/** Waits until `probe` holds; fails when the process ends or the time is over. */
export async function untilReady(entry, probe, { seconds, log }) {
  const until = Date.now() + seconds * 1000;
  for (;;) {
    if (await probe()) return;
    if (!isRunning(entry) || Date.now() > until) throw new Error(failure(log));
    await pause(100);
  }
}

function failure(log) {
  let tail = '';
  try {
    tail = readFileSync(log, 'utf8').trim().split('\n').slice(-12).join('\n');
  } catch {
    tail = '(no log)';
  }
  return `not ready; log: ${log}\n${tail}`;
}

/** `count` ports that are free now, all held open until the last is found. */
export async function freePorts(count) {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise((resolve, reject) => {
          const server = createServer();
          server.once('error', reject);
          server.listen(0, '127.0.0.1', () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** True when something answers HTTP at `url` with a status below 500. */
export async function answersHttp(url) {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
    await response.arrayBuffer();
    return response.status < 500;
  } catch {
    return false;
  }
}
