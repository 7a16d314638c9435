import type { Entry } from './directory';
import type { UnreadReason } from '../../contracts/schemas/host-report';
import type { Root } from './root';

/** Directories with more names than this are not searched. */
const NAMES_MAX = 10_000;

/**
 * Paths that a pattern of a server's configuration means: `*`, `?` and `[...]` inside one part of the
 * path. Sorted, at most `max` of them; what cannot be listed matches nothing and is told to `trouble`.
 */
export function expandGlob(
  root: Root,
  pattern: string,
  { max, trouble }: GlobLimits,
): readonly string[] {
  let found: readonly string[] = ['/'];
  for (const part of pattern.split('/').filter((text) => text !== '' && text !== '.')) {
    const all = found.flatMap((base) => step({ root, trouble }, base, part));
    if (all.length > max) trouble('too-many', pattern);
    found = all.slice(0, max);
  }
  return found;
}

interface GlobLimits {
  readonly max: number;
  readonly trouble: (reason: UnreadReason, place: string) => void;
}

function step(
  { root, trouble }: Pick<GlobLimits, 'trouble'> & { readonly root: Root },
  base: string,
  part: string,
): readonly string[] {
  const at = (name: string): string => (base === '/' ? `/${name}` : `${base}/${name}`);
  if (!/[*?[]/.test(part)) return [at(part)];
  const listed = root.list(base, NAMES_MAX);
  if (!listed.ok) {
    if (listed.reason !== 'missing') trouble(listed.reason, base);
    return [];
  }
  return listed.value.filter((entry) => isMeant(entry, part)).map(({ name }) => at(name));
}

const isMeant = ({ name }: Entry, part: string): boolean =>
  (!name.startsWith('.') || part.startsWith('.')) && matchesGlob(name, part);

/** Matches without going back more than one star, so that no pattern takes long. */
export function matchesGlob(name: string, pattern: string): boolean {
  const tokens = pattern.match(/\[[^\]]+\]|[\s\S]/g) ?? [];
  let star = -1;
  let resume = 0;
  let token = 0;
  let at = 0;
  while (at < name.length) {
    const wanted = tokens[token];
    if (wanted === '*') {
      star = token++;
      resume = at;
    } else if (wanted !== undefined && matchesOne(name.charAt(at), wanted)) {
      token += 1;
      at += 1;
    } else if (star >= 0) {
      token = star + 1;
      resume += 1;
      at = resume;
    } else return false;
  }
  return tokens.slice(token).every((rest) => rest === '*');
}

function matchesOne(character: string, token: string): boolean {
  if (token === '?') return true;
  if (token.length < 3 || !token.startsWith('[')) return token === character;
  const negated = /^\[[!^]/.test(token);
  return isInSet(character, token.slice(negated ? 2 : 1, -1)) !== negated;
}

/** Characters and ranges such as `a-z`. */
const isInSet = (character: string, set: string): boolean =>
  [...set.matchAll(/([\s\S])-([\s\S])|([\s\S])/g)].some(([, from, to, single]) =>
    from === undefined || to === undefined
      ? single === character
      : character >= from && character <= to,
  );
