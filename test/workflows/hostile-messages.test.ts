import { temporal } from '@temporalio/proto';
import { COMMAND_KINDS, type Command, type CommandReceipt } from '../../src/contracts/commands';
import { SIGNAL_NAMES } from '../../src/contracts/messages';
import type { DueDay, LifecycleStatus } from '../../src/contracts/snapshot';
import { TASK_QUEUES } from '../../src/contracts/task-queues';
import { hostilePayloads } from '../support/hostile-payloads';
import { until } from '../support/live-engine';
import { Ports, snapshot, subscribe } from '../support/mocked-ports';
import { createTemporalEnvironment, type TemporalEnvironment } from '../support/temporal';
import { startLifecycle } from '../support/start-lifecycle';

const TENANT = 'tn_hostile0000000001';
const OTHER = 'tn_hostile0000000002';
const WORKFLOW = `tenant-lifecycle:${TENANT}`;
const DAY = 86_400;
const COMPLETED =
  temporal.api.enums.v1.UpdateWorkflowExecutionLifecycleStage
    .UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED;

let environment: TemporalEnvironment;
let ports: Ports;
beforeAll(async () => {
  environment = await createTemporalEnvironment();
  ports = new Ports();
});
afterAll(() => environment.close());

const handle = () => environment.client.getHandle(WORKFLOW);
const statusOf = (): Promise<LifecycleStatus> => handle().query<LifecycleStatus>('status');

const start = (workflowId: string): Promise<CommandReceipt> =>
  startLifecycle(environment.client, { workflowId, tenantId: TENANT }, subscribe);

/** Sends payloads as they are on the wire, past every converter of the client. */
const signalRaw = (signalName: string, payloads: readonly object[]): Promise<unknown> =>
  environment.connection.workflowService.signalWorkflowExecution({
    namespace: environment.namespace,
    workflowExecution: { workflowId: WORKFLOW },
    signalName,
    input: { payloads: [...payloads] },
    identity: 'somebody',
    requestId: `raw-${Math.random()}`,
  });

const updateRaw = (name: string, payloads: readonly object[] | null): Promise<unknown> =>
  environment.connection.workflowService.updateWorkflowExecution({
    namespace: environment.namespace,
    workflowExecution: { workflowId: WORKFLOW },
    request: {
      meta: { identity: 'somebody' },
      input: { name, ...(payloads !== null && { args: { payloads: [...payloads] } }) },
    },
    waitPolicy: { lifecycleStage: COMPLETED },
  });

/** Resolves when everything that was sent before has been looked at: queries come after it. */
async function isWell(before: LifecycleStatus, deadlines: readonly DueDay[]): Promise<void> {
  expect(await statusOf()).toEqual(before);
  expect(await handle().query<readonly DueDay[]>('deadlines')).toEqual(deadlines);
  expect((await handle().describe()).status.name).toBe('RUNNING');
}

/** More updates at once than the server takes for one process would be refused by it, and tried again. */
const AT_ONCE = 8;

/** True when the process itself refused, with a code. */
const isRefused = (answer: Promise<unknown>): Promise<boolean> =>
  answer.then(
    () => false,
    (error: unknown) => typeof (error as { cause?: { type?: unknown } }).cause?.type === 'string',
  );

const raw = (encoding: string, data: string): object => ({
  metadata: { encoding: Buffer.from(encoding) },
  data: Buffer.from(data),
});
/** What no converter can read. */
const UNREADABLE: readonly (readonly [string, object])[] = [
  ['JSON that is none', raw('json/plain', '{"kind":')],
  ['nothing that says it is JSON', raw('json/plain', '')],
  ['an encoding that nobody knows', raw('binary/of-somebody', 'x')],
  ['an encoding named like a prototype', raw('__proto__', 'x')],
  ['a message of a language that is not here', raw('binary/protobuf', '\u0000\u0001')],
  ['no metadata', { data: Buffer.from('{}') }],
  [
    'metadata without an encoding',
    { metadata: { other: Buffer.from('x') }, data: Buffer.from('') },
  ],
  ['bytes that are no text', { ...raw('json/plain', ''), data: Buffer.from([0xff, 0xfe, 0x00]) }],
];

