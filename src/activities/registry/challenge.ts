/** How a registry wants to be logged in to. */
export type Challenge =
  | { readonly scheme: 'basic' }
  | { readonly scheme: 'bearer'; readonly realm: string; readonly service: string | null };

/** Longest header that is read; longer ones are taken as no challenge. */
const HEADER_MAX = 4096;

/** One scheme, one `name=value` or `name="value"`, or a comma; always consumes something. */
const PIECE =
  /([A-Za-z][A-Za-z0-9_-]*)[ \t]*(?:=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s",]*)))?|[,\s]+/y;

/**
 * Reads the `WWW-Authenticate` header; a bearer challenge wins over a basic one. Its scope is not read:
 * the client asks for reading of one repository, whatever the registry suggests.
 *
 * @returns null when there is none that the engine can answer.
 */
export function readChallenge(header: string | undefined): Challenge | null {
  if (header === undefined || header.length > HEADER_MAX) return null;
  const challenges = split(header);
  const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
  const realm = bearer?.parameters.get('realm');
  if (bearer !== undefined && realm !== undefined && realm !== '') {
    return { scheme: 'bearer', realm, service: bearer.parameters.get('service') ?? null };
  }
  return challenges.some(({ scheme }) => scheme === 'basic') ? { scheme: 'basic' } : null;
}

interface Parsed {
  readonly scheme: string;
  readonly parameters: Map<string, string>;
}

function split(header: string): readonly Parsed[] {
  const challenges: Parsed[] = [];
  const piece = new RegExp(PIECE);
  while (piece.lastIndex < header.length) {
    const match = piece.exec(header);
    if (match === null) return [];
    const [, name, quoted, plain] = match;
    if (name === undefined) continue;
    const value = quoted?.replace(/\\(.)/g, '$1') ?? plain;
    if (value === undefined) {
      challenges.push({ scheme: name.toLowerCase(), parameters: new Map() });
    } else {
      const current = challenges.at(-1)?.parameters;
      // The first word counts: a repeated parameter is an attempt to be read in two ways.
      if (current?.has(name.toLowerCase()) === false) current.set(name.toLowerCase(), value);
    }
  }
  return challenges;
}
