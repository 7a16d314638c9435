/** A unit of systemd: section to key to its values in order; an empty value forgets the ones before. */
export type UnitFile = ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>;

/** Lines of one unit with its additions. */
const LINES_MAX = 20_000;

/** Reads a unit and what is added to it, later texts last. */
export function parseUnit(texts: readonly string[]): UnitFile {
  const sections = new Map<string, Map<string, string[]>>();
  for (const text of texts) {
    let section = '';
    for (const line of joinedLines(text).slice(0, LINES_MAX)) {
      const header = /^\[([^\]]{1,64})\]$/.exec(line);
      if (header !== null) section = header[1] ?? '';
      else addValue(sections, section, line);
    }
  }
  return sections;
}

function addValue(
  sections: Map<string, Map<string, string[]>>,
  section: string,
  line: string,
): void {
  const equals = line.indexOf('=');
  if (equals <= 0) return;
  const key = line.slice(0, equals).trim();
  const value = line.slice(equals + 1).trim();
  const values = sections.get(section) ?? new Map<string, string[]>();
  sections.set(section, values);
  values.set(key, value === '' ? [] : [...(values.get(key) ?? []), value].slice(-256));
}

function joinedLines(text: string): readonly string[] {
  return text
    .replace(/\\\r?\n/g, ' ')
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#') && !line.startsWith(';'));
}

/** Values of a key, e.g. `valuesOf(unit, 'Service', 'ExecStart')`. */
export const valuesOf = (unit: UnitFile, section: string, key: string): readonly string[] =>
  unit.get(section)?.get(key) ?? [];

/** Program of a command line of systemd, without the marks before it and without its arguments. */
export function programOfExec(command: string | undefined): string | null {
  const program = /^[-@:+!|]*\s*(?:"([^"]+)"|'([^']+)'|(\S+))/.exec(command ?? '');
  return program?.[1] ?? program?.[2] ?? program?.[3] ?? null;
}
