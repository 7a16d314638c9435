import { FAILURES, isLetheError } from '../domain/errors';
import type { CliIo } from './io';

/** What a command answers: the same facts as data and as text. */
export interface Answer {
  readonly data: unknown;
  readonly text: string;
  /** 0 unless the answer itself is bad news. */
  readonly exitCode?: 0 | 1;
}

/** Columns side by side, under a heading in capitals; wide enough for the longest cell. */
export function table(
  head: readonly string[],
  rows: readonly (readonly (string | number | null)[])[],
): string {
  const cells = [head.map((title) => title.toUpperCase()), ...rows.map((row) => row.map(cell))];
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells
    .map((row) => row.map((text, column) => text.padEnd(widths[column] ?? 0)).join('  '))
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}

/** Names and values below each other; what is null shows as a dash. */
export function facts(
  rows: readonly (readonly [string, string | number | boolean | null])[],
): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${cell(value)}\n`).join('');
}

const cell = (value: string | number | boolean | null): string =>
  value === null || value === '' ? '-' : printable(String(value));

/** Nothing that came from elsewhere moves the cursor, rings the bell or turns the order of letters round. */
export const printable = (text: string): string => text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');

/** Prints an answer and returns the exit code. */
export function printAnswer(io: CliIo, json: boolean, answer: Answer): number {
  io.stdout(json ? `${JSON.stringify(answer.data, null, 2)}\n` : answer.text);
  return answer.exitCode ?? 0;
}

/** A failure as it is shown to people and programs. */
interface ShownFailure {
  readonly code: string;
  readonly field: string | null;
  readonly message: string;
}

/** Prints a failure on standard error and returns the exit code of its code. */
export function printFailure(io: Pick<CliIo, 'stderr'>, json: boolean, error: unknown): number {
  const failure = showFailure(error);
  io.stderr(
    json
      ? `${JSON.stringify({ error: failure })}\n`
      : `${failure.code}: ${printable(failure.message)}\n`,
  );
  return isLetheError(error) ? FAILURES[error.code].exitCode : 1;
}

const MESSAGE_MAX = 300;

function showFailure(error: unknown): ShownFailure {
  if (isLetheError(error)) {
    return { code: error.code, field: error.field ?? null, message: error.message };
  }
  // A driver's error: its first line says what it is; the rest would be of no use here.
  const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
  return { code: 'UNEXPECTED', field: null, message: line.slice(0, MESSAGE_MAX) };
}
