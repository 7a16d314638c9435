import type { Command } from 'commander';
import { applyCalendars } from '../../activities/control/apply-calendars';
import { planWindows } from '../../activities/control/plan-windows';
import { bindDeriveWindow } from '../../activities/windows/derive-window';
import type { WindowPlan } from '../../contracts/window-plans';
import type { DeriveWindow } from '../../contracts/windows';
import type { CalendarSet } from '../../domain/windows/working-calendar';
import { loadCalendars } from '../../platform/calendars';
import { loadPolicies } from '../../platform/policies/load-policies';
import { readCalendarYear } from '../../platform/policies/read-calendar';
import { addCommand, type Cli, type CommonOptions } from '../cli';
import { detailed, type DetailedOptions } from '../detailed-exitcode';
import { actorOf } from '../lifecycle-command';
import { readText } from '../option-values';
import { facts } from '../output';
import { planText } from '../policy/plan-answer';
import { problemLine } from '../policy/policy-files';
import { CALENDARS, POLICIES } from '../shipped-folders';

interface PlanOptions extends DetailedOptions {
  readonly folder: string;
}

interface ApplyOptions extends CommonOptions {
  readonly requestedBy?: string;
}

/** `lethe calendar lint|plan|apply`: what new years of working days change. */
export function addCalendar(lethe: Command, cli: Cli): void {
  const calendar = lethe
    .command('calendar')
    .description('working days of further years: check, preview, apply');
  addLint(calendar, cli);
  addPlan(calendar, cli);
  addApply(calendar, cli);
}

function addLint(calendar: Command, cli: Cli): void {
  addCommand(calendar, 'lint', 'whether one year of a calendar may be added; needs no server')
    .argument('<FILE>', 'a year as in calendars/CN/2026.json; - is standard input')
    .action((file: string, options: CommonOptions) =>
      cli.action<CommonOptions>(() => {
        const { problems, name } = readCalendarYear(readText(cli.io, file, 'FILE'));
        return Promise.resolve({
          data: { file, problems, name },
          text:
            problems.length === 0
              ? `${name ?? file} is sound\n`
              : problems.map((problem) => problemLine(file, problem)).join(''),
          exitCode: problems.length === 0 ? 0 : 1,
        });
      })(options),
    );
}

function addPlan(calendar: Command, cli: Cli): void {
  addCommand(calendar, 'plan', 'which dates calendars would move; changes nothing')
    .option('--folder <dir>', 'calendars that would count', CALENDARS)
    .option('--detailed-exitcode', '0: nothing moves, 1: failed, 2: something moves', false)
    .action(
      detailed<PlanOptions, WindowPlan>(cli, {
        work: (options, session) =>
          planWindows(session.stores.sql('reader', 'control'), {
            derive: ruleWith(loadCalendars(options.folder)),
          }),
        answer: (plan) => ({ data: plan, text: planText(plan, []) }),
        isChange: ({ moves }) => moves.length > 0,
      }),
    );
}

function addApply(calendar: Command, cli: Cli): void {
  addCommand(calendar, 'apply', 'compute every window again with the calendars that ship')
    .option('--requested-by <id>', 'opaque id of who applies them; default: LETHE_ACTOR')
    .action(
      cli.action<ApplyOptions>(async (options, session) => {
        const calendars = loadCalendars(CALENDARS);
        const { control, ledger } = session.freezes;
        const applied = await applyCalendars(
          { control, ledger, calendars, derive: ruleWith(calendars) },
          { appliedBy: actorOf(options.requestedBy, session.config) },
          (tenantId) => session.client.tellFactsChanged(tenantId),
        );
        const versions = [...calendars.values()].map(({ version }) => version);
        return {
          data: { ...applied, versions },
          text: facts([
            ['calendars', versions.join(', ')],
            ['tenants computed again', applied.tenants],
            ['processes told', applied.told],
          ]),
        };
      }),
    );
}

const ruleWith = (calendars: CalendarSet): DeriveWindow =>
  bindDeriveWindow({
    policies: loadPolicies(POLICIES),
    calendars,
    tzdata: process.versions['tz'] ?? 'unknown',
  });
