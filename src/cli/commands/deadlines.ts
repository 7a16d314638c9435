import { Option, type Command } from 'commander';
import type { Band } from '../../contracts/snapshot';
import { LetheError } from '../../domain/errors';
import { parseId } from '../../domain/identifiers';
import { addCommand, type Cli, type CommonOptions } from '../cli';
import { ofKnownTenant } from '../known-tenant';
import { dueCsv, dueTable, foreseen, slowRuns, type ForeseenDay } from '../due-table';
import { heldTable } from '../held-table';
import { derivationText } from '../step-text';
import { table, type Answer } from '../output';
import type { Session } from '../session';

interface Options extends CommonOptions {
  readonly tenant?: string;
  readonly band?: Band;
  readonly before?: string;
  readonly atRisk: boolean;
  readonly run?: string;
  readonly dueOn?: string;
  readonly csv: boolean;
}

const BANDS: readonly Band[] = ['overdue', 'due_soon', 'approaching', 'on_track', 'on_hold'];

/** `lethe deadlines`: what is due when, of one tenant or of all, and why. */
export function addDeadlines(lethe: Command, cli: Cli): void {
  addCommand(lethe, 'deadlines', 'what is due when, of one tenant or of all')
    .option('--tenant <id>', 'all due days of this tenant, tn_…')
    .addOption(new Option('--band <band>', 'only those that are this near').choices(BANDS))
    .option('--before <instant>', 'only those that must be over before, RFC 3339 with offset')
    .option(
      '--at-risk',
      'only those that caps, or the pace of the move, would make miss their promise',
      false,
    )
    .option('--csv', 'a line for each due day, for a spreadsheet', false)
    .option('--run <id>', 'with --tenant and --due-on: every window of this run and why')
    .option('--due-on <date>', 'due day of the run, YYYY-MM-DD')
    .action(cli.action<Options>((options, session) => answer(options, session)));
}

async function answer(options: Options, session: Session): Promise<Answer> {
  if (options.csv && (options.json || options.run !== undefined || options.dueOn !== undefined)) {
    throw new LetheError('INVALID_INPUT', 'csv goes without --json, --run and --due-on', {
      field: 'csv',
    });
  }
  if (options.run !== undefined || options.dueOn !== undefined) return windows(options, session);
  return options.tenant === undefined
    ? overTenants(options, session)
    : ofTenant(options.tenant, options, session);
}

async function ofTenant(
  tenant: string,
  { band, before, atRisk, csv }: Options,
  session: Session,
): Promise<Answer> {
  if (band !== undefined || before !== undefined) {
    throw new LetheError('INVALID_INPUT', 'tenant goes without --band and --before', {
      field: 'tenant',
    });
  }
  const tenantId = parseId('TenantId', tenant, 'tenant');
  const { reader } = session;
  const outlook = { caps: await reader.forecast(), slow: await slowRuns(reader, [tenantId]) };
  const found = await ofKnownTenant(session, tenantId, await reader.deadlines(tenantId));
  const days = chosen(foreseen(found, outlook), atRisk);
  if (csv) return { data: days, text: dueCsv(days.map((day) => ({ ...day, tenantId }))) };
  return { data: days, text: textOf(days) };
}

/** Those that a cap or the pace of the move would make miss their promise, or all. */
const chosen = <Day extends ForeseenDay>(days: readonly Day[], atRisk: boolean): readonly Day[] =>
  atRisk ? days.filter((day) => day.atRisk !== null) : days;

async function overTenants(
  { band, before, atRisk, csv }: Options,
  { reader }: Session,
): Promise<Answer> {
  const { dueDays, complete } = await reader.deadlinesOf({
    ...(band !== undefined && { band }),
    ...(before !== undefined && { before }),
  });
  // The pace is asked for tenant by tenant, so only a monitor that wants it pays for it.
  const slow = atRisk
    ? await slowRuns(
        reader,
        dueDays.map(({ tenantId }) => tenantId),
      )
    : [];
  const days = chosen(foreseen(dueDays, { caps: await reader.forecast(), slow }), atRisk);
  const list = { dueDays: days, complete };
  if (csv) {
    // Half a list in a spreadsheet would look like the whole one.
    if (!complete) throw tooMany();
    return { data: list, text: dueCsv(days) };
  }
  const text = textOf(list.dueDays);
  return {
    data: list,
    text: list.complete ? text : `${text}more tenants match: narrow it with --before\n`,
  };
}

/** What is due, and below it what holds keep of it. */
function textOf(days: readonly (ForeseenDay & { readonly tenantId?: string })[]): string {
  if (days.length === 0) return 'nothing is due\n';
  const held = heldTable(days);
  return held === '' ? dueTable(days) : `${dueTable(days)}\n${held}`;
}

const tooMany = (): LetheError =>
  new LetheError(
    'INVALID_INPUT',
    'csv would leave tenants out; narrow it with --before or --band',
    {
      field: 'csv',
    },
  );

async function windows({ tenant, run, dueOn }: Options, session: Session): Promise<Answer> {
  if (tenant === undefined || run === undefined || dueOn === undefined) {
    throw new LetheError('INVALID_INPUT', 'run needs --tenant and --due-on', { field: 'run' });
  }
  const tenantId = parseId('TenantId', tenant, 'tenant');
  const found = await session.reader.windowsOf(tenantId, run, dueOn);
  if (found.length === 0) {
    throw new LetheError('INVALID_INPUT', 'run has no such due day for this tenant', {
      field: 'run',
    });
  }
  const rows = found.map((window) => [
    window.windowNumber,
    window.computedAt,
    window.earliestAt,
    window.deleteNotBefore,
    window.latestAt,
  ]);
  const why = found[0] === undefined ? '' : derivationText(found[0].derivation);
  const head = ['window', 'computed', 'earliest', 'not before', 'latest'];
  return { data: found, text: `${table(head, rows)}\nthe newest follows from\n${why}` };
}
