import type { Command } from 'commander';
import type { Cli } from '../cli';
import { addLifecycleCommand, sending, type SendOptions } from '../lifecycle-command';

interface Options extends SendOptions {
  readonly request: string;
}

/** `lethe withdraw-deletion`: possible until the first destruction permit. */
export function addWithdrawDeletion(lethe: Command, cli: Cli): void {
  addLifecycleCommand<Options>(lethe, cli, {
    name: 'withdraw-deletion',
    description: 'withdraw a deletion request, unless destruction has begun',
    options: (command) => command.requiredOption('--request <id>', 'request, rq_…'),
    prepare: sending('withdrawDeletion', ({ request }) => ({ requestId: request })),
  });
}
