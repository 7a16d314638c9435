import { Option, type Command } from 'commander';
import { PAGE_MAX, readPage } from '../../activities/notices/next-delivery';
import {
  addReceiver,
  disableReceiver,
  listReceivers,
  type ReceiverRecord,
} from '../../activities/notices/register';
import { replaySetAside, requestReplay } from '../../activities/notices/replays';
import type { NoticeLanguage } from '../../contracts/notices';
import { eventOf, isFor, NOTICE_TYPES } from '../../domain/notices';
import { LetheError } from '../../domain/errors';
import { parseId } from '../../domain/identifiers';
import { addCommand, type Cli, type CommonOptions } from '../cli';
import { confirm } from '../confirm';
import { ofKnownTenant } from '../known-tenant';
import { actorOf } from '../lifecycle-command';
import { facts, table, type Answer } from '../output';
import { addNoticeCalendar } from './notice-calendar';
import { addNoticeSetAside } from './notice-set-aside';
import type { Session } from '../session';

interface ByOptions extends CommonOptions {
  readonly requestedBy?: string;
}

interface AddOptions extends ByOptions {
  readonly name: string;
  readonly url?: string;
  readonly mail?: string;
  readonly tenant?: string;
  readonly type?: readonly string[];
  readonly language: NoticeLanguage;
}

interface NamedOptions extends ByOptions {
  readonly name: string;
  readonly confirm?: string;
}

interface ReplayOptions extends ByOptions {
  readonly receiver: string;
  readonly from?: string;
  readonly to?: string;
  readonly setAside?: true;
}

interface ListOptions extends CommonOptions {
  readonly after?: string;
  readonly tenant?: string;
  readonly type?: readonly string[];
}

/** `lethe notice receiver|list|set-aside|replay|calendar`: who is told what happens, and what was told. */
export function addNotice(lethe: Command, cli: Cli): void {
  const notice = lethe
    .command('notice')
    .description('who is told what happens, by webhook or mail, and how deliveries went');
  const receiver = notice.command('receiver').description('who is told');
  addAdd(receiver, cli);
  addDisable(receiver, cli);
  addCommand(
    receiver,
    'list',
    'every receiver; exit code 1 while one does not take its notices, or has set some aside',
  ).action(
    cli.action<CommonOptions>(async (...[, { notices }]) =>
      receiversAnswer(await listReceivers(notices.reader)),
    ),
  );
  addList(notice, cli);
  addNoticeSetAside(notice, cli);
  addReplay(notice, cli);
  addNoticeCalendar(notice, cli);
}

const typeOption = (): Option =>
  new Option('--type <type...>', 'only these types; default: all').choices(
    Object.keys(NOTICE_TYPES),
  );
const byOption = '--requested-by <id>';
const BY = 'opaque id of who asks; default: LETHE_ACTOR';

function addAdd(receiver: Command, cli: Cli): void {
  addCommand(
    receiver,
    'add',
    'tell somebody from now on; its secrets are in LETHE_NOTICE_SECRETS_FILE',
  )
    .requiredOption('--name <name>', 'name of the receiver, under which its secrets are kept')
    .option('--url <url>', 'webhook that takes signed events')
    .option('--mail <mailbox>', 'mailbox that takes plain text')
    .option('--tenant <id>', 'only what concerns this tenant, tn_…; default: everything')
    .addOption(typeOption())
    .addOption(new Option('--language <language>', 'of mails').choices(['en', 'zh']).default('en'))
    .option(byOption, BY)
    .action(
      cli.action<AddOptions>(async (options, session) => {
        const { name, tenant, type, language } = options;
        const added = await addReceiver(
          session.notices.control,
          {
            ...reachedBy(options),
            name,
            language,
            ...(tenant !== undefined && { tenantId: tenant }),
            ...(type !== undefined && { kinds: type }),
            addedBy: actorOf(options.requestedBy, session.config),
          },
          session.notices.policy,
        );
        return told(session, receiverAnswer(added));
      }),
    );
}

function reachedBy({ url, mail }: AddOptions): {
  readonly kind: 'webhook' | 'mail';
  readonly address: string;
} {
  if (url !== undefined && mail === undefined) return { kind: 'webhook', address: url };
  if (mail !== undefined && url === undefined) return { kind: 'mail', address: mail };
  throw new LetheError('INVALID_INPUT', 'url or mail is needed, and only one of them', {
    field: 'url',
  });
}

function addDisable(receiver: Command, cli: Cli): void {
  addCommand(receiver, 'disable', 'tell it nothing any more')
    .requiredOption('--name <name>', 'name of the receiver')
    .option(byOption, BY)
    .option('--confirm <name>', 'the name once more, instead of being asked')
    .action(
      cli.action<NamedOptions>(async (options, session) => {
        const disabledBy = actorOf(options.requestedBy, session.config);
        await confirm(cli.io, {
          id: options.name,
          consequence: 'It will not be told anything any more, also not of missed deadlines',
          given: options.confirm,
          json: options.json,
        });
        const { name } = options;
        return receiverAnswer(await disableReceiver(session.notices.control, { name, disabledBy }));
      }),
    );
}

