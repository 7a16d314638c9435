import type { ControlReader, RunProgress } from '../contracts/control-reader';
import type { DueDay } from '../contracts/snapshot';
import type { ForecastAnswer } from '../domain/forecast';
import { csvOf } from './csv';
import { table } from './output';

/** A due day with what caps and pace let expect; null where the forecast does not reach. */
export type ForeseenDay<Day extends DueDay = DueDay> = Day & {
  readonly expectedAt: string | null;
  /** The cap that would make it miss its promise; `pace`: its rows move too slowly. */
  readonly atRisk: ForecastAnswer['atRisk'] | 'pace';
};

/** What is known of the days to come. */
export interface Outlook {
  readonly caps: readonly ForecastAnswer[];
  /** Runs with a warning. */
  readonly slow: readonly RunProgress[];
}

/** Puts beside each due day when it can end, and what would make it miss its promise. */
export function foreseen<Day extends DueDay>(
  days: readonly Day[],
  { caps, slow }: Outlook,
): readonly ForeseenDay<Day>[] {
  return days.map((day) => {
    const answer = caps.find(({ runId, dueOn }) => runId === day.runId && dueOn === day.dueOn);
    const { expectedAt = null, atRisk = null } = answer ?? {};
    const run = slow.find(({ runId }) => runId === day.runId);
    if (atRisk !== null || run === undefined) return { ...day, expectedAt, atRisk };
    return { ...day, expectedAt: run.estimatedEndAt, atRisk: 'pace' };
  });
}

/** Runs of these tenants whose rows will not have moved in time, or hardly. */
export async function slowRuns(
  reader: Pick<ControlReader, 'progress'>,
  tenantIds: readonly string[],
): Promise<readonly RunProgress[]> {
  const slow: RunProgress[] = [];
  for (const tenantId of new Set(tenantIds)) {
    slow.push(...(await reader.progress(tenantId)).filter(({ warning }) => warning !== null));
  }
  return slow;
}

/** Due days as people read them; a tenant and a band are shown where there are several tenants. */
export function dueTable(
  days: readonly (ForeseenDay & { readonly tenantId?: string; readonly band?: string })[],
): string {
  const overTenants = days.some((day) => day.tenantId !== undefined);
  const own = ['due on', 'record class', 'state', 'not before', 'latest', 'rule', 'records', 'run'];
  const atRisk = days.some((day) => day.atRisk !== null);
  return table(
    [...(overTenants ? ['tenant', 'band'] : []), ...own, ...(atRisk ? ['at risk'] : [])],
    days.map((day) => [
      ...(overTenants ? [day.tenantId ?? null, day.band ?? null] : []),
      day.dueOn,
      day.recordClass,
      sealedOr(day),
      day.deleteNotBefore ?? (day.waitsForOrder === true ? 'order' : 'held'),
      day.latestAt === null ? 'open' : `${day.latestAt}${day.provisional ? ' (provisional)' : ''}`,
      day.because,
      day.records,
      day.runId,
      ...(atRisk ? [riskOf(day)] : []),
    ]),
  );
}

/** Configuration is sealed where it is and never moved: only its run goes through the same states. */
const sealedOr = ({ recordClass, state }: DueDay): string =>
  recordClass === 'console-configuration-data' && (state === 'archived' || state === 'moved')
    ? 'sealed'
    : state;

const CSV_FIELDS = Object.freeze([
  ...(['tenantId', 'band', 'dueOn', 'recordClass', 'state', 'earliestAt'] as const),
  ...(['deleteNotBefore', 'latestAt', 'provisional', 'because', 'records', 'runId'] as const),
  'atRisk',
] as const);

/** Due days as a spreadsheet reads them: one line each, the same fields as in JSON. */
export const dueCsv = (
  days: readonly (ForeseenDay & { readonly tenantId: string; readonly band?: string })[],
): string => csvOf(CSV_FIELDS, days);

const riskOf = ({ atRisk, expectedAt }: ForeseenDay): string | null =>
  atRisk === null ? null : `${atRisk}: ${expectedAt ?? (atRisk === 'pace' ? 'unknown' : 'never')}`;
