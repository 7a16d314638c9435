import { createHash, randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import type { CommandHeader } from '../client/caller-input';
import type { LifecycleClient } from '../client/lifecycle-client';
import type { CommandBodies, CommandKind, CommandReceipt } from '../contracts/commands';
import { assertCommand } from '../contracts/validate-command';
import { FAILURES, isLetheError, LetheError } from '../domain/errors';
import { parseId } from '../domain/identifiers';
import type { Config } from '../platform/config';
import { addCommand, type Cli, type CommonOptions } from './cli';
import { confirm } from './confirm';
import { facts, type Answer } from './output';

/** Options of every command that is sent to a tenant's process. */
export interface SendOptions extends CommonOptions {
  readonly tenant: string;
  readonly idempotencyKey?: string;
  readonly requestedBy?: string;
  readonly confirm?: string;
}

/** A command of the lifecycle as the command line offers it. */
export interface LifecycleCommand<Options extends SendOptions> {
  readonly name: string;
  readonly description: string;
  /** What follows from it, when the tenant's id has to be typed again. */
  readonly consequence?: string;
  /** Adds its own options. */
  readonly options: (command: Command) => Command;
  /**
   * Makes the command of its options and checks it, before anything is asked or sent; the result sends
   * it.
   */
  readonly prepare: (
    options: Options,
    header: CommandHeader,
  ) => (client: LifecycleClient) => Promise<CommandReceipt>;
}

/** Adds a command that is sent to a tenant's process and answered with a receipt. */
export function addLifecycleCommand<Options extends SendOptions>(
  parent: Command,
  cli: Cli,
  command: LifecycleCommand<Options>,
): void {
  const added = addCommand(parent, command.name, command.description)
    .requiredOption('--tenant <id>', 'tenant, tn_…')
    .option('--idempotency-key <key>', 'makes repeating safe; a random one is made and printed')
    .option('--requested-by <id>', 'opaque id of who asks; default: LETHE_ACTOR');
  if (command.consequence !== undefined) {
    added.option('--confirm <tenant>', "the tenant's id once more, instead of being asked");
  }
  command.options(added).action(
    cli.action<Options>(async (options, session) => {
      parseId('TenantId', options.tenant, 'tenant');
      const header = headerOf(options, session.config);
      const send = command.prepare(options, header);
      if (command.consequence !== undefined) {
        const { json, confirm: given } = options;
        const consequence = `${command.consequence} (tenant ${options.tenant})`;
        await confirm(cli.io, { id: options.tenant, consequence, given, json });
      }
      return receiptAnswer(await naming(header, send(session.client)));
    }),
  );
}

/** A lifecycle command whose body is made of its options. */
export const sending =
  <K extends CommandKind, Options extends SendOptions>(
    kind: K,
    bodyOf: (options: Options, header: CommandHeader) => CommandBodies[K],
  ): LifecycleCommand<Options>['prepare'] =>
  (options, header) => {
    const body = bodyOf(options, header);
    const { idempotencyKey, requestedBy } = header;
    assertCommand(kind, { kind, idempotencyKey, requestedBy, body });
    return (client) => client.command(kind, header, body);
  };

/** Who sends a command, and under which key it may be repeated. */
export function headerOf(
  options: Pick<SendOptions, 'tenant' | 'idempotencyKey' | 'requestedBy'>,
  config: Config,
): CommandHeader {
  return {
    tenantId: options.tenant,
    idempotencyKey: options.idempotencyKey ?? `cli-${randomUUID()}`,
    requestedBy: actorOf(options.requestedBy, config),
  };
}

/** Who asks: as told, or as the environment says. @throws LetheError INVALID_INPUT when nobody does. */
export function actorOf(given: string | undefined, config: Config): string {
  const actor = given ?? config.actor;
  if (actor !== undefined) return actor;
  throw new LetheError(
    'INVALID_INPUT',
    'requestedBy is missing; give --requested-by or LETHE_ACTOR',
    {
      field: 'requestedBy',
    },
  );
}

/**
 * An id that follows from the command's key, so that repeating under the key means the same thing.
 *
 * @param prefix - of the kind of id, e.g. `rq`.
 */
export function idFrom(prefix: string, header: CommandHeader): string {
  const parts = JSON.stringify([prefix, header.tenantId, header.idempotencyKey]);
  return `${prefix}_${createHash('sha256').update(parts).digest('hex').slice(0, 32)}`;
}

/** When repeating is the right thing to do, the key under which it is safe has to be known. */
export async function naming<T>(header: CommandHeader, sent: Promise<T>): Promise<T> {
  try {
    return await sent;
  } catch (error) {
    if (!isLetheError(error) || !FAILURES[error.code].retryable) throw error;
    throw new LetheError(
      error.code,
      `${error.message}: --idempotency-key ${header.idempotencyKey}`,
      { ...(error.field !== undefined && { field: error.field }), cause: error },
    );
  }
}

export const receiptAnswer = (receipt: CommandReceipt): Answer => ({
  data: receipt,
  text: facts([
    ['accepted', receipt.acceptedAt],
    ['idempotency key', receipt.idempotencyKey],
    ...(receipt.repeated ? [['repeated', 'yes, this is the first answer'] as const] : []),
    ...Object.entries(receipt.result),
  ]),
});
