import { redactText } from './redact';

/** Nesting that is followed; what is deeper is cut off and refused elsewhere. */
const DEPTH_MAX = 64;
/** Texts that are remembered as clean; names, paths and versions repeat from record to record. */
const KNOWN_MAX = 20_000;
const KNOWN_LENGTH_MAX = 256;

/** Redacts every text in JSON values, names of fields included. */
type RedactJson = <T>(value: T) => T;

/**
 * A redaction of JSON values that remembers what it has seen. What holds nothing sensitive comes back as
 * the very same value, so that nothing is copied for nothing.
 *
 * @param longest - characters that a redacted text may have when it was shorter before: a mark can be
 * longer than what it stands for, and what reads the value has bounds.
 */
export function createJsonRedaction(longest = Number.MAX_SAFE_INTEGER): RedactJson {
  const known = new Map<string, string>();
  const text = (value: string): string => {
    const before = known.get(value);
    if (before !== undefined) return before;
    const redacted = redactText(value);
    const shown = redacted === value ? value : redacted.slice(0, Math.max(longest, value.length));
    if (value.length <= KNOWN_LENGTH_MAX && known.size < KNOWN_MAX) known.set(value, shown);
    return shown;
  };
  const walk = (value: unknown, depth: number): unknown => {
    if (typeof value === 'string') return text(value);
    if (typeof value !== 'object' || value === null) return value;
    if (depth === 0) return null;
    if (Array.isArray(value)) return sameOr(value, mapList(value, depth, walk));
    return mapObject(
      value,
      (name) => text(name),
      (item) => walk(item, depth - 1),
    );
  };
  return <T>(value: T): T => walk(value, DEPTH_MAX) as T;
}

const mapList = (
  value: readonly unknown[],
  depth: number,
  walk: (item: unknown, depth: number) => unknown,
): readonly unknown[] => value.map((item) => walk(item, depth - 1));

const sameOr = (before: readonly unknown[], after: readonly unknown[]): readonly unknown[] =>
  after.every((item, index) => item === before[index]) ? before : after;

function mapObject(
  value: object,
  nameOf: (name: string) => string,
  walk: (item: unknown) => unknown,
): object {
  const before = Object.entries(value);
  const after = before.map(([name, item]) => [nameOf(name), walk(item)] as const);
  if (
    after.every(([name, item], index) => name === before[index]?.[0] && item === before[index][1])
  )
    return value;
  const names = new Map<string, number>();
  return Object.fromEntries(
    after.map(([name, item]) => {
      const times = (names.get(name) ?? 0) + 1;
      names.set(name, times);
      // Two fields whose names were secrets stay two.
      return [times === 1 ? name : `${name}~${times}`, item];
    }),
  );
}
