import { Option, type Command } from 'commander';
import { CONFIGURATION_KINDS, type ConfigurationKind } from '../../contracts/commands';
import { parseConfiguration } from '../../contracts/schemas/configuration';
import type { Cli } from '../cli';
import { addLifecycleCommand, type SendOptions } from '../lifecycle-command';
import { readJson } from '../option-values';

interface Options extends SendOptions {
  readonly kind: ConfigurationKind;
  readonly setting: string;
  readonly file: string;
}

/** `lethe change-configuration`: a new version of one console setting. */
export function addChangeConfiguration(lethe: Command, cli: Cli): void {
  addLifecycleCommand<Options>(lethe, cli, {
    name: 'change-configuration',
    description: 'store a new version of a console setting, encrypted',
    options: (command) =>
      command
        .addOption(
          new Option('--kind <kind>', 'family of the setting')
            .choices([...CONFIGURATION_KINDS])
            .makeOptionMandatory(),
        )
        .requiredOption('--setting <id>', 'which setting')
        .requiredOption('--file <file>', 'its body as JSON; - is standard input'),
    prepare: ({ kind, setting, file }, header) => {
      const body = parseConfiguration(kind, readJson(cli.io, file, 'file'));
      return (client) =>
        client.changeConfiguration(header, { configurationKind: kind, settingId: setting, body });
    },
  });
}
