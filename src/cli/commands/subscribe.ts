import { Option, type Command } from 'commander';
import { CALENDAR_IDS } from '../../domain/windows/working-calendar';
import type { HostingService } from '../../domain/record-class';
import type { Cli } from '../cli';
import { addLifecycleCommand, sending, type SendOptions } from '../lifecycle-command';
import { parseAttestation, servicesOption } from '../option-values';

interface Options extends SendOptions {
  readonly zone: string;
  readonly calendar: readonly string[];
  readonly service: readonly HostingService[];
  readonly attestation: readonly string[];
}

/** `lethe subscribe`: begins a tenant's lifecycle. */
export function addSubscribe(lethe: Command, cli: Cli): void {
  addLifecycleCommand<Options>(lethe, cli, {
    name: 'subscribe',
    description: 'begin the lifecycle of a tenant',
    options: (command) =>
      command
        .requiredOption('--zone <zone>', 'IANA time zone of the contract, e.g. Asia/Shanghai')
        .addOption(
          new Option('--calendar <calendar...>', 'working-day calendars; the strictest counts')
            .choices([...CALENDAR_IDS])
            .makeOptionMandatory(),
        )
        .addOption(servicesOption('Hosting Services in use').makeOptionMandatory())
        .requiredOption(
          '--attestation <country:age...>',
          'minimum age of end users by country, e.g. SG:13',
        ),
    prepare: sending('subscribe', ({ zone, calendar, service, attestation }) => ({
      zone,
      calendars: calendar,
      services: service,
      attestations: attestation.map(parseAttestation),
    })),
  });
}
