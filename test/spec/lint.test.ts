import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { createScratch } from '../support/scratch';
import { ROOT } from './repository';

/** A fault that the linter must report, where it stands, and the source that has it. */
type Fault = readonly [rule: string, file: string, source: string];

const ACTIVITY = `
declare function proxyActivities<A>(): { [K in keyof A]: A[K] };
interface Ports { destroy(order: { id: string }): Promise<number> }
const { destroy } = proxyActivities<Ports>();
`;

const FAULTS: readonly Fault[] = [
  [
    '@typescript-eslint/no-floating-promises',
    'src/cli/floating.ts',
    `${ACTIVITY}export function run(): void {\n  destroy({ id: 'a' });\n}\n`,
  ],
  [
    '@typescript-eslint/no-misused-promises',
    'src/cli/condition.ts',
    `${ACTIVITY}export function run(): number {\n  return destroy({ id: 'a' }) ? 1 : 0;\n}\n`,
  ],
  [
    '@typescript-eslint/no-explicit-any',
    'src/cli/anything.ts',
    'export const id = (value: any): string => String(value);\n',
  ],
  [
    '@typescript-eslint/switch-exhaustiveness-check',
    'src/cli/partial.ts',
    `export function rank(kind: 'move' | 'destroy'): number {
  switch (kind) {
    case 'move':
      return 1;
  }
  return 0;
}
`,
  ],
  [
    '@typescript-eslint/consistent-type-imports',
    'src/cli/imports.ts',
    `import { Stats } from 'node:fs';\nexport const size = (stats: Stats): number => stats.size;\n`,
  ],
  [
    'no-restricted-properties',
    'src/domain/clock.ts',
    'export const now = (): number => Date.now();\n',
  ],
  ['no-restricted-syntax', 'src/domain/moment.ts', 'export const now = (): Date => new Date();\n'],
  [
    'no-restricted-properties',
    'src/domain/chance.ts',
    'export const chance = (): number => Math.random();\n',
  ],
  [
    'no-restricted-imports',
    'src/domain/files.ts',
    `import { readFileSync } from 'node:fs';\nexport const text = readFileSync('a', 'utf8');\n`,
  ],
  [
    'no-restricted-properties',
    'src/client/environment.ts',
    `export const home = process.env['HOME'];\n`,
  ],
  ['no-restricted-properties', 'src/domain/home.ts', `export const home = process.env['HOME'];\n`],
  [
    'no-restricted-properties',
    'src/domain/windows/today.ts',
    `import { Temporal } from '@js-temporal/polyfill';\nexport const today = Temporal.Now.instant();\n`,
  ],
  [
    'no-restricted-properties',
    'src/domain/random.ts',
    'export const id = (): string => crypto.randomUUID();\n',
  ],
  ['no-restricted-syntax', 'src/client/everything.ts', `export * from './environment';\n`],
  [
    'no-restricted-syntax',
    'src/contracts/coerced.ts',
    'declare const z: { coerce: { date(): unknown } };\nexport const at = z.coerce.date();\n',
  ],
  ['no-console', 'src/client/chatty.ts', `console.log('x');\nexport const said = true;\n`],
  [
    'jsdoc/require-jsdoc',
    'src/client/silent.ts',
    'export function answer(): number {\n  return 42;\n}\n',
  ],
  [
    'max-params',
    'src/cli/many.ts',
    'export const sum = (a: number, b: number, c: number, d: number): number => a + b + c + d;\n',
  ],
  ['max-lines', 'src/cli/long.ts', `${'// one line of many\n'.repeat(401)}export const a = 1;\n`],
  [
    'jest/no-focused-tests',
    'test/focused.test.ts',
    `it.only('keeps', () => {\n  expect(1).toBe(1);\n});\n`,
  ],
  [
    'jest/no-disabled-tests',
    'test/disabled.test.ts',
    `it.skip('keeps', () => {\n  expect(1).toBe(1);\n});\n`,
  ],
  ['jest/expect-expect', 'test/vacuous.test.ts', `it('keeps', () => {\n  void 1;\n});\n`],
  ['jest/valid-expect', 'test/unfinished.test.ts', `it('keeps', () => {\n  expect(1);\n});\n`],
  [
    'jest/valid-expect',
    'test/unawaited.test.ts',
    `it('keeps', () => {\n  expect(Promise.resolve(1)).resolves.toBe(2);\n});\n`,
  ],
  [
    'jest/valid-expect-in-promise',
    'test/unheard.test.ts',
    `it('keeps', () => {\n  Promise.resolve(1).then((one) => {\n    expect(one).toBe(2);\n  });\n});\n`,
  ],
  [
    'jest/no-conditional-expect',
    'test/lenient.test.ts',
    `it('keeps', () => {\n  try {\n    JSON.parse('{');\n  } catch (error) {\n    expect(error).toBe(1);\n  }\n});\n`,
  ],
  [
    'jest/require-to-throw-message',
    'test/whatever.test.ts',
    `it('refuses', () => {\n  expect(() => JSON.parse('{')).toThrow();\n});\n`,
  ],
  [
    'jest/require-to-throw-message',
    'test/rejected.test.ts',
    `it('refuses', async () => {\n  await expect(Promise.reject(new Error('x'))).rejects.toThrow();\n});\n`,
  ],
  [
    'jest/no-identical-title',
    'test/twice.test.ts',
    `it('keeps', () => {\n  expect(1).toBe(1);\n});\nit('keeps', () => {\n  expect(2).toBe(2);\n});\n`,
  ],
  [
    'house/idempotency',
    'src/activities/purge.ts',
    '/** Purges. */\nexport async function purge(id: string): Promise<void> {\n  await fetch(id);\n}\n',
  ],
  [
    'house/idempotency',
    'src/activities/mute.ts',
    '/** Purges. @idempotency */\nexport async function purge(id: string): Promise<void> {\n  await fetch(id);\n}\n',
  ],
  [
    'house/idempotency',
    'src/activities/pretends.ts',
    `interface Store {
  execute(sql: string): Promise<number>;
}
/** Reads, and then some. */
export function readAndMark(store: Store): Promise<number> {
  return store.execute('CALL mark()');
}
`,
  ],
  [
    'house/thrown-codes',
    'src/domain/refuses.ts',
    `declare class LetheError extends Error {
  constructor(code: string, message: string);
}
/** Refuses what is not one. */
export function one(value: number): number {
  if (value !== 1) throw new LetheError('INVALID_INPUT', 'value must be one');
  return value;
}
`,
  ],
  [
    'house/idempotency',
    'src/contracts/duties.ts',
    'export interface DutyActivities {\n  /** Does it. */\n  act(id: string): Promise<void>;\n}\n',
  ],
];

