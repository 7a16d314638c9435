import type { Step } from '../domain/windows/derivation';
import { printable } from './output';

/** One step of a derivation in one line. */
export function stepText(step: Step): string {
  const parts = [`[${step.rule}] ${step.text}`, step.date, step.at];
  if (step.skipped !== undefined && step.skipped.length > 0) {
    parts.push(`skipped ${step.skipped.join(', ')}`);
  }
  if (step.madeUp !== undefined && step.madeUp.length > 0) {
    parts.push(`worked ${step.madeUp.join(', ')}`);
  }
  return parts.filter((part) => part !== undefined).join(' | ');
}

/** What else a derivation names, with words for people. */
const VERSIONS = Object.freeze({
  lastDay: 'last working day',
  policyVersions: 'policy',
  calendarVersions: 'calendars',
  tzdata: 'time zone data',
  breaches: 'missed',
});

/** A stored derivation as people read it: its steps in order, then the versions that they were counted with. */
export function derivationText(derivation: Readonly<Record<string, unknown>>): string {
  const versions = Object.entries(VERSIONS).flatMap(([field, word]) => {
    const value = derivation[field];
    const text = Array.isArray(value) ? value.join(', ') : value;
    return typeof text === 'string' && text !== '' ? [`${word}: ${printable(text)}\n`] : [];
  });
  return `${stepLines(derivation)}${versions.join('')}`;
}

/** The steps of a stored derivation, numbered, a line each; none of one that has no steps. */
export function stepLines(derivation: Readonly<Record<string, unknown>>): string {
  const { steps = [] } = derivation as { readonly steps?: readonly Step[] };
  return steps.map((step, index) => `${index + 1}. ${printable(stepText(step))}\n`).join('');
}
