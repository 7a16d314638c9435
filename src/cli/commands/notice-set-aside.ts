import type { Command } from 'commander';
import { listReceivers, named } from '../../activities/notices/register';
import { readSetAside, type SetAsideNotice } from '../../activities/notices/set-aside';
import { addCommand, type Cli, type CommonOptions } from '../cli';
import { table, type Answer } from '../output';

interface Options extends CommonOptions {
  readonly receiver?: string;
}

/** `lethe notice set-aside`: what receivers refuse for good, while they are told the rest. */
export function addNoticeSetAside(notice: Command, cli: Cli): void {
  addCommand(notice, 'set-aside', 'what receivers refuse for good; exit code 1 while there is any')
    .option('--receiver <name>', 'only of this receiver, its first 100; default: of all')
    .action(
      cli.action<Options>(async ({ receiver }, { notices: { reader } }) => {
        const records = await listReceivers(reader);
        const asked = receiver === undefined ? records : [named(records, receiver)];
        const found: SetAsideNotice[] = [];
        for (const { name, setAside } of asked) {
          if (setAside > 0) found.push(...(await readSetAside(reader, name)));
        }
        return answerOf(found);
      }),
    );
}

function answerOf(found: readonly SetAsideNotice[]): Answer {
  const rows = found.map((one) => [
    ...[one.receiver, one.sequence, one.type, one.tenantId, one.setAsideAt, one.httpStatus],
    one.askedAgain ? 'yes' : 'no',
  ]);
  const head = ['receiver', 'place', 'type', 'tenant', 'set aside', 'status', 'asked again'];
  return {
    data: found,
    text: rows.length === 0 ? 'nothing is set aside\n' : table(head, rows),
    exitCode: rows.length > 0 ? 1 : 0,
  };
}
