import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createControlReader } from '../src/activities/control/reader';
import { createBodyStaging } from '../src/activities/staging/body-staging';
import { LifecycleClient } from '../src/client/lifecycle-client';
import type { CommandBodies, CommandKind, CommandReceipt } from '../src/contracts/commands';
import type { ProcessStatus } from '../src/contracts/snapshot';
import { holdWorkflowId, lifecycleWorkflowId, parseId } from '../src/domain/identifiers';
import type { Walk } from '../src/simulation/simulator';
import { Expectations } from './expectations';
import { runTask } from './processes';
import type { Stage } from './stage';
import { Timeline, type DueDate } from './timeline';

/** A tenant of the demonstration. */
export interface Character {
  readonly tenantId: string;
  readonly zone: string;
  readonly story: string;
  /** Holds of the story: their processes have ids of their own. */
  readonly holds: readonly string[];
}

/** Something that happens at a written-down simulated instant. */
export interface Act {
  /** RFC 3339 in UTC; the clock stands there, or a moment later, when it happens. */
  readonly at: string;
  readonly what: (play: Play) => Promise<void>;
}

/** How long the work of one step may take in real time, in milliseconds. */
const SETTLE_MS = 180_000;
const COLLECT_LIMIT_MS = 120_000;

/** What the stories are told with: the facade, the clock, the timeline, the expectations. */
export class Play {
  readonly expectations = new Expectations();
  readonly timeline: Timeline;
  readonly client: LifecycleClient;
  private readonly reader: ReturnType<typeof createControlReader>;
  private keys = 0;
  /** Counts per kind of the first report of each host, for the printed table. */
  readonly kinds = new Map<string, Readonly<Record<string, number>>>();

  constructor(
    readonly stage: Stage,
    readonly characters: readonly Character[],
    print: (line: string) => void,
  ) {
    this.timeline = new Timeline(print);
    const { stores, config, connection } = stage;
    this.reader = createControlReader(
      stores.sql('reader', 'control'),
      stores.sql('reader', 'evidence'),
    );
    this.client = new LifecycleClient({
      connection,
      namespace: config.temporal.namespace,
      control: this.reader,
      staging: createBodyStaging(stores.sql('stager', 'control')),
    });
  }

  /** Plays the acts in the order of their instants, window by window in between. */
  async play(acts: readonly Act[]): Promise<void> {
    for (const act of [...acts].sort((a, b) => (a.at < b.at ? -1 : 1))) {
      await this.stage.simulator.runUntil(act.at, this.walk);
      await act.what(this);
      await this.settle();
    }
  }

  /** Says what happened to a tenant at the present instant. */
  async tell(character: Character, what: string, due: readonly DueDate[] = []): Promise<void> {
    const { tenantId, zone } = character;
    this.timeline.record({ at: await this.stage.simulator.now(), tenantId, zone, what, due });
  }

  /** Sends a command as the console backend would. */
  async send<K extends CommandKind>(
    { tenantId }: Character,
    kind: K,
    body: CommandBodies[K],
  ): Promise<CommandReceipt> {
    return this.client.command(kind, this.header(tenantId), body);
  }

  /** Who sends a command, under a key of its own. */
  header(tenantId: string): {
    readonly tenantId: string;
    readonly idempotencyKey: string;
    readonly requestedBy: string;
  } {
    this.keys += 1;
    return { tenantId, idempotencyKey: `demo-${this.keys}`, requestedBy: 'console-demo' };
  }

  /** Subscribes a tenant and brings its process to the simulated time. */
  async subscribe(character: Character, body: CommandBodies['subscribe']): Promise<void> {
    await this.send(character, 'subscribe', body);
    await this.stage.simulator.join(workflowOf(character));
  }

