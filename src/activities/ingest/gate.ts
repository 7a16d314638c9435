import { createJsonRedaction, harmlessValue } from '../../sensitive-values';

/** What every text of an observation passes before it is stored. */
export interface Gate {
  /** Text of an identity, without sensitive values. */
  identity(text: string): string;
  /** A body without sensitive values; what is not JSON comes back as it is, to be refused. */
  body(kind: string, body: unknown): unknown;
}

/**
 * Opens the gate for one observation. It trusts no source: an older collector, a report that somebody
 * wrote by hand and a registry pass it alike. Every text is redacted where it stands; of variables only
 * values that are harmless by rule stay.
 *
 * @idempotency what has passed once passes unchanged.
 * @source SD-1
 */
export function openGate(): Gate {
  const redact = createJsonRedaction();
  return {
    identity: redact,
    body: (kind, body) => redact(withoutValues(kind, body)),
  };
}

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A variable as a fingerprint, or the variables that an image sets. */
function withoutValues(kind: string, body: unknown): unknown {
  if (!isFields(body)) return body;
  if (kind === 'environment-variable') return variable(body);
  const { environment } = body;
  if (kind !== 'image' || !Array.isArray(environment)) return body;
  return { ...body, environment: environment.map((entry: unknown) => variable(entry)) };
}

function variable(entry: unknown): unknown {
  if (!isFields(entry)) return entry;
  const { name, value } = entry;
  if (value === undefined || value === null) return entry;
  const kept =
    typeof name === 'string' && typeof value === 'string' ? harmlessValue(name, value) : null;
  return kept === null ? { ...entry, value: null, valueState: 'withheld' } : entry;
}
