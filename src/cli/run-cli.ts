import { Command, CommanderError } from 'commander';
import { LetheError } from '../domain/errors';
import { CALENDARS } from './shipped-folders';
import { Cli } from './cli';
import { addArchiveCommands } from './commands/archive';
import { addAttachService } from './commands/attach-service';
import { addAttest } from './commands/attest';
import { addBackups } from './commands/backups';
import { addBreaker } from './commands/breaker';
import { addCalendar } from './commands/calendar';
import { addCaps } from './commands/caps';
import { addCertificate } from './commands/certificate';
import { addChangeConfiguration } from './commands/change-configuration';
import { addCollectCommand } from './commands/collect';
import { addConfig } from './commands/config';
import { addDeadlines } from './commands/deadlines';
import { addDoctor } from './commands/doctor';
import { addEndFeature } from './commands/end-feature';
import { addEndService } from './commands/end-service';
import { runExplain } from './commands/explain';
import { addEvidence } from './commands/evidence';
import { addFreeze } from './commands/freeze';
import { addUnmatched } from './commands/unmatched';
import { addPolicy } from './commands/policy';
import { addOrder } from './commands/order';
import { addProgress } from './commands/progress';
import { addThrottle } from './commands/throttle';
import { addGrantSharing } from './commands/grant-sharing';
import { addHold } from './commands/hold';
import { addLinkAsset } from './commands/link-asset';
import { addMigrate } from './commands/migrate';
import { addRebuild } from './commands/rebuild';
import { addReactivateFeature } from './commands/reactivate-feature';
import { addRestoreGate } from './commands/restore-gate';
import { addRequestDeletion } from './commands/request-deletion';
import { addRevokeSharing } from './commands/revoke-sharing';
import { addScan } from './commands/scan';
import { addSigner } from './commands/signer';
import { addStatus } from './commands/status';
import { addSubscribe } from './commands/subscribe';
import { addSweep } from './commands/sweep';
import { addWithdrawAttestation } from './commands/withdraw-attestation';
import { addWithdrawDeletion } from './commands/withdraw-deletion';
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
    await program(cli, complaints).parseAsync(argv, { from: 'user' });
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
  const [, problem] = /^error: (.*)/.exec(text) ?? [];
  if (problem === undefined && !json) {
    io.stderr(text);
    return EXIT_BAD_INPUT;
  }
  const field = /--([a-z-]+)/.exec(problem ?? '')?.[1];
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
  lethe.commandsGroup('Look:');
  addStatus(lethe, cli);
  addDeadlines(lethe, cli);
  addProgress(lethe, cli);
  addExplain(lethe, cli);
  addCertificate(lethe, cli);
  addEvidence(lethe, cli);
  lethe.commandsGroup('A tenant in use:');
  addSubscribe(lethe, cli);
  addAttachService(lethe, cli);
  addEndService(lethe, cli);
  addEndFeature(lethe, cli);
  addReactivateFeature(lethe, cli);
  addAttest(lethe, cli);
  addWithdrawAttestation(lethe, cli);
  addLinkAsset(lethe, cli);
  addGrantSharing(lethe, cli);
  addRevokeSharing(lethe, cli);
  addChangeConfiguration(lethe, cli);
  addScan(lethe, cli);
  lethe.commandsGroup('Deletion and what stops it:');
  addRequestDeletion(lethe, cli);
  addWithdrawDeletion(lethe, cli);
  addOrder(lethe, cli);
  addSigner(lethe, cli);
  addHold(lethe, cli);
  addFreeze(lethe, cli);
  addCaps(lethe, cli);
  addBreaker(lethe, cli);
  addThrottle(lethe, cli);
  lethe.commandsGroup('Operation:');
  addMigrate(lethe, cli);
  addPolicy(lethe, cli);
  addCalendar(lethe, cli);
  addBackups(lethe, cli);
  addRestoreGate(lethe, cli);
  addConfig(lethe, cli);
  addDoctor(lethe, cli);
  addUnmatched(lethe, cli);
  addRebuild(lethe, cli);
  addSweep(lethe, cli);
  addArchiveCommands(lethe, cli);
  addCollectCommand(lethe, cli);
  return lethe;
}

function addExplain(lethe: Command, cli: Cli): void {
  lethe
    .command('explain')
    .description('the window that facts lead to, with its derivation; needs no server')
    .requiredOption('--facts <file>', 'JSON with one facts object or an array; - is standard input')
    .option('--json', 'machine-readable output', false)
    .action(({ facts, json }: { readonly facts: string; readonly json: boolean }) => {
      const outcome = runExplain({ file: facts, json, calendarsDir: CALENDARS, read: cli.io.read });
      cli.io.stdout(outcome.stdout);
      cli.io.stderr(outcome.stderr);
      cli.exitCode = outcome.exitCode;
    });
}
