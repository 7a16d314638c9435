import { join } from 'node:path';
import { LetheError } from '../../domain/errors';
import type { PlacedProblem } from '../../platform/policies/positioned-yaml';
import { readPolicy, type ReadPolicy } from '../../platform/policies/read-policy';
import type { CliIo } from '../io';
import { readText } from '../option-values';
import { POLICIES } from '../shipped-folders';

/** A problem as compilers print one. */
export const problemLine = (
  file: string,
  { line, column, field, message }: PlacedProblem,
): string =>
  `${file}:${line}:${column}: ${[field, message].filter((part) => part !== '').join(' ')}\n`;

/**
 * A policy from a file, or a shipped version by its number.
 *
 * @throws LetheError INVALID_INPUT with the first problem and its place.
 */
export function policyFrom(io: Pick<CliIo, 'read'>, name: string, field: string): ReadPolicy {
  const isVersion = /^[1-9]\d{0,3}$/.test(name);
  const file = isVersion ? join(POLICIES, `container-security-v${name}.yaml`) : name;
  const { policy, problems } = readPolicy(readText(io, file, field));
  if (policy !== null) return policy;
  const [first] = problems.map((problem) => problemLine(name, problem).trim());
  throw new LetheError(
    'INVALID_INPUT',
    `${field} is no policy that may be reviewed: ${first ?? name}; lethe policy lint shows all`,
    { field },
  );
}
