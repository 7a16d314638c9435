/** Reference of a cohort's data key, e.g. `asset:rn_…:2027-03-31`. */
export const cohortKeyRef = (runId: string, dueOn: string): string => `asset:${runId}:${dueOn}`;

/** Reference of the key of one generation of a tenant's configuration. */
export const configurationKeyRef = (tenantId: string, generation: number): string =>
  `configuration:${tenantId}:${generation}`;

/** Key-encryption keys of a process: one wraps what is new, the others still open what is older. */
export interface KekRing {
  readonly currentId: string;
  /** 32 bytes each, by id. */
  readonly keys: ReadonlyMap<string, Buffer>;
}
