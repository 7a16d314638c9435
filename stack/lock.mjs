import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { isRunning, startOf } from './processes.mjs';
import { CACHE, folder } from './steps.mjs';

const held = new Set();

/**
 * Runs `work` while nobody else holds the lock of that name on this checkout. The lock of a process that
 * is gone is taken over. Locks nest within one process.
 */
export async function withLock(name, work) {
  if (held.has(name)) return work();
  const file = join(folder(CACHE, 'locks'), name);
  const mine = `${file}.${process.pid}`;
  writeFileSync(mine, JSON.stringify({ pid: process.pid, startedAt: startOf(process.pid) }));
  try {
    await take(file, mine);
  } finally {
    rmSync(mine, { force: true });
  }
  held.add(name);
  try {
    return await work();
  } finally {
    held.delete(name);
    rmSync(file, { force: true });
  }
}

async function take(file, mine) {
  for (let waited = false; ; waited = true) {
    try {
      // A link appears whole or not at all, so nobody reads half a lock.
      linkSync(mine, file);
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const holder = holderOf(file);
    if (holder !== null && !isRunning(holder)) rmSync(file, { force: true });
    else if (holder !== null && !waited)
      process.stderr.write(`  waiting for another ./dev (pid ${holder.pid})\n`);
    await pause(100);
  }
}

function holderOf(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}
