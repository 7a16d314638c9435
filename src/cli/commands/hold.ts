import { Option, type Command } from 'commander';
import { randomBytes } from 'node:crypto';
import type { HoldRecord, HoldScopeRecord } from '../../contracts/control-reader';
import {
  GROUND_KINDS,
  type GroundKind,
  type HoldAcknowledgement,
  type HoldScope,
} from '../../contracts/holds';
import { FAILURES, isLetheError, LetheError } from '../../domain/errors';
import { parseId } from '../../domain/identifiers';
import { HOSTING_SERVICES, type HostingService, type RecordClass } from '../../domain/record-class';
import { addCommand, type Cli, type CommonOptions } from '../cli';
import { heldTable } from '../held-table';
import { ofKnownTenant } from '../known-tenant';
import { actorOf } from '../lifecycle-command';
import { readJson, recordClassOption } from '../option-values';
import { facts, table, type Answer } from '../output';
import { addRelease } from './hold-release';

interface PlaceOptions extends CommonOptions {
  readonly tenant: readonly string[];
  readonly recordClass?: RecordClass;
  readonly service?: HostingService;
  readonly asset?: string;
  readonly collectedFrom?: string;
  readonly collectedTo?: string;
  readonly matter: string;
  readonly groundKind: GroundKind;
  readonly owner: string;
  readonly ground: string;
  readonly reviewOn: string;
  readonly hold?: string;
  readonly requestedBy?: string;
}

interface ListOptions extends CommonOptions {
  readonly tenant?: string;
  readonly inForce: boolean;
  readonly dueForReview: boolean;
  readonly after?: string;
}

/** `lethe hold place|list|status|release|approve|withdraw|review`: legal holds. @source CC-4 */
export function addHold(lethe: Command, cli: Cli): void {
  const hold = lethe.command('hold').description('legal holds: what is held is not destroyed');
  addPlace(hold, cli);
  addRelease(hold, cli);
  addStatus(hold, cli);
  addCommand(hold, 'list', 'holds over all tenants, released ones too')
    .option('--tenant <id>', 'only those that cover this tenant, tn_…')
    .option('--in-force', 'only those that are in force', false)
    .option('--due-for-review', 'only those whose day of review has come', false)
    .option('--after <hold>', 'the next page: ids behind this one')
    .action(
      cli.action<ListOptions>(async (options, session) => {
        const { tenant, inForce, dueForReview, after } = options;
        const filter = {
          ...(tenant !== undefined && { tenantId: parseId('TenantId', tenant, 'tenant') }),
          ...(after !== undefined && { after: parseId('HoldId', after, 'after') }),
          ...{ inForce, dueForReview },
        };
        const list = await session.reader.listHolds(filter);
        if (tenant !== undefined) await ofKnownTenant(session, tenant, list.holds);
        const more = list.next === null ? '' : `and more: --after ${list.next}\n`;
        return { data: list, text: `${listText(list.holds)}${more}` };
      }),
    );
}

function addStatus(hold: Command, cli: Cli): void {
  addCommand(hold, 'status', 'whether a hold is in force, and how far its release is')
    .requiredOption('--hold <id>', 'hold, hd_…')
    .action(
      cli.action<CommonOptions & { readonly hold: string }>(async (options, session) => {
        const holdId = parseId('HoldId', options.hold, 'hold');
        const status = await session.client.holdStatus(holdId);
        const record = await session.reader.hold(holdId);
        const { request = null, approved = null } = record ?? {};
        const { reviewOn = null, needsReview = false } = record ?? {};
        const kept = await session.reader.deadlinesUnder(holdId);
        const held = heldTable(kept, [{ holdId, releasesAt: status.releasesAt }]);
        return {
          data: { ...status, request, approved, reviewOn, needsReview, dueDays: kept },
          text: `${facts([
            ['hold', status.holdId],
            ['state', status.state],
            ...recordRows(record),
            ['takes effect', status.releasesAt],
            ['released', status.release?.releasedAt ?? null],
          ])}${held === '' ? '' : `\n${held}`}`,
        };
      }),
    );
}

/** What control has of a hold; nothing while it is being placed. */
function recordRows(record: HoldRecord | null): readonly (readonly [string, string | null])[] {
  if (record === null) return [];
  return [
    ['placed', record.placedAt],
    ['review on', reviewText(record)],
    ['release asked by', record.request?.requestedBy ?? record.approved?.releasedBy ?? null],
    ['approval until', record.request?.expiresAt ?? null],
    ['release approved by', record.approved?.approvedBy ?? null],
  ];
}

const reviewText = ({ reviewOn, needsReview }: HoldRecord): string =>
  `${reviewOn}${needsReview ? ' (due)' : ''}`;

