import { cpuSecondsOf } from './meter';

/** How long one look at the server lasts, in milliseconds, and how many quiet ones in a row are believed. */
const LOOK_MS = 250;
const QUIET_LOOKS = 4;
/** After this many looks the next contestant begins all the same. */
const LOOKS_MAX = 240;
/** Share of a core above what it uses at rest that still counts as rest. */
const REST_CORES = 0.05;

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/**
 * Removed rows are only marked; the server clears them away afterwards. Whoever runs next would pay for it,
 * so the next one waits until the server is at rest again.
 */
export class Rest {
  private constructor(
    private readonly pid: number | undefined,
    /** Cores that the server uses for the neighbour alone. */
    private readonly cores: number,
  ) {}

  /** Looks for so many milliseconds at what the server uses while nothing is measured; its quietest look counts. */
  static async learn(pid: number | undefined, milliseconds: number): Promise<Rest> {
    let cores = Infinity;
    for (let looked = 0; looked < milliseconds; looked += LOOK_MS) {
      cores = Math.min(cores, await coresFor(pid, LOOK_MS));
    }
    return new Rest(pid, cores);
  }

  /** Waits for the rest. @returns CPU seconds that the server used meanwhile, beyond the neighbour's. */
  async settle(): Promise<number> {
    let owed = 0;
    let quiet = 0;
    for (let look = 0; look < LOOKS_MAX && quiet < QUIET_LOOKS; look += 1) {
      const beyond = (await coresFor(this.pid, LOOK_MS)) - this.cores;
      quiet = beyond > REST_CORES ? 0 : quiet + 1;
      owed += (Math.max(0, beyond) * LOOK_MS) / 1000;
    }
    return owed;
  }
}

/** Cores that a process uses during a time. */
async function coresFor(pid: number | undefined, milliseconds: number): Promise<number> {
  const [before, started] = [cpuSecondsOf(pid), performance.now()];
  await pause(milliseconds);
  return ((cpuSecondsOf(pid) - before) * 1000) / (performance.now() - started);
}
