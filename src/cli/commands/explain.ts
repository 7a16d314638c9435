import { parseFacts } from '../../contracts/schemas/facts';
import { isLetheError, LetheError } from '../../domain/errors';
import { pinPolicy, RETENTION_SCHEDULE } from '../../domain/retention-schedule';
import { assertObservedDuringUse, type WindowContext } from '../../domain/windows/duties';
import { loadCalendars, sha256 } from '../../platform/calendars';
import { readWhole } from '../files';
import { printFailure } from '../output';
import { explain, type Explained } from '../policy/explanation';
import { comparePolicies, policiesNamed } from '../policy/policy-comparison';
import { parseStrictJson } from '../../contracts/strict-json';

/** What to explain and how. */
export interface ExplainOptions {
  /** Path of a JSON file with one facts object or an array of them; `-` is standard input. */
  readonly file: string;
  /** Machine-readable output instead of text. */
  readonly json: boolean;
  /** Folder of the calendar data. */
  readonly calendarsDir: string;
  /** Versions to compare, as numbers of shipped ones or files; version 1 alone answers when absent. */
  readonly policies?: readonly string[] | undefined;
  /** Reads the file, or standard input for `-`; UTF-8 from the file system when absent. */
  readonly read?: (file: string) => string;
}

/** What the command prints and how it ends. */
export interface CommandOutcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Answers facts in a file with the window they lead to, without any server. Bad input ends with exit
 * code 2 and one line on standard error that names the field; standard output stays empty then, also
 * when only one element of an array is bad. It only reads, so running it again is safe.
 */
export function runExplain(options: ExplainOptions): CommandOutcome {
  try {
    const { policies, read = readWhole } = options;
    const isCompared = policies !== undefined;
    const input = readInput(options);
    const context: WindowContext = {
      policies: isCompared
        ? policiesNamed({ read }, policies)
        : [pinPolicy(RETENTION_SCHEDULE, sha256)],
      calendars: loadCalendars(options.calendarsDir),
      tzdata: process.versions['tz'] ?? 'unknown',
    };
    const found = Array.isArray(input)
      ? input.map((facts, index) => answer(facts, context, { at: `[${index}]`, isCompared }))
      : answer(input, context, { at: '', isCompared });
    return { exitCode: 0, stdout: options.json ? asJson(found) : asText(found), stderr: '' };
  } catch (error) {
    if (!isLetheError(error)) throw error;
    let stderr = '';
    const keep = (text: string): void => {
      stderr += text;
    };
    return { exitCode: printFailure({ stderr: keep }, options.json, error), stdout: '', stderr };
  }
}

function readInput({ file, read = readWhole }: ExplainOptions): unknown {
  let text: string;
  try {
    text = read(file);
  } catch (cause) {
    if (isLetheError(cause)) throw cause;
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

/** How one facts object is answered. */
interface AnswerOptions {
  /** Where it stands in an array, for errors; empty for a single object. */
  readonly at: string;
  readonly isCompared: boolean;
}

/** Checks one facts object and answers it. */
function answer(value: unknown, context: WindowContext, options: AnswerOptions): Explained {
  const { at, isCompared } = options;
  const facts = parseFacts(value, at);
  try {
    assertObservedDuringUse(facts, context);
    return isCompared ? comparePolicies(facts, context) : explain(facts, context);
  } catch (error) {
    if (at === '' || !isLetheError(error)) throw error;
    const field = error.field === undefined ? at : `${at}.${error.field}`;
    throw new LetheError(error.code, `${at}.${error.message}`, { field, cause: error });
  }
}

type Answer = Explained | readonly Explained[];

const asJson = (found: Answer): string => {
  const data = isList(found) ? found.map((one) => one.data) : found.data;
  return `${JSON.stringify(data, null, 2)}\n`;
};

const asText = (found: Answer): string =>
  isList(found) ? found.map(({ text }, index) => `[${index}]\n${text}`).join('\n') : found.text;

const isList = (found: Answer): found is readonly Explained[] => Array.isArray(found);
