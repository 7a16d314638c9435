import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LetheError } from '../../domain/errors';
import { POLICY_ID, type PolicyShelf } from '../../domain/retention-schedule';
import { REVIEWED_POLICIES } from '../../domain/reviewed-policies';
import { readPolicy, type ReadPolicy } from './read-policy';

const FILE = /^([a-z][a-z0-9-]*)-v([1-9]\d{0,3})\.yaml$/;

/**
 * Reads every version of the policy from `<directory>/<id>-v<version>.yaml`. A file counts only when its
 * digest is the one that was reviewed as code, so an edited number stops the process.
 *
 * @param reviewed - digests by `<id>@<version>`.
 * @throws LetheError CONFIGURATION_INVALID naming the file and what to do.
 */
export function loadPolicies(
  directory: string,
  reviewed: Readonly<Record<string, string>> = REVIEWED_POLICIES,
): PolicyShelf {
  return new Map(
    readPolicies(directory, reviewed).map(({ document, pinned }) => [
      document.metadata.version,
      pinned,
    ]),
  );
}

/** Like {@link loadPolicies}, with the documents; in the order of their versions. */
export function readPolicies(
  directory: string,
  reviewed: Readonly<Record<string, string>> = REVIEWED_POLICIES,
): readonly ReadPolicy[] {
  const policies = namesIn(directory)
    .map((name) => readReviewed(directory, name, reviewed))
    .sort((a, b) => a.document.metadata.version - b.document.metadata.version);
  for (const name of Object.keys(reviewed)) {
    if (!policies.some(({ document }) => keyOf(document) === name)) {
      throw refused(name, 'was reviewed and is not there; restore its file');
    }
  }
  return policies;
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).filter((name) => FILE.test(name));
  } catch (cause) {
    throw refused('', 'cannot be read; restore the folder', cause);
  }
}

function readReviewed(
  directory: string,
  name: string,
  reviewed: Readonly<Record<string, string>>,
): ReadPolicy {
  const { policy, problems } = readPolicy(readFileSync(join(directory, name), 'utf8'));
  if (policy === null) {
    const [first] = problems.map(({ line, field, message }) => `line ${line}: ${field} ${message}`);
    throw refused(name, first ?? 'cannot be read');
  }
  const { document, digest } = policy;
  const { id, version } = document.metadata;
  if (`${id}-v${version}.yaml` !== name) throw refused(name, 'names another policy or version');
  if (id !== POLICY_ID) throw refused(name, `is of another policy than ${POLICY_ID}; remove it`);
  if (reviewed[keyOf(document)] !== digest) {
    throw refused(
      name,
      'was not reviewed as it is: its digest is not on the list in the code; restore the reviewed file, or make a new version',
    );
  }
  return policy;
}

const keyOf = ({ metadata }: ReadPolicy['document']): string =>
  `${metadata.id}@${metadata.version}`;

const refused = (name: string, problem: string, cause?: unknown): LetheError =>
  new LetheError('CONFIGURATION_INVALID', `policies/${name} ${problem}`, {
    field: `policies/${name}`,
    cause,
  });
