import type { Command } from 'commander';
import type { Cli } from '../cli';
import { addLifecycleCommand, sending, type SendOptions } from '../lifecycle-command';
import { parseAttestation } from '../option-values';

interface Options extends SendOptions {
  readonly attestation: readonly string[];
}

/** `lethe attest`: end users have reached the age of consent. */
export function addAttest(lethe: Command, cli: Cli): void {
  addLifecycleCommand<Options>(lethe, cli, {
    name: 'attest',
    description: 'attest the minimum age of end users',
    options: (command) =>
      command.requiredOption('--attestation <country:age...>', 'by country, e.g. SG:13'),
    prepare: sending('attestMinimumAge', ({ attestation }) => ({
      attestations: attestation.map(parseAttestation),
    })),
  });
}