function addPlace(hold: Command, cli: Cli): void {
  addCommand(hold, 'place', 'place a legal hold; returns when nothing older can destroy any more')
    .requiredOption('--tenant <id...>', 'tenants that it covers, tn_…')
    .addOption(recordClassOption('only this record class; default: both'))
    .addOption(
      new Option('--service <service>', 'only asset data of this Hosting Service').choices([
        ...HOSTING_SERVICES,
      ]),
    )
    .option('--asset <id>', 'only this host, container, cluster or image repository, as_…')
    .option('--collected-from <instant>', 'only what was collected at or after it, RFC 3339')
    .option('--collected-to <instant>', 'only what was collected before it, RFC 3339')
    .requiredOption('--matter <id>', 'opaque id of the proceeding')
    .addOption(
      new Option('--ground-kind <kind>', 'why, from a closed list')
        .choices([...GROUND_KINDS])
        .makeOptionMandatory(),
    )
    .requiredOption('--owner <id>', 'opaque id of who answers for it')
    .requiredOption('--ground <file>', 'why in words, as JSON; - is standard input')
    .requiredOption('--review-on <date>', 'when somebody must look at it again, YYYY-MM-DD')
    .option('--hold <id>', 'hold, hd_…; a random one is made and printed')
    .option('--requested-by <id>', 'opaque id of who asks; default: LETHE_ACTOR')
    .action(
      cli.action<PlaceOptions>(async (options, session) => {
        const holdId = options.hold ?? `hd_${randomBytes(16).toString('hex')}`;
        const { matter, groundKind, owner, reviewOn } = options;
        const placed = session.client.placeHoldWithGround({
          ...{ holdId, matter, groundKind, owner, reviewOn },
          scopes: options.tenant.map((tenantId) => scopeOf(tenantId, options)),
          ground: readJson(cli.io, options.ground, 'ground'),
          requestedBy: actorOf(options.requestedBy, session.config),
        });
        const answer = await naming(holdId, placed);
        return { data: answer, text: placedText(answer) };
      }),
    );
}

/** A scope with what was given; narrower ones are about asset data unless said otherwise. */
function scopeOf(tenantId: string, options: PlaceOptions): HoldScope {
  const { service, asset, collectedFrom, collectedTo } = options;
  const narrow = [service, asset, collectedFrom, collectedTo].some((value) => value !== undefined);
  const recordClass = options.recordClass ?? (narrow ? ('asset-basic-data' as const) : undefined);
  return {
    tenantId,
    ...(recordClass !== undefined && { recordClass }),
    ...(service !== undefined && { hostingService: service }),
    ...(asset !== undefined && { assetId: asset }),
    ...(collectedFrom !== undefined && { collectedFrom }),
    ...(collectedTo !== undefined && { collectedTo }),
  };
}

/** What was gone when the hold took effect, cohort by cohort. */
function placedText(answer: HoldAcknowledgement): string {
  const gone = answer.gone ?? [];
  const head = facts([
    ['hold', answer.holdId],
    ['in force since', answer.placedAt],
    ['gone before', gone.length === 0 ? 'nothing that it covers' : `${gone.length} due days`],
  ]);
  if (gone.length === 0) return head;
  const sum = (counts: readonly { readonly records: number }[]): number =>
    counts.reduce((total, { records }) => total + records, 0);
  const rows = gone.map(({ tenantId, runId, dueOn, keys, keysLeft, unreadable, removed }) => [
    ...[tenantId, runId, dueOn, keys.length, keysLeft, sum(unreadable), sum(removed)],
  ]);
  const columns = ['tenant', 'run', 'due on', 'keys gone', 'keys left', 'unreadable', 'removed'];
  return `${head}\n${table(columns, rows)}`;
}

/** A hold whose placement is uncertain is placed again under its own id. */
async function naming<T>(holdId: string, placed: Promise<T>): Promise<T> {
  try {
    return await placed;
  } catch (error) {
    if (!isLetheError(error) || !FAILURES[error.code].retryable) throw error;
    throw new LetheError(error.code, `${error.message}: --hold ${holdId}`, { cause: error });
  }
}

function listText(holds: readonly HoldRecord[]): Answer['text'] {
  if (holds.length === 0) return 'no holds\n';
  const rows = holds.map((hold) => [
    hold.holdId,
    [...new Set(hold.scopes.map((scope) => scope.tenantId))].join(', '),
    [...new Set(hold.scopes.map(reachText))].join('; '),
    hold.matter,
    hold.groundKind,
    hold.placedAt,
    reviewText(hold),
    releaseText(hold),
  ]);
  const columns = [
    'hold',
    'tenants',
    'covers',
    'matter',
    'ground',
    'placed',
    'review on',
    'release',
  ];
  return table(columns, rows);
}

function reachText(scope: HoldScopeRecord): string {
  const { recordClass, hostingService, assetId, collectedFrom, collectedTo } = scope;
  const parts = [
    recordClass ?? 'both classes',
    hostingService,
    assetId,
    collectedFrom === null ? null : `from ${collectedFrom}`,
    collectedTo === null ? null : `before ${collectedTo}`,
  ];
  return parts.filter((part) => part !== null).join(' ');
}

function releaseText({ request, approved, release }: HoldRecord): string | null {
  if (release !== null) return `released ${release.releasedAt}`;
  if (approved !== null) return `takes effect ${approved.releasedAt}`;
  return request === null ? null : `asked by ${request.requestedBy}, until ${request.expiresAt}`;
}
