import * as ts from 'typescript';
import { filesBelow } from './repository';

/** A statement, or a file of statements, and where it stands. */
export interface SqlSource {
  readonly path: string;
  readonly sql: string;
}

const BEGINS_LIKE_SQL =
  /^\s*(SELECT|INSERT|UPDATE|DELETE|REPLACE|CALL|SET|CREATE|ALTER|DROP|TRUNCATE|GRANT|REVOKE|WITH|START TRANSACTION|LOCK|SHOW)\b/;

/** Statements in the sources: texts that begin like one; what is put in becomes a question mark. */
export function sqlInSources(path: string, text: string): readonly SqlSource[] {
  const found: SqlSource[] = [];
  const visit = (node: ts.Node): void => {
    const sql = statementOf(node);
    if (sql !== undefined && BEGINS_LIKE_SQL.test(sql)) found.push({ path, sql });
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true));
  return found;
}

function statementOf(node: ts.Node): string | undefined {
  if (ts.isStringLiteralLike(node)) return node.text;
  if (!ts.isTemplateExpression(node)) return undefined;
  return [node.head.text, ...node.templateSpans.map((span) => span.literal.text)].join('?');
}

/** SQL without its comments. */
export const withoutComments = (sql: string): string =>
  sql.replace(/\/\*[\s\S]*?\*\//g, ' ').replace(/--.*$/gm, ' ');

/** Every SQL file of the schema and every statement of the sources. */
export function allSql(): readonly SqlSource[] {
  const files = filesBelow('schema', '.sql').map(({ path, text }) => ({ path, sql: text }));
  const sources = ['src', 'demo'].flatMap((folder) =>
    filesBelow(folder, '.ts').flatMap(({ path, text }) => sqlInSources(path, text)),
  );
  return [...files, ...sources].map(({ path, sql }) => ({ path, sql: withoutComments(sql) }));
}
