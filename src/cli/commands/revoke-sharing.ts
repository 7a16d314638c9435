import type { Command } from 'commander';
import type { Cli } from '../cli';
import { addLifecycleCommand, sending, type SendOptions } from '../lifecycle-command';

interface Options extends SendOptions {
  readonly authorization: string;
}

/** `lethe revoke-sharing`: an authorization ends and scans under it stop. */
export function addRevokeSharing(lethe: Command, cli: Cli): void {
  addLifecycleCommand<Options>(lethe, cli, {
    name: 'revoke-sharing',
    description: 'revoke a sharing authorization; scans under it stop at once',
    options: (command) => command.requiredOption('--authorization <id>', 'authorization'),
    prepare: sending('revokeSharing', ({ authorization }) => ({ authorizationId: authorization })),
  });
}
