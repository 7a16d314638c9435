import tseslint from 'typescript-eslint';
import jsdoc from 'eslint-plugin-jsdoc';
import jest from 'eslint-plugin-jest';
import { house } from './stack/lint-rules.mjs';

const noEnvironment = {
  object: 'process',
  property: 'env',
  message: 'only platform/config.ts reads the environment',
};
const noClock = [
  { object: 'Temporal', property: 'Now', message: 'domain has no clock: time is an argument' },
  { object: 'performance', property: 'now', message: 'domain has no clock: time is an argument' },
  { object: 'crypto', message: 'domain has no randomness; a hash function is an argument' },
  { object: 'Date', property: 'now', message: 'domain has no clock: time is an argument' },
  { object: 'Math', property: 'random', message: 'domain has no randomness' },
];

export default tseslint.config(
  { ignores: ['dist', '.cache', 'node_modules', 'coverage', '**/*.cjs', '**/*.mjs'] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      'no-console': 'error',
      'max-lines': ['error', { max: 400, skipBlankLines: false, skipComments: false }],
      'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
      'max-params': ['error', 3],
      complexity: ['error', 10],
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportAllDeclaration', message: 'name what you export' },
        {
          selector: "MemberExpression[object.name='z'][property.name='coerce']",
          message: 'coercion turns null into 1970',
        },
      ],
      'no-restricted-properties': ['error', noEnvironment],
    },
  },
  {
    files: ['src/platform/config.ts', 'test/**', 'demo/**', 'bench/**'],
    rules: { 'no-restricted-properties': 'off' },
  },
  {
    files: ['src/domain/**'],
    rules: {
      'no-restricted-properties': ['error', noEnvironment, ...noClock],
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportAllDeclaration', message: 'name what you export' },
        {
          selector: "NewExpression[callee.name='Date'][arguments.length=0]",
          message: 'domain has no clock',
        },
      ],
    },
  },
  {
    files: ['src/workflows/**', 'src/domain/**'],
    rules: { 'no-restricted-imports': ['error', { patterns: ['node:*', 'fs', 'crypto'] }] },
  },
  {
    files: ['src/domain/**', 'src/workflows/**', 'src/activities/**', 'src/client/**'],
    plugins: { jsdoc },
    rules: {
      'jsdoc/require-jsdoc': [
        'error',
        {
          publicOnly: true,
          require: { FunctionDeclaration: true, ClassDeclaration: true },
          contexts: ['TSTypeAliasDeclaration', 'TSInterfaceDeclaration'],
        },
      ],
    },
  },
  {
    files: ['src/activities/**', 'src/contracts/**'],
    plugins: { house },
    rules: { 'house/idempotency': 'error' },
  },
  {
    files: ['src/domain/**', 'src/workflows/**', 'src/activities/**', 'src/client/**'],
    plugins: { house },
    rules: { 'house/thrown-codes': 'error' },
  },
  {
    files: ['test/**/*.ts'],
    plugins: { jest },
    rules: {
      'jest/no-focused-tests': 'error',
      'jest/no-disabled-tests': 'error',
      'jest/expect-expect': ['error', { assertFunctionNames: ['expect*', 'fc.assert'] }],
      'jest/valid-expect': 'error',
      'jest/valid-expect-in-promise': 'error',
      'jest/no-conditional-expect': 'error',
      'jest/require-to-throw-message': 'error',
      'jest/no-identical-title': 'error',
      'jest/valid-describe-callback': 'error',
      'jest/no-done-callback': 'error',
      'jest/no-export': 'error',
      'max-lines-per-function': 'off',
      '@typescript-eslint/explicit-module-boundary-types': 'off',
    },
  },
  { files: ['src/cli/**', 'demo/**', 'bench/**'], rules: { 'no-console': 'off' } },
);
