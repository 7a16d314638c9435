import { randomBytes } from 'node:crypto';
import { Option, type Command } from 'commander';
import {
  approveChange,
  bootstrapSigner,
  proposeChange,
  signChange,
  signChangeApproval,
} from '../../activities/control/authority';
import type { AuthorityAction, AuthorityChange, NewSigner } from '../../contracts/authority';
import { LetheError } from '../../domain/errors';
import { isSignerValidAt, SIGNER_ROLES, type SignerRole } from '../../domain/signers';
import { thumbprintOf } from '../../transparency/signed-document';
import { addCommand, type Cli, type CommonOptions } from '../cli';
import { confirm } from '../confirm';
import { facts, table, type Answer } from '../output';
import type { Session } from '../session';
import { readPublicKey, readSigningKey } from '../signing-key-file';

interface ChangeOptions extends CommonOptions {
  readonly key?: string;
  readonly change?: string;
  readonly confirm?: string;
}

interface AddOptions extends ChangeOptions {
  readonly publicKey: string;
  readonly role: SignerRole;
  readonly person: string;
  readonly validFrom: string;
  readonly validUntil?: string;
}

/** `lethe signer add|revoke|rule|approve|list`: who may sign what; two people change it. */
export function addSigner(lethe: Command, cli: Cli): void {
  const signer = lethe
    .command('signer')
    .description('the registry of keys that sign orders and approvals; two people change it');
  addAdd(signer, cli);
  addRevoke(signer, cli);
  addRule(signer, cli);
  addDecisions(signer, cli);
  addApprove(signer, cli);
  addCommand(
    signer,
    'list',
    'keys with roles and validity, the rule in force, and what waits',
  ).action(cli.action<CommonOptions>(async (_options, session) => list(session)));
}

function addAdd(signer: Command, cli: Cli): void {
  const add = addCommand(signer, 'add', 'propose a key; without --key one of the very first two');
  proposing(add, 'the key id')
    .requiredOption('--public-key <file>', 'its public half in PEM; - is standard input')
    .addOption(
      new Option('--role <role>', 'what it may sign')
        .choices([...SIGNER_ROLES])
        .makeOptionMandatory(),
    )
    .requiredOption('--person <id>', 'opaque id of who holds it; never a name')
    .requiredOption('--valid-from <instant>', 'from when it counts, RFC 3339')
    .option('--valid-until <instant>', 'until when; default: without an end')
    .action(
      cli.action<AddOptions>(async (options, session) => {
        const added: NewSigner = {
          publicKey: readPublicKey(cli.io, options.publicKey, 'publicKey'),
          role: options.role,
          personId: options.person,
          validFrom: options.validFrom,
          validUntil: options.validUntil ?? null,
        };
        const kid = thumbprintOf(added.publicKey);
        const consequence = `Whoever holds key ${kid} can sign as ${options.role}`;
        await confirmed(cli, options, { id: kid, consequence });
        if (options.key !== undefined) {
          return propose(session, options, { action: 'add-signer', ...added });
        }
        const first = await bootstrapSigner(session.authority, added);
        return { data: first, text: facts([...shown(first), ['state', 'one of the first two']]) };
      }),
    );
}

const shown = (key: { readonly kid: string; readonly role: string; readonly personId: string }) =>
  [
    ['key', key.kid],
    ['role', key.role],
    ['person', key.personId],
  ] as const;

function addRevoke(signer: Command, cli: Cli): void {
  const revoke = addCommand(signer, 'revoke', 'propose that a key ends; what it signed ends too');
  proposing(revoke, 'the key id')
    .requiredOption('--kid <id>', 'thumbprint of the key')
    .action(
      cli.action<ChangeOptions & { readonly kid: string }>(async (options, session) => {
        const consequence = `Orders that key ${options.kid} signed and that were not carried out end`;
        await confirmed(cli, options, { id: options.kid, consequence });
        return propose(session, options, { action: 'revoke-signer', kid: options.kid });
      }),
    );
}

function addRule(signer: Command, cli: Cli): void {
  const rule = addCommand(signer, 'rule', 'propose how many people approve an order, and how soon');
  proposing(rule, 'the word rule')
    .requiredOption('--approvals <number>', 'people beside who signed the order, 1 to 5')
    .requiredOption('--within-hours <number>', 'an order that waits longer has expired, 1 to 720')
    .action(
      cli.action<ChangeOptions & { readonly approvals: string; readonly withinHours: string }>(
        async (options, session) => {
          const consequence = 'Every order from then on is approved under the new rule';
          await confirmed(cli, options, { id: 'rule', consequence });
          return propose(session, options, {
            action: 'set-rule',
            approvalsNeeded: Number(options.approvals),
            approveWithinHours: Number(options.withinHours),
          });
        },
      ),
    );
}

