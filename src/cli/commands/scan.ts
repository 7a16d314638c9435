import type { Command } from 'commander';
import type { HostingService } from '../../domain/record-class';
import { LetheError } from '../../domain/errors';
import { checkedScan } from '../../client/check-sharing';
import { parseHostReport } from '../../collector/parse-host-report';
import type { Cli } from '../cli';
import { addLifecycleCommand, type SendOptions } from '../lifecycle-command';
import { readJson, servicesOption } from '../option-values';

interface Options extends SendOptions {
  readonly report?: string;
  readonly registry?: string;
  readonly repository?: string;
  readonly service?: readonly HostingService[];
}

/** `lethe scan`: takes a host's report in, or scans repositories of a registry. */
export function addScan(lethe: Command, cli: Cli): void {
  addLifecycleCommand<Options>(lethe, cli, {
    name: 'scan',
    description: 'take in the report of a host, or scan repositories of a registry',
    options: (command) =>
      command
        .option('--report <file>', 'report of a host as JSON; - is standard input')
        .option('--registry <url>', 'registry, e.g. https://registry.internal')
        .option(
          '--repository <name>',
          "repository in it; 'shop/*' or '*': every one that its catalog lists there",
        )
        .addOption(servicesOption('services the repository belongs to; default: all')),
    prepare: (options, header) => {
      const { report, registry, repository, service } = options;
      if (report !== undefined && registry === undefined && repository === undefined) {
        const content = readJson(cli.io, report, 'report');
        parseHostReport(content);
        return (client) => client.requestHostScan(header, content);
      }
      if (report !== undefined || registry === undefined || repository === undefined) {
        throw new LetheError(
          'INVALID_INPUT',
          'report is needed, or registry and repository; give either --report or the other two',
          { field: 'report' },
        );
      }
      const order = { registry, repository, ...(service !== undefined && { services: service }) };
      checkedScan(header, order);
      return (client) => client.requestRepositoryScan(header, order);
    },
  });
}
