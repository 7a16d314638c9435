/** What the part of YAML that is read here can say. */
export type YamlValue = string | readonly YamlValue[] | YamlMap;
/** A map; the order is that of the text. */
interface YamlMap {
  readonly [key: string]: YamlValue;
}

const LINES_MAX = 50_000;
const DEPTH_MAX = 24;

interface Line {
  readonly indent: number;
  readonly text: string;
}

interface Cursor {
  readonly lines: Line[];
  at: number;
}

/**
 * Reads maps, lists and scalars in block style, as configuration files of clusters are written, and those in
 * flow style that end in their line. Block scalars stay unread; anchors, tags and further documents are not
 * known. A file that is JSON is read as JSON.
 */
export function parseYaml(text: string): YamlValue {
  const json = text.trimStart().startsWith('{') ? fromJson(text) : undefined;
  if (json !== undefined) return json;
  const cursor: Cursor = { lines: linesOf(text), at: 0 };
  return blockAt(cursor, cursor.lines[0]?.indent ?? 0, 0);
}

function fromJson(text: string): YamlValue | undefined {
  try {
    return plain(JSON.parse(text), 0);
  } catch {
    return undefined;
  }
}

function plain(value: unknown, depth: number): YamlValue {
  if (depth > DEPTH_MAX || value === null || typeof value !== 'object') {
    return typeof value === 'string' ? value : JSON.stringify(value ?? '');
  }
  if (Array.isArray(value)) return value.map((item) => plain(item, depth + 1));
  return safeMap(Object.entries(value).map(([key, item]) => [key, plain(item, depth + 1)]));
}

/** Without a prototype, so that no key of a file can be one. */
function safeMap(entries: readonly (readonly [string, YamlValue])[]): YamlMap {
  const map = Object.create(null) as Record<string, YamlValue>;
  for (const [key, value] of entries) map[key] = value;
  return map;
}

