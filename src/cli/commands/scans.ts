import type { Command } from 'commander';
import {
  cancelScan,
  readScanSchedule,
  setScanSchedule,
  type ScanSchedule,
} from '../../activities/schedule/scan-schedule';
import { LetheError } from '../../domain/errors';
import { parseId } from '../../domain/identifiers';
import { addCommand, type Cli, type CommonOptions } from '../cli';
import { actorOf } from '../lifecycle-command';
import { facts, type Answer } from '../output';

interface TenantOptions extends CommonOptions {
  readonly tenant: string;
  readonly requestedBy?: string;
}

/** `lethe scans schedule|show|cancel`: when repositories are scanned again; works without the engine. */
export function addScans(lethe: Command, cli: Cli): void {
  const scans = lethe
    .command('scans')
    .description(
      'how often what was scanned is scanned again, and the end of a scan before its time',
    );
  const add = (name: string, description: string): Command =>
    addCommand(scans, name, description)
      .requiredOption('--tenant <id>', 'tenant, tn_…')
      .option('--requested-by <id>', 'opaque id of who asks; default: LETHE_ACTOR');
  add('schedule', 'scan every repository again that a scan was ordered of')
    .requiredOption('--every-hours <n>', 'hours from one scan to the next, or none')
    .action(
      cli.action<TenantOptions & { readonly everyHours: string }>(async (options, session) =>
        shown(
          await setScanSchedule(session.schedules, {
            tenantId: parseId('TenantId', options.tenant, 'tenant'),
            everyHours: hoursOf(options.everyHours),
            setBy: actorOf(options.requestedBy, session.config),
          }),
        ),
      ),
    );
  addCommand(scans, 'show', 'the schedule that counts now')
    .requiredOption('--tenant <id>', 'tenant, tn_…')
    .action(
      cli.action<TenantOptions>(async ({ tenant }, session) =>
        shown(
          await readScanSchedule(session.schedules.control, parseId('TenantId', tenant, 'tenant')),
        ),
      ),
    );
  add('cancel', 'end a scan that waits or runs; what it has stored stays')
    .requiredOption('--scan <id>', 'scan, sc_…')
    .action(
      cli.action<TenantOptions & { readonly scan: string }>(async (options, session) => {
        const cancelled = await cancelScan(session.schedules, {
          tenantId: options.tenant,
          scanId: options.scan,
          cancelledBy: actorOf(options.requestedBy, session.config),
        });
        const text = cancelled ? 'cancelled\n' : 'it has a result already; nothing was changed\n';
        return { data: { cancelled }, text };
      }),
    );
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
