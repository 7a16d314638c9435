import type { Command } from 'commander';
import type { HostingService } from '../../domain/record-class';
import type { Cli } from '../cli';
import { addLifecycleCommand, sending, type SendOptions } from '../lifecycle-command';
import { serviceOption } from '../option-values';

interface Options extends SendOptions {
  readonly service: HostingService;
  readonly endedAt?: string;
  readonly approvedBy?: string;
}

/** `lethe end-service`: the use of a Hosting Service ended, and its data is archived and then destroyed. */
export function addEndService(lethe: Command, cli: Cli): void {
  addLifecycleCommand<Options>(lethe, cli, {
    name: 'end-service',
    description: 'the use of a Hosting Service ended: archive, wait, destroy',
    consequence: 'Data of assets that belong to this service alone leaves the live stores',
    options: (command) =>
      command
        .addOption(serviceOption('Hosting Service'))
        .option('--ended-at <instant>', 'when it ended, RFC 3339 with offset; default: now')
        .option('--approved-by <id>', 'second person, for an end in the past'),
    prepare: sending('endService', ({ service, endedAt, approvedBy }) => ({
      service,
      ...(endedAt !== undefined && { endedAt }),
      ...(approvedBy !== undefined && { approvedBy }),
    })),
  });
}
