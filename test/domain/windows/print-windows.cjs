/** Prints the windows of all examples, for a parent that compares processes of several time zones. */
const { transformSync } = require('@swc/core');
const { readFileSync } = require('node:fs');

require.extensions['.ts'] = (module, file) => {
  const { code } = transformSync(readFileSync(file, 'utf8'), {
    filename: file,
    jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
    module: { type: 'commonjs' },
  });
  module._compile(code, file);
};
const { windowOf } = require('./context.ts');
const examples = require('../examples.json');

const processZone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
const windows = examples.map(({ facts }) => windowOf(facts));
process.stdout.write(JSON.stringify({ processZone, windows }));
