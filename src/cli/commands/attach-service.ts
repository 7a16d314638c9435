import type { Command } from 'commander';
import type { HostingService } from '../../domain/record-class';
import type { Cli } from '../cli';
import { addLifecycleCommand, sending, type SendOptions } from '../lifecycle-command';
import { serviceOption } from '../option-values';

interface Options extends SendOptions {
  readonly service: HostingService;
}

/** `lethe attach-service`: a Hosting Service is in use, again or for the first time. */
export function addAttachService(lethe: Command, cli: Cli): void {
  addLifecycleCommand<Options>(lethe, cli, {
    name: 'attach-service',
    description: 'a Hosting Service is in use (again); what was archived and is not due comes back',
    options: (command) => command.addOption(serviceOption('Hosting Service')),
    prepare: sending('attachService', ({ service }) => ({ service })),
  });
}
