import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { runExplain } from './commands/explain';

/** Folder of the calendar data, shipped beside the code; `dist/src/cli` when built. */
const CALENDARS = join(__dirname, '..', '..', '..', 'calendars');

/** Input that cannot be used; the message has been printed. */
const EXIT_BAD_INPUT = 2;

function program(): Command {
  const lethe = new Command('lethe')
    .description('Keeps the data promises of a container-security service')
    .exitOverride()
    .showHelpAfterError();
  lethe
    .command('explain')
    .description('the window that facts lead to, with its derivation; needs no server')
    .requiredOption('--facts <file>', 'JSON with one facts object or an array; - is standard input')
    .option('--json', 'machine-readable output', false)
    .action((options: { facts: string; json: boolean }) => {
      const outcome = runExplain({
        file: options.facts,
        json: options.json,
        calendarsDir: CALENDARS,
      });
      process.stdout.write(outcome.stdout);
      process.stderr.write(outcome.stderr);
      process.exitCode = outcome.exitCode;
    });
  return lethe;
}

async function main(): Promise<void> {
  try {
    await program().parseAsync();
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help that was asked for is an answer; a usage that is off is bad input.
    process.exitCode = error.exitCode === 0 ? 0 : EXIT_BAD_INPUT;
  }
}

void main();
