import { FAILURES, isLetheError, type FailureCode } from '../domain/errors';
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
  return failure.code in FAILURES ? FAILURES[failure.code as FailureCode].exitCode : 1;
}

const MESSAGE_MAX = 300;
/** An argument may be as long as a file; what happened stands before it, and the remedy behind it. */
const HALF_MAX = 2000;

const shortened = (message: string): string =>
  message.length <= 2 * HALF_MAX
    ? message
    : `${message.slice(0, HALF_MAX)} … ${message.slice(-HALF_MAX)}`;

/** What the SQL server says to a login that is not of this environment, or to a schema of before. */
const NOT_OF_HERE =
  /^ER_(ACCESS|DBACCESS|TABLEACCESS|COLUMNACCESS|PROCACCESS)_DENIED_ERROR$|^ER_(BAD_DB|BAD_FIELD)_ERROR$|^ER_(NO_SUCH_TABLE|SP_DOES_NOT_EXIST)$/;

/** For a worker it may pass, for whoever typed a command it is a matter of what is set. */
function refusedLogin(error: unknown): ShownFailure | null {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  if (typeof code !== 'string' || !NOT_OF_HERE.test(code)) return null;
  return {
    code: 'CONFIGURATION_INVALID',
    field: 'LETHE_CREDENTIALS_FILE',
    message: `the SQL server refuses the login here (${code}); check LETHE_ENVIRONMENT and LETHE_CREDENTIALS_FILE, and run lethe migrate once after an upgrade`,
  };
}

function showFailure(error: unknown): ShownFailure {
  if (isLetheError(error)) {
    return { code: error.code, field: error.field ?? null, message: shortened(error.message) };
  }
  const refused = refusedLogin(error);
  if (refused !== null) return refused;
  // A driver's error: its first line says what it is; the rest would be of no use here.
  const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
  return { code: 'UNEXPECTED', field: null, message: line.slice(0, MESSAGE_MAX) };
}