function addDecisions(signer: Command, cli: Cli): void {
  const decisions = addCommand(
    signer,
    'decisions',
    'propose whether releases, lifts, looser caps and resets need signatures',
  );
  proposing(decisions, 'the word decisions')
    .addOption(
      new Option('--by <how>', 'how people decide that destruction may go on')
        .choices(['signature', 'name'])
        .makeOptionMandatory(),
    )
    .action(
      cli.action<ChangeOptions & { readonly by: 'signature' | 'name' }>(
        async (options, session) => {
          const action = options.by === 'signature' ? 'sign-decisions' : 'name-decisions';
          const consequence =
            options.by === 'signature'
              ? 'Nobody releases, lifts, loosens or resets without a key of the registry'
              : 'Whoever may use the logins of the command line can act under any name';
          await confirmed(cli, options, { id: 'decisions', consequence });
          return propose(session, options, { action });
        },
      ),
    );
}

function addApprove(signer: Command, cli: Cli): void {
  addCommand(signer, 'approve', 'approve a proposed change, as somebody else than who proposed it')
    .requiredOption('--change <id>', 'proposal, ch_…')
    .requiredOption('--key <file>', 'private key of who approves, in PEM')
    .option('--confirm <change>', "the proposal's id once more, instead of being asked")
    .action(
      cli.action<ChangeOptions & { readonly change: string }>(async (options, session) => {
        const consequence = 'The change takes effect at once';
        await confirmed(cli, options, { id: options.change, consequence });
        const known = (await session.reader.authorityChanges()).find(
          ({ changeId }) => changeId === options.change,
        );
        if (known === undefined) {
          throw new LetheError(
            'UNKNOWN_CHANGE',
            'change names no proposed change; lethe signer list shows what waits',
            { field: 'change' },
          );
        }
        const document = signChangeApproval(known, keyOf(options));
        return changeAnswer(await approveChange(session.authority, document));
      }),
    );
}

const proposing = (command: Command, typed: string): Command =>
  command
    .option('--key <file>', 'private key of who proposes, in PEM')
    .option('--change <id>', 'id of the proposal, ch_…; a random one is made and printed')
    .option('--confirm <id>', `${typed} once more, instead of being asked`);

async function confirmed(
  cli: Cli,
  options: ChangeOptions,
  what: { readonly id: string; readonly consequence: string },
): Promise<void> {
  await confirm(cli.io, { ...what, given: options.confirm, json: options.json });
}

function keyOf({ key }: ChangeOptions): ReturnType<typeof readSigningKey> {
  if (key !== undefined) return readSigningKey(key);
  throw new LetheError('INVALID_INPUT', 'key is missing: give the file with your private key', {
    field: 'key',
  });
}

async function propose(
  session: Session,
  options: ChangeOptions,
  action: AuthorityAction,
): Promise<Answer> {
  const changeId = options.change ?? `ch_${randomBytes(16).toString('hex')}`;
  const document = signChange({ changeId, ...action }, keyOf(options));
  return changeAnswer(await proposeChange(session.authority, document));
}

const changeAnswer = (change: AuthorityChange): Answer => ({
  data: change,
  text: facts([
    ['change', change.changeId],
    ['what', change.action],
    ['key', change.kid],
    ['proposed by', change.proposedBy],
    ['approved by', change.approvedBy ?? `nobody yet, until ${change.expiresAt}`],
  ]),
});

async function list({ reader }: Session): Promise<Answer> {
  const [signers, changes, rules, signed] = await Promise.all([
    reader.signers(),
    reader.authorityChanges(),
    reader.approvalRules(),
    reader.decisionsSigned(),
  ]);
  const rule = rules[0] ?? null;
  const waiting = changes.filter(({ approvedBy }) => approvedBy === null);
  const now = new Date().toISOString();
  const keys = signers.map((one) => [
    ...[one.kid, one.role, one.personId, one.validFrom, one.validUntil, one.revokedAt],
    isSignerValidAt(one, now) ? 'counts' : 'does not count',
  ]);
  const head = ['key', 'role', 'person', 'from', 'until', 'taken out', 'now'];
  return {
    data: { signers, rule, decisionsSigned: signed, waiting },
    text: [
      keys.length === 0 ? 'no keys\n' : table(head, keys),
      facts([
        ['approvals an order needs', rule?.approvalsNeeded ?? null],
        ['within hours', rule?.approveWithinHours ?? null],
        ['releases, lifts, looser caps, resets', signed ? 'with signatures' : 'names are enough'],
      ]),
      ...waiting.map((change) => facts([['waits for a second person', change.changeId]])),
    ].join('\n'),
  };
}
