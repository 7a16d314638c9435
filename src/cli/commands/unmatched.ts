import type { Command } from 'commander';
import type { UnmatchedKind, UnmatchedReport } from '../../contracts/unmatched';
import { addCommand, type Cli, type CommonOptions } from '../cli';
import { facts, table, type Answer } from '../output';

/** What helps, by what was found. */
const REMEDIES: Readonly<Record<UnmatchedKind, string>> = {
  'tenant-without-process': 'lethe rebuild --tenant ID',
  'name-taken': 'terminate the process of that name, then lethe rebuild --tenant ID',
  'process-of-unknown-tenant': 'find out who started it, then terminate it',
  'process-of-ended-tenant': 'look at its page for what it waits for, then terminate it',
  'process-of-no-tenant': 'find out who started it, then terminate it',
  'hold-without-process': 'the hold is in force; lethe rebuild --hold ID makes it releasable',
  'hold-process-without-hold': 'place the hold again if somebody needs it, then terminate it',
  'sweep-without-process': 'start a worker: it starts the sweep',
};

/** `lethe orphans`: compares control with the open processes, both ways. */
export function addUnmatched(lethe: Command, cli: Cli): void {
  addCommand(
    lethe,
    'orphans',
    'tenants and holds without a process, processes without a tenant; exit code 1 when there are any',
  ).action(
    cli.action<CommonOptions>(async (...[, session]) =>
      shown(await session.processes.findUnmatched()),
    ),
  );
}

function shown(report: UnmatchedReport): Answer {
  const unmatched = report.unmatched.map((one) => ({ ...one, remedy: REMEDIES[one.kind] }));
  const summary = facts([
    ['tenants', report.tenants],
    ['holds in force', report.holds],
    ['open processes', report.processes],
    ['do not agree', report.complete ? unmatched.length : `${unmatched.length} and more`],
  ]);
  const rows = unmatched.map(({ kind, id, workflowId, remedy }) => [kind, id, workflowId, remedy]);
  return {
    data: { ...report, unmatched },
    text:
      rows.length === 0
        ? summary
        : `${summary}\n${table(['what', 'id', 'process', 'remedy'], rows)}`,
    exitCode: rows.length === 0 ? 0 : 1,
  };
}
