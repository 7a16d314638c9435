import type { Command } from 'commander';
import type { Cli } from '../cli';
import { addLifecycleCommand, sending, type SendOptions } from '../lifecycle-command';

/** `lethe reactivate-feature`: the Feature is in use again. */
export function addReactivateFeature(lethe: Command, cli: Cli): void {
  addLifecycleCommand<SendOptions>(lethe, cli, {
    name: 'reactivate-feature',
    description: 'the Feature is in use again',
    options: (command) => command,
    prepare: sending('reactivateFeature', () => ({})),
  });
}
