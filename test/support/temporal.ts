import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Connection, WorkflowClient, type WorkflowClientOptions } from '@temporalio/client';
import {
  bundleWorkflowCode,
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
  type WorkerOptions,
} from '@temporalio/worker';
import { TASK_QUEUES } from '../../src/contracts/task-queues';
import { migrateTemporal } from '../../src/platform/migrate/migrate-temporal';

/** A namespace of its own on the shared server, with workers that can be stopped and started. */
export interface TemporalEnvironment {
  readonly namespace: string;
  readonly connection: Connection;
  /** Starts workflows whose clock the test moves. */
  readonly client: WorkflowClient;
  /** Runs a worker for all task queues while `work` runs. */
  whileWorking<T>(activities: object, work: () => Promise<T>): Promise<T>;
  /** Moves a workflow's virtual clock ahead, through every timer in between. */
  fastForward(workflowId: string, seconds: number): Promise<void>;
  close(): Promise<void>;
}

const WORKFLOWS = join(__dirname, '..', '..', 'src', 'workflows');

let bundle: Promise<{ code: string }> | undefined;

function workflowBundle(): Promise<{ code: string }> {
  bundle ??= bundleWorkflowCode({
    workflowsPath: join(WORKFLOWS, 'index.ts'),
    payloadConverterPath: join(WORKFLOWS, 'payload-converter.ts'),
    logger: new DefaultLogger('ERROR'),
  });
  return bundle;
}

/** Creates a namespace on the server named by LETHE_TEMPORAL_ADDRESS, under a name of its own by default. */
export async function createTemporalEnvironment(
  namespace = `t${randomBytes(4).toString('hex')}`,
): Promise<TemporalEnvironment> {
  const address = process.env['LETHE_TEMPORAL_ADDRESS'] ?? '';
  installQuietRuntime();
  await migrateTemporal(address, namespace);
  const connection = await Connection.connect({ address });
  const native = await NativeConnection.connect({ address });
  const options: WorkflowClientOptions = { connection, namespace };
  let fastForwards = 0;
  return {
    namespace,
    connection,
    client: new WorkflowClient(options),
    whileWorking: (activities, work) =>
      whileWorking(native, namespace, { activities, work, control: connection }),
    fastForward: async (workflowId, seconds) => {
      fastForwards += 1;
      await fastForward(connection, namespace, { workflowId, seconds, id: `ff-${fastForwards}` });
    },
    close: async () => {
      await native.close();
      await connection.close();
    },
  };
}

function installQuietRuntime(): void {
  try {
    Runtime.install({ logger: new DefaultLogger('ERROR') });
  } catch {
    // Installed by an earlier environment of the same file.
  }
}

async function whileWorking<T>(
  connection: NativeConnection,
  namespace: string,
  {
    activities,
    work,
    control,
  }: {
    readonly activities: object;
    readonly work: () => Promise<T>;
    readonly control: Connection;
  },
): Promise<T> {
  const shared: Omit<WorkerOptions, 'taskQueue'> & { isolateExecutionTimeout: string } = {
    connection,
    namespace,
    shutdownGraceTime: '1s',
    isolateExecutionTimeout: '60s',
    shutdownForceTime: '5s',
    workerDeploymentOptions: {
      version: VERSION,
      useWorkerVersioning: true,
      defaultVersioningBehavior: 'AUTO_UPGRADE',
    },
  };
  const workers = await Promise.all([
    Worker.create({
      ...shared,
      taskQueue: TASK_QUEUES.workflows,
      workflowBundle: await workflowBundle(),
    }),
    ...[TASK_QUEUES.io, TASK_QUEUES.disposition, TASK_QUEUES.scan, TASK_QUEUES.notices].map(
      (taskQueue) => Worker.create({ ...shared, taskQueue, activities }),
    ),
  ]);
  const running = workers.map((worker) => worker.run());
  try {
    await makeCurrent(control, namespace);
    return await work();
  } finally {
    for (const worker of workers) worker.shutdown();
    await Promise.all(running);
  }
}

const VERSION = { deploymentName: 'lethe', buildId: 'test' };

/** New workflows go to the current version; it can be named once its workers have been seen. */
async function makeCurrent(connection: Connection, namespace: string): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      await connection.workflowService.setWorkerDeploymentCurrentVersion({
        namespace,
        ...VERSION,
        ignoreMissingTaskQueues: true,
      });
      return;
    } catch (error) {
      if (attempt > 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

const COMPLETED = 2;
const FAILED = 3;

async function fastForward(
  connection: Connection,
  namespace: string,
  target: { readonly workflowId: string; readonly seconds: number; readonly id: string },
): Promise<void> {
  const service = connection.workflowService;
  const workflowExecution = { workflowId: target.workflowId };
  await service.updateWorkflowExecutionOptions({
    namespace,
    workflowExecution,
    updateMask: { paths: ['time_skipping_config'] },
    workflowExecutionOptions: {
      timeSkippingConfig: {
        enabled: true,
        fastForwardConfig: { id: target.id, duration: { seconds: target.seconds as never } },
      },
    },
  });
  for (let poll = 0; poll < 600; poll += 1) {
    const answer = (await service.pollWorkflowExecutionTimeSkipping({
      namespace,
      workflowExecution,
      fastForwardId: target.id,
    })) as {
      fastForwardPollingResult?: number;
    };
    const result = answer.fastForwardPollingResult;
    if (result === COMPLETED || result === FAILED) return;
  }
  throw new Error('the fast-forward did not end');
}
