import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { createScratch } from '../support/scratch';
import { ROOT } from './repository';

/** The boundaries as they are checked; a rule that cannot be broken protects nothing. */
const CONFIG = join(ROOT, '.dependency-cruiser.cjs');
const CRUISER = join(ROOT, 'node_modules', 'dependency-cruiser', 'bin', 'dependency-cruise.mjs');

const value = 'export const value = 1;\n';
const uses = (path: string): string =>
  `import { value } from '${path}';\nexport const x = value;\n`;

/** A tree with one crime per rule: the rule that must report it, the file, and what it imports. */
const CRIMES: readonly (readonly [rule: string, file: string, imports: string])[] = [
  ['no-circular', 'src/domain/snake.ts', './tail'],
  ['not-to-unresolvable', 'src/domain/lost.ts', './nowhere'],
  ['domain-is-pure', 'src/domain/impure.ts', 'zod'],
  ['domain-is-pure-but-for-dates', 'src/domain/windows/impure.ts', 'zod'],
  ['domain-knows-nobody', 'src/domain/curious.ts', '../contracts/shape'],
  ['contracts-see-domain-only', 'src/contracts/curious.ts', '../platform/pool'],
  ['workflows-see-domain-and-contracts', 'src/workflows/hasty.ts', '../activities/act'],
  ['workflows-reach-no-driver-and-no-dates', 'src/workflows/far.ts', '../domain/near'],
  ['activities-obey', 'src/activities/proud.ts', '../client/facade'],
  ['platform-knows-no-rules', 'src/platform/wise.ts', '../activities/act'],
  ['client-speaks', 'src/client/shortcut.ts', '../platform/pool'],
  ['only-client-speaks-to-temporal', 'src/cli/shortcut.ts', '@temporalio/client'],
  ['cli-translates', 'src/cli/clever.ts', '../composition/parts'],
  ['composition-wires', 'src/composition/unreal.ts', '../simulation/clock'],
  ['archive-format-stands-alone', 'src/archive-format/needy.ts', '../platform/pool'],
  ['collector-stands-alone', 'src/collector/needy.ts', '../platform/pool'],
  ['image-layers-stand-alone', 'src/image-layers/needy.ts', '../contracts/shape'],
  ['advisories-stand-alone', 'src/advisories/needy.ts', '../platform/pool'],
  ['transparency-stands-alone', 'src/transparency/needy.ts', '../contracts/shape'],
  ['sensitive-values-are-pure', 'src/sensitive-values/curious.ts', 'zod'],
  ['papers-print-what-they-are-given', 'src/papers/needy.ts', '../platform/pool'],
  ['simulation-sees-domain-and-contracts', 'src/simulation/bold.ts', '../platform/pool'],
  ['production-knows-no-simulation', 'src/platform/unreal.ts', '../simulation/clock'],
  ['only-the-worker-composes', 'src/cli/wired.ts', '../composition/parts'],
  ['composition-roots-are-not-imported', 'src/client/root.ts', '../worker'],
];

const TREE: Readonly<Record<string, string>> = {
  'tsconfig.json': '{"compilerOptions":{"module":"node16","target":"es2022"},"include":["src"]}',
  'package.json': '{"name":"scratch","private":true,"dependencies":{"zod":"*"}}',
  'node_modules/zod/package.json': '{"name":"zod","main":"index.js"}',
  'node_modules/zod/index.js': 'exports.value = 1;\n',
  'node_modules/@js-temporal/polyfill/package.json': '{"name":"p","main":"index.js"}',
  'node_modules/@js-temporal/polyfill/index.js': 'exports.value = 1;\n',
  'node_modules/@temporalio/client/package.json': '{"name":"c","main":"index.js"}',
  'node_modules/@temporalio/client/index.js': 'exports.value = 1;\n',
  'src/contracts/shape.ts': value,
  'src/platform/pool.ts': value,
  'src/activities/act.ts': value,
  'src/client/facade.ts': value,
  'src/simulation/clock.ts': value,
  'src/composition/parts.ts': value,
  'src/worker.ts': value,
  'src/domain/tail.ts': uses('./snake'),
  // Two steps from a workflow to time zone data: only a rule about reach can see it.
  'src/domain/near.ts': uses('./windows/dates'),
  'src/domain/windows/dates.ts': uses('@js-temporal/polyfill'),
};

interface Violation {
  readonly rule: { readonly name: string };
  readonly from: string;
}

/** What dependency-cruiser reports for a tree of files, under the project's own rules. */
function cruise(files: Readonly<Record<string, string>>): readonly Violation[] {
  const scratch = createScratch(files);
  try {
    const output = execFileSync(
      process.execPath,
      [CRUISER, 'src', '--config', CONFIG, '--output-type', 'json'],
      { cwd: scratch.folder, encoding: 'utf8', maxBuffer: 1 << 26 },
    );
    return (JSON.parse(output) as { summary: { violations: Violation[] } }).summary.violations;
  } finally {
    scratch.remove();
  }
}

describe('the boundaries between modules', () => {
  const guilty = Object.fromEntries(CRIMES.map(([, file, imports]) => [file, uses(imports)]));
  let reported: readonly Violation[] = [];

  beforeAll(() => {
    reported = cruise({ ...TREE, ...guilty });
  });

  it.each(CRIMES)('report %s in %s', (rule, file) => {
    expect(reported.map((found) => [found.rule.name, found.from])).toContainEqual([rule, file]);
  });

  it('have a crime here for every rule', () => {
    const rules = JSON.parse(
      execFileSync(
        process.execPath,
        ['-e', 'console.log(JSON.stringify(require(process.argv[1]).forbidden))', CONFIG],
        { encoding: 'utf8' },
      ),
    ) as { name: string; severity: string }[];
    expect(rules.map(({ name }) => name).sort()).toEqual(CRIMES.map(([rule]) => rule).sort());
    expect(rules.filter(({ severity }) => severity !== 'error')).toEqual([]);
  });

  it('report nothing in a tree that keeps them', () => {
    // Without the other half of the circle, this one imports nothing.
    expect(cruise({ ...TREE, 'src/domain/tail.ts': value })).toEqual([]);
  });
});
