/**
 * Rules of this house that no plug-in knows. `eslint.config.mjs` switches them on; `test/spec/lint.test.ts`
 * proves with seeded faults that each of them reports.
 */

/** Names of operations that only read: by their verb, or by the noun that they answer. */
const READS =
  /^(read|list|find|count|audit|compare|exchange|total|is|has|assert|check|inspect|look|open|collect|gather|observe|recognise|resolve|prove|plan|with)[A-Z]|^(keys|assets|bounds|standing)Of|^(textRows?|databaseNow|destroyedKeys|latestCheckpoint|clearGoneAt|retainedUntil|verifiedCohorts|lastSequence)$/;
/** Calls by which an operation writes although its name says that it reads. */
const WRITES =
  /^(execute|append|(insert|record(?!Table)|mark|remove|destroy|purge|erase|abort)([A-Z]|$))/;

/** The tag with its reason on the same line; `see {@link …}` is one. */
const SAID = /@idempotency [^\n]{8,}/;

const isPromise = (type) =>
  type?.type === 'TSTypeReference' &&
  type.typeName.type === 'Identifier' &&
  type.typeName.name === 'Promise';

/** What it is given to run answers for itself. */
const isWrapper = ({ params }) =>
  params.some(({ typeAnnotation }) => typeAnnotation?.typeAnnotation.type === 'TSFunctionType');

/** A step on a connection or in a transaction that it is given: whoever opened that says it. */
const isStep = (typeOfFirst) => /^(Pick<)?(Sql|EffectContext|Context)\b/.test(typeOfFirst);

function calls(node, visitorKeys, test) {
  if (node.type === 'CallExpression') {
    const name = node.callee.property?.name ?? node.callee.name;
    if (name !== undefined && test.test(name)) return true;
  }
  return (visitorKeys[node.type] ?? []).some((key) =>
    [node[key]].flat().some((child) => child && calls(child, visitorKeys, test)),
  );
}

const idempotency = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      missing:
        '{{name}} says nowhere why running it again is safe; add @idempotency and the reason to its docstring',
    },
  },
  create(context) {
    const { sourceCode } = context;
    const isSaid = (node) =>
      sourceCode
        .getCommentsBefore(node)
        .some(({ type, value }) => type === 'Block' && value.startsWith('*') && SAID.test(value));
    const demand = (node, name) => {
      if (!isSaid(node)) context.report({ node, messageId: 'missing', data: { name } });
    };
    return {
      'ExportNamedDeclaration > FunctionDeclaration'(node) {
        if (!isPromise(node.returnType?.typeAnnotation)) return;
        const first = node.params[0]?.typeAnnotation?.typeAnnotation;
        if (isWrapper(node) || (first && isStep(sourceCode.getText(first)))) return;
        const reads = READS.test(node.id.name) && !calls(node.body, sourceCode.visitorKeys, WRITES);
        if (!reads) demand(node.parent, node.id.name);
      },
      'TSInterfaceDeclaration[id.name=/Activities$/] > TSInterfaceBody > *'(node) {
        demand(node, node.key?.name ?? 'this member');
      },
    };
  },
};

/** Codes that a function raises itself, in callbacks too. */
function codesIn(node, visitorKeys) {
  const thrown = node.type === 'ThrowStatement' ? node.argument : null;
  const own =
    thrown?.type === 'NewExpression' && thrown.callee.name === 'LetheError'
      ? [thrown.arguments[0]?.value].filter((code) => typeof code === 'string')
      : [];
  const inner = (visitorKeys[node.type] ?? []).flatMap((key) =>
    [node[key]].flat().flatMap((child) => (child ? codesIn(child, visitorKeys) : [])),
  );
  return [...own, ...inner];
}

const thrownCodes = {
  meta: {
    type: 'problem',
    schema: [],
    messages: { missing: '{{name}} throws {{code}}; say so, and when, behind @throws' },
  },
  create(context) {
    const { sourceCode } = context;
    return {
      'ExportNamedDeclaration > FunctionDeclaration'(node) {
        // What makes an object answers for the object's own documentation.
        if (node.id.name.startsWith('create')) return;
        const said = sourceCode
          .getCommentsBefore(node.parent)
          .map(({ value }) => value)
          .join();
        for (const code of new Set(codesIn(node.body, sourceCode.visitorKeys))) {
          if (said.includes(code)) continue;
          context.report({ node, messageId: 'missing', data: { name: node.id.name, code } });
        }
      },
    };
  },
};

export const house = { rules: { idempotency, 'thrown-codes': thrownCodes } };
