import type { Command } from 'commander';
import { printAnswer, printFailure, type Answer } from './output';
import type { CliIo } from './io';
import type * as Sessions from './session';
import type { Session } from './session';

/** Options that every command has. */
export interface CommonOptions {
  readonly json: boolean;
}

/** One call of the command line: its surroundings, its session and how it ends. */
export class Cli {
  exitCode = 0;

  constructor(readonly io: CliIo) {}

  /**
   * Makes the function that commander runs for a command: it runs with a session of its own, prints the answer or the
   * failure, and remembers the exit code.
   */
  action<Options extends CommonOptions>(
    work: (options: Options, session: Session) => Promise<Answer>,
  ): (options: Options) => Promise<void> {
    return async (options) => {
      const session = openSession(this.io.env);
      try {
        this.exitCode = printAnswer(this.io, options.json, await work(options, session));
      } catch (error) {
        this.exitCode = printFailure(this.io, options.json, error);
      } finally {
        await session.close();
      }
    };
  }
}

/** Adds a command with the options that every command has. */
export function addCommand(parent: Command, name: string, description: string): Command {
  return parent
    .command(name)
    .description(description)
    .option('--json', 'answer and errors as JSON', false);
}

function openSession(env: CliIo['env']): Session {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- the collector must not load what speaks to servers
  const { Session: Opened } = require('./session') as typeof Sessions;
  return new Opened(env);
}