function linesOf(text: string): Line[] {
  const lines: Line[] = [];
  for (const raw of text.split(/\r?\n/, LINES_MAX)) {
    if (raw.startsWith('---')) {
      if (lines.length > 0) break;
      continue;
    }
    const content = raw.replace(/(^|\s)#.*$/, '').trimEnd();
    if (content.trim() === '') continue;
    lines.push({ indent: content.length - content.trimStart().length, text: content.trimStart() });
  }
  return lines;
}

function blockAt(cursor: Cursor, indent: number, depth: number): YamlValue {
  const line = cursor.lines[cursor.at];
  if (line === undefined || line.indent < indent || depth > DEPTH_MAX) return '';
  return isItem(line.text) ? listAt(cursor, line.indent, depth) : mapAt(cursor, line.indent, depth);
}

const isItem = (text: string): boolean => text === '-' || text.startsWith('- ');

function listAt(cursor: Cursor, indent: number, depth: number): YamlValue {
  const items: YamlValue[] = [];
  for (;;) {
    const line = cursor.lines[cursor.at];
    if (line?.indent !== indent || !isItem(line.text)) return items;
    const rest = line.text.slice(1).trimStart();
    if (rest === '') {
      cursor.at += 1;
      items.push(blockAt(cursor, indent + 1, depth + 1));
    } else if (KEY.test(rest)) {
      // The first key of a map stands in the line of its dash: read it as a line of its own.
      const inner = { indent: indent + line.text.length - rest.length, text: rest };
      cursor.lines[cursor.at] = inner;
      items.push(mapAt(cursor, inner.indent, depth + 1));
    } else {
      cursor.at += 1;
      items.push(flowOr(rest, depth));
    }
  }
}

const KEY = /^("[^"]*"|'[^']*'|[^\s"'[{#&*!|>][^:]*|[^\s"'[{#&*!|>][^\s]*?):(?:\s+(.*))?$/;

function mapAt(cursor: Cursor, indent: number, depth: number): YamlValue {
  const entries: (readonly [string, YamlValue])[] = [];
  for (;;) {
    const line = cursor.lines[cursor.at];
    const parts = line?.indent === indent ? KEY.exec(line.text) : null;
    if (parts === null) break;
    cursor.at += 1;
    const [, key = '', value = ''] = parts;
    entries.push([scalar(key), valueAfter(cursor, value.trim(), { indent, depth })]);
  }
  // What is deeper or was not understood belongs to nothing that is known here.
  skipDeeper(cursor, indent);
  return safeMap(entries);
}

function valueAfter(
  cursor: Cursor,
  value: string,
  { indent, depth }: { readonly indent: number; readonly depth: number },
): YamlValue {
  if (value === '') return valueBelow(cursor, indent, depth);
  return /^[|>]/.test(value) ? skipDeeper(cursor, indent) : flowOr(value, depth);
}

/** A list may stand as deep as the key it belongs to. */
function valueBelow(cursor: Cursor, indent: number, depth: number): YamlValue {
  const next = cursor.lines[cursor.at];
  if (next === undefined || next.indent < indent) return '';
  if (next.indent > indent) return blockAt(cursor, indent + 1, depth + 1);
  return isItem(next.text) ? listAt(cursor, indent, depth + 1) : '';
}

function skipDeeper(cursor: Cursor, indent: number): string {
  while ((cursor.lines[cursor.at]?.indent ?? -1) > indent) cursor.at += 1;
  return '';
}

/** A map or a list in flow style, or a scalar; what is not closed in its line stays text. */
function flowOr(text: string, depth: number): YamlValue {
  if (!/^[{[]/.test(text)) return scalar(text);
  const tokens = text.match(FLOW_TOKENS) ?? [];
  const flow: Flow = { tokens, at: 0 };
  const value = flowValue(flow, depth);
  return value !== undefined && flow.at === tokens.length ? value : text;
}

/** Brackets, commas, colons before a space, texts in quotes, and what is between them. */
const FLOW_TOKENS =
  /[{}[\],]|:(?=[\s{[]|$)|"(?:[^"\\]|\\.)*":?|'(?:[^']|'')*':?|(?:[^\s{}[\],:]|:(?!\s|$))(?:[^{}[\],:]|:(?!\s|$))*/g;

interface Flow {
  readonly tokens: readonly string[];
  at: number;
}

function flowValue(flow: Flow, depth: number): YamlValue | undefined {
  const token = flow.tokens[flow.at];
  if (token === undefined || depth > DEPTH_MAX) return undefined;
  flow.at += 1;
  if (token === '{') return flowMap(flow, depth + 1);
  if (token === '[') return flowList(flow, depth + 1);
  return /^[}\],:]$/.test(token) ? undefined : scalar(token.trim());
}

function flowMap(flow: Flow, depth: number): YamlValue | undefined {
  const entries: (readonly [string, YamlValue])[] = [];
  while (flow.tokens[flow.at] !== '}') {
    const token = flow.tokens[flow.at] ?? '';
    flow.at += 1;
    const closed = /^(["']).*\1:$/.test(token);
    if (!closed && flow.tokens[flow.at] !== ':') return undefined;
    if (!closed) flow.at += 1;
    const value = flowValue(flow, depth);
    if (value === undefined || !isParted(flow, '}')) return undefined;
    entries.push([scalar((closed ? token.slice(0, -1) : token).trim()), value]);
  }
  flow.at += 1;
  return safeMap(entries);
}

function flowList(flow: Flow, depth: number): YamlValue | undefined {
  const items: YamlValue[] = [];
  while (flow.tokens[flow.at] !== ']') {
    const value = flowValue(flow, depth);
    if (value === undefined || !isParted(flow, ']')) return undefined;
    items.push(value);
  }
  flow.at += 1;
  return items;
}

/** Steps over a comma; false when neither it nor the end follows. */
function isParted(flow: Flow, end: string): boolean {
  if (flow.tokens[flow.at] !== ',') return flow.tokens[flow.at] === end;
  flow.at += 1;
  return true;
}

function scalar(text: string): string {
  if (text.startsWith('"') && text.endsWith('"') && text.length > 1) {
    return text.slice(1, -1).replace(/\\(["\\/])/g, '$1');
  }
  if (text.startsWith("'") && text.endsWith("'") && text.length > 1) {
    return text.slice(1, -1).replaceAll("''", "'");
  }
  return text;
}

/** Value at a path of keys, or undefined. */
export function yamlAt(
  value: YamlValue | undefined,
  ...keys: readonly string[]
): YamlValue | undefined {
  let current = value;
  for (const key of keys) {
    if (current === undefined || typeof current === 'string' || Array.isArray(current)) {
      return undefined;
    }
    current = (current as YamlMap)[key];
  }
  return current;
}

/** The value as text when it is one that is not empty. */
export const yamlText = (value: YamlValue | undefined): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

/** The value as a list; empty when it is none. */
export const yamlList = (value: YamlValue | undefined): readonly YamlValue[] =>
  Array.isArray(value) ? (value as readonly YamlValue[]) : [];