/** Files without a fault, of each kind that a rule looks at. */
const INNOCENT: Readonly<Record<string, string>> = {
  'src/domain/innocent.ts': '/** One. */\nexport const one = 1;\n',
  'src/activities/innocent.ts': `/**
 * Purges.
 *
 * @idempotency what is gone is gone.
 */
export async function purge(id: string): Promise<void> {
  await fetch(id);
}

/** Reads. */
export async function readOne(id: string): Promise<void> {
  await fetch(id);
}
`,
  'test/innocent.test.ts': `it('refuses', () => {
  expect(() => JSON.parse('{') as unknown).toThrow(SyntaxError);
});
`,
};

interface Report {
  readonly filePath: string;
  readonly messages: readonly { readonly ruleId: string | null; readonly message: string }[];
}

/** What the project's own lint rules say about files that only exist for this. */
function lint(files: Readonly<Record<string, string>>): readonly Report[] {
  const scratch = createScratch(
    {
      ...files,
      'tsconfig.json': JSON.stringify({
        extends: join(ROOT, 'tsconfig.json'),
        compilerOptions: { rootDir: '.', typeRoots: [join(ROOT, 'node_modules', '@types')] },
        include: ['src', 'test'],
      }),
    },
    { node_modules: join(ROOT, 'node_modules') },
  );
  try {
    const { stdout, stderr } = spawnSync(
      process.execPath,
      [
        join(ROOT, 'node_modules', 'eslint', 'bin', 'eslint.js'),
        ...['--config', join(ROOT, 'eslint.config.mjs'), '--format', 'json', 'src', 'test'],
      ],
      { cwd: scratch.folder, encoding: 'utf8', maxBuffer: 1 << 26 },
    );
    if (stdout === '') throw new Error(stderr);
    const reports = JSON.parse(stdout) as Report[];
    return reports.map((report) => ({
      ...report,
      filePath: report.filePath.slice(scratch.folder.length + 1),
    }));
  } finally {
    scratch.remove();
  }
}

describe('the lint rules', () => {
  let reports: readonly Report[] = [];

  beforeAll(() => {
    const seeded = Object.fromEntries(FAULTS.map(([, file, source]) => [file, source]));
    reports = lint({ ...seeded, ...INNOCENT });
  });

  it.each(FAULTS)('report %s in %s', (rule, file) => {
    const found = reports.find(({ filePath }) => filePath === file);
    expect(found?.messages.map(({ ruleId }) => ruleId)).toContain(rule);
  });

  it.each(Object.keys(INNOCENT))('report nothing in %s', (file) => {
    expect(reports.find(({ filePath }) => filePath === file)?.messages).toEqual([]);
  });
});
