import type { Command } from 'commander';
import type { CheckResult, CheckState } from '../../contracts/doctor';
import { addCommand, type Cli, type CommonOptions } from '../cli';
import { examine } from '../examine';
import { facts, table, type Answer } from '../output';

/** `lethe doctor`: looks at everything a worker needs, and says what to do. */
export function addDoctor(lethe: Command, cli: Cli): void {
  addCommand(
    lethe,
    'doctor',
    'servers, schema, grants, clocks, keys and workers, with a remedy; exit code 1 when one fails',
  ).action(
    cli.action<CommonOptions>(async (...[, session]) =>
      shown(await examine(session, () => Date.now())),
    ),
  );
}

function shown(checks: readonly CheckResult[]): Answer {
  const count = (state: CheckState): number =>
    checks.filter((check) => check.state === state).length;
  const counts = {
    ok: count('ok'),
    warn: count('warn'),
    fail: count('fail'),
    skipped: count('skipped'),
  };
  const rows = checks.map(({ state, name, found }) => [state, name, found]);
  const remedies = checks.flatMap(({ name, remedy }) =>
    remedy === null ? [] : [[name, remedy] as const],
  );
  return {
    data: { counts, checks },
    text:
      table(['', 'check', 'found'], rows) +
      (remedies.length === 0 ? '' : `\nWhat to do\n${facts(remedies)}`),
    exitCode: counts.fail > 0 ? 1 : 0,
  };
}
