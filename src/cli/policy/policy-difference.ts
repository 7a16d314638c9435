import type { ReadPolicy } from '../../platform/policies/read-policy';

/** One value that two policies state differently; null where one of them states none. */
export interface PolicyDifference {
  readonly field: string;
  readonly from: string | number | null;
  readonly to: string | number | null;
}

/** What two versions state differently, field by field and in the order of the fields' names. */
export function differenceOf(one: ReadPolicy, other: ReadPolicy): readonly PolicyDifference[] {
  const before = new Map(leavesOf(one.document));
  const after = new Map(leavesOf(other.document));
  return [...new Set([...before.keys(), ...after.keys()])]
    .sort()
    .map((field) => ({
      field,
      from: before.get(field) ?? null,
      to: after.get(field) ?? null,
    }))
    .filter(({ from, to }) => from !== to);
}

/** Every value with its path; entries of a list are told apart by their number. */
function leavesOf(value: unknown, path = ''): readonly (readonly [string, string | number])[] {
  if (typeof value === 'string' || typeof value === 'number') return [[path, value]];
  if (Array.isArray(value)) {
    return value.flatMap((part, index) => leavesOf(part, `${path}[${index}]`));
  }
  return Object.entries(value as object).flatMap(([name, part]) =>
    leavesOf(part, path === '' ? name : `${path}.${name}`),
  );
}
