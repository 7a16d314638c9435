import { WorkflowNotFoundError, type Connection, type WorkflowClient } from '@temporalio/client';
import { LifecycleClient, type LifecycleClientOptions } from '../../src/client/lifecycle-client';
import type { LifecycleStatus } from '../../src/contracts/snapshot';

interface Sent {
  readonly workflowId: string;
  readonly name: string;
  readonly updateId: string | undefined;
  readonly args: readonly unknown[];
}

type Answers = (() => Promise<unknown>)[];

/** Stands for the engine: records what is sent, and answers as the test says, the last answer again. */
export class StubEngine {
  readonly sent: Sent[] = [];
  readonly staged: unknown[] = [];
  control: Partial<LifecycleStatus> | null = null;
  hold: unknown = null;
  /** What the engine says of a process, by its id. */
  readonly described = new Map<string, object>();

  constructor(private readonly answers: Answers) {}

  client(over: Partial<LifecycleClientOptions> = {}): LifecycleClient {
    const send = (workflowId: string, name: string, options: object): Promise<unknown> => {
      const { updateId, args = [] } = options as { updateId?: string; args?: unknown[] };
      this.sent.push({ workflowId, name, updateId, args });
      const answer = this.answers.length > 1 ? this.answers.shift() : this.answers[0];
      return (answer ?? (() => Promise.reject(new Error('nothing is sent in this test'))))();
    };
    const workflowClient = {
      withAbortSignal: (_: AbortSignal, work: () => Promise<unknown>) => work(),
      getHandle: (id: string) => ({
        executeUpdate: (name: string, options: object) => send(id, name, options),
        query: (name: string) => send(id, name, {}),
        signal: (name: string) => send(id, name, {}),
        describe: () =>
          this.described.has(id)
            ? Promise.resolve({ raw: this.described.get(id) })
            : Promise.reject(new WorkflowNotFoundError('not found', id, undefined)),
      }),
      executeUpdateWithStart: (
        name: string,
        options: { startWorkflowOperation: { options: { workflowId: string } } },
      ) => send(options.startWorkflowOperation.options.workflowId, name, options),
    } as unknown as WorkflowClient;
    const stage = (_: string, body: unknown): Promise<{ stagingId: string; digest: string }> => {
      this.staged.push(body);
      return Promise.resolve({ stagingId: `st_${'a'.repeat(32)}`, digest: 'b'.repeat(64) });
    };
    return new LifecycleClient({
      connection: undefined as unknown as Connection,
      namespace: 'test',
      workflowClient,
      control: {
        status: () => Promise.resolve(this.control as LifecycleStatus | null),
        deadlines: () => Promise.resolve([]),
        hold: () => Promise.resolve(this.hold as null),
      },
      staging: { configuration: { stage }, reports: { stage }, grounds: { stage } },
      ...over,
    });
  }
}

/** A failure of the wire with a gRPC code. */
export const grpc = (code: number): (() => Promise<never>) => {
  const cause = Object.assign(new Error('14 UNAVAILABLE'), { code });
  return () => Promise.reject(Object.assign(new Error('service'), { cause }));
};
/** No answer at all. */
export const never = (): Promise<never> => new Promise<never>(() => undefined);
/** No process of that name. */
export const missing = (): Promise<never> =>
  Promise.reject(new WorkflowNotFoundError('not found', 'id', undefined));
