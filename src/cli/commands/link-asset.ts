import type { Command } from 'commander';
import type { HostingService } from '../../domain/record-class';
import type { Cli } from '../cli';
import { addLifecycleCommand, sending, type SendOptions } from '../lifecycle-command';
import { servicesOption } from '../option-values';

interface Options extends SendOptions {
  readonly asset: string;
  readonly service: readonly HostingService[];
}

/** `lethe link-asset`: an asset belongs to Hosting Services. */
export function addLinkAsset(lethe: Command, cli: Cli): void {
  addLifecycleCommand<Options>(lethe, cli, {
    name: 'link-asset',
    description: 'an asset belongs to Hosting Services (too)',
    options: (command) =>
      command
        .requiredOption('--asset <id>', 'asset, as_…')
        .addOption(servicesOption('Hosting Services').makeOptionMandatory()),
    prepare: sending('linkAsset', ({ asset, service }) => ({ assetId: asset, services: service })),
  });
}
