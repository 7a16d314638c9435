import type { Step } from '../domain/windows/derivation';

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
