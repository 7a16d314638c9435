import type { Command } from 'commander';
import { describeConfig } from '../../platform/config';
import { addCommand, type Cli, type CommonOptions } from '../cli';

/** `lethe config show`: what the environment variables come to, without secrets. */
export function addConfig(lethe: Command, cli: Cli): void {
  const config = lethe.command('config').description('configuration of this process');
  addCommand(config, 'show', 'effective configuration with every secret replaced').action(
    cli.action<CommonOptions>((_, session) => {
      const shown = describeConfig(session.config);
      return Promise.resolve({ data: JSON.parse(shown) as unknown, text: `${shown}\n` });
    }),
  );
}
