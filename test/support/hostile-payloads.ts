import type { CommandKind } from '../../src/contracts/commands';

const LONG = 'x'.repeat(20_000);
/** Longer than what may be answered, were it repeated in a refusal, its details and its stack. */
const HUGE = 'x'.repeat(1_500_000);
const NAMES = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'];

const header = (kind: string): object => ({
  kind,
  idempotencyKey: 'k-hostile',
  requestedBy: 'somebody',
});

/** An object with an own field of that name, also `__proto__`, as it comes from JSON. */
const withOwn = (base: object, name: string, value: unknown): unknown =>
  JSON.parse(
    `${JSON.stringify(base).slice(0, -1)},${JSON.stringify(name)}:${JSON.stringify(value)}}`,
  );

/**
 * Arguments that no process may take for a command of that kind: wrong types, missing and unknown fields,
 * names of prototypes, other tenants, texts without end, deep nesting.
 */
export function hostilePayloads(
  kind: CommandKind,
  { tenantId, other }: { readonly tenantId: string; readonly other: string },
): readonly (readonly unknown[])[] {
  const full = { ...header(kind), body: {} };
  let deep: unknown = 1;
  for (let level = 0; level < 2_000; level += 1) deep = [deep];
  return [
    [],
    ...[null, 0, -1, true, '', 'x', LONG, [], [[]], {}, [full], deep].map((value) => [value]),
    // Missing and malformed parts of the header.
    ...['kind', 'idempotencyKey', 'requestedBy', 'body'].flatMap((field) =>
      [undefined, null, 1, '', 'a b', [], {}, HUGE]
        .map((value) => [
          {
            ...full,
            body: { x: 1 },
            [field]: value,
            ...(field === 'body' && { body: value ?? 7 }),
          },
        ])
        .map(([order]) => [field === 'body' ? { ...order, extra: 1 } : order]),
    ),
    // Another tenant, inside and outside of the body.
    [{ ...full, tenantId: other }],
    [{ ...full, body: { tenantId: other } }],
    [{ ...full, body: { tenantId } }],
    [{ ...full, body: { assetId: other, services: ['CVM'], requestId: other, tenantId: other } }],
    // Names that mean something to the language, and a name that is longer than any answer.
    ...NAMES.flatMap((name) => [
      [{ ...full, kind: name }],
      [withOwn(full, name, { kind })],
      [{ ...full, body: withOwn({ x: 1 }, name, { service: 'CVM' }) }],
      [{ ...full, body: { x: name, service: name, recordClass: name, jurisdiction: name } }],
    ]),
    [{ ...full, [HUGE]: 1 }],
    [{ ...full, body: { [LONG]: 1 } }],
    [{ ...full, body: deep }],
    [{ ...full, body: { services: deep, service: deep, attestations: deep, report: deep } }],
  ];
}
