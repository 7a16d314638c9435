import type { Command } from 'commander';
import type { RecordClass } from '../../domain/record-class';
import type { Cli } from '../cli';
import { addLifecycleCommand, idFrom, sending, type SendOptions } from '../lifecycle-command';
import { recordClassOption } from '../option-values';

interface Options extends SendOptions {
  readonly recordClass: RecordClass;
  readonly request?: string;
}

/** `lethe request-deletion`: the clock of a deletion request starts with its acceptance. */
export function addRequestDeletion(lethe: Command, cli: Cli): void {
  addLifecycleCommand<Options>(lethe, cli, {
    name: 'request-deletion',
    description: 'a deletion was requested: its clock starts now',
    consequence: 'What was received until now is destroyed; it can be withdrawn only for a while',
    options: (command) =>
      command
        .addOption(recordClassOption('what is to be deleted').makeOptionMandatory())
        .option('--request <id>', 'request, rq_…; default: made from the key'),
    prepare: sending('requestDeletion', ({ recordClass, request }, header) => ({
      requestId: request ?? idFrom('rq', header),
      recordClass,
    })),
  });
}
