import { proxyActivities, type ActivityOptions } from '@temporalio/workflow';
import type {
  ControlActivities,
  DestructionActivities,
  DispositionActivities,
  ScanActivities,
} from '../contracts/activities';
import type { RetiredSteps } from '../contracts/holds';
import type { NoticeActivities } from '../contracts/notices';
import type { SweepActivities } from '../contracts/sweep';
import { TASK_QUEUES } from '../contracts/task-queues';

/** Refusals of the domain are answers, not accidents: retrying them cannot help. */
const ANSWERS = [
  'INVALID_INPUT',
  'UNKNOWN_KIND',
  'INVALID_INSTANT',
  'INVALID_ZONE',
  'INVALID_CALENDAR',
  'INVALID_TENANT_ID',
  'UNKNOWN_TENANT',
  'IDEMPOTENCY_CONFLICT',
  'NOT_SUBSCRIBED',
  'ALREADY_SUBSCRIBED',
  'LIFECYCLE_ENDED',
  'ATTESTATION_REQUIRED',
  'SERVICE_NOT_ACTIVE',
  'SERVICE_ALREADY_ACTIVE',
  'FEATURE_NOT_ACTIVE',
  'FEATURE_ALREADY_ACTIVE',
  'ASSET_WITHOUT_LINK',
  'AUTHORIZATION_REQUIRED',
  'UNKNOWN_REQUEST',
  'REQUEST_IRREVOCABLE',
  'UNKNOWN_HOLD',
  'NOT_PERMITTED',
  'BACKDATING_NEEDS_APPROVAL',
];

/** Commands answer people: short attempts, retried while a store is away. */
const COMMAND: ActivityOptions = {
  taskQueue: TASK_QUEUES.io,
  startToCloseTimeout: '60s',
  retry: {
    initialInterval: '500ms',
    maximumInterval: '10s',
    nonRetryableErrorTypes: ANSWERS,
  },
};

/** Long work returns within half an hour with its progress; a dead worker is noticed by its heartbeat. */
const LONG_WORK: ActivityOptions = {
  startToCloseTimeout: '30m',
  heartbeatTimeout: '20s',
  retry: { initialInterval: '1s', maximumInterval: '5s', nonRetryableErrorTypes: ANSWERS },
};

/** Facts and commands. */
export const control = proxyActivities<ControlActivities>(COMMAND);

/** What only histories of before name; no worker has it, and nothing new asks for it. */
export const retired = proxyActivities<RetiredSteps>(COMMAND);

/** Scans have their own queue so that they never delay a deletion. */
export const scans = proxyActivities<ScanActivities>({ ...LONG_WORK, taskQueue: TASK_QUEUES.scan });

/**
 * Archive, verify, move, restore; never eager, so that the queue's rate limit holds. A copy that is not
 * what was sealed is not tried again in silence: the run fails, the tenant's process shows it to a person
 * and looks again later.
 */
const DISPOSITION: ActivityOptions = {
  ...LONG_WORK,
  retry: { ...LONG_WORK.retry, nonRetryableErrorTypes: [...ANSWERS, 'VERIFICATION_FAILED'] },
  taskQueue: TASK_QUEUES.disposition,
  allowEagerDispatch: false,
};

/** Planning, archiving, restoring. */
export const disposition = proxyActivities<DispositionActivities>(DISPOSITION);

/** Comes before what the queue has otherwise, whose key is 3. */
const SOONER = 2;

/**
 * The steps behind the seal: what has begun is finished before more begins. Otherwise a thousand tenants
 * whose services end together would all be sealed before the first of them is through. Every such step
 * follows a seal, so seals are never kept waiting by them for long.
 */
export const finishing = proxyActivities<
  Pick<DispositionActivities, 'verifyCopies' | 'moveRows' | 'verifyMoved'>
>({ ...DISPOSITION, priority: { priorityKey: SOONER } });

/** Destruction and certification; a verification that failed is shown to a person here, too. */
export const destruction = proxyActivities<DestructionActivities>(DISPOSITION);

/** Looking again at what was certified; it only reads. */
export const sweeps = proxyActivities<SweepActivities>({ ...LONG_WORK, taskQueue: TASK_QUEUES.io });

/** Telling receivers; on a queue of its own, so that nothing else waits for one of them. */
export const notices = proxyActivities<NoticeActivities>({
  ...LONG_WORK,
  taskQueue: TASK_QUEUES.notices,
  allowEagerDispatch: false,
});
