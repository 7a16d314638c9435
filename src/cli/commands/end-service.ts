import type { Command } from 'commander';
import type { HostingService } from '../../domain/record-class';
import type { Cli } from '../cli';
import { addLifecycleCommand, sending, type SendOptions } from '../lifecycle-command';
import { serviceOption } from '../option-values';
import { endBody, withEnd, type EndOptions } from '../signed-end';

interface Options extends SendOptions, EndOptions {
  readonly service: HostingService;
}

/** `lethe end-service`: the use of a Hosting Service ended, and its data is archived and then destroyed. */
export function addEndService(lethe: Command, cli: Cli): void {
  addLifecycleCommand<Options>(lethe, cli, {
    name: 'end-service',
    description: 'the use of a Hosting Service ended: archive, wait, destroy',
    consequence: 'Data of assets that belong to this service alone leaves the live stores',
    options: (command) => withEnd(command.addOption(serviceOption('Hosting Service'))),
    prepare: sending('endService', (options) => ({
      service: options.service,
      ...endBody(cli, options),
    })),
  });
}