function addReplay(notice: Command, cli: Cli): void {
  addCommand(
    notice,
    'replay',
    'deliver again, with the same ids; without --from: try now what waits',
  )
    .requiredOption('--receiver <name>', 'name of the receiver')
    .option('--from <place>', 'place of the first notice; lethe notice list shows them')
    .option('--to <place>', 'place of the last one; default: the newest')
    .option('--set-aside', 'everything that it refused and that was set aside, at most 100 notices')
    .option(byOption, BY)
    .action(
      cli.action<ReplayOptions>(async (options, session) => {
        const { receiver: name, from, to } = options;
        if (options.setAside === true) return told(session, await setAsideAgain(options, session));
        const replay = await requestReplay(session.notices.control, {
          name,
          ...(from !== undefined && { from: placeOf(from, 'from') }),
          ...(to !== undefined && { to: placeOf(to, 'to') }),
          requestedBy: actorOf(options.requestedBy, session.config),
        });
        return told(session, {
          data: replay,
          text: facts([
            ['replay', replay.replayId],
            ['from', replay.from],
            ['to', replay.to],
          ]),
        });
      }),
    );
}

async function setAsideAgain(options: ReplayOptions, session: Session): Promise<Answer> {
  const { receiver: name, from, to, requestedBy } = options;
  if (from !== undefined || to !== undefined) {
    throw new LetheError('INVALID_INPUT', 'set-aside goes without from and to', {
      field: 'set-aside',
    });
  }
  const by = actorOf(requestedBy, session.config);
  const places = await replaySetAside(session.notices.control, { name, requestedBy: by });
  const text =
    places.length === 0 ? 'nothing that was not asked for' : `places ${places.join(', ')}`;
  return { data: { places }, text: `${text}\n` };
}

function placeOf(text: string, field: string): number {
  if (/^(0|[1-9]\d{0,14})$/.test(text)) return Number(text);
  throw new LetheError('INVALID_INPUT', `${field} must be a whole number`, { field });
}

function addList(notice: Command, cli: Cli): void {
  addCommand(notice, 'list', `what was told, in order; ${PAGE_MAX} places at a time`)
    .option('--after <place>', 'places behind this one; default: from the first')
    .option('--tenant <id>', 'only what concerns this tenant, tn_…')
    .addOption(typeOption())
    .action(
      cli.action<ListOptions>(async ({ after, tenant, type }, session) => {
        const tenantId = tenant === undefined ? null : parseId('TenantId', tenant, 'tenant');
        if (tenantId !== null) await ofKnownTenant(session, tenantId, []);
        const audience = { tenantId, kinds: type ?? [] };
        const page = await readPage(session.notices.reader, placeOf(after ?? '0', 'after'), null);
        const found = page.flatMap(({ notice: one }) =>
          one !== null && isFor(audience, one) ? [one] : [],
        );
        const next = page.length < PAGE_MAX ? null : (page.at(-1)?.sequence ?? null);
        const events = found.map((one) => eventOf(session.config.environment, one));
        const rows = found.map((one) => [
          ...[one.sequence, one.at, one.kind, one.tenantId],
          wordsOf(one.data),
        ]);
        const shown =
          rows.length === 0
            ? 'no notices\n'
            : table(['place', 'at', 'type', 'tenant', 'ids'], rows);
        const more = next === null ? '' : `more: --after ${next}\n`;
        return { data: { notices: events, next }, text: `${shown}${more}` };
      }),
    );
}

const wordsOf = (data: Readonly<Record<string, unknown>>): string =>
  Object.values(data)
    .filter((value) => value !== null)
    .map((value) => (typeof value === 'string' ? value : JSON.stringify(value)))
    .join(' ');

/** The process looks by itself; being told only makes it sooner. */
async function told(session: Session, answer: Answer): Promise<Answer> {
  if (await session.client.deliverNoticesNow()) return answer;
  return { ...answer, text: `${answer.text}the process could not be told and looks by itself\n` };
}

const receiverAnswer = (record: ReceiverRecord): Answer => ({
  data: record,
  text: facts([
    ['name', record.name],
    ['told by', record.kind],
    ['address', record.address],
    ['tenant', record.tenantId ?? 'every tenant'],
    ['types', record.kinds.length === 0 ? 'all' : record.kinds.join(', ')],
    ['state', stateOf(record)],
    ['set aside', record.setAside],
  ]),
});

function receiversAnswer(records: readonly ReceiverRecord[]): Answer {
  const rows = records.map((record) => [
    ...[record.name, record.kind, record.tenantId ?? 'every tenant', record.delivered],
    ...[record.lastDelivered, record.setAside, stateOf(record), record.address],
  ]);
  const head = ['name', 'by', 'tenant', 'delivered', 'last place', 'set aside', 'state', 'address'];
  return {
    data: records,
    text: rows.length === 0 ? 'nobody is told anything\n' : table(head, rows),
    exitCode: records.some(needsSomebody) ? 1 : 0,
  };
}

const needsSomebody = ({ ended, failing, setAside }: ReceiverRecord): boolean =>
  failing !== null || (ended === null && setAside > 0);

function stateOf({ ended, failing }: ReceiverRecord): string {
  if (ended !== null) return `${ended.cause === 'gone' ? 'GONE' : 'disabled'} ${ended.at}`;
  if (failing === null) return 'told';
  return `FAILING since ${failing.since}: ${failing.reason}, next ${failing.nextAt}`;
}
