/** Knows secrets and personal data by their form and by their names; a library without I/O. */
export { harmlessValue } from './environment';
export {
  findSecrets,
  findSecretsInEntry,
  holdsSecret,
  type Assignment,
  type FoundSecret,
} from './find';
export type { Severity } from './detector';
export { countMarks, redactArguments, redactText, type MarkCounts } from './redact';
export { createJsonRedaction } from './redact-json';
