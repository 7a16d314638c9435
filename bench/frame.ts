import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { openStage, type Stage } from './stage';

/** What every benchmark has around it. */

/** A promise, what was found, and whether it is kept; null when it could not be measured. */
export interface Verdict {
  readonly goal: string;
  readonly found: string;
  readonly reached: boolean | null;
}

/** Where files of a run go. */
export const CACHE = process.env['LETHE_CACHE'] ?? '.cache';

/** Says a figure. */
export const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** Says what is being done; it is no figure. */
export const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

/** Reads the number of a flag. @throws Error naming the flag that is no positive number. */
export function whole(flag: string, text: string): number {
  if (/^[1-9]\d{0,7}$/.test(text)) return Number(text);
  throw new Error(`--${flag} must be a whole number from 1 on`);
}

/** Writes figures as JSON and returns the file. */
export function writeFigures(file: string, figures: object): string {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(figures, null, 2)}\n`);
  return file;
}

/** Makes the environment, measures in it, and lets it go. */
export async function onStage<T>(measure: (stage: Stage) => Promise<T>): Promise<T> {
  const stage = await openStage(CACHE);
  try {
    return await measure(stage);
  } finally {
    await stage.close();
  }
}

/** Runs a benchmark as this process, which ends with it: with 1 when it fails or says so. */
export function runBenchmark(measure: (argv: readonly string[]) => Promise<number>): void {
  measure(process.argv.slice(2)).then(
    (exitCode) => process.exit(exitCode),
    (error: unknown) => {
      say(error instanceof Error ? (error.stack ?? error.message) : String(error));
      process.exit(1);
    },
  );
}
