import { Command, CommanderError } from 'commander';
import { LetheError } from '../domain/errors';
import type * as AllCommands from './all-commands';
import { Cli } from './cli';
import { addCollectCommand } from './commands/collect';
import type { CliIo } from './io';
import { printFailure } from './output';

const EXIT_BAD_INPUT = 2;

const AFTER_HELP = `
At three in the morning:
  lethe status --tenant ID              where a tenant stands, also when the engine is away
  lethe deadlines --band overdue        what is late; --band due_soon: what comes next
  lethe freeze set --all                nothing is destroyed any more until two people lift it
  lethe doctor                          servers, schema, grants, clocks, keys and workers, with remedies
  lethe orphans                         tenants without a process, processes without a tenant
  lethe evidence verify                 whether anybody tampered with the ledger; needs the public keys
  lethe hold place --tenant ID ...      one tenant's data is kept for a legal reason
  lethe breaker status                  what the engine stopped by itself, and why
  lethe restore-gate check --store S    whether a store that was restored may serve

Every command can be repeated safely; one that is sent to a tenant is repeated under its
--idempotency-key. Dangerous ones ask for an id a second time, or take it with --confirm.

Exit codes: 0 done, 1 the world is not ready or refused, 2 the input is wrong.
Errors: CODE: message on standard error; with --json {"error": {"code", "field", "message"}}.

Environment: LETHE_ENVIRONMENT names the environment, LETHE_ACTOR who asks, LETHE_CREDENTIALS_FILE
the logins; 'lethe config show' prints everything in effect.
`;

/** Runs one command line in the given surroundings and returns its exit code; nothing is thrown. */
export async function runCli(argv: readonly string[], io: CliIo): Promise<number> {
  const cli = new Cli(io);
  const complaints: string[] = [];
  try {
    const lethe = program(cli, complaints);
    addCommands(lethe, cli, argv);
    await lethe.parseAsync(argv, { from: 'user' });
    return cli.exitCode;
  } catch (error) {
    // Help that was asked for is an answer; a usage that is off is bad input.
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const json = argv.includes('--json');
    if (!(error instanceof CommanderError)) return printFailure(io, json, error);
    return complain(io, json, complaints);
  }
}

/** What commander says of a usage that is off, in the form of every other error. */
function complain(io: CliIo, json: boolean, complaints: readonly string[]): number {
  const text = complaints.join('');
  // All of it: an argument may hold line breaks, and what is allowed stands behind it.
  const [, problem] = /^error: ([^]*?)\s*$/.exec(text) ?? [];
  if (problem === undefined && !json) {
    io.stderr(text);
    return EXIT_BAD_INPUT;
  }
  const [, option, argument] =
    /--([a-z-]+)|^missing required argument '(\w+)'/.exec(problem ?? '') ?? [];
  const field = option ?? argument;
  const message = problem ?? 'a command is missing; --help shows them';
  const error = new LetheError('INVALID_INPUT', message, field === undefined ? {} : { field });
  return printFailure(io, json, error);
}

function program(cli: Cli, complaints: string[]): Command {
  const lethe = new Command('lethe')
    .description('Keeps the data promises of a container-security service')
    .exitOverride()
    .configureOutput({
      writeOut: cli.io.stdout,
      writeErr: (text) => {
        complaints.push(text);
      },
    })
    .addHelpText('after', AFTER_HELP);
  return lethe;
}

/**
 * The collector runs on hosts that other people pay for: it loads nothing that speaks to servers, which
 * would be half of its memory.
 */
function addCommands(lethe: Command, cli: Cli, argv: readonly string[]): void {
  if (argv[0] === 'collect') {
    addCollectCommand(lethe, cli);
    return;
  }
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- loaded only where it is needed
  const { addAllCommands } = require('./all-commands') as typeof AllCommands;
  addAllCommands(lethe, cli);
}
