import { readFileSync } from 'node:fs';
import { parseFacts } from '../../contracts/schemas/facts';
import { isLetheError, LetheError } from '../../domain/errors';
import { pinPolicy, RETENTION_SCHEDULE } from '../../domain/retention-schedule';
import { assertObservedDuringUse, type WindowContext } from '../../domain/windows/duties';
import { computeWindow, type Window } from '../../domain/windows/window';
import { loadCalendars, sha256 } from '../../platform/calendars';
import { printFailure } from '../output';
import { stepText } from '../step-text';
import { parseStrictJson } from '../strict-json';

/** What to explain and how. */
export interface ExplainOptions {
  /** Path of a JSON file with one facts object or an array of them; `-` is standard input. */
  readonly file: string;
  /** Machine-readable output instead of text. */
  readonly json: boolean;
  /** Folder of the calendar data. */
  readonly calendarsDir: string;
  /** Reads the file, or standard input for `-`; UTF-8 from the file system when absent. */
  readonly read?: (file: string) => string;
}

/** What the command prints and how it ends. */
export interface CommandOutcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The published part of a window: what the engine needs beside it stays inside. */
type Explanation = Omit<Window, 'dueOn' | 'rule' | 'base' | 'policyVersions' | 'requiredByLaw'>;

/**
 * Answers facts in a file with the window they lead to, without any server. Bad input ends with exit
 * code 2 and one line on standard error that names the field; standard output stays empty then, also
 * when only one element of an array is bad. It only reads, so running it again is safe.
 */
export function runExplain(options: ExplainOptions): CommandOutcome {
  try {
    const input = readInput(options);
    const context: WindowContext = {
      policies: [pinPolicy(RETENTION_SCHEDULE, sha256)],
      calendars: loadCalendars(options.calendarsDir),
      tzdata: process.versions['tz'] ?? 'unknown',
    };
    const answer = Array.isArray(input)
      ? input.map((facts, index) => explain(facts, context, `[${index}]`))
      : explain(input, context, '');
    return { exitCode: 0, stdout: options.json ? asJson(answer) : asText(answer), stderr: '' };
  } catch (error) {
    if (!isLetheError(error)) throw error;
    let stderr = '';
    const keep = (text: string): void => {
      stderr += text;
    };
    return { exitCode: printFailure({ stderr: keep }, options.json, error), stdout: '', stderr };
  }
}

function readInput({ file, read = readFile }: ExplainOptions): unknown {
  let text: string;
  try {
    text = read(file);
  } catch (cause) {
    throw new LetheError('INVALID_INPUT', 'FILE cannot be read; name a readable JSON file, or -', {
      field: 'FILE',
      cause,
    });
  }
  try {
    return parseStrictJson(text.replace(/^\uFEFF/, ''));
  } catch (cause) {
    if (isLetheError(cause)) throw cause;
    throw new LetheError('INVALID_INPUT', 'FILE must hold JSON: one facts object, or an array', {
      field: 'FILE',
      cause,
    });
  }
}

const readFile = (file: string): string => readFileSync(file === '-' ? 0 : file, 'utf8');

function explain(value: unknown, context: WindowContext, at: string): Explanation {
  const facts = parseFacts(value, at);
  try {
    assertObservedDuringUse(facts, context);
    return published(computeWindow(facts, context));
  } catch (error) {
    if (at === '' || !isLetheError(error)) throw error;
    const field = error.field === undefined ? at : `${at}.${error.field}`;
    throw new LetheError(error.code, `${at}.${error.message}`, { field, cause: error });
  }
}

const published = (window: Window): Explanation => ({
  earliestAt: window.earliestAt,
  deleteNotBefore: window.deleteNotBefore,
  latestAt: window.latestAt,
  lastDay: window.lastDay,
  provisional: window.provisional,
  breaches: window.breaches,
  steps: window.steps,
  policyVersion: window.policyVersion,
  calendarVersions: window.calendarVersions,
  tzdata: window.tzdata,
});

type Answer = Explanation | readonly Explanation[];

const asJson = (answer: Answer): string => `${JSON.stringify(answer, null, 2)}\n`;

function asText(answer: Answer): string {
  if (!isList(answer)) return describe(answer);
  return answer.map((explanation, index) => `[${index}]\n${describe(explanation)}`).join('\n');
}

const isList = (answer: Answer): answer is readonly Explanation[] => Array.isArray(answer);

function describe(explanation: Explanation): string {
  const lastDay = explanation.lastDay ?? '-';
  const rows: readonly (readonly [string, string])[] = [
    ['earliest', explanation.earliestAt ?? '-'],
    ['delete not before', explanation.deleteNotBefore ?? '-'],
    ['latest', explanation.latestAt ?? '-'],
    ['last working day', explanation.provisional ? `${lastDay} (provisional)` : lastDay],
    ['missed', explanation.breaches.join(', ') || '-'],
    ['policy', explanation.policyVersion],
    ['calendars', explanation.calendarVersions.join(', ') || '-'],
    ['time zone data', explanation.tzdata],
  ];
  const table = rows.map(([name, value]) => `${name.padEnd(18)} ${value}`);
  const steps = explanation.steps.map((step, index) => `${index + 1}. ${stepText(step)}`);
  return `${[...table, '', ...steps].join('\n')}\n`;
}
