import type { Command } from 'commander';
import type { SweepRound } from '../../contracts/sweep';
import { addCommand, type Cli, type CommonOptions } from '../cli';
import { facts, table, type Answer } from '../output';

/** `lethe sweep status|now`: what was certified is looked at again. @source ST-1 */
export function addSweep(lethe: Command, cli: Cli): void {
  const sweep = lethe
    .command('sweep')
    .description('looks again at what was certified, after 1, 7 and 30 days');
  addCommand(
    sweep,
    'status',
    'what the last look found; exit code 1 while something is there again',
  ).action(
    cli.action<CommonOptions>(async (...[, session]) =>
      statusAnswer(await session.client.sweepStatus()),
    ),
  );
  addCommand(sweep, 'now', 'look now at what is due, without waiting').action(
    cli.action<CommonOptions>(async (...[, session]) => {
      await session.client.sweepNow();
      return { data: { told: true }, text: 'told; lethe sweep status shows the result\n' };
    }),
  );
}

function statusAnswer(round: SweepRound | null): Answer {
  if (round === null) return { data: null, text: 'the first look has not ended yet\n' };
  const summary = facts([
    ['last look', round.asOf],
    ['looked at', round.swept],
    ['not clean', round.findingsTotal],
    ['next due', round.nextAt],
  ]);
  const rows = round.findings.map(({ tenantId, runId, dueOn, outcome, found }) => [
    ...[tenantId, runId, dueOn, outcome],
    found,
  ]);
  const head = ['tenant', 'run', 'due on', 'outcome', 'found'];
  return {
    data: round,
    text: rows.length === 0 ? summary : `${summary}\n${table(head, rows)}`,
    exitCode: round.findingsTotal > 0 ? 1 : 0,
  };
}
