/** A variable that a file sets. */
export interface Assignment {
  readonly name: string;
  readonly value: string;
}

/** A comment, or a name with an equals sign; a line without one sets nothing. */
const NAME = /\s*(?:[#;][^\n]*|([^=\n]*)(=?))/y;
/** A part of a value in quotation marks, which may go over several lines. */
const QUOTED = /[ \t\r]*(?:'([^']*)'?|"((?:[^"\\]|\\[^])*)"?)/y;
/** What follows up to the end of the line; a backslash joins it with the next one. */
const BARE = /[ \t\r]*((?:[^\\\n]|\\[^]?)*)/y;

/**
 * Variables that a file of systemd's `EnvironmentFile=` sets. Values are read with their quotation marks,
 * so that no line inside of one is taken for a name.
 */
export function parseEnvironmentFile(text: string): readonly Assignment[] {
  const found: Assignment[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match !== null) at = pattern.lastIndex;
    return match;
  };
  while (at < text.length) {
    const [, name = '', equals = ''] = take(NAME) ?? [];
    if (equals !== '') found.push({ name: name.trim(), value: valueAt(take) });
    // The end of the line.
    else at += 1;
  }
  return found;
}

function valueAt(take: (pattern: RegExp) => RegExpExecArray | null): string {
  const parts: string[] = [];
  for (let quoted = take(QUOTED); quoted !== null; quoted = take(QUOTED)) {
    const [, single, double = ''] = quoted;
    parts.push(single ?? plain(double));
  }
  return `${parts.join('')}${plain(take(BARE)?.[1] ?? '').trimEnd()}`;
}

const plain = (text: string): string => text.replace(/\\\r?\n/g, '').replace(/\\([^])/g, '$1');
