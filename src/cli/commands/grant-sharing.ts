import type { Command } from 'commander';
import { checkedGrant } from '../../client/check-sharing';
import type { Cli } from '../cli';
import { addLifecycleCommand, idFrom, type SendOptions } from '../lifecycle-command';

interface Options extends SendOptions {
  readonly authorization?: string;
  readonly registry: string;
  readonly repository: readonly string[];
  readonly validUntil: string;
}

/** `lethe grant-sharing`: basics of image repositories may be shared, so that they are scanned. */
export function addGrantSharing(lethe: Command, cli: Cli): void {
  addLifecycleCommand<Options>(lethe, cli, {
    name: 'grant-sharing',
    description: 'authorize sharing of image repository basics, without which none is scanned',
    options: (command) =>
      command
        .requiredOption('--registry <host>', 'registry, host or host:port')
        .requiredOption(
          '--repository <name...>',
          'repositories, prefixes that end in /*, or * for all',
        )
        .requiredOption('--valid-until <instant>', 'RFC 3339 with offset')
        .option('--authorization <id>', 'id of the authorization; default: made from the key'),
    prepare: (options, header) => {
      const order = {
        authorizationId: options.authorization ?? idFrom('au', header),
        registry: options.registry,
        repositories: options.repository,
        validUntil: options.validUntil,
      };
      checkedGrant(header, order);
      return (client) => client.grantSharing(header, order);
    },
  });
}
