/** A place that was found on a server, or is listed. */
export interface Listed {
  readonly id: string;
  readonly kind: string;
}

const ON_SERVERS = new Set(['table', 'collection', 'bucket']);
const REASON_MIN = 20;

/** True when `id` is listed itself or lies in a database that is listed as a whole. */
const covers = (listed: string, id: string): boolean =>
  id === listed || (!listed.includes('.') && id.startsWith(`${listed}.`));

/** What was found and is not listed or exempt, and what is listed or exempt and was not found. */
export function differences(
  found: readonly Listed[],
  inventory: readonly Listed[],
  exempt: Readonly<Record<string, string>>,
): { readonly unlisted: readonly string[]; readonly missing: readonly string[] } {
  const wanted = [
    ...inventory.filter(({ kind }) => ON_SERVERS.has(kind)).map(({ id }) => id),
    ...Object.keys(exempt),
  ];
  return {
    unlisted: found.map(({ id }) => id).filter((id) => !wanted.some((entry) => covers(entry, id))),
    missing: wanted.filter((entry) => !found.some(({ id }) => covers(entry, id))),
  };
}

/** Exemptions whose reason is too short to be weighed, or puts the answer off. */
export function badReasons(exempt: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(exempt)
    .filter(([, reason]) => reason.trim().length < REASON_MIN || /\bTBD\b/i.test(reason))
    .map(([id]) => id);
}