describe('the process of a tenant under messages of somebody who does not use the facade', () => {
  it('accepts none of hundreds of hostile commands, stays as it was and ends nothing [AB-1] [CC-1]', async () => {
    const dueAt = new Date(Date.now() + 30 * DAY * 1000).toISOString();
    await environment.whileWorking(ports.activities, async () => {
      await start(WORKFLOW);
      ports.set({ stage: 'retained', nextDueAt: dueAt });
      await handle().signal('factsChanged');
      await until(async () => (await statusOf()).nextDueAt === dueAt);
      const before = await statusOf();
      const deadlines = await handle().query<readonly DueDay[]>('deadlines');
      const accepted = ports.keys.length;

      let refused = 0;
      let sent = 0;
      for (const kind of COMMAND_KINDS) {
        const hostile = hostilePayloads(kind, { tenantId: TENANT, other: OTHER });
        const outcomes: boolean[] = [];
        for (let at = 0; at < hostile.length; at += AT_ONCE) {
          const some = hostile.slice(at, at + AT_ONCE);
          const answers = some.map((args) =>
            handle().executeUpdate(kind, { args: [...args] as [] }),
          );
          outcomes.push(...(await Promise.all(answers.map(isRefused))));
        }
        sent += outcomes.length;
        refused += outcomes.filter(Boolean).length;
      }
      expect(sent).toBeGreaterThan(400);
      expect({ sent, accepted: sent - refused }).toEqual({ sent, accepted: 0 });
      expect(ports.keys).toHaveLength(accepted);
      await isWell(before, deadlines);
    });
  });

  it('goes on after signals of every malformed kind, and hears the next good one [DR-1] [AB-1]', async () => {
    await environment.whileWorking(ports.activities, async () => {
      const before = await statusOf();
      const deadlines = await handle().query<readonly DueDay[]>('deadlines');
      const accepted = ports.keys.length;
      let sent = 0;
      for (const [name, kind] of [
        [SIGNAL_NAMES.deletionRequestedSignal, 'requestDeletion'],
        [SIGNAL_NAMES.configurationChangedSignal, 'changeConfiguration'],
      ] as const) {
        const hostile = hostilePayloads(kind, { tenantId: TENANT, other: OTHER });
        for (const args of hostile) await handle().signal(name, ...(args as []));
        sent += hostile.length;
      }
      expect(sent).toBeGreaterThan(50);
      await handle().signal('no-such-signal', { kind: 'requestDeletion' });
      await handle().signal('__proto__', 1);
      await isWell(before, deadlines);
      expect(ports.keys).toHaveLength(accepted);

      const good: Command<'requestDeletion'> = {
        kind: 'requestDeletion',
        idempotencyKey: 'k-good',
        requestedBy: 'console',
        body: { requestId: 'rq_good00000000000001', recordClass: 'console-configuration-data' },
      };
      await handle().signal(SIGNAL_NAMES.deletionRequestedSignal, good);
      await until(() => Promise.resolve(ports.keys.at(-1) === 'k-good'));
    });
  });

  it.each(UNREADABLE)(
    'is neither ended nor held up by a signal or an update with %s [AB-1] [DR-1]',
    async (...[, payload]) => {
      await environment.whileWorking(ports.activities, async () => {
        const before = await statusOf();
        const deadlines = await handle().query<readonly DueDay[]>('deadlines');
        const accepted = ports.keys.length;
        for (const name of Object.values(SIGNAL_NAMES)) {
          // What the server itself refuses never arrives, which is as good.
          await signalRaw(name, [payload]).catch(() => undefined);
        }
        const answers = await Promise.all(
          COMMAND_KINDS.map((kind) =>
            updateRaw(kind, [payload]).then(
              (answer) => (answer as { outcome?: { success?: unknown } }).outcome?.success ?? null,
              () => null,
            ),
          ),
        );
        expect(answers.filter((answer) => answer !== null)).toEqual([]);
        expect(ports.keys).toHaveLength(accepted);
        await until(async () => (await handle().describe()).raw.pendingWorkflowTask == null);
        await isWell({ ...before, asOf: (await statusOf()).asOf }, deadlines);
      });
    },
  );

  it('refuses an update without any argument', async () => {
    await environment.whileWorking(ports.activities, async () => {
      for (const kind of COMMAND_KINDS) {
        const { outcome } = (await updateRaw(kind, null)) as {
          outcome?: { failure?: { applicationFailureInfo?: { type?: string } } };
        };
        expect(outcome?.failure?.applicationFailureInfo?.type).toBe('INVALID_INPUT');
      }
    });
  });

  it('does not destroy a moment earlier for all of it, and does when it is time [AB-3]', async () => {
    await environment.whileWorking(ports.activities, async () => {
      await environment.fastForward(WORKFLOW, 29 * DAY);
      expect(ports.calls.filter((call) => call.startsWith('destroyDue'))).toEqual([]);
      await environment.fastForward(WORKFLOW, 2 * DAY);
      await handle().result();
      expect(ports.calls.filter((call) => call.startsWith('destroyDue'))).toHaveLength(1);
    });
  });
});

describe('a process that somebody starts with something else than a tenant', () => {
  const inputs: readonly (readonly [string, unknown])[] = [
    ['nothing', undefined],
    ['null', null],
    ['a number', 5],
    ['a tenant that is none', { tenantId: '__proto__' }],
    ['a tenant in a list', { tenantId: [TENANT] }],
  ];
  const kinds = ['tenantLifecycle', 'dispositionRun', 'scanRun'] as const;

  it.each(kinds.flatMap((kind) => inputs.map(([what, input]) => [kind, what, input] as const)))(
    '%s of %s ends at once and leaves the name free',
    async (kind, what, input) => {
      await environment.whileWorking(new Ports().activities, async () => {
        const process = await environment.client.start(kind, {
          workflowId: `hostile:${kind}:${what}`,
          taskQueue: TASK_QUEUES.workflows,
          args: [input],
        });
        await expect(process.result()).rejects.toMatchObject({
          cause: { type: 'INVALID_TENANT_ID' },
        });
        expect((await process.describe()).status.name).toBe('FAILED');
      });
    },
  );

  it('reads the facts from control, whatever state it was given [AB-1] [AB-3]', async () => {
    const own = new Ports();
    const dueAt = new Date(Date.now() + 30 * DAY * 1000).toISOString();
    own.state = snapshot({ stage: 'retained', nextDueAt: dueAt, revision: 1 });
    const forged = snapshot({
      stage: 'retained',
      nextDueAt: new Date(Date.now() - DAY * 1000).toISOString(),
      revision: 9_999_999_999_999,
    });
    await environment.whileWorking(own.activities, async () => {
      const process = await environment.client.start('tenantLifecycle', {
        workflowId: 'tenant-lifecycle:forged',
        taskQueue: TASK_QUEUES.workflows,
        args: [{ tenantId: TENANT, state: { stateSchema: 1, snapshot: forged, queued: 5 } }],
      });
      await until(
        async () => (await process.query<LifecycleStatus | null>('status'))?.nextDueAt === dueAt,
      );
      expect(own.calls).toEqual(['refresh']);
    });
  });
});
