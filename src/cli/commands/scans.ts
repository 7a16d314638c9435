import type { Command } from 'commander';
import type { ScanSchedule, ScanSummary } from '../../contracts/scans';
import { LetheError } from '../../domain/errors';
import { parseId } from '../../domain/identifiers';
import { addCommand, type Cli, type CommonOptions } from '../cli';
import { actorOf } from '../lifecycle-command';
import { facts, table, type Answer } from '../output';

interface TenantOptions extends CommonOptions {
  readonly tenant: string;
  readonly requestedBy?: string;
}

/** `lethe scans schedule|show|list|cancel`: what is scanned again and what came of it; works without the engine. */
export function addScans(lethe: Command, cli: Cli): void {
  const scans = lethe
    .command('scans')
    .description(
      'how often what was scanned is scanned again, what came of scans, and their end before the time',
    );
  const reading = (name: string, description: string): Command =>
    addCommand(scans, name, description).requiredOption('--tenant <id>', 'tenant, tn_…');
  const writing = (name: string, description: string): Command =>
    reading(name, description).option(
      '--requested-by <id>',
      'opaque id of who asks; default: LETHE_ACTOR',
    );
  writing('schedule', 'scan every repository again that a scan was ordered of')
    .requiredOption('--every-hours <n>', 'hours from one scan to the next, or none')
    .action(
      cli.action<TenantOptions & { readonly everyHours: string }>(async (options, session) =>
        shown(
          await session.scans.setSchedule({
            tenantId: tenantOf(options),
            everyHours: hoursOf(options.everyHours),
            setBy: actorOf(options.requestedBy, session.config),
          }),
        ),
      ),
    );
  reading('show', 'the schedule that counts now').action(
    cli.action<TenantOptions>(async (options, session) =>
      shown(await session.scans.schedule(tenantOf(options))),
    ),
  );
  reading('list', 'the newest hundred scans and what came of them').action(
    cli.action<TenantOptions>(async (options, session) => {
      const listed = await session.scans.list(tenantOf(options));
      return { data: listed, text: tableOf(listed) };
    }),
  );
  writing('cancel', 'end a scan that waits or runs; what it has stored stays')
    .requiredOption('--scan <id>', 'scan, sc_…')
    .action(
      cli.action<TenantOptions & { readonly scan: string }>(async (options, session) => {
        const cancelled = await session.scans.cancel({
          tenantId: options.tenant,
          scanId: options.scan,
          cancelledBy: actorOf(options.requestedBy, session.config),
        });
        const text = cancelled ? 'cancelled\n' : 'it has a result already; nothing was changed\n';
        return { data: { cancelled }, text };
      }),
    );
}

const tenantOf = ({ tenant }: TenantOptions): string => parseId('TenantId', tenant, 'tenant');

const tableOf = (scans: readonly ScanSummary[]): string =>
  table(
    ['scan', 'source', 'ordered at', 'outcome', 'finished at', 'refused because'],
    scans.map(({ scanId, source, orderedAt, result, refusedBecause }) => [
      ...[scanId, source, orderedAt],
      ...[outcomeOf(result), result?.finishedAt ?? '', refusedBecause ?? ''],
    ]),
  );

/** How a scan ended; of one that read many repositories also with how many it did not. */
function outcomeOf(result: ScanSummary['result']): string {
  if (result === null) return 'waits or runs';
  const { repositories, failed = 0, refused = 0 } = result.counts;
  if (repositories === undefined) return result.outcome;
  const left = Number(failed) + Number(refused);
  return `${result.outcome}: ${repositories} repositories${left > 0 ? `, ${left} not read` : ''}`;
}

function hoursOf(text: string): number | null {
  if (text === 'none') return null;
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
  throw new LetheError('INVALID_INPUT', 'everyHours must be a whole number from 1 on, or none', {
    field: 'everyHours',
  });
}

const shown = (schedule: ScanSchedule): Answer => ({
  data: schedule,
  text: facts([
    ['tenant', schedule.tenantId],
    ['every', schedule.everyHours === null ? 'not on schedule' : `${schedule.everyHours} hours`],
    ['set at', schedule.setAt],
    ['set by', schedule.setBy],
  ]),
});
