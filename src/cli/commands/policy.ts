import type { Command } from 'commander';
import type { CommonOptions } from '../cli';
import { addCommand, type Cli } from '../cli';
import { readText } from '../option-values';
import { table } from '../output';
import { policyJsonSchema } from '../../platform/policies/policy-schema';
import { readPolicies } from '../../platform/policies/load-policies';
import { readPolicy } from '../../platform/policies/read-policy';
import { runCases } from '../policy/policy-cases';
import { differenceOf } from '../policy/policy-difference';
import { policyFrom, problemLine } from '../policy/policy-files';
import { POLICIES } from '../shipped-folders';
import { addPolicyActivate, addPolicyPlan, addPolicySign } from './policy-plan';

/** `lethe policy lint|test|diff|schema|plan|sign|activate|list`: how the numbers of the policy change. */
export function addPolicy(lethe: Command, cli: Cli): void {
  const policy = lethe
    .command('policy')
    .description('versions of the retention policy: check, preview, sign, activate');
  addLint(policy, cli);
  addTest(policy, cli);
  addDiff(policy, cli);
  addCommand(policy, 'schema', 'the JSON Schema of a policy file, for editors').action(
    cli.action<CommonOptions>(() => {
      const schema = policyJsonSchema();
      return Promise.resolve({ data: schema, text: `${JSON.stringify(schema, null, 2)}\n` });
    }),
  );
  addPolicyPlan(policy, cli);
  addPolicySign(policy, cli);
  addPolicyActivate(policy, cli);
  addList(policy, cli);
}

function addLint(policy: Command, cli: Cli): void {
  addCommand(policy, 'lint', 'whether the agreement and the laws allow a policy; needs no server')
    .argument('<FILE>', 'a policy in YAML; - is standard input')
    .action((file: string, options: CommonOptions) =>
      cli.action<CommonOptions>(() => {
        const { policy: read, problems } = readPolicy(readText(cli.io, file, 'FILE'));
        const names =
          read === null
            ? null
            : { ...read.document.metadata, digest: read.digest, pinned: read.pinned.version };
        return Promise.resolve({
          data: { file, problems, policy: names },
          text:
            names === null
              ? problems.map((problem) => problemLine(file, problem)).join('')
              : `${names.id}@${names.version} is sound; its digest is ${names.digest}\n`,
          exitCode: names === null ? 1 : 0,
        });
      })(options),
    );
}

function addTest(policy: Command, cli: Cli): void {
  addCommand(policy, 'test', 'whether a policy answers cases as expected; needs no server')
    .argument('<FILE>', 'cases in YAML: given facts, expected ends')
    .action((file: string, options: CommonOptions) =>
      cli.action<CommonOptions>(() => {
        const results = runCases(cli.io, file);
        const failed = results.filter(({ passed }) => !passed);
        const lines = results.map(({ name, passed, differences, failure }) => [
          `${passed ? 'ok  ' : 'FAIL'} ${name}\n`,
          ...differences.map(
            ({ field, expected, actual }) =>
              `     ${field}: expected ${JSON.stringify(expected)}, is ${JSON.stringify(actual)}\n`,
          ),
          ...(failure === null ? [] : [`     ${failure}\n`]),
        ]);
        const sum = `${results.length - failed.length} passed, ${failed.length} failed\n`;
        return Promise.resolve({
          data: { file, results, passed: results.length - failed.length, failed: failed.length },
          text: [...lines.flat(), sum].join(''),
          exitCode: failed.length === 0 ? 0 : 1,
        });
      })(options),
    );
}

function addDiff(policy: Command, cli: Cli): void {
  addCommand(policy, 'diff', 'what two policies state differently; needs no server')
    .argument('<A>', 'a policy in YAML, or the number of a shipped version')
    .argument('<B>', 'the other one')
    .action((one: string, other: string, options: CommonOptions) =>
      cli.action<CommonOptions>(() => {
        const found = differenceOf(policyFrom(cli.io, one, 'A'), policyFrom(cli.io, other, 'B'));
        return Promise.resolve({
          data: found,
          text:
            found.length === 0
              ? 'both state the same\n'
              : table(
                  ['field', one, other],
                  found.map(({ field, from, to }) => [field, from, to]),
                ),
        });
      })(options),
    );
}

function addList(policy: Command, cli: Cli): void {
  addCommand(
    policy,
    'list',
    'versions that this build knows, and since when each is in force',
  ).action(
    cli.action<CommonOptions>(async (_options, { reader }) => {
      const activations = await reader.policyActivations();
      const versions = readPolicies(POLICIES).map(({ document, digest, pinned }) => {
        const { id, version, title } = document.metadata;
        const found = activations.find((one) => one.version === version) ?? null;
        return {
          policy: `${id}@${version}`,
          ...{ version, title, digest, pinned: pinned.version, activation: found },
          inForce: version === 1 || found !== null,
        };
      });
      const unknown = activations.filter(
        ({ version }) => !versions.some((known) => known.version === version),
      );
      return {
        data: { versions, unknown },
        text: table(
          ['policy', 'pinned as', 'in force since', 'signed by', 'and by', 'title'],
          [
            ...versions.map(({ policy: name, pinned, activation, inForce, title }) => [
              ...[name, pinned],
              activation?.activatedAt ?? (inForce ? 'the beginning' : 'not in force'),
              ...[activation?.signedBy ?? null, activation?.countersignedBy ?? null, title],
            ]),
            ...unknown.map(({ version, activatedAt, signedBy, countersignedBy }) => [
              ...[`version ${version}`, null, activatedAt, signedBy, countersignedBy],
              'NOT KNOWN TO THIS BUILD: nothing is computed until it is deployed',
            ]),
          ],
        ),
        exitCode: unknown.length === 0 ? 0 : 1,
      };
    }),
  );
}
