import type { Command } from 'commander';
import type { RunProgress } from '../../contracts/control-reader';
import type { PaceWarning } from '../../domain/pacing';
import { parseId } from '../../domain/identifiers';
import { addCommand, type Cli, type CommonOptions } from '../cli';
import { ofKnownTenant } from '../known-tenant';
import { facts } from '../output';

/** `lethe progress`: how far the archive and the move of a tenant's runs are, and what they wait for. */
export function addProgress(lethe: Command, cli: Cli): void {
  addCommand(
    lethe,
    'progress',
    'how far the archive and the move of a tenant are, and when they end',
  )
    .requiredOption('--tenant <id>', 'tenant, tn_…')
    .action(
      cli.action<CommonOptions & { readonly tenant: string }>(async (options, session) => {
        const tenantId = parseId('TenantId', options.tenant, 'tenant');
        const found = await session.reader.progress(tenantId);
        const runs = await ofKnownTenant(session, tenantId, found);
        return {
          data: runs,
          text: runs.length === 0 ? 'no runs\n' : runs.map(textOf).join('\n'),
          exitCode: runs.some(({ isLate }) => isLate) ? 1 : 0,
        };
      }),
    );
}

const WARNINGS = Object.freeze({
  tight: 'less than a day would be left at this rate: look now at what holds it up',
  'too-late': 'the work ends too late at this rate: raise the throttle, lift what holds it up',
} satisfies Record<PaceWarning, string>);

function textOf(run: RunProgress): string {
  return facts([
    ['run', run.runId],
    ['phase', run.phase],
    ['rows done', run.rows.done],
    ['rows left', run.rows.left],
    ['bytes done', run.bytes.done],
    ['bytes left', run.bytes.left],
    ['rows per second', run.rowsPerSecond],
    ['estimated end', run.estimatedEndAt],
    ['must have moved by', run.moveBy],
    ['first window ends', run.latestAt],
    ['waits for', run.waitsFor],
    ['warning', run.warning === null ? null : WARNINGS[run.warning]],
  ]);
}
