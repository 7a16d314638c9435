import type { DueDay } from '../contracts/snapshot';
import type { ForecastAnswer } from '../domain/forecast';
import { table } from './output';

/** A due day with what the caps let expect; null where the forecast does not reach. */
export type ForeseenDay<Day extends DueDay = DueDay> = Day &
  Pick<ForecastAnswer, 'expectedAt' | 'atRisk'>;

/** Puts beside each due day when it can end, and the cap that would make it miss its promise. */
export function foreseen<Day extends DueDay>(
  days: readonly Day[],
  answers: readonly ForecastAnswer[],
): readonly ForeseenDay<Day>[] {
  return days.map((day) => {
    const answer = answers.find(({ runId, dueOn }) => runId === day.runId && dueOn === day.dueOn);
    return { ...day, expectedAt: answer?.expectedAt ?? null, atRisk: answer?.atRisk ?? null };
  });
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
      day.state,
      day.deleteNotBefore ?? 'held',
      day.latestAt === null ? 'open' : `${day.latestAt}${day.provisional ? ' (provisional)' : ''}`,
      day.because,
      day.records,
      day.runId,
      ...(atRisk ? [riskOf(day)] : []),
    ]),
  );
}

const riskOf = ({ atRisk, expectedAt }: ForeseenDay): string | null =>
  atRisk === null ? null : `${atRisk}: ${expectedAt ?? 'never'}`;
