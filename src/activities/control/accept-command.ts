import { LetheError } from '../../domain/errors';
import { reactionTo } from '../../domain/lifecycle';
import type { AcceptedCommand } from '../../contracts/activities';
import type { Command, CommandBodies, CommandKind, CommandReceipt } from '../../contracts/commands';
import type { Sql } from '../../contracts/sql';
import type { ConfigurationWriter, EvidenceLedger, LinkWriter } from '../../contracts/stores';
import type { DeriveWindow } from '../../contracts/windows';
import { insertRow, type EffectContext, type EffectResult } from './command-context';
import { commandDigest, proveAcceptance } from './command-evidence';
import { provingRefusedDecision } from './decisions';
import { assertFeatureInUse } from './effects/configuration';
import { grantSharing, requestScan, revokeSharing } from './effects/discovery';
import { recordUses } from './effects/links';
import { approveOrder, denyOrder, revokeOrder, submitOrder } from './effects/orders';
import { requestDeletion, withdrawDeletion } from './effects/requests';
import { attachService, endFeature, endService, reactivateFeature } from './effects/services';
import { attestMinimumAge, subscribe, withdrawAttestation } from './effects/subscribe';
import { settleInterlock, type InterlockPorts } from './interlock';
import { provingRefusals } from './order-refusals';
import { readSnapshot } from './read-snapshot';
import { refreshTenant } from './refresh-tenant';
import { reviveContinued } from './revive';
import { required, textRow, toInstant, toSqlTime } from './sql-text';
import { eraseTaken } from './staged-content';
import { databaseNow, readTenantFacts, type TenantFacts } from './tenant-facts';

/** Stores and functions that accepting a command needs. */
export interface AcceptPorts extends InterlockPorts {
  readonly derive: DeriveWindow;
  readonly configuration: ConfigurationWriter;
  readonly links: LinkWriter;
  readonly ledger: EvidenceLedger;
}

type Effect<K extends CommandKind> = (
  context: EffectContext<K>,
  ports: AcceptPorts,
) => Promise<EffectResult>;

/** What each command does inside the accepting transaction. */
const EFFECTS: { readonly [K in CommandKind]: Effect<K> } = {
  subscribe,
  attachService,
  endService,
  linkAsset: async (context, ports) => {
    const { assetId, services } = context.command.body;
    await recordUses(context, { assetId, services });
    await ports.links.link({
      tenantId: context.tenantId,
      assetId,
      services,
      linkedAt: context.now,
    });
    return { assetId, restoring: await reviveContinued(context) };
  },
  grantSharing,
  revokeSharing,
  changeConfiguration: async (context, ports) => {
    const { configurationKind, settingId, stagingId, digest } = context.command.body;
    assertFeatureInUse(context.facts);
    // Written under the tenant's lock, before the command commits: a crash leaves at most a row of
    // this generation, which its destruction covers.
    return ports.configuration.write({
      tenantId: context.tenantId,
      generation: context.facts.generation,
      configurationKind,
      settingId,
      body: { stagingId, digest },
      idempotencyKey: context.command.idempotencyKey,
      changedAt: context.now,
    });
  },
  endFeature,
  reactivateFeature,
  attestMinimumAge,
  withdrawAttestation,
  requestDeletion,
  withdrawDeletion,
  submitOrder,
  approveOrder,
  denyOrder,
  revokeOrder,
  requestScan,
};

/** Commands after which older permits must be dead before they are answered. */
const INTERLOCKS: ReadonlySet<CommandKind> = new Set([
  'attachService',
  'linkAsset',
  'reactivateFeature',
  'withdrawDeletion',
  'denyOrder',
  'revokeOrder',
]);

/**
 * Commits a command's facts in control and answers with the tenant's state after it.
 *
 * @idempotency the same key with the same body returns the first receipt and repeats only what follows
 * the commit; with another body it is refused with IDEMPOTENCY_CONFLICT.
 * @throws LetheError with the code of the lifecycle table when the stage does not allow it.
 */
