import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Root of the repository. */
export const ROOT = join(__dirname, '..', '..');

/** A file of the repository; the path is relative to its root. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** The text of one file. */
export const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** True when the repository has that file or folder. */
export const has = (path: string): boolean => existsSync(join(ROOT, path));

/** Files below a folder whose names end in one of the endings, in the order of their paths. */
export function filesBelow(folder: string, ...endings: readonly string[]): readonly SourceFile[] {
  if (!has(folder)) return [];
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && endings.some((ending) => entry.name.endsWith(ending)))
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length + 1))
    .filter((path) => !path.includes('node_modules/'))
    .sort()
    .map((path) => ({ path, text: read(path) }));
}

/** The papers a reader meets: those at the root and everything below `docs`. */
export function papers(): readonly SourceFile[] {
  const atRoot = readdirSync(ROOT)
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((path) => ({ path, text: read(path) }));
  return [...atRoot, ...filesBelow('docs', '.md')];
}

/** Rows of the first table after a heading, without its head; cells are trimmed. */
export function tableAfter(text: string, heading: string): readonly (readonly string[])[] {
  const lines = text.split('\n');
  const start = lines.findIndex((line) => /^#+ /.test(line) && line.endsWith(heading));
  if (start < 0) throw new Error(`no heading ${heading}`);
  const first = lines.findIndex((line, index) => index > start && line.startsWith('|'));
  const next = lines.findIndex((line, index) => index > start && /^#+ /.test(line));
  if (first < 0 || (next >= 0 && next < first)) throw new Error(`no table after ${heading}`);
  const rows = lines.slice(first);
  const end = rows.findIndex((line) => !line.startsWith('|'));
  return rows
    .slice(2, end < 0 ? undefined : end)
    .map((line) => line.slice(1, line.lastIndexOf('|')).split('|'))
    .map((cells) => cells.map((cell) => cell.trim()));
}

/** Texts in back-ticks, without the blocks that show commands and output. */
export const quoted = (text: string): readonly string[] =>
  [...text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/`([^`\n]+)`/g)].map(
    (match) => match[1] ?? '',
  );

/** Blocks between fences, with the language behind the first fence. */
export const blocks = (text: string): readonly (readonly [language: string, body: string])[] =>
  [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(([, language = '', body = '']) => [
    language,
    body,
  ]);
