import type { Command } from 'commander';
import { addCommand, type Cli, type CommonOptions } from '../cli';
import { confirm } from '../confirm';
import { migrateEnvironment, type MigrationReport } from '../migration/migrate-environment';
import { removeEnvironment } from '../migration/remove-environment';
import { facts } from '../output';

interface Options extends CommonOptions {
  readonly simulation: boolean;
  readonly keepObjectAccounts: boolean;
  readonly remove: boolean;
  readonly confirm?: string;
}

/** `lethe migrate`: makes an environment, brings it up to date, or removes one of a test. */
export function addMigrate(lethe: Command, cli: Cli): void {
  addCommand(lethe, 'migrate', 'make the environment on its servers, or bring it up to date')
    .option('--simulation', 'with the movable clock; the name must end in sim', false)
    .option('--keep-object-accounts', 'take the accounts of the object store from the file', false)
    .option('--remove', 'remove the environment of a test or a simulation', false)
    .option('--confirm <environment>', 'name of the environment to remove, once more')
    .action(
      cli.action<Options>(async (options, { config }) => {
        const onStep = (what: string): void => {
          if (!options.json) cli.io.stderr(`${what} ...\n`);
        };
        const { environment } = config;
        if (options.remove) {
          await confirm(cli.io, {
            id: environment,
            consequence: `Everything of environment ${environment} is removed from all servers`,
            given: options.confirm,
            json: options.json,
          });
          await removeEnvironment(config, onStep);
          return { data: { environment, removed: true }, text: `${environment} is removed\n` };
        }
        const { simulation, keepObjectAccounts } = options;
        const order = { config, simulation, keepObjectAccounts, onStep };
        const report = await migrateEnvironment(order);
        return { data: report, text: describe(report) };
      }),
    );
}

const MONGO_ACCOUNTS = {
  'per-role': 'one per role',
  none: 'none: this server knows no accounts, so only its address protects it',
} as const;

const describe = (report: MigrationReport): string =>
  facts([
    ['environment', report.environment],
    ['clock', report.clock],
    ['databases', report.databases.join(', ')],
    ['SQL accounts', report.sqlRoles.join(', ')],
    ['collections', report.collections.join(', ')],
    ['document accounts', MONGO_ACCOUNTS[report.mongoAccounts]],
    ['buckets', report.buckets.join(', ')],
    ['object accounts', report.objectAccounts],
    ['namespace', report.namespace],
    ['logins', report.credentialsFile],
    ['key-encryption key', report.kekFile],
  ]);
