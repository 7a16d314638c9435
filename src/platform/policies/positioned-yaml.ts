import { isNode, LineCounter, parseDocument, visit, type Document } from 'yaml';
import type { z } from 'zod';

/** What is wrong with a file: where, in which field, and what to do. */
export interface PlacedProblem {
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  /** Path of the field, like `spec.periods.minimum.period`; empty for the file as a whole. */
  readonly field: string;
  readonly message: string;
}

/** A field and what is wrong with it. */
export interface Finding {
  readonly field: string;
  readonly message: string;
}

/** A file of YAML whose fields can be found again in its text. */
export interface PositionedYaml {
  readonly value: unknown;
  /** Puts a finding at its place: of a field that is missing, at what should hold it. */
  place(finding: Finding): PlacedProblem;
}

/**
 * Reads one document of YAML 1.2. A field that is there twice, an alias and a tag are refused: what
 * reviewers read is then what counts.
 */
export function readYaml(
  text: string,
): PositionedYaml | { readonly problems: readonly PlacedProblem[] } {
  const lines = new LineCounter();
  const yaml = parseDocument(text, { lineCounter: lines, prettyErrors: false, schema: 'core' });
  const problems = [...yaml.errors, ...yaml.warnings].map(({ pos, message }) => ({
    ...placeOf(lines, pos[0]),
    field: '',
    message: `${message}; correct the YAML`,
  }));
  visit(yaml, {
    Alias: (_key, node) => {
      const message = 'is an alias; write out what it stands for';
      problems.push({ ...placeOf(lines, node.range?.[0] ?? 0), field: '', message });
    },
  });
  if (problems.length > 0) return { problems };
  return { value: yaml.toJS(), place: (finding) => placed(finding, yaml, lines) };
}

/** What a schema says, field by field; an unknown field is reported where it stands. */
export const findingsIn = (error: z.ZodError): readonly Finding[] =>
  error.issues.flatMap((issue) => {
    const field = pathText(issue.path);
    if (issue.code !== 'unrecognized_keys') {
      const remedy = isMissing(issue)
        ? 'is missing; add it'
        : `${issue.message}; correct the value`;
      return [{ field, message: remedy }];
    }
    return issue.keys.map((key) => ({
      field: field === '' ? key : `${field}.${key}`,
      message: 'is no field here; remove it',
    }));
  });

const isMissing = ({ code, message }: z.core.$ZodIssue): boolean =>
  code === 'invalid_type' && message.endsWith('received undefined');

const pathText = (path: readonly PropertyKey[]): string =>
  path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');

const pathOf = (field: string): readonly (string | number)[] =>
  [...field.matchAll(/\[(\d+)\]|([^.[\]]+)/g)].map(([, index, name]) =>
    index === undefined ? (name ?? '') : Number(index),
  );

function placed({ field, message }: Finding, yaml: Document, lines: LineCounter): PlacedProblem {
  const path = pathOf(field);
  for (let length = path.length; length > 0; length -= 1) {
    const node: unknown = yaml.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range != null) {
      return { ...placeOf(lines, node.range[0]), field, message };
    }
  }
  return { line: 1, column: 1, field, message };
}

function placeOf(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}
