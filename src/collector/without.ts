/** A copy of an object without some of its fields. */
export const without = (
  record: object,
  ...fields: readonly string[]
): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(record).filter(([field]) => !fields.includes(field)));
