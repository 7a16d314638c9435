/** How the rights of an account differ from what they should be. */
export interface GrantDifference {
  readonly missing: readonly string[];
  readonly extra: readonly string[];
}

const GRANT = /^GRANT (?<verbs>.+?) ON (?:TABLE )?(?<object>.+?) TO (?<rest>.+)$/i;
const OPTION = 'GRANT OPTION';

/**
 * Compares the GRANT statements that an account should have with those the server shows. A line that is
 * not understood, a role or the right to pass rights on counts as too much.
 */
export function compareGrants(
  wanted: readonly string[],
  shown: readonly string[],
): GrantDifference {
  const should = new Set(wanted.flatMap(rightsIn));
  const has = new Set(shown.flatMap(rightsIn));
  return {
    missing: [...should].filter((right) => !has.has(right)),
    extra: [...has].filter((right) => !should.has(right)),
  };
}

function rightsIn(line: string): readonly string[] {
  const { verbs = '', object = '', rest = '' } = GRANT.exec(line)?.groups ?? {};
  // The rest of a line can hold a password's hash; only its verb is repeated.
  if (verbs === '') return [`${line.split(' ', 2).join(' ')} … (not understood)`];
  const on = object.replaceAll('`', '');
  const passes = rest.includes(OPTION) ? [`${OPTION} ON ${on}`] : [];
  const rights = verbs.split(/,\s*(?![^(]*\))/).filter((verb) => verb !== 'USAGE');
  return [...rights.map((verb) => `${verb} ON ${on}`), ...passes];
}
