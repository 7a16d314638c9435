import type { Command } from 'commander';
import { FAILURES, isLetheError, LetheError } from '../domain/errors';
import { printAnswer, printFailure, type Answer } from './output';
import type { CliIo } from './io';
import type * as Sessions from './session';
import type { Session } from './session';

const EXIT_WORLD = 1;

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
        this.exitCode = printFailure(this.io, options.json, withSubject(error, options));
      }
      await closed(session);
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

/** What a command is about, when its refusal names no field; the nearest thing first. */
const SUBJECTS = [
  'hold',
  'freeze',
  'order',
  'change',
  'trip',
  'set',
  'receiver',
  'tenant',
] as const;

/** A refusal of what was asked for always names a field; those of the database's procedures have none. */
function withSubject(error: unknown, options: object): unknown {
  if (!isLetheError(error) || error.field !== undefined) return error;
  const field = SUBJECTS.find(
    (name) => typeof (options as Record<string, unknown>)[name] === 'string',
  );
  if (field === undefined || FAILURES[error.code].exitCode === EXIT_WORLD) return error;
  return new LetheError(error.code, error.message, { field, cause: error });
}

/** The answer is given; a connection that was never made and now fails is no second one. */
async function closed(session: Session): Promise<void> {
  try {
    await session.close();
  } catch {
    // What is left ends with the process.
  }
}

function openSession(env: CliIo['env']): Session {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- the collector must not load what speaks to servers
  const { Session: Opened } = require('./session') as typeof Sessions;
  return new Opened(env);
}
