import type { Command } from 'commander';
import {
  readAttestations,
  withdrawnJurisdictions,
} from '../../activities/control/read-permissions';
import { STORE_NAMES } from '../../domain/errors';
import { parseId } from '../../domain/identifiers';
import type { RequestRecord } from '../../contracts/order-records';
import type { AwaitedStore, LifecycleStatus, RunningScan } from '../../contracts/snapshot';
import { addCommand, type Cli, type CommonOptions } from '../cli';
import { dueTable, foreseen, slowRuns, type ForeseenDay } from '../due-table';
import { requestTable } from '../order-tables';
import { heldTable } from '../held-table';
import { facts, table } from '../output';

/** `lethe status`: where a tenant stands; answered from control when the engine is away. */
export function addStatus(lethe: Command, cli: Cli): void {
  addCommand(lethe, 'status', 'where a tenant stands and what it waits for')
    .requiredOption('--tenant <id>', 'tenant, tn_…')
    .action(
      cli.action<CommonOptions & { readonly tenant: string }>(async (options, session) => {
        const tenantId = parseId('TenantId', options.tenant, 'tenant');
        const told = await session.client.status(tenantId);
        const { reader } = session;
        const outlook = { caps: await reader.forecast(), slow: await slowRuns(reader, [tenantId]) };
        const dueDays = foreseen(told.dueDays, outlook);
        const { requests } = await reader.orders(tenantId);
        const control = session.stores.sql('reader', 'control');
        const withdrawn = withdrawnJurisdictions(await readAttestations(control, tenantId));
        const status = { ...told, dueDays, requests, withdrawnAttestations: withdrawn };
        return { data: status, text: describe(status) };
      }),
    );
}

/** Without an attestation the Feature rests although its use goes on. */
function featureOf({
  featureActive,
  withdrawnAttestations,
}: Pick<LifecycleStatus, 'featureActive'> & {
  readonly withdrawnAttestations: readonly string[];
}): string {
  if (!featureActive) return 'not in use';
  if (withdrawnAttestations.length === 0) return 'in use';
  return `suspended: attestation withdrawn for ${withdrawnAttestations.join(', ')}`;
}

const SOURCES = {
  workflow: 'its process',
  control: 'the control store; its process did not answer',
} as const;

function describe(
  status: Omit<LifecycleStatus, 'dueDays'> & {
    readonly dueDays: readonly ForeseenDay[];
    readonly requests: readonly RequestRecord[];
    readonly withdrawnAttestations: readonly string[];
  },
): string {
  const { counters } = status;
  const hidden = status.dueDaysTotal - status.dueDays.length;
  return [
    facts([
      ['tenant', status.tenantId],
      ['stage', status.stage],
      ['waits for', status.waitsFor],
      ['deadlines', status.band],
      ['next due', status.nextDueAt],
      ['away', status.awaits === null ? 'nothing' : awayOf(status.awaits)],
      ['blocked on', status.blockedOn],
      ['needs a person', status.needsHuman ? 'yes' : 'no'],
      ['services', status.activeServices.join(', ')],
      ['Feature', featureOf(status)],
      ['terminated', status.terminatedAt],
      ['scans', counters.scans],
      ['scanning', status.scanning === undefined ? null : scanningText(status.scanning)],
      ['redacted values', counters.redactedValues],
      ['missed', counters.breaches],
      ['certificates', counters.certificates],
      ['zone, policy', `${status.zone}, ${status.policyVersion}`],
      ['as of', status.asOf],
      ['told by', SOURCES[status.source]],
    ]),
    status.dueDays.length > 0 ? `\n${dueTable(status.dueDays)}` : '\nnothing is due\n',
    hidden > 0 ? `and ${hidden} more: lethe deadlines --tenant ${status.tenantId}\n` : '',
    status.holds.length > 0 ? `\n${holdTable(status)}` : '',
    below(heldTable(status.dueDays, status.holds)),
    status.requests.length > 0 ? `\n${requestTable(status.requests)}` : '',
  ].join('');
}

const below = (text: string): string => (text === '' ? '' : `\n${text}`);

function scanningText(scan: RunningScan): string {
  const { repositoriesDone, repositoriesListed, imagesRead, layersRead, layersKnown } = scan;
  const reading = `${imagesRead} images done, ${layersRead} layers read, ${layersKnown} known from before`;
  if (repositoriesDone === undefined || repositoriesListed === undefined) return reading;
  return `${repositoriesDone} of ${repositoriesListed} repositories done; in this one ${reading}`;
}

const awayOf = ({ store, code, attempt }: AwaitedStore): string =>
  store === 'engine'
    ? 'the workflow engine or its workers'
    : `${STORE_NAMES[store]}: ${code}, attempt ${attempt}`;

const holdTable = ({ holds }: Pick<LifecycleStatus, 'holds'>): string =>
  table(
    ['hold', 'covers', 'since', 'review on', 'released from'],
    holds.map((hold) => [
      hold.holdId,
      hold.recordClass ?? 'both',
      hold.placedAt,
      `${hold.reviewOn ?? '-'}${hold.needsReview === true ? ' (due)' : ''}`,
      hold.releasesAt ?? null,
    ]),
  );
