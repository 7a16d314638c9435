import { LetheError } from '../../domain/errors';
import type { WindowContext } from '../../domain/windows/duties';
import type { Facts } from '../../domain/windows/facts';
import type { PoliciesInForce } from '../../domain/windows/strictest';
import { computeWindow, type Window } from '../../domain/windows/window';
import type { CliIo } from '../io';
import { table } from '../output';
import { describe, published, type Explained, type Explanation } from './explanation';
import { policyFrom } from './policy-files';

const ENDS = Object.freeze(['earliestAt', 'deleteNotBefore', 'latestAt'] as const);

/** An end of a window that versions of the policy can put on different instants. */
type End = (typeof ENDS)[number];

/** What one version alone would ask for. */
interface VersionAnswer extends Explanation {
  /** Ends of the strictest window that this version sets, alone or beside others. */
  readonly decides: readonly End[];
}

/**
 * Versions of the policy by their numbers or files, the oldest first whatever the order of the names.
 *
 * @throws LetheError INVALID_INPUT naming `policies` for a file that is no policy, or a version given twice.
 */
export function policiesNamed(io: Pick<CliIo, 'read'>, names: readonly string[]): PoliciesInForce {
  const read = names.map((name) => policyFrom(io, name, 'policies'));
  const numbers = read.map(({ document }) => document.metadata.version);
  const twice = numbers.find((number, at) => numbers.indexOf(number) !== at);
  if (twice !== undefined) throw refused(`policies names version ${twice} twice; name it once`);
  const [first, ...rest] = read
    .toSorted((a, b) => a.document.metadata.version - b.document.metadata.version)
    .map(({ pinned }) => pinned);
  if (first === undefined) throw refused('policies names none; give numbers or files');
  return [first, ...rest];
}

const refused = (message: string): LetheError =>
  new LetheError('INVALID_INPUT', message, { field: 'policies' });

/**
 * The window that facts lead to while several versions are in force, beside what each version alone would
 * ask for. An end that no version sets alone follows from rules of several.
 *
 * @source CC-4
 */
export function comparePolicies(facts: Facts, context: WindowContext): Explained {
  const together = computeWindow(facts, context);
  const versions = context.policies.map((policy): VersionAnswer => {
    const own = computeWindow(facts, { ...context, policies: [policy] });
    return { ...published(own), decides: ENDS.filter((end) => isSetBy(own, together, end)) };
  });
  const { requiredByLaw } = together;
  const strictest = published(together);
  return {
    data: { strictest, requiredByLaw, versions },
    text: `${describe(strictest)}\n${compared(versions)}${requiredByLaw ? BY_LAW : ''}`,
  };
}

const isSetBy = (own: Window, together: Window, end: End): boolean =>
  together[end] !== null && own[end] === together[end];

const BY_LAW = 'A law asks for longer keeping than the end that another version promised [CC-4].\n';

const WORDS: Readonly<Record<End, string>> = Object.freeze({
  earliestAt: 'earliest',
  deleteNotBefore: 'delete not before',
  latestAt: 'latest',
});

const compared = (versions: readonly VersionAnswer[]): string =>
  table(
    ['policy alone', ...ENDS.map((end) => WORDS[end]), 'decides'],
    versions.map((one) => [
      one.policyVersion,
      ...ENDS.map((end) => one[end]),
      one.decides.map((end) => WORDS[end]).join(', '),
    ]),
  );
