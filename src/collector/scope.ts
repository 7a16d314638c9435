import type { ReportedKind, UnreadReason } from '../contracts/schemas/host-report';
import type { Read } from './files/attempt';
import type { Entry } from './files/directory';
import type { Root } from './files/root';
import type { Findings } from './findings';

/** Bytes of a configuration file. */
const TEXT_MAX = 4 * 1024 * 1024;

/** Names in a directory of configuration. */
const NAMES_MAX = 20_000;

/**
 * Reads files on behalf of one kind: what cannot be read is noted under that kind, what is not there
 * is simply not there.
 */
export interface Scope {
  readonly kind: ReportedKind;
  /** What is read; the same for all kinds of one collection. */
  readonly root: Root;
  /** Text of a file, or undefined. */
  text(path: string, max?: number): string | undefined;
  bytes(path: string, max: number): Buffer | undefined;
  /** The same with why there is none; a link to `/dev/null` is an empty file. */
  read(path: string, max?: number): Read<Buffer>;
  /** Lines without their ends. */
  lines(path: string, max?: number): readonly string[];
  /** Names in a directory; empty when it is not there. */
  list(path: string): readonly Entry[];
  /** Names of the files and links in a directory; a pipe or a device in their place is noted. */
  files(path: string, isMeant?: (name: string) => boolean): readonly string[];
  /** True when nothing stands there; nothing is noted. */
  isMissing(path: string): boolean;
  /** A JSON document that is an object, or undefined. */
  json(path: string, max?: number): Record<string, unknown> | undefined;
  trouble(reason: UnreadReason, place: string): void;
}

/** Opens a scope of `kind` over `root`. */
export function createScope(findings: Findings, root: Root, kind: ReportedKind): Scope {
  const trouble = (reason: UnreadReason, place: string): void => {
    findings.unread(kind, reason, place);
  };
  const known = <Value>(read: Read<Value>, place: string): Value | undefined => {
    if (read.ok) return read.value;
    if (read.reason !== 'missing') trouble(read.reason, place);
    return undefined;
  };
  const read = (path: string, max = TEXT_MAX): Read<Buffer> => {
    const found = root.read(path, max);
    if (!found.ok && found.reason !== 'missing' && isLinkToNothing(root, path)) return NOTHING;
    known(found, path);
    return found;
  };
  const bytes = (path: string, max: number): Buffer | undefined => valueOf(read(path, max));
  const list = (path: string): readonly Entry[] => {
    const entries = known(root.list(path, NAMES_MAX), path) ?? [];
    // A name that is not UTF-8 cannot be opened again under the text that was made of it.
    for (const { name } of entries.filter((entry) => entry.name.includes('\uFFFD'))) {
      trouble('unresolvable', `${path}/${name}`);
    }
    return entries;
  };
  const text = (path: string, max = TEXT_MAX): string | undefined =>
    bytes(path, max)
      ?.toString('utf8')
      .replace(/^\uFEFF/, '');
  return {
    kind,
    root,
    bytes,
    read,
    text,
    trouble,
    lines: (path, max) => text(path, max)?.split(/\r?\n/) ?? [],
    list,
    files: (path, isMeant = () => true) =>
      list(path).flatMap(({ name, type }) => {
        if (type === 'directory' || !isMeant(name)) return [];
        if (type !== 'other') return [name];
        trouble('not-regular', `${path}/${name}`);
        return [];
      }),
    isMissing: (path) => {
      const found = root.resolve(path);
      return !found.ok && found.reason === 'missing';
    },
    json: (path, max) => {
      const content = text(path, max);
      if (content === undefined) return undefined;
      const value = parseObject(content);
      if (value === undefined) trouble('malformed', path);
      return value;
    },
  };
}

const NOTHING: Read<Buffer> = { ok: true, value: Buffer.alloc(0) };

const valueOf = <Value>(read: Read<Value>): Value | undefined => (read.ok ? read.value : undefined);

/** What administrators put in the place of a file that is to say nothing. */
function isLinkToNothing(root: Root, path: string): boolean {
  const link = root.link(path);
  return link.ok && link.value === '/dev/null';
}

/** A JSON object, or undefined for anything else; a prototype smuggled in stays an own, unread key. */
export function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** The value when it is an object, not a list. */
export const asObject = (value: unknown): Record<string, unknown> | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;

/** The value's own field when it is a text that is not empty. */
export function textField(value: unknown, field: string): string | undefined {
  const object = asObject(value);
  if (object === undefined || !Object.hasOwn(object, field)) return undefined;
  const content = object[field];
  return typeof content === 'string' && content !== '' ? content : undefined;
}

/** The value's own field when it is an object. */
export function objectField(value: unknown, field: string): Record<string, unknown> | undefined {
  const object = asObject(value);
  return object !== undefined && Object.hasOwn(object, field) ? asObject(object[field]) : undefined;
}

/** The value's own field when it is a list; empty otherwise. */
export function listField(value: unknown, field: string): readonly unknown[] {
  const object = asObject(value);
  const content = object !== undefined && Object.hasOwn(object, field) ? object[field] : undefined;
  return Array.isArray(content) ? content : [];
}
