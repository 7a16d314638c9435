import type { Command } from 'commander';
import type { Cli } from '../cli';
import { addLifecycleCommand, sending, type SendOptions } from '../lifecycle-command';

interface Options extends SendOptions {
  readonly jurisdiction: string;
}

/** `lethe withdraw-attestation`: suspends the Feature. */
export function addWithdrawAttestation(lethe: Command, cli: Cli): void {
  addLifecycleCommand<Options>(lethe, cli, {
    name: 'withdraw-attestation',
    description: 'withdraw a minimum-age attestation; the Feature is suspended',
    options: (command) => command.requiredOption('--jurisdiction <country>', 'e.g. SG'),
    prepare: sending('withdrawAttestation', ({ jurisdiction }) => ({ jurisdiction })),
  });
}
