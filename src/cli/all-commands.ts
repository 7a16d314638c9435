import type { Command } from 'commander';
import type { Cli, CommonOptions } from './cli';
import { addArchiveCommands } from './commands/archive';
import { addAttachService } from './commands/attach-service';
import { addAttest } from './commands/attest';
import { addBackups } from './commands/backups';
import { addBreaker } from './commands/breaker';
import { addCalendar } from './commands/calendar';
import { addCaps } from './commands/caps';
import { addCertificate } from './commands/certificate';
import { addChangeConfiguration } from './commands/change-configuration';
import { addAttestations, addAuthorizations } from './commands/permissions';
import { addConfig } from './commands/config';
import { addDeadlines } from './commands/deadlines';
import { addDoctor } from './commands/doctor';
import { addEndFeature } from './commands/end-feature';
import { addEndService } from './commands/end-service';
import { runExplain } from './commands/explain';
import { addEvidence } from './commands/evidence';
import { addFreeze } from './commands/freeze';
import { addUnmatched } from './commands/unmatched';
import { addOrder, addPlan } from './commands/order';
import { addPolicy } from './commands/policy';
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
import { addScans } from './commands/scans';
import { addSignEnd } from './commands/sign-end';
import { addSigner } from './commands/signer';
import { addStatus } from './commands/status';
import { addSubscribe } from './commands/subscribe';
import { addNotice } from './commands/notice';
import { addSweep } from './commands/sweep';
import { addWithdrawAttestation } from './commands/withdraw-attestation';
import { addWithdrawDeletion } from './commands/withdraw-deletion';
import { addCollectCommand } from './commands/collect';
import { CALENDARS } from './shipped-folders';

/** Every command of the command line, in the order in which the help lists them. */
export function addAllCommands(lethe: Command, cli: Cli): void {
  lethe.commandsGroup('Look:');
  addStatus(lethe, cli);
  addDeadlines(lethe, cli);
  addProgress(lethe, cli);
  addExplain(lethe, cli);
  addCertificate(lethe, cli);
  addEvidence(lethe, cli);
  addAttestations(lethe, cli);
  addAuthorizations(lethe, cli);
  lethe.commandsGroup('A tenant in use:');
  addSubscribe(lethe, cli);
  addAttachService(lethe, cli);
  addEndService(lethe, cli);
  addSignEnd(lethe, cli);
  addEndFeature(lethe, cli);
  addReactivateFeature(lethe, cli);
  addAttest(lethe, cli);
  addWithdrawAttestation(lethe, cli);
  addLinkAsset(lethe, cli);
  addGrantSharing(lethe, cli);
  addRevokeSharing(lethe, cli);
  addChangeConfiguration(lethe, cli);
  addScan(lethe, cli);
  addScans(lethe, cli);
  lethe.commandsGroup('Deletion and what stops it:');
  addRequestDeletion(lethe, cli);
  addWithdrawDeletion(lethe, cli);
  addOrder(lethe, cli);
  addPlan(lethe, cli);
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
  addNotice(lethe, cli);
  addSweep(lethe, cli);
  addArchiveCommands(lethe, cli);
  addCollectCommand(lethe, cli);
}

interface ExplainWords extends CommonOptions {
  readonly facts: string;
  readonly policies?: readonly string[];
}

function addExplain(lethe: Command, cli: Cli): void {
  lethe
    .command('explain')
    .description('the window that facts lead to, with its derivation; needs no server')
    .requiredOption('--facts <file>', 'JSON with one facts object or an array; - is standard input')
    .option(
      '--policies <version...>',
      'compare what versions of the policy ask for: numbers of shipped ones, or files',
    )
    .option('--json', 'machine-readable output', false)
    .action(({ facts, ...options }: ExplainWords) => {
      const { read } = cli.io;
      const outcome = runExplain({ ...options, file: facts, calendarsDir: CALENDARS, read });
      cli.io.stdout(outcome.stdout);
      cli.io.stderr(outcome.stderr);
      cli.exitCode = outcome.exitCode;
    });
}
