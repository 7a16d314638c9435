import { LetheError } from '../domain/errors';

/** A container that the scan is inside of. */
interface Level {
  readonly path: string;
  /** Keys seen so far; null in an array. */
  readonly keys: Set<string> | null;
  /** Next key may start: after `{` or `,` of an object. */
  awaitsKey: boolean;
  key: string;
  index: number;
}

/**
 * Parses JSON and refuses a field that is stated twice: the parser would keep the last one without
 * a word, and nobody could tell which of the two was meant.
 *
 * @throws SyntaxError when the text is not JSON.
 * @throws LetheError INVALID_INPUT naming the repeated field.
 */
export function parseStrictJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  const levels: Level[] = [];
  for (const [token] of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]/g)) {
    const level = levels.at(-1);
    if (token === '{' || token === '[') levels.push(enter(token, level));
    else if (token === '}' || token === ']') levels.pop();
    else if (level !== undefined) step(level, token);
  }
  return value;
}

function enter(token: string, parent: Level | undefined): Level {
  const path = parent === undefined ? '' : pathIn(parent);
  const keys = token === '{' ? new Set<string>() : null;
  return { path, keys, awaitsKey: keys !== null, key: '', index: 0 };
}

function step(level: Level, token: string): void {
  if (token === ',') {
    level.index += 1;
    level.awaitsKey = level.keys !== null;
  } else if (level.keys !== null && level.awaitsKey && token !== ':') {
    level.key = JSON.parse(token) as string;
    level.awaitsKey = false;
    if (level.keys.has(level.key)) throw repeated(level);
    level.keys.add(level.key);
  }
}

function pathIn(level: Level): string {
  if (level.keys === null) return `${level.path}[${level.index}]`;
  const key = level.key.slice(0, 64).replace(/[^\x20-\x7e]/g, '?');
  return level.path === '' ? key : `${level.path}.${key}`;
}

function repeated(level: Level): LetheError {
  const field = pathIn(level);
  return new LetheError('INVALID_INPUT', `${field} is stated twice; keep one`, { field });
}
