import { dirname, isAbsolute, join } from 'node:path';
import { parseFacts } from '../../contracts/schemas/facts';
import { policyTestSchema, type PolicyTest } from '../../contracts/schemas/policy-test';
import { isLetheError, LetheError } from '../../domain/errors';
import { assertObservedDuringUse, type WindowContext } from '../../domain/windows/duties';
import type { PoliciesInForce } from '../../domain/windows/strictest';
import { computeWindow } from '../../domain/windows/window';
import { loadCalendars } from '../../platform/calendars';
import { findingsIn, readYaml } from '../../platform/policies/positioned-yaml';
import type { CliIo } from '../io';
import { CALENDARS } from '../shipped-folders';
import { readText } from '../option-values';
import { policyFrom, problemLine } from './policy-files';

/** What became of a case. */
export interface CaseResult {
  readonly name: string;
  readonly passed: boolean;
  /** What came out otherwise; empty when it passed. */
  readonly differences: readonly {
    readonly field: string;
    readonly expected: unknown;
    readonly actual: unknown;
  }[];
  /** Why the facts have no window; null when they have one. */
  readonly failure: string | null;
}

type Case = PolicyTest['spec']['cases'][number];

/**
 * Answers the cases of a file: each is given facts and expects some ends of a window. Only files are
 * read, so it can be repeated anywhere.
 *
 * @throws LetheError INVALID_INPUT naming the place when the file itself is wrong.
 */
export function runCases(io: Pick<CliIo, 'read'>, file: string): readonly CaseResult[] {
  const { spec } = readTest(io, file);
  const [first, ...rest] = spec.policies.map((name) => {
    const beside =
      typeof name === 'number' || isAbsolute(name) ? String(name) : join(dirname(file), name);
    return policyFrom(io, beside, 'spec.policies').pinned;
  });
  if (first === undefined) throw new TypeError('a test names at least one policy');
  const policies: PoliciesInForce = [first, ...rest];
  const calendars = loadCalendars(CALENDARS);
  const context = { policies, calendars, tzdata: process.versions['tz'] ?? 'unknown' };
  return spec.cases.map((one) => answer(one, context));
}

function readTest(io: Pick<CliIo, 'read'>, file: string): PolicyTest {
  const yaml = readYaml(readText(io, file, 'FILE'));
  const shape = 'problems' in yaml ? null : policyTestSchema.safeParse(yaml.value);
  if (shape?.success === true) return shape.data;
  const [first] =
    'problems' in yaml
      ? yaml.problems
      : findingsIn(shape?.error ?? raise()).map((found) => yaml.place(found));
  throw new LetheError(
    'INVALID_INPUT',
    `FILE holds no cases of a policy: ${first === undefined ? file : problemLine(file, first).trim()}`,
    { field: 'FILE' },
  );
}

function raise(): never {
  throw new TypeError('a shape that does not fit says why');
}

function answer({ name, given, expect }: Case, context: WindowContext): CaseResult {
  try {
    const facts = parseFacts(given);
    assertObservedDuringUse(facts, context);
    const window = computeWindow(facts, context);
    const differences = Object.entries(expect).flatMap(([field, expected]) => {
      const actual = window[field as keyof Case['expect']];
      return isSame(actual, expected) ? [] : [{ field, expected, actual }];
    });
    return { name, passed: differences.length === 0, differences, failure: null };
  } catch (error) {
    if (!isLetheError(error)) throw error;
    return { name, passed: false, differences: [], failure: `${error.code}: ${error.message}` };
  }
}

const isSame = (one: unknown, other: unknown): boolean =>
  JSON.stringify(one) === JSON.stringify(other);
