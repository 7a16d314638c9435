/** One call to a store, with the activity that made it. */
export interface Call {
  readonly activity: string;
  readonly name: string;
}

/** What of a statement says what it does: its verb, and what it changes. */
const STATEMENTS: readonly RegExp[] = [
  /^CALL \w+/,
  /^INSERT\s+INTO \w+/,
  /^[A-Z]+/,
  /^(transaction|stream|chunks)\b/,
];

/**
 * The kind of a call: activity, store and operation. Two calls of one kind differ in the rows, documents or
 * objects that they are about, or in what they read.
 */
export function kindOf({ activity, name }: Call): string {
  const colon = name.indexOf(': ');
  const [login, called] = [name.slice(0, colon), name.slice(colon + 2).trim()];
  if (login === 'documents') return `${activity}: documents ${called}`;
  for (const pattern of STATEMENTS) {
    const operation = pattern.exec(called)?.[0];
    if (operation !== undefined) return `${activity}: sql ${operation.replace(/\s+/, ' ')}`;
  }
  return `${activity}: objects ${called}`;
}
