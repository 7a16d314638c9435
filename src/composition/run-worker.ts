import { join } from 'node:path';
import { Connection, WorkflowClient } from '@temporalio/client';
import { NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import { NOTICE_WORKFLOW_ID } from '../contracts/notices';
import { SWEEP_WORKFLOW_ID } from '../contracts/sweep';
import { DISPOSITION_SLOTS, TASK_QUEUES } from '../contracts/task-queues';
import type { Config } from '../platform/config';
import { createActivityInterceptor, type LogFailure } from './activity-interceptors';

/** Removals a second that one worker begins at most; the queue can be throttled further at run time. */
const DISPOSITION_PER_SECOND = 50;
/** Longer than one batch of anything, so that a deployment does not cut one off. */
const SHUTDOWN_GRACE = '20s';
const SHUTDOWN_FORCE = '40s';
/**
 * Longest stretch of a workflow's own code. Beyond it the runtime cuts the code off and the whole worker
 * falls; thousands of signals that are read again on a busy machine need more than the default of 5 s.
 */
const WORKFLOW_CODE_MAX = '60s';
/** Heartbeats reach the server at least this often. */
const HEARTBEAT_THROTTLE = '10s';

/** Deliveries and looks at once; the process begins fewer, so that a look always finds a slot. */
const NOTICE_SLOTS = 20;

const WORKFLOWS = join(__dirname, '..', 'workflows');

/** The limit of workflow code is read by the library but missing from its public type. */
type SharedOptions = Omit<WorkerOptions, 'taskQueue'> & {
  readonly isolateExecutionTimeout: string;
};

/** What a worker process runs. */
export interface WorkerProcess {
  /** Resolves when all queues have been drained after a shutdown. */
  readonly finished: Promise<void>;
  shutdown(): void;
}

/** Which build this is; children stay on the build that started them. */
export interface Build {
  readonly deploymentName: string;
  readonly buildId: string;
}

/**
 * Runs workers for all task queues in this process and makes this build the current one, so that new
 * work goes to it.
 */
export async function runWorkers(
  config: Config,
  activities: object,
  options: { readonly build: Build; readonly log: LogFailure; readonly workflowsPath?: string },
): Promise<WorkerProcess> {
  const connection = await NativeConnection.connect({ address: config.temporal.address });
  const { namespace } = config.temporal;
  const shared: SharedOptions = {
    connection,
    namespace,
    shutdownGraceTime: SHUTDOWN_GRACE,
    shutdownForceTime: SHUTDOWN_FORCE,
    isolateExecutionTimeout: WORKFLOW_CODE_MAX,
    dataConverter: { payloadConverterPath: join(WORKFLOWS, 'payload-converter.js') },
    maxHeartbeatThrottleInterval: HEARTBEAT_THROTTLE,
    workerDeploymentOptions: {
      version: options.build,
      useWorkerVersioning: true,
      defaultVersioningBehavior: 'AUTO_UPGRADE',
    },
    interceptors: {
      activity: [() => ({ inbound: createActivityInterceptor(options.log) })],
    },
  };
  const workers = await Promise.all([
    Worker.create({
      ...shared,
      taskQueue: TASK_QUEUES.workflows,
      workflowsPath: options.workflowsPath ?? join(WORKFLOWS, 'index.js'),
    }),
    Worker.create({ ...shared, taskQueue: TASK_QUEUES.io, activities }),
    Worker.create({ ...shared, taskQueue: TASK_QUEUES.scan, activities }),
    Worker.create({
      ...shared,
      taskQueue: TASK_QUEUES.disposition,
      activities,
      maxTaskQueueActivitiesPerSecond: DISPOSITION_PER_SECOND,
      maxConcurrentActivityTaskExecutions: DISPOSITION_SLOTS,
    }),
    Worker.create({
      ...shared,
      taskQueue: TASK_QUEUES.notices,
      activities,
      maxConcurrentActivityTaskExecutions: NOTICE_SLOTS,
    }),
  ]);
  const finished = Promise.all(workers.map((worker) => worker.run())).then(() =>
    connection.close(),
  );
  await makeCurrent(config, options.build);
  await ensurePlatform(config);
  return {
    finished,
    shutdown: () => {
      for (const worker of workers) worker.shutdown();
    },
  };
}

const ATTEMPTS_MAX = 100;
const ATTEMPT_PAUSE_MS = 200;

/** A build can be named once the server has seen its workers. */
async function makeCurrent(config: Config, build: Build): Promise<void> {
  const connection = await Connection.connect({ address: config.temporal.address });
  try {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await connection.workflowService.setWorkerDeploymentCurrentVersion({
          namespace: config.temporal.namespace,
          ...build,
          ignoreMissingTaskQueues: true,
        });
        return;
      } catch (error) {
        if (attempt === ATTEMPTS_MAX) throw error;
        await new Promise((resolve) => setTimeout(resolve, ATTEMPT_PAUSE_MS));
      }
    }
  } finally {
    await connection.close();
  }
}

/** One process of each kind per namespace; any worker may be the first to start them. */
async function ensurePlatform(config: Config): Promise<void> {
  const connection = await Connection.connect({ address: config.temporal.address });
  try {
    const workflows = new WorkflowClient({ connection, namespace: config.temporal.namespace });
    await workflows.start('platformSweep', {
      workflowId: SWEEP_WORKFLOW_ID,
      taskQueue: TASK_QUEUES.workflows,
      args: [{}],
      workflowIdConflictPolicy: 'USE_EXISTING',
      staticSummary: 'looks again at what was certified',
    });
    await workflows.start('noticeDelivery', {
      workflowId: NOTICE_WORKFLOW_ID,
      taskQueue: TASK_QUEUES.workflows,
      args: [{}],
      workflowIdConflictPolicy: 'USE_EXISTING',
      staticSummary: 'tells receivers what happened',
    });
  } finally {
    await connection.close();
  }
}
