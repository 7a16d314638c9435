/** Reference of a cohort's data key, e.g. `asset:rn_…:2027-03-31`. */
export const cohortKeyRef = (runId: string, dueOn: string): string => `asset:${runId}:${dueOn}`;

/** Reference of the key of one generation of a tenant's configuration. */
export const configurationKeyRef = (tenantId: string, generation: number): string =>
  `configuration:${tenantId}:${generation}`;
