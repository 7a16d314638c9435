import type { Command } from 'commander';
import type { Cli } from '../cli';
import { addLifecycleCommand, sending, type SendOptions } from '../lifecycle-command';
import { endBody, withEnd, type EndOptions } from '../signed-end';

type Options = SendOptions & EndOptions;

/** `lethe end-feature`: the use of the Feature ended; its configuration is due a month later. */
export function addEndFeature(lethe: Command, cli: Cli): void {
  addLifecycleCommand<Options>(lethe, cli, {
    name: 'end-feature',
    description: 'the use of the Feature ended: no scans, configuration is destroyed a month later',
    consequence: 'Scans stop, and the configuration is destroyed a month later',
    options: withEnd,
    prepare: sending('endFeature', (options) => endBody(cli, options)),
  });
}
