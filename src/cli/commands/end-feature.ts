import type { Command } from 'commander';
import type { Cli } from '../cli';
import { addLifecycleCommand, sending, type SendOptions } from '../lifecycle-command';

interface Options extends SendOptions {
  readonly endedAt?: string;
  readonly approvedBy?: string;
}

/** `lethe end-feature`: the use of the Feature ended; its configuration is due a month later. */
export function addEndFeature(lethe: Command, cli: Cli): void {
  addLifecycleCommand<Options>(lethe, cli, {
    name: 'end-feature',
    description: 'the use of the Feature ended: no scans, configuration is destroyed a month later',
    consequence: 'Scans stop, and the configuration is destroyed a month later',
    options: (command) =>
      command
        .option('--ended-at <instant>', 'when it ended, RFC 3339 with offset; default: now')
        .option('--approved-by <id>', 'second person, for an end in the past'),
    prepare: sending('endFeature', ({ endedAt, approvedBy }) => ({
      ...(endedAt !== undefined && { endedAt }),
      ...(approvedBy !== undefined && { approvedBy }),
    })),
  });
}
