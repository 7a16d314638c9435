import type { Command } from 'commander';
import { activatePolicy, planPolicy } from '../../activities/control/policies';
import { refreshTenants } from '../../activities/control/refresh-tenants';
import { bindDeriveWindow } from '../../activities/windows/derive-window';
import { POLICY_DOCUMENT, type PolicyPlan } from '../../contracts/window-plans';
import { LetheError } from '../../domain/errors';
import { loadCalendars } from '../../platform/calendars';
import { loadPolicies, readPolicies } from '../../platform/policies/load-policies';
import type { ReadPolicy } from '../../platform/policies/read-policy';
import { signDocument } from '../../transparency/signed-document';
import { addCommand, type Cli, type CommonOptions } from '../cli';
import { confirm } from '../confirm';
import { detailed, type DetailedOptions } from '../detailed-exitcode';
import { readText } from '../option-values';
import { facts } from '../output';
import { planText } from '../policy/plan-answer';
import { policyFrom } from '../policy/policy-files';
import type { Session } from '../session';
import { CALENDARS, POLICIES } from '../shipped-folders';
import { shippedRule } from '../shipped-rule';
import { readSigningKey } from '../signing-key-file';

interface SignOptions extends CommonOptions {
  readonly plan: string;
  readonly key: string;
  readonly hours: string;
}

interface ActivateOptions extends CommonOptions {
  readonly document: readonly string[];
  readonly confirm?: string;
}

const HOURS_MAX = 168;
const HOUR_MS = 3_600_000;

/** `lethe policy plan FILE`: what a version would change, read with the account that can only read. */
export function addPolicyPlan(policy: Command, cli: Cli): void {
  addCommand(policy, 'plan', 'which dates of which tenants a policy would move; changes nothing')
    .argument('<FILE>', 'a policy in YAML, or the number of a shipped version')
    .option('--detailed-exitcode', '0: nothing moves, 1: failed, 2: something moves', false)
    .action((file: string, options: DetailedOptions) =>
      detailed<DetailedOptions, PolicyPlan>(cli, {
        work: (_options, session) => planOf(session, policyFrom(cli.io, file, 'FILE')),
        answer: (plan) => ({ data: plan, text: describe(plan) }),
        isChange: ({ moves }) => moves.length > 0,
      })(options),
    );
}

/** `lethe policy sign FILE`: a person's signature under a version and its plan. */
export function addPolicySign(policy: Command, cli: Cli): void {
  addCommand(policy, 'sign', 'sign a version and its plan; prints the document, changes nothing')
    .argument('<FILE>', 'the number of a shipped version, or its file')
    .requiredOption('--plan <digest>', 'digest of the plan that you looked at')
    .requiredOption('--key <file>', 'your private key, Ed25519 in PEM')
    .option('--hours <number>', `worth nothing after that many hours, ${HOURS_MAX} at most`, '24')
    .action((file: string, options: SignOptions) =>
      cli.action<SignOptions>(async (_options, session) => {
        const read = reviewed(policyFrom(cli.io, file, 'FILE'));
        const key = readSigningKey(options.key);
        const plan = await planOf(session, read);
        if (plan.planDigest !== options.plan) {
          throw new LetheError(
            'PLAN_CHANGED',
            `plan is not the present one: it has the digest ${plan.planDigest} now; look at it again`,
            { field: 'plan' },
          );
        }
        const expiresAt = new Date(
          Date.parse(plan.asOf) + hoursOf(options.hours) * HOUR_MS,
        ).toISOString();
        const { policy: name, policyDigest, planDigest } = plan;
        const said = { environment: session.stores.environment, policy: name, policyDigest };
        const document = signDocument(
          { version: 1, ...said, planDigest, expiresAt },
          POLICY_DOCUMENT,
          key,
        );
        return { data: { ...said, planDigest, expiresAt, document }, text: `${document}\n` };
      })(options),
    );
}

/** `lethe policy activate FILE`: puts a version into force under two signatures. */
export function addPolicyActivate(policy: Command, cli: Cli): void {
  addCommand(policy, 'activate', 'put a version into force that two people signed; not reversible')
    .argument('<FILE>', 'the number of a shipped version, or its file')
    .requiredOption('--document <file...>', 'the two signed documents')
    .option('--confirm <policy>', "the policy's name and version once more, instead of being asked")
    .action((file: string, options: ActivateOptions) =>
      cli.action<ActivateOptions>(async (_options, session) => {
        const candidate = candidateOf(reviewed(policyFrom(cli.io, file, 'FILE')));
        const [one, other, ...more] = options.document;
        if (one === undefined || other === undefined || more.length > 0) {
          throw new LetheError('INVALID_INPUT', 'document must name exactly two files', {
            field: 'document',
          });
        }
        const read = (name: string): string => readText(cli.io, name, 'document').trim();
        await confirm(cli.io, {
          id: candidate.policy,
          consequence: 'A version of the policy stays in force, and dates of tenants move',
          given: options.confirm,
          json: options.json,
        });
        const ports = { ...session.freezes, derive: shippedRule() };
        const activation = await activatePolicy(ports, {
          environment: session.stores.environment,
          candidate,
          documents: [read(one), read(other)],
        });
        const refreshed = await refreshTenants(ports, (id) => session.client.tellFactsChanged(id));
        return {
          data: { ...activation, policy: candidate.policy, refreshed },
          text: facts([
            ['policy', candidate.policy],
            ['in force since', activation.activatedAt],
            ['signed by', `${activation.signedBy}, ${activation.countersignedBy}`],
            ['tenants computed again', refreshed.tenants],
            ['processes told', refreshed.told],
          ]),
        };
      })(options),
    );
}

const candidateOf = ({ document, digest }: ReadPolicy): Parameters<typeof planPolicy>[1] => ({
  policy: `${document.metadata.id}@${document.metadata.version}`,
  version: document.metadata.version,
  digest,
});

/** What is signed and activated is shipped code: a draft can only be planned. */
function reviewed(read: ReadPolicy): ReadPolicy {
  if (readPolicies(POLICIES).some(({ digest }) => digest === read.digest)) return read;
  throw new LetheError(
    'NOT_PERMITTED',
    'FILE was not reviewed as code: put it into policies and its digest on the list, and deploy that build first',
    { field: 'FILE' },
  );
}

/** A draft stands beside the shipped versions while it is planned. */
function planOf(session: Session, read: ReadPolicy): Promise<PolicyPlan> {
  const shelf = new Map(loadPolicies(POLICIES));
  const candidate = candidateOf(read);
  shelf.set(candidate.version, read.pinned);
  const derive = bindDeriveWindow({
    policies: shelf,
    calendars: loadCalendars(CALENDARS),
    tzdata: process.versions['tz'] ?? 'unknown',
  });
  return planPolicy(session.stores.sql('reader', 'control'), candidate, derive);
}

const describe = (plan: PolicyPlan): string =>
  planText(plan, [
    ['policy', plan.policy],
    ['its digest', plan.policyDigest],
    ['in force now', plan.inForce],
    ['digest of this plan', plan.planDigest],
  ]);

function hoursOf(text: string): number {
  const hours = /^[1-9]\d{0,2}$/.test(text) ? Number(text) : 0;
  if (hours >= 1 && hours <= HOURS_MAX) return hours;
  throw new LetheError('INVALID_INPUT', `hours must be a whole number from 1 to ${HOURS_MAX}`, {
    field: 'hours',
  });
}