  /** Reads a machine with the collector and orders the scan of its report. */
  async scanHost(
    character: Character,
    host: { readonly assetId: string; readonly root: string },
  ): Promise<void> {
    const out = join(this.stage.folder, `${host.assetId}.json`);
    await runTask({
      name: 'collector',
      command: join(__dirname, '..', '..', 'bin', 'lethe'),
      args: [
        ...['collect', '--root', host.root, '--asset-id', host.assetId, '--out', out],
        ...['--collected-at', await this.stage.simulator.now()],
      ],
      env: process.env,
      limitMs: COLLECT_LIMIT_MS,
      log: join(this.stage.folder, 'collect.log'),
    });
    const report = JSON.parse(readFileSync(out, 'utf8')) as Record<string, unknown>;
    if (!this.kinds.has(host.assetId)) this.kinds.set(host.assetId, countsOf(report));
    await this.client.requestHostScan(this.header(character.tenantId), report);
    await this.settle();
  }

  /** Tells the hosting system of record what became of a service. */
  async tellHosting(
    { tenantId }: Character,
    service: string,
    state: { readonly state: 'active' | 'ended'; readonly endedAt: string | null },
  ): Promise<void> {
    const url = `${this.stage.hostingUrl}/tenants/${tenantId}/services/${encodeURIComponent(service)}`;
    const response = await fetch(url, { method: 'PUT', body: JSON.stringify(state) });
    if (!response.ok) throw new Error(`the hosting system answered ${response.status}`);
  }

  /** State of a tenant from control. */
  async status({ tenantId }: Character): Promise<ProcessStatus> {
    const status = await this.reader.status(tenantId);
    if (status === null) throw new Error(`${tenantId} is not known`);
    return status;
  }

  /** Due dates of a tenant with the rule and the reason that the engine itself gives. */
  async dueDates({ tenantId }: Character): Promise<readonly DueDate[]> {
    const days = await this.reader.deadlines(tenantId);
    return Promise.all(
      days.map(async (day) => {
        const windows = await this.reader.windowsOf(tenantId, day.runId, day.dueOn);
        const steps = (windows.at(-1)?.derivation['steps'] ?? []) as readonly { text: string }[];
        return {
          dueOn: day.dueOn,
          earliestAt: day.earliestAt,
          latestAt: day.latestAt,
          deleteNotBefore: day.deleteNotBefore,
          rule: day.because,
          reason: steps.map(({ text }) => text).join(' '),
        };
      }),
    );
  }

  /** Everything an administrator finds of a tenant where its data may be. */
  async found({ tenantId }: Character): Promise<Readonly<Record<string, number>>> {
    return (await this.stage.administrator.find(tenantId)).data;
  }

  /** Resolves when nothing is in motion any more. */
  async settle(): Promise<void> {
    const end = performance.now() + SETTLE_MS;
    for (;;) {
      const known = await this.known();
      if (known.every((status) => status.work.length === 0)) return;
      if (performance.now() > end) throw new Error('the work of a step did not end in time');
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  private async known(): Promise<readonly ProcessStatus[]> {
    const all = await Promise.all(
      this.characters.map(({ tenantId }) => this.reader.status(tenantId)),
    );
    return all.filter((status) => status !== null);
  }

  /** Processes of holds whose approved release has not taken effect: they wait for an instant too. */
  private async holdsUnderRelease(): Promise<readonly string[]> {
    const ids = this.characters.flatMap(({ holds }) => holds);
    const holds = await Promise.all(ids.map((holdId) => this.reader.hold(holdId)));
    return holds.flatMap((hold) =>
      hold?.approved ? [holdWorkflowId(parseId('HoldId', hold.holdId, 'holdId'))] : [],
    );
  }

  private readonly walk: Walk = {
    workflowIds: async () => [
      ...(await this.known())
        .filter((status) => !status.ended)
        .map((status) => workflowOf({ tenantId: status.tenantId })),
      ...(await this.holdsUnderRelease()),
    ],
    nextDue: async () => {
      const due = (await this.known()).flatMap(({ nextDueAt }) => nextDueAt ?? []);
      return due.sort()[0] ?? null;
    },
    settle: () => this.settle(),
  };
}

const workflowOf = ({ tenantId }: Pick<Character, 'tenantId'>): string =>
  lifecycleWorkflowId(parseId('TenantId', tenantId, 'tenantId'));

/** Records per kind of a host report. */
function countsOf(report: Readonly<Record<string, unknown>>): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  const records = report['fingerprints'] as readonly { readonly kind: string }[];
  for (const { kind } of records) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}
