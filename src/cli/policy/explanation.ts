import type { Facts } from '../../domain/windows/facts';
import { computeWindow, type Window } from '../../domain/windows/window';
import type { WindowContext } from '../../domain/windows/duties';
import { stepText } from '../step-text';

/** The published part of a window: what the engine needs beside it stays inside. */
export type Explanation = Omit<
  Window,
  'dueOn' | 'rule' | 'base' | 'policyVersions' | 'requiredByLaw'
>;

/** An answer for programs and for people. */
export interface Explained {
  readonly data: unknown;
  readonly text: string;
}

/** The window that facts lead to. */
export function explain(facts: Facts, context: WindowContext): Explained {
  const data = published(computeWindow(facts, context));
  return { data, text: describe(data) };
}

/** Picks what is published of a window. */
export const published = (window: Window): Explanation => ({
  earliestAt: window.earliestAt,
  deleteNotBefore: window.deleteNotBefore,
  latestAt: window.latestAt,
  lastDay: window.lastDay,
  provisional: window.provisional,
  breaches: window.breaches,
  steps: window.steps,
  policyVersion: window.policyVersion,
  calendarVersions: window.calendarVersions,
  tzdata: window.tzdata,
});

/** A window as people read it: its ends first, then the steps that led to them. */
export function describe(explanation: Explanation): string {
  const lastDay = explanation.lastDay ?? '-';
  const rows: readonly (readonly [string, string])[] = [
    ['earliest', explanation.earliestAt ?? '-'],
    ['delete not before', explanation.deleteNotBefore ?? '-'],
    ['latest', explanation.latestAt ?? '-'],
    ['last working day', explanation.provisional ? `${lastDay} (provisional)` : lastDay],
    ['missed', explanation.breaches.join(', ') || '-'],
    ['policy', explanation.policyVersion],
    ['calendars', explanation.calendarVersions.join(', ') || '-'],
    ['time zone data', explanation.tzdata],
  ];
  const table = rows.map(([name, value]) => `${name.padEnd(18)} ${value}`);
  const steps = explanation.steps.map((step, index) => `${index + 1}. ${stepText(step)}`);
  return `${[...table, '', ...steps].join('\n')}\n`;
}
