import { createInterface } from 'node:readline/promises';
import { isatty } from 'node:tty';
import { readWhole } from './files';

/** What a command touches of the world around it; tests give their own. */
export interface CliIo {
  /** Data, and nothing else. */
  readonly stdout: (text: string) => void;
  /** Messages for people. */
  readonly stderr: (text: string) => void;
  /** Text of a file, or of standard input for `-`. */
  readonly read: (file: string) => string;
  /** Variables of the process; the real ones when absent. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Asks the person at the terminal; absent when there is none. */
  readonly ask?: (question: string) => Promise<string>;
}

const STANDARD_INPUT = 0;
const STANDARD_ERROR = 2;

/**
 * The terminal, files and pipes of this process. Whether there is a terminal is asked of the descriptor:
 * a look at `process.stdin` alone makes a pipe non-blocking, and reading it would fail while the sender
 * is slow.
 */
export function processIo(): CliIo {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', withoutReader);
  const io: CliIo = {
    stdout: (text) => process.stdout.write(text),
    stderr: (text) => process.stderr.write(text),
    read: readWhole,
  };
  const atTerminal = isatty(STANDARD_INPUT) && isatty(STANDARD_ERROR);
  return atTerminal ? { ...io, ask: askAtTerminal } : io;
}

/** Whoever reads the output may stop before its end, as `head` does; the command ends as it would have. */
function withoutReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}

async function askAtTerminal(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await terminal.question(question);
  } finally {
    terminal.close();
  }
}
