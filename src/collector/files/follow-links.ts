import { lstatSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { attempt, type Read } from './attempt';

/** As many as the kernel follows. */
const LINKS_MAX = 40;

/** Longer than any path the kernel takes. */
const PATH_MAX = 4096;

const UNRESOLVABLE = { ok: false, reason: 'unresolvable' } as const;

/**
 * Follows a path the way a process whose root is `root` would: an absolute link starts again at the
 * root, `..` does not leave it, a cycle of links ends after 40 of them. Below any other root than that
 * of the machine a link that leads nowhere may lead out of what can be seen: it is unresolvable and not
 * missing.
 *
 * @param last - whether a link at the end is followed too.
 * @returns where the path leads on this machine; that something is there is certain only when a link
 * or a further part had to be looked at.
 */
export function followLinks(root: string, path: string, last: boolean): Read<string> {
  const walk: Walk = { trail: [], waiting: parts(path), links: 0, behindLink: Infinity };
  while (walk.waiting.length > 0) {
    const failure = step(root, walk, last);
    if (failure !== null) return failure;
  }
  return { ok: true, value: join(root, ...walk.trail) };
}

interface Walk {
  /** Parts that are behind, none of them a link. */
  trail: string[];
  /** Parts that are ahead. */
  waiting: string[];
  links: number;
  /** Parts that wait behind the outermost link: those before them are what links say. */
  behindLink: number;
}

type Failure = Extract<Read<never>, { ok: false }>;

/** Takes one part of the path; null when it could be taken. */
function step(root: string, walk: Walk, last: boolean): Failure | null {
  const [part = '', ...rest] = walk.waiting;
  walk.waiting = rest;
  if (part === '..') {
    walk.trail.pop();
    return null;
  }
  const here = join(root, ...walk.trail, part);
  if (here.length > PATH_MAX || part.includes('\0')) return UNRESOLVABLE;
  const target = rest.length > 0 || last ? linkTarget(here) : NO_LINK;
  if (!target.ok) return mayBeOutside(root, walk, target) ? UNRESOLVABLE : target;
  if (target.value === null) walk.trail.push(part);
  else return goElsewhere(walk, target.value);
  return null;
}

const mayBeOutside = (root: string, { waiting, behindLink }: Walk, { reason }: Failure): boolean =>
  root !== '/' && reason === 'missing' && waiting.length >= behindLink;

function goElsewhere(walk: Walk, target: string): Failure | null {
  walk.links += 1;
  walk.behindLink = Math.min(walk.behindLink, walk.waiting.length);
  if (walk.links > LINKS_MAX) return UNRESOLVABLE;
  if (target.startsWith('/')) walk.trail = [];
  walk.waiting = [...parts(target), ...walk.waiting];
  return null;
}

const NO_LINK: Read<string | null> = { ok: true, value: null };

const parts = (path: string): string[] =>
  path.split('/').filter((part) => part !== '' && part !== '.');

function linkTarget(here: string): Read<string | null> {
  const stat = attempt(() => lstatSync(here));
  if (!stat.ok) return stat;
  return stat.value.isSymbolicLink() ? attempt(() => readlinkSync(here)) : NO_LINK;
}
