/**
 * Task queues. Disposition has its own so that database load can be throttled without touching
 * workflow tasks, and is never dispatched eagerly.
 */
export const TASK_QUEUES = Object.freeze({
  workflows: 'lethe-workflows',
  io: 'lethe-io',
  disposition: 'lethe-disposition',
  scan: 'lethe-scan',
  /** Receivers that hang hold slots of this queue only. */
  notices: 'lethe-notices',
});
