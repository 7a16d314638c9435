import type { Command } from 'commander';
import { randomBytes } from 'node:crypto';
import type { HoldRecord } from '../../contracts/control-reader';
import type { HoldScope } from '../../contracts/holds';
import { FAILURES, isLetheError, LetheError } from '../../domain/errors';
import { parseId } from '../../domain/identifiers';
import type { RecordClass } from '../../domain/record-class';
import { addCommand, type Cli, type CommonOptions } from '../cli';
import { confirm } from '../confirm';
import { actorOf } from '../lifecycle-command';
import { readJson, recordClassOption } from '../option-values';
import { facts, table, type Answer } from '../output';

interface PlaceOptions extends CommonOptions {
  readonly tenant: readonly string[];
  readonly recordClass?: RecordClass;
  readonly ground: string;
  readonly reviewOn: string;
  readonly hold?: string;
  readonly requestedBy?: string;
}

interface ReleaseOptions extends CommonOptions {
  readonly hold: string;
  readonly requestedBy?: string;
  readonly approvedBy: string;
  readonly confirm?: string;
}

/** `lethe hold place|release|status|list`: legal holds. @source CC-4 */
export function addHold(lethe: Command, cli: Cli): void {
  const hold = lethe.command('hold').description('legal holds: what is held is not destroyed');
  addPlace(hold, cli);
  addRelease(hold, cli);
  addCommand(hold, 'status', 'whether a hold is in force')
    .requiredOption('--hold <id>', 'hold, hd_…')
    .action(
      cli.action<CommonOptions & { readonly hold: string }>(async (options, session) => {
        const holdId = parseId('HoldId', options.hold, 'hold');
        const status = await session.client.holdStatus(holdId);
        return {
          data: status,
          text: facts([
            ['hold', status.holdId],
            ['state', status.state],
            ['placed', status.acknowledgement?.placedAt ?? null],
            ['released', status.release?.releasedAt ?? null],
          ]),
        };
      }),
    );
  addCommand(hold, 'list', 'holds that cover a tenant, released ones too')
    .requiredOption('--tenant <id>', 'tenant, tn_…')
    .action(
      cli.action<CommonOptions & { readonly tenant: string }>(async (options, session) => {
        const tenantId = parseId('TenantId', options.tenant, 'tenant');
        return listAnswer(await session.reader.holdsOf(tenantId), tenantId);
      }),
    );
}

function addPlace(hold: Command, cli: Cli): void {
  addCommand(hold, 'place', 'place a legal hold; returns when nothing older can destroy any more')
    .requiredOption('--tenant <id...>', 'tenants that it covers, tn_…')
    .addOption(recordClassOption('only this record class; default: both'))
    .requiredOption('--ground <file>', 'why and for whom, as JSON; - is standard input')
    .requiredOption('--review-on <date>', 'when somebody must look at it again, YYYY-MM-DD')
    .option('--hold <id>', 'hold, hd_…; a random one is made and printed')
    .option('--requested-by <id>', 'opaque id of who asks; default: LETHE_ACTOR')
    .action(
      cli.action<PlaceOptions>(async (options, session) => {
        const holdId = options.hold ?? `hd_${randomBytes(16).toString('hex')}`;
        const placed = session.client.placeHoldWithGround({
          holdId,
          scopes: options.tenant.map((tenantId) => scopeOf(tenantId, options.recordClass)),
          ground: readJson(cli.io, options.ground, 'ground'),
          requestedBy: actorOf(options.requestedBy, session.config),
          reviewOn: options.reviewOn,
        });
        const answer = await naming(holdId, placed);
        return {
          data: answer,
          text: facts([
            ['hold', answer.holdId],
            ['in force since', answer.placedAt],
            ['gone before', answer.alreadyDestroyed.join(', ') || null],
          ]),
        };
      }),
    );
}

const scopeOf = (tenantId: string, recordClass: RecordClass | undefined): HoldScope =>
  recordClass === undefined ? { tenantId } : { tenantId, recordClass };

/** A hold whose placement is uncertain is placed again under its own id. */
async function naming<T>(holdId: string, placed: Promise<T>): Promise<T> {
  try {
    return await placed;
  } catch (error) {
    if (!isLetheError(error) || !FAILURES[error.code].retryable) throw error;
    throw new LetheError(error.code, `${error.message}: --hold ${holdId}`, { cause: error });
  }
}

function addRelease(hold: Command, cli: Cli): void {
  addCommand(hold, 'release', 'release a legal hold; two different people')
    .requiredOption('--hold <id>', 'hold, hd_…')
    .requiredOption('--approved-by <id>', 'opaque id of the second person')
    .option('--requested-by <id>', 'opaque id of who asks; default: LETHE_ACTOR')
    .option('--confirm <hold>', "the hold's id once more, instead of being asked")
    .action(
      cli.action<ReleaseOptions>(async (options, session) => {
        parseId('HoldId', options.hold, 'hold');
        const requestedBy = actorOf(options.requestedBy, session.config);
        await confirm(cli.io, {
          id: options.hold,
          consequence: `What hold ${options.hold} kept can be destroyed once its windows are open`,
          given: options.confirm,
          json: options.json,
        });
        const { approvedBy } = options;
        const release = await session.client.releaseHold(options.hold, { requestedBy, approvedBy });
        return {
          data: release,
          text: facts([
            ['hold', release.holdId],
            ['released', release.releasedAt],
          ]),
        };
      }),
    );
}

function listAnswer(holds: readonly HoldRecord[], tenantId: string): Answer {
  const rows = holds.map((hold) => {
    const classes = hold.scopes
      .filter((scope) => scope.tenantId === tenantId)
      .map((scope) => scope.recordClass ?? 'both');
    const { release } = hold;
    return [
      hold.holdId,
      classes.join(', '),
      hold.placedAt,
      hold.reviewOn,
      release?.releasedAt ?? null,
    ];
  });
  return {
    data: holds,
    text:
      rows.length === 0
        ? 'no holds\n'
        : table(['hold', 'covers', 'placed', 'review on', 'released'], rows),
  };
}