export async function acceptCommand(
  ports: AcceptPorts,
  input: { readonly tenantId: string; readonly command: Command },
): Promise<AcceptedCommand> {
  const { tenantId, command } = input;
  const accept = (): Promise<CommandReceipt> =>
    ports.control.transaction(async (sql) => {
      await sql.execute('CALL lock_tenant(?)', [tenantId]);
      const earlier = await findEarlier(sql, tenantId, command);
      const answer = earlier ?? (await commit(sql, ports, { tenantId, command }));
      await eraseTaken(sql, { tenantId, command });
      return answer;
    });
  const receipt = await provingRefusals(ports, input, () =>
    isEnd(command)
      ? provingRefusedDecision(
          ports,
          { decision: 'approve-end', document: command.body.documents?.[1] },
          accept,
        )
      : accept(),
  );
  await afterCommit(ports, tenantId, { command, receipt });
  const snapshot = await refreshTenant(ports, tenantId);
  return { receipt, snapshot };
}

const isEnd = (command: Command): command is Command<'endService'> | Command<'endFeature'> =>
  command.kind === 'endService' || command.kind === 'endFeature';

async function findEarlier(
  sql: Sql,
  tenantId: string,
  command: Command,
): Promise<CommandReceipt | null> {
  const row = await textRow(
    sql,
    `SELECT kind, body_digest, accepted_at, result FROM commands
      WHERE tenant_id = ? AND idempotency_key = ?`,
    [tenantId, command.idempotencyKey],
  );
  if (row === null) return null;
  if (required(row, 'body_digest') !== commandDigest(command)) {
    throw new LetheError(
      'IDEMPOTENCY_CONFLICT',
      'idempotencyKey was used with another body; use a new key for a new command',
      { field: 'idempotencyKey' },
    );
  }
  return {
    kind: command.kind,
    idempotencyKey: command.idempotencyKey,
    acceptedAt: toInstant(required(row, 'accepted_at')),
    repeated: true,
    result: JSON.parse(required(row, 'result')) as EffectResult,
  };
}

async function commit(
  sql: Sql,
  ports: AcceptPorts,
  { tenantId, command }: { readonly tenantId: string; readonly command: Command },
): Promise<CommandReceipt> {
  const before = await readSnapshot(sql, tenantId);
  const reaction = reactionTo(before.stage, command.kind);
  if (reaction !== 'accept') {
    throw new LetheError(
      reaction,
      `${command.kind} is not possible: the tenant is ${before.stage}`,
    );
  }
  const now = await databaseNow(sql);
  const facts = (await readTenantFacts(sql, tenantId)) as TenantFacts;
  const effect = EFFECTS[command.kind] as Effect<CommandKind>;
  const result = await effect({ sql, tenantId, now, command, facts }, ports);
  if (INTERLOCKS.has(command.kind)) await sql.execute('CALL bump_interlock(?)', [tenantId]);
  await insertRow(sql, 'commands', {
    tenant_id: tenantId,
    idempotency_key: command.idempotencyKey,
    kind: command.kind,
    body_digest: commandDigest(command),
    requested_by: command.requestedBy,
    accepted_at: toSqlTime(now),
    result: JSON.stringify(result),
  });
  return {
    kind: command.kind,
    idempotencyKey: command.idempotencyKey,
    acceptedAt: now,
    repeated: false,
    result,
  };
}

/** What follows the commit may run again after a crash; each part is safe to repeat. */
async function afterCommit(
  ports: AcceptPorts,
  tenantId: string,
  { command, receipt }: { readonly command: Command; readonly receipt: CommandReceipt },
): Promise<void> {
  if (command.kind === 'subscribe') await ports.keys.execute('CALL ensure_epoch(?)', [tenantId]);
  if (INTERLOCKS.has(command.kind)) await settleInterlock(ports, tenantId);
  if (command.kind === 'attachService') {
    const { service } = command.body as CommandBodies['attachService'];
    await ports.links.linkUnbound({ tenantId, service, linkedAt: receipt.acceptedAt });
  }
  await proveAcceptance(ports, tenantId, { command, receipt });
}
