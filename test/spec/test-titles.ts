import * as ts from 'typescript';
import { filesBelow } from './repository';

/** A test as it is reported: the file it is in and what it states. */
export interface TestTitle {
  readonly path: string;
  readonly title: string;
}

const STATES = new Set(['it', 'test', 'describe']);

/** What every test and group of tests states, read from the syntax and not by running them. */
export function testTitles(): readonly TestTitle[] {
  return filesBelow('test', '.test.ts').flatMap(({ path, text }) => {
    const titles: TestTitle[] = [];
    const visit = (node: ts.Node): void => {
      if (ts.isCallExpression(node) && STATES.has(rootName(node.expression))) {
        titles.push(...titlesOf(node).map((title) => ({ path, title })));
      }
      ts.forEachChild(node, visit);
    };
    visit(ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true));
    return titles;
  });
}

/** The title, and the first column of a literal table, which is where cases name their own rule. */
function titlesOf(call: ts.CallExpression): readonly string[] {
  const [first] = call.arguments;
  const title = first === undefined ? undefined : textOf(first);
  const table = ts.isCallExpression(call.expression) ? call.expression.arguments[0] : undefined;
  const rows = table !== undefined && ts.isArrayLiteralExpression(table) ? table.elements : [];
  const cases = rows.flatMap((row) => {
    const cell = ts.isArrayLiteralExpression(row) ? row.elements[0] : row;
    const text = cell === undefined ? undefined : textOf(cell);
    return text === undefined ? [] : [text];
  });
  return title === undefined ? [] : [title, ...cases];
}

function textOf(node: ts.Node): string | undefined {
  if (ts.isStringLiteralLike(node)) return node.text;
  return ts.isTemplateExpression(node) ? node.getText().slice(1, -1) : undefined;
}

/** `it` of `it`, `it.each` and `it.each(table)`. */
function rootName(node: ts.Expression): string {
  if (ts.isIdentifier(node)) return node.text;
  if (ts.isPropertyAccessExpression(node)) return rootName(node.expression);
  return ts.isCallExpression(node) ? rootName(node.expression) : '';
}

/** Rule ids such as `AB-1` in the square brackets of a title, one pair or several. */
export const rulesIn = (title: string): readonly string[] =>
  [...title.matchAll(/\[((?:[A-Z]{2}-\d)(?:[, ]+[A-Z]{2}-\d)*)\]/g)].flatMap((match) =>
    (match[1] ?? '').split(/[, ]+/),
  );
