import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** What something cost, of whole processes. */
export interface Cost {
  readonly seconds: number;
  /** Of the client: pt-archiver, the product's process; nothing where the server does everything. */
  readonly clientCpuSeconds: number;
  readonly serverCpuSeconds: number;
  /** Largest memory of the client, in MB. */
  readonly peakMemoryMb: number;
}

/** Ticks of the kernel's clock in a second, on every Linux. */
const TICKS = 100;
const LOOK_MS = 50;

/** CPU seconds that a process has used so far; 0 when it is not known. */
export function cpuSecondsOf(pid: number | undefined): number {
  if (pid === undefined) return 0;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  } catch {
    return 0;
  }
}

/** CPU seconds of each of several processes, since an earlier reading if there is one. */
export const cpuSecondsByName = (
  pids: Readonly<Record<string, number>>,
  since: Readonly<Record<string, number>> = {},
): Readonly<Record<string, number>> =>
  Object.fromEntries(
    Object.entries(pids).map(([name, pid]) => [name, cpuSecondsOf(pid) - (since[name] ?? 0)]),
  );

/** Sum over several processes. */
export const cpuSecondsOfAll = (pids: Readonly<Record<string, number>>): number =>
  Object.values(pids).reduce((sum, pid) => sum + cpuSecondsOf(pid), 0);

/** Largest memory that a process has had so far, in MB; 0 when it is not known. */
export function peakMemoryMbOf(pid: number | undefined): number {
  if (pid === undefined) return 0;
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

/** Looks at a process until it ends; the last look counts. */
export async function watch(child: ChildProcess): Promise<{
  readonly code: number | null;
  readonly cpuSeconds: number;
  readonly memoryMb: number;
}> {
  let cpuSeconds = 0;
  let memoryMb = 0;
  const look = setInterval(() => {
    cpuSeconds = Math.max(cpuSeconds, cpuSecondsOf(child.pid));
    memoryMb = Math.max(memoryMb, peakMemoryMbOf(child.pid));
  }, LOOK_MS);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject).once('close', resolve);
    });
    return { code, cpuSeconds, memoryMb };
  } finally {
    clearInterval(look);
  }
}

/** Runs a program to its end and says what it cost, on its own side and on the servers'. */
export async function measureProgram(
  command: string,
  args: readonly string[],
  options: {
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly servers: Readonly<Record<string, number>>;
  },
): Promise<Cost> {
  const serversBefore = cpuSecondsOfAll(options.servers);
  const started = performance.now();
  const child = spawn(command, [...args], {
    env: options.env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = `${said}${chunk.toString('utf8')}`.slice(-2000);
  });
  const { code, cpuSeconds, memoryMb } = await watch(child);
  if (code !== 0) throw new Error(`${command} ended with ${code ?? 'a signal'}: ${said}`);
  return {
    seconds: (performance.now() - started) / 1000,
    clientCpuSeconds: cpuSeconds,
    serverCpuSeconds: cpuSecondsOfAll(options.servers) - serversBefore,
    peakMemoryMb: memoryMb,
  };
}
