import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { Option, type Command } from 'commander';
import { readCalendarDates } from '../../activities/notices/calendar-dates';
import { databaseNow } from '../../activities/control/tenant-facts';
import { calendarFeed, type CalendarLanguage } from '../../domain/calendar-feed';
import { LetheError } from '../../domain/errors';
import { parseId } from '../../domain/identifiers';
import { ofKnownTenant } from '../known-tenant';
import { addCommand, type Cli, type CommonOptions } from '../cli';
import { printable } from '../output';

interface Options extends CommonOptions {
  readonly out: string;
  readonly tenant?: string;
  readonly language: CalendarLanguage;
}

/** `lethe notice calendar`: deadlines, hold reviews and request ends as a calendar that programs subscribe to. */
export function addNoticeCalendar(notice: Command, cli: Cli): void {
  addCommand(notice, 'calendar', 'write the deadlines as a calendar file (ICS)')
    .requiredOption('--out <file>', 'file that is written, whole or not at all')
    .option('--tenant <id>', 'only of this tenant, tn_…; default: all')
    .addOption(
      new Option('--language <language>', 'of the titles').choices(['en', 'zh']).default('en'),
    )
    .action(
      cli.action<Options>(async ({ out, tenant, language }, session) => {
        const tenantId = tenant === undefined ? null : parseId('TenantId', tenant, 'tenant');
        const { reader } = session.notices;
        const { dates, complete } = await readCalendarDates(reader, tenantId);
        if (tenantId !== null) await ofKnownTenant(session, tenantId, dates);
        const asOf = await databaseNow(reader);
        const { environment } = session.config;
        writeWhole(out, calendarFeed(dates, { environment, asOf, language }));
        return {
          data: { file: out, dates: dates.length, complete, asOf },
          text: complete
            ? `${dates.length} dates are in ${printable(out)}\n`
            : `${dates.length} dates are in ${printable(out)}, the nearest ones: one of a --tenant has all of its own\n`,
        };
      }),
    );
}

/** Whoever fetches the file meanwhile gets the old one or the new one, never half of it. */
function writeWhole(file: string, text: string): void {
  const draft = `${file}.${process.pid}.draft`;
  try {
    writeFileSync(draft, text);
    renameSync(draft, file);
  } catch (cause) {
    rmSync(draft, { force: true });
    throw new LetheError('INVALID_INPUT', 'out must name a file that can be written', {
      field: 'out',
      cause,
    });
  }
}
